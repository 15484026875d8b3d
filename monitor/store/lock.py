"""The lock on the state folder: one daemon, and one only, works on it."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from monitor.errors import StoreError
from monitor.store import folder as store_folder


class StateLock:
    """Holds `<folder>/lock` while it is entered; ends with the process, however that ends.

    The file stays: removing it would let two processes lock two files of the same name.

    Parameters
    ----------
    folder : Path
        The state folder; made when it is missing.
    since : datetime, optional
        What the second daemon is told about the first; now, unless given.

    Raises
    ------
    StoreError
        On entering, when another process holds the lock, or the folder cannot be written.
    """

    def __init__(self, folder: Path, *, since: datetime | None = None) -> None:
        self.path = folder / "lock"
        self._folder = folder
        self._since = since
        self._descriptor: int | None = None

    def __enter__(self) -> StateLock:
        store_folder.prepare(self._folder)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise store_folder.cannot_write(self._folder, error.strerror) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            since = (self._since or datetime.now(UTC)).isoformat(timespec="seconds")
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"pid {os.getpid()}, since {since}\n".encode())
        except BlockingIOError:
            holder = os.read(descriptor, 200).decode(errors="replace").strip()
            os.close(descriptor)
            raise StoreError(
                f"another recwatch ({holder or 'just started'}) works on {self._folder}; "
                "stop it or use another --storage.path"
            ) from None
        except OSError as error:
            os.close(descriptor)
            raise store_folder.cannot_write(self._folder, error.strerror) from error
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
