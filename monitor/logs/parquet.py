"""Parquet files: footers, what reading will cost, and row groups as canonical tables."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from monitor.logs.canonical import Canonical, usable_places
from monitor.logs.columns import (
    Column,
    Kind,
    Place,
    count_leaves,
    find,
    is_text,
    leaf_fields,
    value_type,
)
from monitor.logs.facts import Facts
from monitor.logs.listing import LogFile
from monitor.logs.quarantine import Quarantine
from monitor.logs.source import BadFile, Source, is_store_failure, log_error, opened
from monitor.logs.times import to_microseconds

FOOTERS_KEPT = 64  # decoded footers can be large
ROWS_AT_ONCE = 2_000_000  # row groups beyond either limit are read in parts
BYTES_AT_ONCE = 1 << 29
ROWS_A_PART = 1 << 19
STORED_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


@dataclass(frozen=True)
class _Footer:
    metadata: pq.FileMetaData
    schema: pa.Schema
    places: dict[str, Place]  # by column name
    paths: tuple[str, ...]  # Parquet's leaf columns


class ParquetReader:
    """Reads the wanted columns of Parquet files. Safe to use from several threads."""

    def __init__(self, source: Source, columns: Sequence[Column], unit: str) -> None:
        self._source = source
        self._columns = tuple(columns)
        self._unit = unit
        self._footers: OrderedDict[LogFile, _Footer] = OrderedDict()
        self._lock = threading.Lock()

    def facts(self, file: LogFile) -> Facts:
        """What the footer says."""
        footer = self._footer(file)
        leaves = {leaf for place in footer.places.values() for leaf in _leaves(place)}
        groups = [footer.metadata.row_group(i) for i in range(footer.metadata.num_row_groups)]
        row_groups = tuple(
            (g.num_rows, sum(g.column(leaf).total_compressed_size for leaf in leaves)) for g in groups
        )
        when = footer.places.get("timestamp")
        return Facts(
            rows=footer.metadata.num_rows,
            bytes=sum(size for _, size in row_groups),
            exact=True,
            types={name: place.type for name, place in footer.places.items()},
            row_groups=row_groups,
            shown=tuple(self._shown(g, footer) for g in groups),
            times=tuple(
                None if when is None else _times(g.column(when.first_leaf), when.type, self._unit)
                for g in groups
            ),
        )

    def _shown(self, group: Any, footer: _Footer) -> int:
        """Items in a row group; an empty list counts as one."""
        listed = next((c.name for c in self._columns if c.listed and c.name in footer.places), None)
        if listed is None:
            return int(group.num_rows)
        return int(group.column(footer.places[listed].first_leaf).num_values)

    def fields(self, file: LogFile) -> Mapping[str, str]:
        """Arrow type by dotted path, for every field of a file."""
        return {path: str(kind) for path, kind in leaf_fields(self._footer(file).schema).items()}

    def half_written(self, file: LogFile) -> bool:
        """Whether the footer, which is written last, is not there yet."""
        try:
            self._footer(file)
        except BadFile:
            return True
        return False

    def read(
        self,
        file: LogFile,
        quarantine: Quarantine,
        row_groups: Sequence[int] | None,
        given: Mapping[str, str | None],
        as_text: Collection[str],
        ends: bool = False,
    ) -> Iterator[pa.Table]:
        """Canonical tables in file order; a row group that cannot be decoded is quarantined."""
        footer = self._footer(file)
        if row_groups is None:
            row_groups = range(footer.metadata.num_row_groups)
            row_groups = sorted({*row_groups[:1], *row_groups[-1:]}) if ends else row_groups
        places = usable_places(self._columns, footer.places, file.path, quarantine)
        for column in self._columns:
            if column.name not in footer.places and column.name not in given:
                quarantine.note(file.path, f"{column.name}: no column {column.path!r}")
        leaves = sorted({leaf for place in places.values() for leaf in _leaves(place)})
        dictionaries = [
            footer.paths[places[c.name].first_leaf]
            for c in self._columns
            if c.name in places and c.kind is Kind.ID and _is_bytes(value_type(places[c.name].type))
        ]
        canonical = Canonical(self._columns, places, given, as_text, self._unit)
        with (
            opened(self._source, file.path, file.size) as handle,
            pq.ParquetFile(
                handle,
                metadata=footer.metadata,
                read_dictionary=dictionaries,
                coerce_int96_timestamp_unit="us",
                page_checksum_verification=True,
                pre_buffer=file.path.startswith("s3://"),
            ) as parquet,
        ):
            for index in row_groups:
                group = footer.metadata.row_group(index)
                done = 0
                try:
                    for batch in _batches(parquet, group, index, leaves, footer.paths):
                        yield canonical.table(batch, file.path, quarantine)
                        done += batch.num_rows
                except (pa.ArrowException, OSError, ValueError) as error:
                    if is_store_failure(error):
                        raise log_error(error, file.path) from error
                    quarantine.add_rows(
                        file.path, f"row group {index} cannot be decoded: {error}", group.num_rows - done
                    )

    def _footer(self, file: LogFile) -> _Footer:
        with self._lock:
            if file in self._footers:
                self._footers.move_to_end(file)
                return self._footers[file]
        footer = self._read_footer(file)
        with self._lock:
            self._footers[file] = footer
            while len(self._footers) > FOOTERS_KEPT:
                self._footers.popitem(last=False)
        return footer

    def _read_footer(self, file: LogFile) -> _Footer:
        with opened(self._source, file.path, file.size) as handle:
            if file.size == 0:
                raise BadFile("is empty (0 bytes)")
            try:
                with pq.ParquetFile(handle) as parquet:
                    metadata, schema = parquet.metadata, parquet.schema_arrow
            except (pa.ArrowException, OSError, ValueError) as error:
                if is_store_failure(error):
                    raise log_error(error, file.path) from error
                raise BadFile(f"is not a readable Parquet file: {error}") from error
        if sum(count_leaves(field.type) for field in schema) != metadata.num_columns:
            raise BadFile("has a schema that Arrow and Parquet count differently")
        places = {c.name: place for c in self._columns if (place := find(schema, c.path)) is not None}
        paths = tuple(metadata.schema.column(i).path for i in range(len(metadata.schema)))
        return _Footer(metadata, schema, places, paths)


def _leaves(place: Place) -> range:
    return range(place.first_leaf, place.first_leaf + place.leaves)


def _batches(
    parquet: pq.ParquetFile, group: Any, index: int, leaves: Sequence[int], paths: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """A row group in one piece, or in parts when it is very large."""
    columns = [paths[leaf] for leaf in leaves]
    size = sum(group.column(leaf).total_uncompressed_size for leaf in leaves)
    if group.num_rows <= ROWS_AT_ONCE and size <= BYTES_AT_ONCE:
        yield from parquet.read_row_group(index, columns=columns, use_threads=False).to_batches()
    else:
        yield from parquet.iter_batches(ROWS_A_PART, row_groups=[index], columns=columns, use_threads=False)


def _times(column: Any, kind: pa.DataType, unit: str) -> tuple[int, int] | None:
    """First and last time of a row group in microseconds, from its statistics."""
    if not (pa.types.is_timestamp(kind) or pa.types.is_integer(kind)) or not column.is_stats_set:
        return None
    statistics = column.statistics
    if not statistics.has_min_max or statistics.physical_type != "INT64":
        return None
    logical = statistics.logical_type
    raw = pa.array([statistics.min_raw, statistics.max_raw], pa.int64())
    if pa.types.is_timestamp(kind):
        stored = json.loads(logical.to_json()).get("timeUnit", "")
        if stored not in STORED_UNITS:
            return None
        raw = raw.view(pa.timestamp(STORED_UNITS[stored]))
    first, last = to_microseconds(raw, unit).to_pylist()
    return None if first is None or last is None else (first, last)


def _is_bytes(kind: pa.DataType) -> bool:
    return is_text(kind) or bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    )
