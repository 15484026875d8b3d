"""The catalogue: what is known of the items that may be shown, read from its file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.catalog import UNKNOWN_TIME, Catalog, Labels
from monitor.config.models import CatalogConfig
from monitor.engine.codes import codes_of, unify
from monitor.errors import LogError
from monitor.logs import LogFile, Quarantine
from monitor.logs.columns import Column, Kind, is_list, is_nested
from monitor.logs.listing import SUFFIXES, belongs
from monitor.logs.reader import open_reader
from monitor.logs.source import BadFile, LocalSource

PART_KINDS = {
    "category": Kind.ID,
    "family": Kind.ID,
    "provider": Kind.ID,
    "created_at": Kind.TIME,
    "blocked": Kind.FLAG,
    "out_of_stock": Kind.FLAG,
    "value": Kind.NUMBER,
}


@dataclass(frozen=True)
class CatalogRead:
    """A catalogue and what it should say but does not.

    Parameters
    ----------
    lacks : mapping of part to text
        Why a configured part, such as "family", is not there.
    """

    catalog: Catalog
    lacks: Mapping[str, str] = field(default_factory=dict)


def read_catalog(config: CatalogConfig) -> CatalogRead:
    """Read a catalogue; null and the empty text are no items, of an id that stands twice the first row counts.

    Raises
    ------
    LogError
        When the file is missing or cannot be read to its end, or when its column of items is missing or empty.
    """
    try:
        found = os.stat(config.path)
    except OSError as error:
        raise LogError(f"catalogue {config.path}: {error.strerror}: check catalog.path") from error
    file = LogFile(config.path, found.st_size, found.st_mtime_ns // 1000)
    try:
        return _read(file, config.item, tuple(sorted(config.columns.items())))
    except BadFile as error:
        raise LogError(f"catalogue {config.path}: {error}") from error


@lru_cache(maxsize=32)
def _read(file: LogFile, item: str, parts: tuple[tuple[str, str], ...]) -> CatalogRead:
    """Read once for each version of the file, as a log is read, but to its end: none of it is still to come."""
    file = replace(file, modified_us=0)
    name = os.path.basename(file.path)
    log_format = next((f for f in SUFFIXES if belongs(name, f)), "parquet")
    columns = [Column("item", item, Kind.ID), *(Column(f"={p}", path, PART_KINDS[p]) for p, path in parts)]
    reader = open_reader(log_format, LocalSource(), columns, "auto")
    types = reader.facts(file).types
    kind = types.get("item")
    if kind is None:
        raise BadFile(f'has no column "{item}": set catalog.item')
    if is_list(kind) or is_nested(kind):
        raise BadFile(f'column "{item}" holds {"lists" if is_list(kind) else "records"}: set catalog.item')
    lacks = {part: why for part, path in parts if (why := _unusable(path, types.get(f"={part}")))}
    quarantine = Quarantine()
    tables = list(reader.read(file, quarantine, None, {}, {"item"}))
    if quarantine.items:
        raise BadFile(f"cannot be read in full: {quarantine.items[0].reason}")
    chunks = [chunk for table in tables for chunk in table.column("item").chunks]
    if not chunks:
        raise BadFile(f'holds no item in column "{item}"')
    ids = unify([codes_of(chunk) for chunk in chunks])
    rows = np.flatnonzero(ids.codes >= 0)
    keys, first = np.unique(ids.hashes[ids.codes[rows]], return_index=True)
    if not len(keys):
        raise BadFile(f'holds no item in column "{item}"')
    at = rows[first]
    made = {
        part: _part(part, pa.chunked_array([c for t in tables for c in t.column(f"={part}").chunks]), at)
        for part, _ in parts
        if part not in lacks
    }
    if "created_at" in made:
        made["created_us"] = made.pop("created_at")
    return CatalogRead(Catalog(keys, **made, repeated=len(rows) - len(keys)), lacks)


def _unusable(path: str, kind: pa.DataType | None) -> str | None:
    if kind is None:
        return f'the catalogue has no column "{path}"'
    if is_list(kind) or is_nested(kind):
        return f'column "{path}" of the catalogue holds {"lists" if is_list(kind) else "records"}'
    return None


def _part(part: str, values: pa.ChunkedArray, at: NDArray[np.int64]) -> Any:
    """One part of the catalogue for the items in order."""
    kind = PART_KINDS[part]
    if kind is Kind.ID:
        labels = unify([codes_of(chunk) for chunk in values.chunks])
        return Labels(labels.codes[at].astype(np.int32), labels.names)
    instead: Any = {Kind.FLAG: False, Kind.TIME: UNKNOWN_TIME, Kind.NUMBER: float("nan")}[kind]
    filled = values.fill_null(pa.scalar(instead, values.type)) if values.null_count else values
    return np.asarray(filled.to_numpy())[at]
