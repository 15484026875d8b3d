"""A bounded sample of a log's rows, every column of it, before anybody knows what a column means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.errors import LogError
from monitor.inspect.names import best_match, tokens
from monitor.inspect.survey import Picked, Survey
from monitor.logs.columns import Column, Kind
from monitor.logs.conform import list_parts, to_flags, to_ids, to_numbers
from monitor.logs.listing import LogFile, folder_values
from monitor.logs.quarantine import Quarantine
from monitor.logs.reader import Reader, open_reader
from monitor.logs.source import BadFile, Source
from monitor.logs.times import to_microseconds

MOST_ROWS = 600_000
MOST_COLUMNS = 200
STRETCHES = 10  # of a file that is read in part
LISTED = re.compile(r"(?:large_|fixed_size_)?list(?:_view)?<[^:]*: (.*)>(?:\[\d+\])?")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class SampleColumn:
    """One column: `values` as Arrow has them, lists as lists; what mapping asks of them is worked out once."""

    path: str
    type: str  # in the file
    values: pa.Array

    @property
    def listed(self) -> bool:
        return LISTED.fullmatch(self.type) is not None

    @property
    def value_type(self) -> str:
        """Type in the file of the single values."""
        match = LISTED.fullmatch(self.type)
        return match[1] if match else self.type

    @cached_property
    def parts(self) -> tuple[NDArray[np.int64], pa.Array]:
        """Length of each row's list (1 without lists), and the single values end to end."""
        if pa.types.is_list(self.values.type):
            return list_parts(self.values)
        return np.ones(len(self.values), np.int64), self.values

    @cached_property
    def single(self) -> pa.Array:
        return self.parts[1]

    @cached_property
    def encoded(self) -> pa.DictionaryArray:
        codes = to_ids(self.single, as_text=True)
        return codes.dictionary_encode() if not pa.types.is_dictionary(codes.type) else codes

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Index into `names` of each single value, -1 where there is none."""
        indices: NDArray[np.int64] = self.encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        return indices.astype(np.int64)

    @cached_property
    def names(self) -> list[str]:
        names: list[str] = self.encoded.dictionary.to_pylist()
        return names

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each name occurs."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))

    @property
    def distinct(self) -> int:
        return int((self.counts > 0).sum())

    @cached_property
    def filled(self) -> float:
        """Share of single values that are there."""
        return float((self.codes >= 0).mean()) if len(self.codes) else 0.0

    @cached_property
    def numbers(self) -> NDArray[np.float64]:
        """Single values as numbers, NaN where they are none."""
        values: NDArray[np.float64] = to_numbers(self.single).to_numpy(zero_copy_only=False)
        return values.astype(np.float64)

    @cached_property
    def flags(self) -> pa.Array:
        return to_flags(self.single)

    @cached_property
    def times(self) -> NDArray[np.int64] | None:
        """Microseconds since the epoch, 0 where there is no time; None when the type cannot hold one."""
        try:
            found = to_microseconds(self.single)
        except TypeError:
            return None
        times: NDArray[np.int64] = found.fill_null(0).to_numpy(zero_copy_only=False)
        return times


@dataclass(frozen=True)
class SampledFile:
    """A file of the sample: what it has, and how much of it was read.

    Parameters
    ----------
    rows : int
        In the file, estimated for text.
    first, end : int
        Its rows of the sample are first:end.
    """

    picked: Picked
    rows: int
    complete: bool
    first: int
    end: int


@dataclass(frozen=True)
class Sample:
    """Rows of a log by column, and where they come from."""

    columns: Mapping[str, SampleColumn]
    files: tuple[SampledFile, ...]
    item_list: str | None = None  # in the list layout: the column of the list of items
    broken: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        return self.files[-1].end if self.files else 0


def read_sample(
    source: Source, surveyed: Survey, wanted_item: str | None = None, progress: Progress | None = None
) -> Sample:
    """Read at most `MOST_ROWS` rows of the files that the survey has picked.

    Parameters
    ----------
    wanted_item : str, optional
        What the user says is the item's column.
    progress : callable of (files done, files), optional

    Raises
    ------
    LogError
        When none of the files can be read.
    """
    types, broken = _types(source, surveyed)
    item_list = _item_list(types, wanted_item)
    columns = [_column(path, kind, path == item_list) for path, kind in types.items()]
    columns = [c for c in columns if item_list is not None or not c.listed]
    reader: Reader = open_reader(surveyed.format, source, columns, "auto")
    share = max(1000, MOST_ROWS // len(surveyed.picked))
    tables: list[pa.Table] = []
    files: list[SampledFile] = []
    done = 0
    for number, picked in enumerate(surveyed.picked):
        try:
            got, rows, complete = _read(reader, surveyed.root, columns, picked.file, share)
        except BadFile as error:
            broken.append(f"{picked.file.path}: {error}")
            continue
        n = sum(len(t) for t in got)
        files.append(SampledFile(picked, rows, complete, done, done + n))
        tables += got
        done += n
        if progress:
            progress(number + 1, len(surveyed.picked))
    if not done:
        raise LogError(
            f"{surveyed.root}: no row can be read; {broken[0] if broken else 'the files are empty'}"
        )
    made = {}
    for column in columns:
        arrays = [chunk for t in tables for chunk in t[column.name].chunks]
        made[column.path] = SampleColumn(column.path, types[column.path], _joined(arrays))
    return Sample(made, tuple(files), item_list, tuple(broken))


def _types(source: Source, surveyed: Survey) -> tuple[dict[str, str], list[str]]:
    """Type by dotted path of all columns that the files, or the names of their folders, have."""
    reader = open_reader(surveyed.format, source, (), "auto")
    types: dict[str, str] = {}
    broken = []
    for picked in surveyed.picked:
        try:
            for path, kind in reader.fields(picked.file).items():
                if path and (types.get(path, "null") == "null"):
                    types[path] = kind
        except BadFile as error:
            broken.append(f"{picked.file.path}: {error}")
        levels = _inside(surveyed, picked.file.path)
        times = dict(zip(levels, surveyed.partitions.split("/"), strict=False)) if surveyed.partitions else {}
        for name in folder_values(surveyed.root, picked.file.path):
            if not any("%" in times[level] for level in times if level.startswith(f"{name}=")):
                types.setdefault(name, "string")
    usable = {p: k for p, k in types.items() if not re.search(r"struct<|map<|union", k)}
    return dict(list(usable.items())[:MOST_COLUMNS]), broken


def _inside(surveyed: Survey, path: str) -> list[str]:
    return path.removeprefix(surveyed.root.rstrip("/")).strip("/").split("/")[:-1]


def _item_list(types: Mapping[str, str], wanted: str | None) -> str | None:
    """The column that is the list of items, when the log has one: rows are requests then."""
    listed = [path for path, kind in types.items() if LISTED.fullmatch(kind)]
    if wanted is not None:
        return wanted if wanted in listed else None
    if any(best_match("item", path, listed=False) for path in types if path not in listed):
        listed = [
            path for path in listed if "." in path or tokens(path)[-1] in ("items", "recommendations", "recs")
        ]
    scored = [(match, path) for path in listed if (match := best_match("item", path, listed=True))]
    return max(scored)[1] if scored else None


def _column(path: str, kind: str, is_item: bool) -> Column:
    match = LISTED.fullmatch(kind)
    value = match[1] if match else kind
    if re.match(r"timestamp|date", value):
        made = Kind.TIME
    elif re.match(r"u?int\d+", value):
        made = Kind.RANK  # integers stay integers
    elif re.match(r"float|double|halffloat|decimal", value):
        made = Kind.NUMBER
    else:
        made = Kind.FLAG if value == "bool" else Kind.ID
    return Column("item" if is_item else f"={path}", path, Kind.ID if is_item else made, match is not None)


def _read(
    reader: Reader, root: str, columns: list[Column], file: LogFile, most: int
) -> tuple[list[pa.Table], int, bool]:
    """Tables of at most `most` rows, rows of the whole file, and whether that was all of it."""
    facts = reader.facts(file)
    values = folder_values(root, file.path)
    given = {c.name: values[c.path] for c in columns if c.path in values}
    groups = _groups([rows for rows, _ in facts.row_groups], most) if facts.row_groups else None
    tables: list[pa.Table] = []
    n = 0
    for table in reader.read(file, Quarantine(), groups, given, ()):
        share = most // len(groups) if groups else most - n
        tables += _stretches(table, share) if groups else [table.slice(0, share)]
        n = sum(map(len, tables))
        if n >= most:
            break
    known = facts.exact or n >= most
    return tables, max(facts.rows, n) if known else n, n >= facts.rows if facts.exact else n < most


def _stretches(table: pa.Table, most: int) -> list[pa.Table]:
    """At most that many rows, in stretches that are spread over the table: its rows may be sorted by anything."""
    if len(table) <= most:
        return [table]
    length = max(1, most // STRETCHES)
    return [table.slice(i * (len(table) - length) // (STRETCHES - 1), length) for i in range(STRETCHES)]


def _groups(rows: list[int], most: int) -> list[int]:
    """Row groups, evenly spread over the file, that hold about `most` rows together."""
    per_group = max(1.0, sum(rows) / len(rows))
    n = int(min(len(rows), max(1, most // per_group)))
    return [i * len(rows) // n for i in range(n)]


def _joined(arrays: list[pa.Array]) -> pa.Array:
    """One array; where files differ in type, all of it is text."""
    kinds = {a.type for a in arrays if a.null_count < len(a)}
    if len(kinds) > 1 and not all(pa.types.is_list(k) for k in kinds):
        arrays = [to_ids(a, as_text=True) for a in arrays]
        return pa.concat_arrays([a.dictionary_decode() for a in arrays])
    if len(kinds) == 1:
        kind = next(iter(kinds))
        arrays = [a if a.type == kind else pa.nulls(len(a), kind) for a in arrays]
    elif kinds:
        kind = pa.list_(pa.string())
        arrays = [a.cast(kind) for a in arrays]
    if pa.types.is_dictionary(arrays[0].type):
        return pa.chunked_array(arrays).unify_dictionaries().combine_chunks()
    return pa.concat_arrays(arrays)
