"""The command's end: through the daemon's socket where one runs, else straight into the store."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from monitor.control.commands import Command, Drill, perform, whoever
from monitor.control.endpoint import address, receive_line, socket_path
from monitor.control.wire import LONGEST, Answer, pack_command, unpack_answer
from monitor.errors import RecwatchError, StoreError, UserError
from monitor.store.folder import check
from monitor.store.lock import StateLock
from monitor.store.store import Store

PATIENCE = 60.0  # seconds for the daemon to answer
DRILL_PATIENCE = 660.0  # a window has to be read
TRIES, PAUSE = 20, 0.25  # while something holds the state that takes no commands: it may be just starting


def say(folder: Path, command: Command) -> list[str]:
    """Have a command carried out, and return what it did.

    Raises
    ------
    UserError
        When the command makes no sense.
    StoreError
        When the state cannot be used, or something else works on it that takes no commands.
    RecwatchError
        When the daemon does not answer.
    """
    check(folder, read_only=True)  # nothing is made where nothing is
    who = whoever()
    for tries_left in reversed(range(TRIES)):
        if (answer := _ask(folder, command, who)) is not None:
            if answer.error:
                raise (UserError if answer.mistake else RecwatchError)(answer.error)
            return list(answer.lines)
        try:
            with StateLock(folder), Store.open(folder) as store:
                return perform(store, command, who, datetime.now(UTC))
        except StoreError as error:
            if not _is_held(folder):
                raise
            if not tries_left:
                raise StoreError(f"{error}, or wait until it is done") from error
        time.sleep(PAUSE)
    raise AssertionError("the last try returns or raises")


def is_listening(folder: Path) -> bool:
    """Whether a daemon runs on a state folder and takes commands."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(PATIENCE)
        try:
            with address(folder) as where:
                connection.connect(where)
        except OSError:
            return False
    return True


def _ask(folder: Path, command: Command, who: str) -> Answer | None:
    """The daemon's answer; None where none listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(DRILL_PATIENCE if isinstance(command, Drill) else PATIENCE)
        try:
            with address(folder) as where:
                connection.connect(where)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise StoreError(
                f"{socket_path(folder)} cannot be reached ({error.strerror}): "
                "give the command as the user that runs the daemon"
            ) from error
        try:
            connection.sendall(pack_command(command, who))
            return unpack_answer(receive_line(connection, LONGEST))
        except (OSError, ValueError, KeyError) as error:
            raise RecwatchError(
                f"the daemon of {folder} did not answer ({error}): see its log for whether the command was carried out"
            ) from error


def _is_held(folder: Path) -> bool:
    try:
        with StateLock(folder):
            return False
    except StoreError:
        return True
