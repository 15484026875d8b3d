"""Serves the application on one address, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from monitor.errors import UserError
from monitor.web.protocol import DeadlineProtocol

LARGEST_HEADERS = 16 * 1024
TICK_SECONDS = 1.0
GRACE_SECONDS = 3  # for answers under way when the daemon ends


@dataclass(frozen=True)
class Address:
    """Where to listen; an empty host means on all interfaces, port 0 any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`, `:port` or `[::1]:port`.

        Raises
        ------
        UserError
            When it is none of these.

        >>> Address.parse("[::1]:10147"), str(Address.parse(":10147"))
        (Address(host='::1', port=10147), ':10147')
        """
        host, separator, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        host = host[1:-1] if bracketed else host
        if (
            not separator
            or not port.isascii()
            or not port.isdigit()
            or int(port) > 65535
            or (":" in host and not bracketed)
        ):
            raise UserError(
                f"--web.listen-address {text}: write host:port, such as 127.0.0.1:10147 or [::1]:10147"
            )
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class WebServer:
    """A running server.

    Parameters
    ----------
    protocol : type of DeadlineProtocol
        Another class has other deadlines.
    tls : ssl.SSLContext or None
        With what TLS is spoken; None: plain HTTP.

    Raises
    ------
    UserError
        When the address cannot be listened on.
    """

    def __init__(
        self,
        app: ASGIApp,
        address: Address,
        protocol: type[DeadlineProtocol] = DeadlineProtocol,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._socket = _listen(address)
        bound = self._socket.getsockname()
        self.address = Address(address.host, bound[1])
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=LARGEST_HEADERS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        config.load()
        config.ssl = tls  # an own context: its certificate can be replaced while it serves
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._serve, name="web", daemon=True)

    @property
    def url(self) -> str:
        """An address that this machine reaches it by."""
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(
            self.address.host, self.address.host
        )
        return f"{'https' if self._tls else 'http'}://{Address(host, self.address.port)}"

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        """Serve from now on; connections made before the thread runs wait in the queue of the socket."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being answered, for a few seconds at most, and close."""
        self._server.end()
        if self._thread.is_alive():
            self._thread.join(GRACE_SECONDS + 2)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))


class _Server(uvicorn.Server):
    """Looks once a second whether it is to end, not ten times: a daemon at rest hardly costs anything."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    async def main_loop(self) -> None:
        ending = asyncio.Event()
        self._running = asyncio.get_running_loop(), ending
        while not await self.on_tick(0):  # which also renews the date of answers
            with suppress(TimeoutError):
                await asyncio.wait_for(ending.wait(), TICK_SECONDS)

    def end(self) -> None:
        """From any thread: finish, and do so now."""
        self.should_exit = True
        if self._running is not None:
            loop, ending = self._running
            with suppress(RuntimeError):  # it has ended already
                loop.call_soon_threadsafe(ending.set)


def _listen(address: Address) -> socket.socket:
    everywhere = not address.host
    dual = everywhere and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in address.host else socket.AF_INET
    try:
        return socket.create_server(
            (address.host, address.port), family=family, dualstack_ipv6=dual, backlog=128
        )
    except OSError as error:
        known = error.errno is not None and error.errno > 0
        why = os.strerror(error.errno or 0).lower() if known else "the name does not resolve"
        raise UserError(
            f"cannot listen on {address}: {why}; choose another address with --web.listen-address"
        ) from error
