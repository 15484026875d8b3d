"""A chunk: one decoded table as numpy arrays. What belongs to a request is kept once for each of its runs of rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.hashing import U64, hash_integers, mix
from detectors.core.id_formats import U16
from monitor.engine.codes import Codes, Flags, Ints, absent_of, codes_of, comparable_of, keys_of, nulls_of
from monitor.engine.id_formats import formats_of_runs

OF_REQUEST = ("request", "user", "model_version", "context")
OF_ROW = ("position", "score", "click")  # beside the item
LAST_PLACE = 2**31 - 2


@dataclass(frozen=True)
class Chunk:
    """Rows of a log in the order in which they stand there.

    Parameters
    ----------
    starts : array of int64, shape (runs + 1,)
        Rows of run r are starts[r]:starts[r + 1]: neighbours of one request.
    request, user, user_known, time : arrays, shape (runs,)
        A run without a request id has a hash of its own; `user` means something only where it is known.
    slices : mapping of column to Codes, shape (runs,)
    item : Codes, shape (rows,)
    position : array of int32, shape (rows,), or None
        As logged, -1 where there is none; None where the order of the rows says it.
    score, click : array, shape (rows,), or None
    click_known : array of bool, shape (rows,), or None
        None where every row says whether it was clicked.
    context : array of uint64, shape (runs,), or None
        0 where there is none.
    id_format : array of uint16, shape (runs, 2), or None
        How the ids of user and request are written, of a sample of the runs.
    missing : mapping of role to array of int64, shape (runs,)
        Rows without a value; roles that have one everywhere are left out.
    columns : mapping of str to Codes or array, shape (rows,)
        What detectors ask for.
    joins : bool
        Whether other runs, here or elsewhere, may be of the same requests.
    """

    starts: NDArray[np.int64]
    request: U64
    user: U64
    user_known: Flags
    time: NDArray[np.int64]
    slices: Mapping[str, Codes]
    item: Codes
    position: NDArray[np.int32] | None = None
    score: NDArray[np.floating[Any]] | None = None
    click: Flags | None = None
    click_known: Flags | None = None
    context: U64 | None = None
    id_format: U16 | None = None
    missing: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    columns: Mapping[str, Codes | NDArray[Any]] = field(default_factory=dict)
    joins: bool = False

    @property
    def n_rows(self) -> int:
        return int(self.starts[-1])

    @property
    def n_runs(self) -> int:
        return len(self.starts) - 1

    def take(self, runs: Flags) -> Chunk:
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
            None if self.click_known is None else self.click_known[rows],
            None if self.context is None else self.context[chosen],
            None if self.id_format is None else self.id_format[chosen],
            {role: n[chosen] for role, n in self.missing.items()},
            {
                key: column.take(rows) if isinstance(column, Codes) else column[rows]
                for key, column in self.columns.items()
            },
            self.joins,
        )


def read_chunk(
    table: pa.Table,
    slices: Sequence[str],
    guests: U64,
    *,
    place: int = 0,
    edges: Sequence[int] = (),
    apart: str | None = None,
    own: Collection[str] = (),
    lists_by: Collection[str] = (),
) -> Chunk:
    """Turn a canonical table of a log, long or list layout, into a chunk.

    Parameters
    ----------
    table : Table
        As `PredictionLog.read` gives it, without rows that have no time.
    slices : sequence of str
        Columns to slice by: a run has the values of its first row.
    guests : array of uint64
        Hashes of user ids that stand for nobody in particular.
    place : int
        Number of the table's first row among all rows of all files: rows without a request id are told apart by it.
    edges : sequence of int
        Moments in microseconds, sorted; a run does not reach over them, so that a row is where its own time says.
    apart : str, optional
        Column of which a run has one value: recommenders of a shared log may use one request id.
    own : collection of str
        Columns that detectors ask for; in the list layout one value for each row of the list, or for the whole list.
    lists_by : collection of str
        Of a long log without request ids: roles whose values together stand for one.
    """
    columns = {name: _whole(table.column(name)) for name in table.column_names}
    time = np.asarray(columns["timestamp"].to_numpy(zero_copy_only=False))
    request, no_request, hashed = _requests(columns, time, lists_by)
    first: Ints | slice = slice(None)
    listed = pa.types.is_list(columns["item"].type)
    if listed:
        starts, flat = _flatten(columns, own)
    else:
        starts, flat = np.arange(len(time) + 1, dtype=np.int64), columns
        if request is not None and not no_request.all():
            change = _changes(request, no_request, time, edges)
            if apart in columns:
                value = codes_of(columns[apart]).codes
                change |= value[1:] != value[:-1]
            starts = np.concatenate([[0], np.flatnonzero(change) + 1, [len(time)]]).astype(np.int64)
            first = starts[:-1]

    hashes = _at(request, first) if hashed or request is None else keys_of(columns["request"], first)[0]
    run_request, lost = _request_of_runs(hashes, no_request, first, place)
    user, absent = (
        keys_of(columns["user"], first)
        if "user" in columns
        else (np.zeros(len(lost), np.uint64), np.ones(len(lost), bool))
    )
    item = codes_of(flat["item"])
    return Chunk(
        starts,
        run_request,
        user,
        ~(absent | np.isin(user, guests)),
        time[first],
        {name: codes_of(columns[name]).take(first) for name in slices if name in columns},
        item,
        _places(flat.get("position")),
        _numbers(flat.get("score"), np.nan),
        _numbers(flat.get("click"), False),
        ~nulls_of(flat["click"]) if "click" in flat and flat["click"].null_count else None,
        _context(columns, first),
        formats_of_runs(columns, first, run_request),
        _missing(columns, flat, item, starts, listed),
        {key: _own(key, flat[key]) for key in own if key in columns},
        joins=not lost.all(),
    )


def _requests(
    columns: Mapping[str, pa.Array], time: NDArray[np.int64], lists_by: Collection[str]
) -> tuple[Ints | None, Flags, bool]:
    """What rows of a request share with their neighbours, None where nothing tells it, which rows have none, and
    whether it is the hash of the request: it is without request ids.
    """
    if "request" in columns:
        return comparable_of(columns["request"])
    if not lists_by:
        return None, np.ones(len(time), bool), False
    request = hash_integers(time)
    for role in lists_by:
        if role != "timestamp":
            values, absent = keys_of(columns[role])
            request = mix(request ^ np.where(absent, np.uint64(0), values))
    return request, np.zeros(len(time), bool), True


def _at(hashes: Ints | None, first: Ints | slice) -> U64 | None:
    return None if hashes is None else hashes[first].astype(np.uint64, copy=False)


def _context(columns: Mapping[str, pa.Array], first: Ints | slice) -> U64 | None:
    """Hash of what was being looked at, by run."""
    if "context" not in columns:
        return None
    hashes, absent = keys_of(columns["context"], first)
    return np.where(absent, np.uint64(0), hashes)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _own(key: str, column: pa.Array) -> Codes | NDArray[Any]:
    """A column that detectors ask for: texts as codes; NaN and False where a number or a flag is missing."""
    if key.startswith("text:"):
        return codes_of(column)
    instead: float | bool = False if pa.types.is_boolean(column.type) else np.nan
    values = _numbers(column, instead)
    assert values is not None
    return values


def _flatten(
    columns: Mapping[str, pa.Array], own: Collection[str]
) -> tuple[NDArray[np.int64], dict[str, pa.Array]]:
    """Offsets of the lists, and the columns that hold lists with their values laid end to end.

    Places follow from the order of a list.
    """
    length = _lengths(columns["item"])
    starts = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
    flat: dict[str, pa.Array] = {"item": columns["item"].flatten()}
    for role in ("score", "click", *own):
        if role not in columns:
            continue
        values = columns[role]
        if not pa.types.is_list(values.type):  # one for the whole list
            flat[role] = values.take(pa.array(np.repeat(np.arange(len(length)), length)))
            continue
        flat[role] = values.flatten()
        if values.null_count:  # a null list beside a list of items: as many missing values
            there = np.repeat(~nulls_of(values), length)
            at = np.cumsum(there) - 1
            flat[role] = flat[role].take(pa.array(at, mask=~there))
    flat["position"] = pa.array(np.arange(1, starts[-1] + 1) - np.repeat(starts[:-1], length), pa.int32())
    return starts, flat


def _lengths(lists: pa.ListArray) -> NDArray[np.int64]:
    length = np.diff(lists.offsets.to_numpy()).astype(np.int64)
    if lists.null_count:
        length[nulls_of(lists)] = 0
    return length


def _changes(request: Ints, no_request: Flags, time: NDArray[np.int64], edges: Sequence[int]) -> Flags:
    """Where a row is not of the same request as the row before it; one without a request id stands alone."""
    change = request[1:] != request[:-1]
    if no_request.any():
        change |= no_request[1:]
        change |= no_request[:-1]
    if len(edges) and np.searchsorted(edges, time.min(), "right") != np.searchsorted(
        edges, time.max(), "right"
    ):
        era = np.searchsorted(edges, time, "right")
        change |= era[1:] != era[:-1]
    return change


def _request_of_runs(
    request: U64 | None, no_request: Flags, first: Ints | slice, place: int
) -> tuple[U64, Flags]:
    """The request of each run, and which runs have none: those are requests of their own."""
    lost = no_request[first]
    if request is not None and not lost.any():
        return request, lost
    rows = np.arange(len(no_request), dtype=np.uint64)[first]
    own = hash_integers(rows + np.uint64(place))
    return own if request is None else np.where(lost, own, request), lost


def _missing(
    columns: Mapping[str, pa.Array],
    flat: Mapping[str, pa.Array],
    item: Codes,
    starts: NDArray[np.int64],
    listed: bool,
) -> dict[str, NDArray[np.int64]]:
    """Rows of each run without a value, by role."""
    rows = {
        role: absent
        for role in OF_REQUEST
        if role in columns and (absent := absent_of(columns[role])) is not None
    }
    out: dict[str, NDArray[np.int64]] = {}
    if listed:
        out = {role: np.diff(starts) * absent for role, absent in rows.items()}
        rows = {}
    rows |= {role: nulls_of(flat[role]) for role in OF_ROW if role in flat and flat[role].null_count}
    if len(item.codes) and item.codes.min() < 0:
        rows["item"] = item.codes < 0
    for role, absent in rows.items():
        before = np.concatenate([[0], np.cumsum(absent)])
        out[role] = before[starts[1:]] - before[starts[:-1]]
    return out


def _places(array: pa.Array | None) -> NDArray[np.int32] | None:
    """Positions as int32, -1 where there is none."""
    if array is None:
        return None
    filled = array.fill_null(0) if array.null_count else array
    places = np.asarray(filled.to_numpy(zero_copy_only=False))
    if not np.can_cast(places.dtype, np.int32):
        places = np.clip(places.astype(np.int64), -1, LAST_PLACE)
    places = places.astype(np.int32, copy=False)
    return np.where(nulls_of(array), np.int32(-1), places) if array.null_count else places


def _numbers(array: pa.Array | None, null: float | bool) -> NDArray[Any] | None:
    if array is None:
        return None
    if array.null_count:
        array = array.fill_null(pa.scalar(null, array.type))
    return np.asarray(array.to_numpy(zero_copy_only=False))
