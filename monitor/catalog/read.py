"""A catalogue file as arrays, read once for each version of it; what it does not say is told in words."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.batch import column_key
from detectors.core.catalog import Catalog, Chosen
from detectors.core.hashing import U64, hash_integers, hash_texts, integers_among
from monitor.catalog.parts import PART_KINDS, Rejected, made, unusable
from monitor.config.models import CatalogConfig, LogConfig
from monitor.engine.codes import Codes, codes_of, unify
from monitor.errors import LogError
from monitor.logs.columns import OWN_KINDS, Column, Kind, is_list, is_nested
from monitor.logs.listing import COMPRESSED, SUFFIXES, LogFile, belongs, is_young
from monitor.logs.object_store import open_source
from monitor.logs.reader import open_reader
from monitor.logs.source import BadFile, LocalSource, Source, State, opened
from monitor.own.columns import OF_CATALOG, Asked
from monitor.windows import EPOCH

KEPT = 32  # catalogues of which the last version that could be read is kept
MOST_LOST = 0.5  # of its items: a file that was just written and lost more is taken to be half-written


@dataclass(frozen=True, eq=False)
class CatalogRead:
    """A catalogue, and what it should say but does not.

    Parameters
    ----------
    integers : bool
        Whether ids are numbers in the file.
    modified_us : int
        When the file was last changed, in microseconds since the epoch.
    lacks : mapping of part to text
        Why a configured part, such as "family", is not there.
    remarks : tuple of str
        What a person should know of it.
    columns : mapping of str to Codes or array, shape (items,)
        Those that detectors ask for, by `column_key`; what the file does not have is not there.
    """

    catalog: Catalog
    integers: bool
    modified_us: int = 0
    lacks: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    columns: Mapping[str, Codes | NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def in_other_form(self) -> Catalog:
        """The same items with their ids as texts where the file has numbers, and the other way round.

        Of texts only those are there that a number is written as: `7`, and not `007`.
        """
        return self.catalog.under(*self._other_ids)

    @cached_property
    def _other_ids(self) -> tuple[U64, NDArray[np.int64]]:
        """Hashes of the ids in the other form, and which items they are of."""
        texts = list(self.catalog.names)
        if self.integers:
            return hash_texts(texts), np.arange(len(texts))
        at, numbers = integers_among(texts)
        return hash_integers(numbers), at

    def find(self, keys: U64) -> NDArray[np.int64]:
        """Where each item of a log stands, whichever form its ids have there; -1 for what is not in the catalogue."""
        at = self.catalog.find(keys)
        if (at >= 0).any():
            return at
        hashes, items = self._other_ids
        order = np.argsort(hashes, kind="stable")
        found = Catalog(hashes[order]).find(keys)
        return np.append(items[order], -1)[found]

    @property
    def asked(self) -> frozenset[str]:
        """The columns that detectors ask for and the file has, in the words of `Measure.needs`."""
        return frozenset(f"column {key.partition(':')[2]}" for key in self.columns)

    @property
    def example(self) -> str:
        """One of its ids, as the file has it."""
        name = self.catalog.names[0]
        return name if self.integers else f'"{name}"'


class CatalogFile:
    """The file of a catalogue.

    Parameters
    ----------
    config : CatalogConfig
    log : LogConfig, optional
        Says how to reach an object store.
    own : sequence of (name, type)
        Columns that detectors ask for; a part goes by its own name too.
    """

    def __init__(self, config: CatalogConfig, log: LogConfig | None = None, own: Asked = ()) -> None:
        self._config, self._log = config, log
        self._source: Source | None = None
        self._parts = tuple(sorted(config.columns.items()))
        self.own = own
        self._key = (log.endpoint if log else None, config.path, config.item, self._parts, own)

    def read(self) -> CatalogRead:
        """The catalogue as the file has it now.

        Null and the empty text are no items; of an id that stands twice the first row counts. While a file is being
        written, what it said before is used where this process has read that, with a remark.

        Raises
        ------
        LogError
            When the file is missing or cannot be read to its end, or when its column of items is missing or empty.
        """
        path = self._config.path
        try:
            file = self._found()
            try:
                return self._version(file)
            except BadFile:
                if (now := self._found()) == file:
                    raise
                return self._version(now)  # replaced while it was being read
        except BadFile as error:
            raise LogError(f"catalogue {path}: {error}") from error

    def _found(self) -> LogFile:
        path = self._config.path
        if self._source is None:
            self._source = _open(path, self._log)
        try:
            entry = self._source.file(path)
            state = self._source.state(path) if entry is None else State.THERE
        except LogError as error:
            raise LogError(f"catalogue {error}") from error
        if entry is None:
            raise BadFile(
                "does not exist: check catalog.path"
                if state is State.MISSING
                else "is a folder: name a file in catalog.path"
            )
        return LogFile(entry.path, entry.size, entry.modified_us)

    def _version(self, file: LogFile) -> CatalogRead:
        """This version of the file, unless it seems to be half-written and an earlier one is known."""
        before = _kept.get(self._key)
        if before is not None and before[0] == file:
            return before[1]
        young = is_young(file)
        try:
            found = self._read(file, young)
        except BadFile:
            if before is not None and young:
                return _with_remark(before[1])
            raise
        if before is not None and young and len(found.catalog) < MOST_LOST * len(before[1].catalog):
            return _with_remark(before[1])
        _kept[self._key] = file, found
        _kept.move_to_end(self._key)
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
        return found

    def _read(self, file: LogFile, young: bool) -> CatalogRead:
        """Read as a log is read, but to its end: none of it is still to come."""
        assert self._source is not None  # opened to find the file
        log_format = next((f for f in SUFFIXES if belongs(os.path.basename(file.path), f)), "parquet")
        if young and log_format != "parquet":
            _refuse_open_end(self._source, file)
        file, modified_us = replace(file, modified_us=0), file.modified_us
        columns = [
            Column("item", self._config.item, Kind.ID),
            *(Column(f"={part}", path, PART_KINDS[part]) for part, path in self._parts),
            *(
                Column(
                    column_key(f"{OF_CATALOG}{name}", kind),
                    dict(self._parts).get(name, name),
                    OWN_KINDS[kind],
                )
                for name, kind in self.own
            ),
        ]
        reader = open_reader(log_format, self._source, columns, "auto")
        types = reader.facts(file).types
        kind = types.get("item")
        if kind is None:
            raise BadFile(f'has no column "{self._config.item}": set catalog.item')
        if is_list(kind) or is_nested(kind):
            holds = "lists" if is_list(kind) else "records"
            raise BadFile(f'column "{self._config.item}" holds {holds}: set catalog.item')
        rejected = Rejected()
        tables = list(reader.read(file, rejected, None, {}, ()))
        if rejected.items:
            raise BadFile(f"cannot be read in full: {rejected.items[0].reason}")
        return self._as_arrays(tables, types, rejected, modified_us)

    def _as_arrays(
        self, tables: Sequence[pa.Table], types: Mapping[str, Any], rejected: Rejected, modified_us: int
    ) -> CatalogRead:
        chunks = [chunk for table in tables for chunk in table.column("item").chunks]
        ids = unify([codes_of(chunk) for chunk in chunks]) if chunks else None
        rows = np.flatnonzero(ids.codes >= 0) if ids is not None else np.empty(0, np.int64)
        if ids is None or not len(rows):
            raise BadFile(f'holds no item in column "{self._config.item}"')
        keys, first = np.unique(ids.hashes[ids.codes[rows]], return_index=True)
        at = rows[first]
        names = Chosen(ids.names, ids.codes[at])
        catalog, lacks, remarks = Catalog(keys, repeated=len(rows) - len(keys), names=names), {}, []
        if catalog.repeated:
            remarks.append(
                _counted(catalog.repeated, "left out: its id", "left out: their ids", "came before")
            )
        if nameless := len(ids.codes) - len(rows):
            remarks.append(_counted(nameless, "left out: it has", "left out: they have", "no id"))
        for part, path in self._parts:
            why = unusable(path, types.get(f"={part}"))
            if why is None:
                values = pa.chunked_array([c for t in tables for c in t.column(f"={part}").chunks])
                columns, why, remark = made(part, path, values, rejected.lost(f"={part}"), at)
                catalog = replace(catalog, **columns)
                remarks += [remark] if remark else []
            if why is not None:
                lacks[part] = why
        own = {}
        for name, of_type in self.own:
            key = column_key(f"{OF_CATALOG}{name}", of_type)
            if unusable(name, types.get(key)) is None:
                own[key] = _own_column(
                    pa.chunked_array([c for t in tables for c in t.column(key).chunks]), at
                )
        integers = bool(pa.types.is_integer(chunks[0].type))
        return CatalogRead(catalog, integers, modified_us, lacks, tuple(remarks), own)


def _own_column(values: pa.ChunkedArray, at: NDArray[np.int64]) -> Codes | NDArray[Any]:
    """A column for the items in order; NaN, False or -1 where an item has no value."""
    if pa.types.is_dictionary(values.type) or pa.types.is_integer(values.type):
        return unify([codes_of(chunk) for chunk in values.chunks]).take(at)
    instead: float | bool = False if pa.types.is_boolean(values.type) else np.nan
    filled = values.fill_null(pa.scalar(instead, values.type)) if values.null_count else values
    return np.asarray(filled.to_numpy())[at]


_kept: OrderedDict[tuple[Any, ...], tuple[LogFile, CatalogRead]] = OrderedDict()


def _open(path: str, log: LogConfig | None) -> Source:
    if log is None or not path.startswith("s3://"):
        return LocalSource()
    return open_source(log.model_copy(update={"path": path}))


def _refuse_open_end(source: Source, file: LogFile) -> None:
    """Refuse a text whose last line has no end: of a file that was just changed, more is still to come."""
    if file.path.lower().endswith(COMPRESSED) or not file.size:
        return  # a compressed stream says itself where it ends
    with opened(source, file.path, file.size) as handle:
        handle.seek(file.size - 1)
        if handle.read(1) != b"\n":
            raise BadFile("is still being written: its last line has no end")


def _with_remark(read: CatalogRead) -> CatalogRead:
    at = EPOCH + timedelta(microseconds=read.modified_us)
    said = f"the file is still being written: the version of {at:%Y-%m-%d %H:%M} is used"
    return replace(read, remarks=(*read.remarks, said))


def _counted(n: int, one: str, more: str, what: str) -> str:
    return f"{n:,} row is {one} {what}" if n == 1 else f"{n:,} rows are {more} {what}"
