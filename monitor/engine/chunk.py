"""A chunk: one decoded table as numpy arrays. What belongs to a request is kept once for each run of rows of one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.cells import NULL
from detectors.core.hashing import combine, hash_integers, hash_strings

U64 = NDArray[np.uint64]
Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Codes:
    """A column of ids as codes into distinct values; -1 where there is none."""

    codes: Ints
    hashes: U64
    names: Sequence[Any]

    def hash_of_rows(self) -> U64:
        """Hash of each value, 0 where there is none."""
        if not len(self.hashes):
            return np.zeros(len(self.codes), np.uint64)
        return np.where(self.codes >= 0, self.hashes[self.codes], np.uint64(0))

    def take(self, at: Ints) -> Codes:
        return replace(self, codes=self.codes[at])


@dataclass(frozen=True)
class Chunk:
    """Rows of a log in the order in which they stand there.

    Parameters
    ----------
    starts : array of int64, shape (runs + 1,)
        Rows of run r are starts[r]:starts[r + 1]: neighbours of one request.
    request, user, user_known, time : arrays, shape (runs,)
    slices : mapping of column to Codes, shape (runs,)
    item : Codes, shape (rows,)
    position, score, click : arrays, shape (rows,), or None
    null_runs, null_rows : mapping of role to array of bool
        Where a value is missing; roles without a missing value are left out.
    """

    starts: NDArray[np.int64]
    request: U64
    user: U64
    user_known: NDArray[np.bool_]
    time: NDArray[np.int64]
    slices: Mapping[str, Codes]
    item: Codes
    position: Ints | None = None
    score: NDArray[np.floating[Any]] | None = None
    click: NDArray[np.bool_] | None = None
    null_runs: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    null_rows: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        return int(self.starts[-1])

    @property
    def n_runs(self) -> int:
        return len(self.starts) - 1

    def take(self, runs: NDArray[np.bool_]) -> Chunk:
        """The marked runs alone."""
        if runs.all():
            return self
        chosen = np.flatnonzero(runs)
        length = np.diff(self.starts)[chosen]
        starts = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        rows = np.repeat(self.starts[chosen] - starts[:-1], length) + np.arange(starts[-1])
        return Chunk(
            starts,
            self.request[chosen],
            self.user[chosen],
            self.user_known[chosen],
            self.time[chosen],
            {name: codes.take(chosen) for name, codes in self.slices.items()},
            self.item.take(rows),
            None if self.position is None else self.position[rows],
            None if self.score is None else self.score[rows],
            None if self.click is None else self.click[rows],
            {role: null[chosen] for role, null in self.null_runs.items()},
            {role: null[rows] for role, null in self.null_rows.items()},
        )


def read_chunk(table: pa.Table, slices: Sequence[str], guests: U64) -> Chunk:
    """Turn a canonical table of a log, long or list layout, into a chunk.

    Parameters
    ----------
    table : Table
        As `PredictionLog.read` gives it.
    slices : sequence of str
        Columns to slice by.
    guests : array of uint64
        Hashes of user ids that stand for nobody in particular.
    """
    columns = {name: _whole(table.column(name)) for name in table.column_names}
    listed = pa.types.is_list(columns["item"].type)
    if listed:
        starts, flat = _flatten(columns)
    else:
        starts, flat = None, columns
    request_ids = columns.get("request")
    request = None if request_ids is None else _key_hashes(request_ids)
    if starts is None:
        starts = _runs(request, table.num_rows)
    first = starts[:-1] if not listed else np.arange(table.num_rows)

    item = _codes(flat["item"])
    time = (
        columns["timestamp"].to_numpy(zero_copy_only=False)[first]
        if table.num_rows
        else np.empty(0, np.int64)
    )
    if request is None:
        run_request = combine(time.astype(np.int64).view(np.uint64), _first_items(item, starts))
    else:
        run_request = request[first] if not listed else request
    user = (
        _codes(columns["user"]).take(first).hash_of_rows()
        if "user" in columns
        else np.zeros(len(first), np.uint64)
    )
    known = user != 0
    if len(guests):
        known &= ~np.isin(user, guests)
    null_runs = {
        role: _nulls(columns[role])[first]
        for role in ("request", "user", "model_version", "context")
        if role in columns and columns[role].null_count
    }
    null_rows = {
        role: _nulls(flat[role])
        for role in ("item", "position", "score", "click")
        if role in flat and flat[role].null_count
    }
    if request_ids is not None and request_ids.null_count:  # a row without a request id stands alone
        lost = np.flatnonzero(null_runs["request"])
        run_request[lost] = combine(time[lost].view(np.uint64), hash_integers(first[lost]))
    return Chunk(
        starts,
        run_request,
        np.where(known, user, run_request),
        known,
        time.astype(np.int64, copy=False),
        {name: _codes(columns[name]).take(first) for name in slices if name in columns},
        item,
        _numbers(flat.get("position"), 0),
        _numbers(flat.get("score"), np.nan),
        _numbers(flat.get("click"), False),
        null_runs,
        null_rows,
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _flatten(columns: Mapping[str, pa.Array]) -> tuple[NDArray[np.int64], dict[str, pa.Array]]:
    """Offsets of the lists, and the columns that hold lists with their values laid end to end."""
    lists = columns["item"]
    length = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    if lists.null_count:
        length[_nulls(lists)] = 0
    starts = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    flat: dict[str, pa.Array] = {"item": lists.flatten()}
    for role in ("position", "score", "click"):
        if role not in columns:
            continue
        values = columns[role]
        if values.null_count == 0:
            flat[role] = values.flatten()
        else:  # a null list beside a list of items: as many missing values
            mine = np.diff(values.offsets.to_numpy()).astype(np.int64)
            missing = _nulls(values)
            at = np.where(np.repeat(missing, length), -1, 0)
            mine[missing] = 0
            at[at == 0] = np.arange(int(mine.sum()))
            flat[role] = values.flatten().take(pa.array(at, mask=at < 0))
    if "position" not in flat:
        flat["position"] = pa.array(np.arange(starts[-1]) - np.repeat(starts[:-1], length) + 1)
    return starts, flat


def _runs(request: U64 | None, rows: int) -> NDArray[np.int64]:
    """Where neighbouring rows change to another request; without request ids every row is one."""
    if request is None or not rows:
        return np.arange(rows + 1, dtype=np.int64)
    change = np.flatnonzero(request[1:] != request[:-1]) + 1
    return np.concatenate([[0], change, [rows]]).astype(np.int64)


def _key_hashes(array: pa.Array) -> U64:
    """Hash of each request id, 0 where there is none."""
    if pa.types.is_dictionary(array.type):
        return _codes(array).hash_of_rows()
    hashes = _hashes(array)
    if array.null_count:
        hashes[_nulls(array)] = 0
    return hashes


def _codes(array: pa.Array) -> Codes:
    """Codes and distinct values of a dictionary or integer column."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    dictionary = array.dictionary
    codes = array.indices.to_numpy(zero_copy_only=False) if not array.indices.null_count else (
        array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    )  # fmt: skip
    if dictionary.null_count:
        codes = np.where(_nulls(dictionary)[codes], -1, codes)
    return Codes(codes, _hashes(dictionary), dictionary)


def _hashes(array: pa.Array) -> U64:
    if pa.types.is_integer(array.type):
        values = array.fill_null(0) if array.null_count else array
        return hash_integers(values.to_numpy(zero_copy_only=False))
    offsets, data = array.buffers()[1:3]
    wide = np.int64 if pa.types.is_large_string(array.type) else np.int32
    return hash_strings(
        np.frombuffer(offsets, wide, len(array) + 1, array.offset * np.dtype(wide).itemsize),
        np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8),
    )


def _first_items(item: Codes, starts: NDArray[np.int64]) -> U64:
    hashes = item.hash_of_rows()
    has_one = starts[1:] > starts[:-1]
    return np.where(
        has_one, hashes[np.minimum(starts[:-1], max(len(hashes) - 1, 0))] if len(hashes) else 0, 0
    ).astype(np.uint64)


def _nulls(array: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


def _numbers(array: pa.Array | None, null: float | bool) -> NDArray[Any] | None:
    if array is None:
        return None
    if array.null_count:
        array = array.fill_null(pa.scalar(null, array.type))
    return np.asarray(array.to_numpy(zero_copy_only=False))


def slice_values(codes: Codes) -> list[str]:
    """Texts of a slice column's distinct values."""
    return [NULL if name.as_py() is None else str(name.as_py()) for name in codes.names]
