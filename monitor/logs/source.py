"""Where the bytes are, behind the few things that reading needs; the local file system."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import pyarrow as pa

from monitor.errors import LogError

MOST_FILES = 500_000  # one listing; beyond it the log needs `partitions`


@dataclass(frozen=True)
class Entry:
    """A file of a source. Times are microseconds since the epoch."""

    path: str
    size: int
    modified_us: int


class State(Enum):
    """What is at a path."""

    MISSING = "missing"
    EMPTY = "empty"
    THERE = "there"


class BadFile(Exception):
    """A file that cannot be used; the text says why."""


class Source(Protocol):
    """A place that holds a log. Paths are as people write them, `/` between levels."""

    def file(self, path: str) -> Entry | None:
        """The entry when `path` is a file, None when it is a folder or missing."""

    def folders(self, path: str) -> list[str] | None:
        """Names of the folders directly below `path`; None when it does not exist."""

    def walk(self, path: str) -> list[Entry] | None:
        """All files below `path`, hidden folders left out; None when it does not exist."""

    def state(self, path: str) -> State:
        """What there is, at the price of one look."""

    def open(self, path: str) -> pa.NativeFile:
        """Open for random access. Raises BadFile when it is not a plain file."""


def hidden(name: str) -> bool:
    """Markers and scratch folders of writers: `_SUCCESS`, `_temporary`, `.crc`."""
    return name.startswith(("_", ".")) and "=" not in name


class LocalSource:
    """The local file system. Symbolic links are followed, each folder is entered once."""

    def file(self, path: str) -> Entry | None:
        with failing_as_log_error(path):
            try:
                found = os.stat(path)
            except FileNotFoundError:
                return None
            return None if stat.S_ISDIR(found.st_mode) else _entry(path, found)

    def state(self, path: str) -> State:
        with failing_as_log_error(path):
            try:
                with os.scandir(path) as entries:
                    return State.EMPTY if next(entries, None) is None else State.THERE
            except FileNotFoundError:
                return State.MISSING

    def folders(self, path: str) -> list[str] | None:
        with failing_as_log_error(path):
            try:
                with os.scandir(path) as entries:
                    return sorted(e.name for e in entries if not hidden(e.name) and _is_folder(e))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def walk(self, path: str) -> list[Entry] | None:
        if not os.path.isdir(path):
            return None
        out: list[Entry] = []
        seen: set[tuple[int, int]] = set()
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            with failing_as_log_error(folder):
                try:
                    here = os.stat(folder)
                except FileNotFoundError:  # deleted since
                    continue
                if (here.st_dev, here.st_ino) in seen:
                    continue
                seen.add((here.st_dev, here.st_ino))
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if hidden(entry.name):
                            continue
                        if _is_folder(entry):
                            waiting.append(entry.path)
                        elif (found := _stat(entry)) is not None:
                            out.append(_entry(entry.path, found))
            refuse_too_many(len(out), path)
        return out

    def open(self, path: str) -> pa.NativeFile:
        # A named pipe would block for ever, so look before opening.
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise BadFile(f"is not a plain file but a {_kind(mode)}")
        return pa.OSFile(path)


@contextmanager
def opened(source: Source, path: str, size: int, may_grow: bool = False) -> Iterator[pa.NativeFile]:
    """The file, when it is still the one that was listed.

    Raises
    ------
    BadFile
        When it is gone, not to be read, or of another size now; with `may_grow` only when it is smaller.
    LogError
        When the object store fails.
    """
    try:
        handle = source.open(path)
    except FileNotFoundError as error:
        raise BadFile("was deleted after it was listed") from error
    except (OSError, UnicodeEncodeError) as error:
        if is_store_failure(error):
            raise log_error(error, path) from error
        raise BadFile(f"cannot be opened: {error}") from error
    with handle:
        if (now := handle.size()) < size or (now > size and not may_grow):
            raise BadFile(f"changed after it was listed: {size} bytes then, {now} now")
        yield handle


@contextmanager
def failing_as_log_error(path: str) -> Iterator[None]:
    """Turn what the file system says into a sentence that names the place and the remedy."""
    started = time.monotonic()
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise log_error(error, path, time.monotonic() - started) from error


def log_error(error: Exception, path: str, seconds: float = 0.0) -> LogError:
    """What went wrong at `path`, where, and what to do about it."""
    text = " ".join(str(error).split())
    if isinstance(error, PermissionError) or "ACCESS_DENIED" in text or "HTTP status 403" in text:
        return LogError(f"{path}: permission denied: give the daemon leave to list and read it")
    if isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in text:
        return LogError(f"{path}: does not exist: check `log.path`")
    if "curlCode: 28" in text or "imeout" in text:
        return LogError(
            f"{path}: the object store did not answer in time ({seconds:.0f} s): check `log.endpoint`"
        )
    if "NETWORK_CONNECTION" in text:
        return LogError(
            f"{path}: cannot connect to the object store: check `log.endpoint` and the network ({text})"
        )
    if "INVALID_ACCESS_KEY_ID" in text or "SIGNATURE_DOES_NOT_MATCH" in text or "EXPIRED_TOKEN" in text:
        return LogError(f"{path}: the object store refused the credentials: renew them ({text})")
    return LogError(f"{path}: cannot be read: {text}")


def is_store_failure(error: Exception) -> bool:
    """Whether the object store failed, rather than the file being bad: then the window fails."""
    return "AWS Error" in str(error)


def refuse_too_many(files: int, path: str) -> None:
    if files > MOST_FILES:
        raise LogError(
            f"{path}: holds more than {MOST_FILES} files: set `log.partitions` so that few folders are listed"
        )


def _entry(path: str, found: os.stat_result) -> Entry:
    return Entry(path, found.st_size, found.st_mtime_ns // 1000)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a symbolic link that leads to itself
        return False


def _stat(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat()
    except OSError:  # deleted since, or a link that leads nowhere
        return None


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket", stat.S_IFDIR: "folder"}
    return kinds.get(stat.S_IFMT(mode), "device")
