"""Finds what a log consists of by looking at few folders: its format, its partitions, and files to look into."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.errors import LogError, UserError
from monitor.inspect.layout import format_by_content, format_by_name, partition_pattern
from monitor.logs.listing import LogFile, Partitions, belongs, edge, expand, sort_entries
from monitor.logs.source import BadFile, Source, opened
from monitor.logs.textstream import compression

DEEPEST = 8
NEWEST = 48  # partitions at the end of the log that are looked into: two days of hours
SPREAD = 48  # partitions before them, evenly spread; of a log without partitions: files
MOST_FILES = 200  # of the partitions that were chosen


@dataclass(frozen=True)
class Picked:
    """A file to look into, and the time that its partition stands for."""

    file: LogFile
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Survey:
    """What a log consists of.

    Parameters
    ----------
    single : bool
        The path is a file.
    partitions : str
        As `log.partitions` wants it.
    remark : str
        What people should know of the folders.
    periods : tuple of (start, end)
        Partitions that were looked into, those without files included.
    n_partitions : int
        Those from the first to the last that exist.
    """

    root: str
    format: str
    single: bool
    partitions: str
    remark: str
    picked: tuple[Picked, ...]
    periods: tuple[tuple[datetime, datetime], ...] = ()
    n_partitions: int = 0
    n_files: int = 0


def survey(source: Source, root: str) -> Survey:
    """Look at a log's folders; only those on the way to the newest files, and the partitions chosen, are listed.

    Raises
    ------
    LogError
        When there is nothing that can be read.
    """
    if (single := source.file(root)) is not None:
        file = LogFile(single.path, single.size, single.modified_us)
        if not single.size:
            raise LogError(f"{root}: is empty (0 bytes)")
        kind = _format(source, [file], root)
        return Survey(root, kind, True, "", "", (Picked(file),), n_files=1)
    levels = _levels(source, root)
    pattern = partition_pattern(levels)
    if pattern.text:
        partitions = Partitions(pattern.text)
        edges = [edge(source, root, partitions, last) for last in (False, True)]
        if edges[0] is not None and edges[1] is not None:
            return _partitioned(source, root, partitions, edges[0][0], edges[1][0])
    return _flat(source, root, pattern.why_not)


def _levels(source: Source, root: str) -> list[list[str]]:
    """Names of the folders at each level on the way to the newest; children of one folder at each."""
    levels: list[list[str]] = []
    folder = root
    children = source.folders(folder)
    if children is None:
        raise LogError(f"{root}: does not exist: check the path")
    while children and len(levels) < DEEPEST:
        levels.append(children)
        newest = max(children, key=lambda name: ([int(n) for n in re.findall(r"\d+", name)], name))
        folder = f"{folder}/{newest}"
        children = source.folders(folder)
    return levels


def _partitioned(
    source: Source, root: str, partitions: Partitions, first: datetime, last: datetime
) -> Survey:
    every = [*partitions.names(first, last), *_last(partitions, last)]
    chosen = [every[i] for i in spread_out(len(every))]
    files: list[Picked] = []
    periods = []
    for names in chosen:
        folders = expand(source, root, names)
        when = partitions.parse(names)
        if when is None:
            continue
        periods.append(when)
        entries = [entry for folder in folders for entry in source.walk(folder) or ()]
        files += [Picked(file, *when) for file in sort_entries(entries, None).files]
    if not files:
        raise LogError(f"{root}: its newest partitions hold no complete file: wait for one")
    kind = _format(source, [p.file for p in files], root)
    picked = [p for p in files if belongs(p.file.path.rpartition("/")[2], kind)]
    n = len(picked)
    if n > MOST_FILES:
        picked = [picked[i * n // MOST_FILES] for i in range(MOST_FILES)]
    return Survey(root, kind, False, partitions.pattern, "", tuple(picked), tuple(periods), len(every), n)


def _last(partitions: Partitions, last: datetime) -> list[tuple[str, ...]]:
    """Names of the partition that begins at `last`: `names` leaves out what begins at its end."""
    return [next(partitions.names(last, last + timedelta(seconds=1)))]


def spread_out(n: int) -> list[int]:
    """Which of n partitions in order are looked into: the newest, and one out of each of equal stretches before them.

    Of hours, all hours of the day have their turn: out of a stretch the one is taken that was seen least.

    >>> spread_out(3), len(spread_out(10_000)), spread_out(386)[:3], len({i % 24 for i in spread_out(386)[:24]})
    ([0, 1, 2], 96, [0, 7, 14], 24)
    """
    older = max(0, n - NEWEST)
    if older <= SPREAD:
        return list(range(n))
    seen = [0] * 24
    chosen = []
    for i in range(SPREAD):
        stretch = range(i * older // SPREAD, (i + 1) * older // SPREAD)
        chosen.append(min(stretch[:24], key=lambda at: (seen[at % 24], at)))
        seen[chosen[-1] % 24] += 1
    return [*chosen, *range(older, n)]


def _flat(source: Source, root: str, why_not: str) -> Survey:
    entries = source.walk(root) or []
    files = sorted(sort_entries(entries, None).files, key=lambda f: f.path)
    if not files:
        what = (
            "holds only files that are still being written: wait for them"
            if entries
            else "is an empty folder"
        )
        raise LogError(f"{root}: {what}")
    kind = _format(source, files, root)
    files = [f for f in files if belongs(f.path.rpartition("/")[2], kind)]
    most = NEWEST + SPREAD
    chosen = files if len(files) <= most else [files[i * (len(files) - 1) // (most - 1)] for i in range(most)]
    remark = ""
    if why_not:
        remark = f"no partitions: {why_not}; every file is looked at for every window"
    return Survey(root, kind, False, "", remark, tuple(Picked(f) for f in chosen), n_files=len(files))


def _format(source: Source, files: Sequence[LogFile], root: str) -> str:
    """By the files' names, unless the first of them shows that they lie."""
    by_name = format_by_name([f.path.rpartition("/")[2] for f in files])
    for file in (f for f in files if f.size):
        try:
            with opened(source, file.path, file.size, may_grow=True) as handle:
                start = handle.read(4096)
        except BadFile:
            continue
        if compression(start) is not None:
            return by_name if by_name in ("jsonl", "csv") else "jsonl"
        by_content = format_by_content(start)
        if by_name is None or {by_name, by_content} == {"jsonl", "csv"}:
            return by_content
        if by_name != by_content:
            raise UserError(
                f"{file.path}: is named as {by_name}, but its content is not; rename it or take it away"
            )
        return by_name
    raise LogError(f"{root}: holds no file with anything in it")
