"""The socket in the state folder: its address, however long the folder's path is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "control"
LONGEST_PATH = 100  # bytes that every system takes as an address


def socket_path(folder: Path) -> Path:
    """Where the socket is."""
    return folder / NAME


@contextmanager
def address(folder: Path) -> Iterator[str]:
    """The socket's address while it is entered: addresses are short, folders may be deep."""
    path = str(socket_path(folder))
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield path
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{NAME}"
    finally:
        os.close(descriptor)


def receive_line(connection: socket.socket, longest: int) -> bytes:
    """Up to the first line's end.

    Raises
    ------
    ValueError
        When it is too long, or the other side hung up in the middle.
    """
    line = b""
    while not line.endswith(b"\n"):
        part = connection.recv(4096)
        line += part
        if not part or len(line) > longest:
            raise ValueError("half a line" if not part else "the line is too long")
    return line
