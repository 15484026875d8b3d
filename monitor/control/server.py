"""The daemon's end: takes commands from the socket, one at a time, and hands them to whoever writes the store."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from monitor.control.commands import Command
from monitor.control.endpoint import address, receive_line, socket_path
from monitor.control.wire import LONGEST, Answer, pack_answer, unpack_command
from monitor.errors import RecwatchError, UserError
from monitor.logging_setup import logger

PATIENCE = 5.0  # seconds for a command to be said
BACKLOG = 8

Handler = Callable[[Command, str], list[str]]


class ControlSocket:
    """Listens in the state folder while it is entered; only the daemon's own user can reach it.

    The state's lock must be held: a socket that is there is a dead daemon's and is replaced. Where none can be made
    the daemon runs without, and says so in its log.

    Parameters
    ----------
    handle : callable of command and who
        Carries it out; called in the socket's thread. Raises RecwatchError.
    """

    def __init__(self, folder: Path, handle: Handler) -> None:
        self._folder, self._handle = folder, handle
        self._socket: socket.socket | None = None
        self._log = logger("control")

    def __enter__(self) -> ControlSocket:
        path = socket_path(self._folder)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            before = os.umask(0o177)
            try:
                with address(self._folder) as where:
                    listening.bind(where)
            finally:
                os.umask(before)
            listening.listen(BACKLOG)
        except OSError as error:
            listening.close()
            self._log.error("no commands can be taken", socket=str(path), reason=error.strerror)
            return self
        self._socket = listening
        threading.Thread(target=self._listen, args=(listening,), name="commands", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._socket is not None:
            self._socket.close()
            socket_path(self._folder).unlink(missing_ok=True)
            self._socket = None

    def _listen(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # closed
                return
            with connection:
                connection.settimeout(PATIENCE)
                try:
                    command, who = unpack_command(receive_line(connection, LONGEST))
                    connection.sendall(pack_answer(self._answer(command, who)))
                except ValueError as error:
                    self._refuse(connection, str(error))
                except OSError:  # hung up, or said nothing
                    continue

    def _answer(self, command: Command, who: str) -> Answer:
        try:
            lines = self._handle(command, who)
        except RecwatchError as error:
            return Answer(error=str(error), mistake=isinstance(error, UserError))
        except Exception as error:  # whatever it is, whoever typed it waits for an answer
            self._log.error("command failed", command=type(command).__name__, reason=repr(error))
            return Answer(error=f"the daemon failed: {type(error).__name__}: {error}")
        self._log.info("command carried out", command=type(command).__name__.lower(), who=who)
        return Answer(tuple(lines))

    def _refuse(self, connection: socket.socket, why: str) -> None:
        try:
            connection.sendall(pack_answer(Answer(error=why)))
        except OSError:
            return
