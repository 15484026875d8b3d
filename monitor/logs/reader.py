"""What a log format can do, and the formats there are."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

import pyarrow as pa

from monitor.logs.columns import Column
from monitor.logs.delimited import CsvReader
from monitor.logs.facts import Facts
from monitor.logs.jsonlines import JsonReader
from monitor.logs.listing import LogFile
from monitor.logs.parquet import ParquetReader
from monitor.logs.quarantine import Quarantine
from monitor.logs.source import BadFile, Source

LOOKS_AT_ONCE = 16  # small requests to an object store that wait for each other otherwise


class Reader(Protocol):
    """Reads the wanted columns of files of one format. Methods raise BadFile when a file cannot be used."""

    def facts(self, file: LogFile) -> Facts:
        """What is known of a file before it is read."""

    def fields(self, file: LogFile) -> Mapping[str, str]:
        """Arrow type by dotted path, for every field of a file."""

    def half_written(self, file: LogFile) -> bool:
        """Whether a young file cannot be read yet."""

    def read(
        self,
        file: LogFile,
        quarantine: Quarantine,
        row_groups: Sequence[int] | None,
        given: Mapping[str, str | None],
        as_text: Collection[str],
        ends: bool = False,
    ) -> Iterator[pa.Table]:
        """Canonical tables in file order; with `ends` only the first and last part of a large file."""


def open_reader(log_format: str, source: Source, columns: Sequence[Column], unit: str) -> Reader:
    """The reader of a format; `unit` is that of timestamps that are numbers."""
    match log_format:
        case "jsonl":
            return JsonReader(source, columns, unit)
        case "csv":
            return CsvReader(source, columns, unit)
        case _:
            return ParquetReader(source, columns, unit)


class KnownFacts:
    """Facts and failures, looked up once for each version of a file. Safe to share between threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._known: dict[LogFile, Facts | str] = {}
        self._lock = threading.Lock()

    def of(self, file: LogFile) -> Facts:
        """Facts of a file.

        Raises
        ------
        BadFile
            When it cannot be used.
        """
        with self._lock:
            known = self._known.get(file)
        if known is None:
            try:
                known = self._reader.facts(file)
            except BadFile as error:
                known = str(error)
            with self._lock:
                self._known[file] = known
        if isinstance(known, str):
            raise BadFile(known)
        return known

    def look_up(self, files: Iterable[LogFile]) -> None:
        """Look several files up at once, where each look waits for the network."""
        with self._lock:
            remote = [f for f in files if f not in self._known and f.path.startswith("s3://")]
        if len(remote) > 1:
            with ThreadPoolExecutor(min(LOOKS_AT_ONCE, len(remote))) as pool:
                list(pool.map(self._try, remote))

    def _try(self, file: LogFile) -> None:
        with suppress(BadFile):
            self.of(file)
