"""Object stores that speak S3."""

from __future__ import annotations

import atexit
import weakref
from typing import Any

import pyarrow as pa
from pyarrow import fs

from monitor.config.models import LogConfig
from monitor.errors import LogError
from monitor.logs.source import (
    Entry,
    LocalSource,
    Source,
    State,
    failing_as_log_error,
    hidden,
    refuse_too_many,
)

ATTEMPTS = 3


def open_source(config: LogConfig) -> Source:
    """The source that the configured path lies in."""
    return S3Source(config) if config.path.startswith("s3://") else LocalSource()


class S3Source:
    """An object store that speaks S3. Every request has a time limit and few retries."""

    def __init__(self, config: LogConfig) -> None:
        endpoint: dict[str, Any] = {}
        if config.endpoint:
            scheme, _, host = config.endpoint.rpartition("://")
            endpoint = {"endpoint_override": host, "scheme": scheme or "https"}
        with failing_as_log_error(config.path):
            self._fs: fs.FileSystem | None = fs.S3FileSystem(
                region=config.region or ("us-east-1" if config.endpoint else None),
                connect_timeout=config.connect_timeout.total_seconds(),
                request_timeout=config.request_timeout.total_seconds(),
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS),
                **endpoint,
            )
        _open_stores.add(self)

    @property
    def fs(self) -> fs.FileSystem:
        if self._fs is None:
            raise LogError("the object store was closed")
        return self._fs

    def close(self) -> None:
        self._fs = None

    def file(self, path: str) -> Entry | None:
        with failing_as_log_error(path):
            found = self.fs.get_file_info(_key(path))
        return _s3_entry(found) if found.type == fs.FileType.File else None

    def state(self, path: str) -> State:
        with failing_as_log_error(path):
            found = self.fs.get_file_info(_key(path)).type
        return State.MISSING if found == fs.FileType.NotFound else State.THERE

    def folders(self, path: str) -> list[str] | None:
        found = self._select(path, recursive=False)
        if found is None:
            return None
        return sorted(
            f.base_name for f in found if f.type == fs.FileType.Directory and not hidden(f.base_name)
        )

    def walk(self, path: str) -> list[Entry] | None:
        found = self._select(path, recursive=True)
        if found is None:
            return None
        depth = len(_key(path).rstrip("/")) + 1
        return [
            _s3_entry(f)
            for f in found
            if f.type == fs.FileType.File and not any(hidden(part) for part in f.path[depth:].split("/"))
        ]

    def open(self, path: str) -> pa.NativeFile:
        return self.fs.open_input_file(_key(path))

    def _select(self, path: str, recursive: bool) -> list[Any] | None:
        with failing_as_log_error(path):
            try:
                found: list[Any] = self.fs.get_file_info(fs.FileSelector(_key(path), recursive=recursive))
            except OSError as error:
                if isinstance(error, FileNotFoundError) or "NO_SUCH_BUCKET" in str(error):
                    return None
                raise
        refuse_too_many(len(found), path)
        return found


# Arrow may hang at interpreter exit while a store is still open; atexit runs this before Arrow's own end.
_open_stores: weakref.WeakSet[S3Source] = weakref.WeakSet()


@atexit.register
def close_object_stores() -> None:
    """Let go of every open object store."""
    for store in list(_open_stores):
        store.close()


def _key(path: str) -> str:
    return path.removeprefix("s3://")


def _s3_entry(found: Any) -> Entry:
    return Entry(f"s3://{found.path}", found.size, (found.mtime_ns or 0) // 1000)
