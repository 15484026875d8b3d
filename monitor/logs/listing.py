"""Which files hold a window: the partitions that it needs, and nothing else, are listed."""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from monitor.errors import LogError, UserError
from monitor.logs.source import Entry, Source, hidden

YOUNG_SECONDS = 60
WAITING = (".tmp", ".inprogress", ".part", ".crdownload")
SUFFIXES = {
    "parquet": (".parquet", ".pq", ".parq", ".parquet.snappy", ".parquet.gz", ".parquet.zst"),
    "jsonl": (".jsonl", ".json", ".ndjson", ".log"),
    "csv": (".csv", ".tsv", ".txt"),
}
COMPRESSED = (".gz", ".zst", ".bz2", ".lz4")
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"
DIRECTIVE = re.compile(r"%-?([A-Za-z%])")
STEPS = {"d": timedelta(days=1), "j": timedelta(days=1), "H": timedelta(hours=1), "M": timedelta(minutes=1)}
MOST_PARTITIONS = 100_000


@dataclass(frozen=True)
class LogFile:
    """A file that is complete, as listed. The time is microseconds since the epoch."""

    path: str
    size: int
    modified_us: int


def is_young(file: LogFile) -> bool:
    """Whether the file may still be being written: it changed within the last minute by the real clock."""
    return file.modified_us >= (time.time() - YOUNG_SECONDS) * 1e6


@dataclass(frozen=True)
class Listing:
    """What is there for a window.

    Parameters
    ----------
    files : tuple of LogFile
        Sorted by path.
    waiting : tuple of str
        Files that are still being written.
    missing_partitions : tuple of str
        Folders that should be there by now and are not.
    """

    files: tuple[LogFile, ...]
    waiting: tuple[str, ...] = ()
    missing_partitions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Period:
    """When the rows of a file can be, in microseconds.

    Parameters
    ----------
    earliest, latest : int
        Half-open.
    length : int
        Of the time that its partition stands for, without what clocks and late rows are allowed beside it.
    """

    earliest: int
    latest: int
    length: int

    def holds(self, first: int, last: int) -> bool:
        """Whether all times from the first to the last can be."""
        return self.earliest <= first and last < self.latest


class Partitions:
    """Folders below a log's root whose names tell the time.

    `date=%Y-%m-%d/hour=%H`, `%Y/%m/%d`, `date=%Y-%m-%d/surface=*` where `*` stands for any value.

    Raises
    ------
    UserError
        When the pattern does not name a time.

    >>> partitions = Partitions("date=%Y-%m-%d/hour=%H")
    >>> start = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    >>> list(partitions.names(start, start + timedelta(hours=1)))
    [('date=2026-03-02', 'hour=23'), ('date=2026-03-03', 'hour=00')]
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.levels = tuple(level for level in pattern.strip("/").split("/") if level)
        directives = {letter for level in self.levels for letter in DIRECTIVE.findall(level)} - {"%"}
        if unknown := sorted(directives - set("YmdHMj")):
            raise UserError(f"log.partitions: {pattern!r}: %{unknown[0]} is not known: use %Y %m %d %j %H %M")
        complete = "Y" in directives and (
            directives & {"j"} or directives <= {"Y", "m"} or {"m", "d"} <= directives
        )
        if not complete or ("M" in directives and "H" not in directives):
            raise UserError(
                f"log.partitions: {pattern!r} does not name a time: it needs %Y and every unit down to the smallest"
            )
        self._step = min((STEPS[d] for d in directives if d in STEPS), default=None)
        self._by_month = "m" in directives

    def names(self, start: datetime, end: datetime) -> Iterator[tuple[str, ...]]:
        """Folder names, one for each level, of the partitions that overlap [start, end); `*` stays."""
        moment, count = self._floor(start), 0
        while moment < end:
            yield tuple(moment.strftime(level) for level in self.levels)
            moment = self._next(moment)
            count += 1
            if count > MOST_PARTITIONS:
                raise LogError(
                    f"log.partitions: {self.pattern!r}: more than {MOST_PARTITIONS} folders for one window"
                )

    def parse(self, names: tuple[str, ...]) -> tuple[datetime, datetime] | None:
        """The time that complete folder names stand for, None when they do not fit the pattern."""
        text, pattern = [], []
        for name, level in zip(names, self.levels, strict=True):
            if DIRECTIVE.search(level):
                if not self.fits(name, level):
                    return None
                text.append(name)
                pattern.append(re.sub(r"%-", "%", level))
        try:
            start = datetime.strptime("/".join(text), "/".join(pattern)).replace(tzinfo=UTC)
        except ValueError:
            return None
        return start, self._next(start)

    def fits(self, name: str, level: str) -> bool:
        """Whether a folder's name could belong to that level."""
        return fnmatch.fnmatchcase(name, DIRECTIVE.sub("?*", level))

    def _floor(self, moment: datetime) -> datetime:
        moment = moment.astimezone(UTC)
        if self._step is not None:
            midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + (moment - midnight) // self._step * self._step
        first = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return first if self._by_month else first.replace(month=1)

    def _next(self, start: datetime) -> datetime:
        if self._step is not None:
            return start + self._step
        if self._by_month:
            return (start + timedelta(days=32)).replace(day=1)
        return start.replace(year=start.year + 1)


def expand(source: Source, root: str, names: tuple[str, ...]) -> list[str]:
    """Folders that the names stand for; only where a level has `*` is its parent looked at."""
    folders = [root.rstrip("/")]
    for level in names:
        if "*" not in level:
            folders = [f"{folder}/{level}" for folder in folders]
        else:
            folders = [
                f"{folder}/{child}"
                for folder in folders
                for child in source.folders(folder) or ()
                if fnmatch.fnmatchcase(child, level)
            ]
    return folders


def edge(source: Source, root: str, partitions: Partitions, last: bool) -> tuple[datetime, datetime] | None:
    """The time that the first or last partition stands for."""
    return _edge(source, root.rstrip("/"), (), partitions, last)


def _edge(
    source: Source, folder: str, names: tuple[str, ...], partitions: Partitions, last: bool
) -> tuple[datetime, datetime] | None:
    if len(names) == len(partitions.levels):
        return partitions.parse(names)
    level = partitions.levels[len(names)]
    children = [c for c in source.folders(folder) or () if partitions.fits(c, level)]
    if DIRECTIVE.search(level):
        numbers = sorted(children, key=lambda c: [int(n) for n in re.findall(r"\d+", c)], reverse=last)
        for child in numbers:
            if found := _edge(source, f"{folder}/{child}", (*names, child), partitions, last):
                return found
        return None
    found_all = [
        found
        for c in children
        if (found := _edge(source, f"{folder}/{c}", (*names, c), partitions, last)) is not None
    ]
    return (max if last else min)(found_all, default=None)


def folder_values(root: str, path: str) -> dict[str, str | None]:
    """Columns that the names of a file's folders hold: `surface=home`, decoded.

    >>> folder_values("/log", "/log/date=2026-03-02/surface=a%2Fb/part-0.parquet")
    {'date': '2026-03-02', 'surface': 'a/b'}
    """
    inside = path.removeprefix(root.rstrip("/")).split("/")[:-1]
    pairs = (level.partition("=") for level in inside if "=" in level)
    return {name: None if value == NULL_PARTITION else unquote(value) for name, _, value in pairs}


@dataclass(frozen=True)
class Sorted:
    """Entries of a folder by what is to be done with them."""

    files: list[LogFile]
    waiting: list[str]
    foreign: list[str]


def sort_entries(entries: Sequence[Entry], log_format: str | None) -> Sorted:
    """Files of the format (None: any), files still being written, files of another kind; no markers."""
    out = Sorted([], [], [])
    for entry in entries:
        name = entry.path.rpartition("/")[2]
        if hidden(name):
            continue
        if name.lower().endswith(WAITING):
            out.waiting.append(entry.path)
        elif log_format is None or belongs(name, log_format):
            out.files.append(LogFile(entry.path, entry.size, entry.modified_us))
        else:
            out.foreign.append(entry.path)
    return out


def belongs(name: str, log_format: str) -> bool:
    """Whether a file's name goes with the format; names without a suffix go with any."""
    name = name.lower()
    suffixes = SUFFIXES[log_format]
    if log_format != "parquet":
        suffixes = (*suffixes, *(s + c for s in suffixes for c in COMPRESSED))
    return name.endswith(suffixes) or "." not in name
