"""HTTP/1.1 as uvicorn speaks it, with deadlines: uvicorn itself waits for slow headers and slow readers for ever."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

RECEIVE_SECONDS = 10.0  # for a whole request, from its first byte or the connection on
ANSWER_SECONDS = 60.0  # until the answer is made
DRAIN_SECONDS = 30.0  # until the client has taken it
MOST_CONNECTIONS = 200


class DeadlineProtocol(H11Protocol):
    """Cuts connections that take too long, and those beyond a number, without a word: they could not be answered."""

    receive_seconds = RECEIVE_SECONDS
    answer_seconds = ANSWER_SECONDS
    drain_seconds = DRAIN_SECONDS
    most_connections = MOST_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._waits_for = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        # An answer is sent in several parts: none is to wait until the peer has acknowledged the one before (40 ms).
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self.connections) > self.most_connections:
            transport.abort()
        else:
            self._wait("request", self.receive_seconds)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait("answer", self.answer_seconds)
        elif not self.transport.is_closing():
            self._wait("request", self.receive_seconds)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete:
            self._wait("drain", self.drain_seconds)
        else:  # the next request had arrived already
            self._wait("", 0)
            self._wait("answer", self.answer_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait("", 0)
        super().connection_lost(exc)

    def _wait(self, what: str, seconds: float) -> None:
        """Begin to wait for something; bytes that arrive meanwhile do not begin it anew."""
        if what == self._waits_for:
            return
        if self._deadline:
            self._deadline.cancel()
        self._waits_for = what
        self._deadline = self.loop.call_later(seconds, self._expired) if what else None

    def _expired(self) -> None:
        self._deadline = None
        if self._waits_for != "drain" or self.transport.get_write_buffer_size():
            self.transport.abort()
