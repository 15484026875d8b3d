"""From chunks to a batch: the rows of one request are put together again, wherever they stood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.cells import Cells
from detectors.core.hashing import U64, mix
from detectors.core.id_formats import U16
from detectors.core.sorting import order_of, sort_hashes
from detectors.core.texts import Texts
from monitor.engine.chunk import Chunk
from monitor.engine.codes import Codes, Flags, Ints, unify
from monitor.engine.id_formats import formats_of_items
from monitor.engine.slicing import SliceValues

I64 = NDArray[np.int64]

MISSING_ROLES = ("item", "request", "user", "position", "score", "click", "model_version", "context")


@dataclass(frozen=True)
class _Rows:
    """Columns of rows, shape (rows,)."""

    request: I64
    position: Ints
    item: Ints
    score: NDArray[np.floating[Any]] | None
    click: Flags | None
    click_known: Flags | None
    columns: Mapping[str, Codes | NDArray[Any]]

    def take(self, at: Ints | Flags) -> _Rows:
        return _Rows(
            self.request[at],
            self.position[at],
            self.item[at],
            None if self.score is None else self.score[at],
            None if self.click is None else self.click[at],
            None if self.click_known is None else self.click_known[at],
            {
                key: replace(column, codes=column.codes[at]) if isinstance(column, Codes) else column[at]
                for key, column in self.columns.items()
            },
        )


def assemble(chunks: Sequence[Chunk], values: SliceValues, has: frozenset[str]) -> Batch:
    """Make one batch of chunks.

    Parameters
    ----------
    values : SliceValues
        What the slice columns have, these chunks included.
    has : frozenset of str
        Roles that the log has.
    """
    chunks = [c for c in chunks if c.n_runs]
    if not chunks:
        return empty_batch(has)
    request = np.concatenate([c.request for c in chunks])
    of_run, first_run = _group(request, any(c.joins for c in chunks))
    cell, cells = values.cells_of(chunks, first_run)
    request, n = request[first_run], len(cell)

    length = np.concatenate([np.diff(c.starts) for c in chunks])
    row_request = np.repeat(of_run, length)
    items = unify([c.item for c in chunks])
    rows = _Rows(
        row_request,
        _positions(chunks, row_request, has),
        items.codes,
        np.concatenate([c.score for c in chunks if c.score is not None]) if "score" in has else None,
        np.concatenate([c.click for c in chunks if c.click is not None]) if "click" in has else None,
        _click_known(chunks) if "click" in has else None,
        _columns(chunks),
    )
    with_item = rows.item >= 0
    rows, repeated = _in_order(rows if with_item.all() else rows.take(with_item), has)

    known = np.concatenate([c.user_known for c in chunks])[first_run]
    user = np.concatenate([c.user for c in chunks])[first_run]
    if not known.all():  # mixed once more: a request whose id is like a user's is not that user
        user = np.where(known, user, mix(request))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows.request, minlength=n))]).astype(np.int64)
    return Batch(
        cells=cells,
        cell=cell,
        offsets=offsets,
        item=rows.item,
        item_hash=items.hashes,
        item_names=items.names,
        position=rows.position,
        user=user,
        user_known=known,
        request=request,
        time=np.concatenate([c.time for c in chunks])[first_run],
        score=rows.score,
        click=rows.click,
        click_known=rows.click_known,
        context=_contexts(chunks, first_run),
        id_format=_id_formats(chunks, first_run, formats_of_items(items, rows.item, offsets, request)),
        has=has,
        missing=_missing(chunks, has, cell[of_run], len(cells)),
        repeated=np.bincount(cell[repeated], minlength=len(cells)),
        columns={
            key: Texts(column.codes, column.hashes, column.names) if isinstance(column, Codes) else column
            for key, column in rows.columns.items()
        },
    )


def _columns(chunks: Sequence[Chunk]) -> dict[str, Codes | NDArray[Any]]:
    """What detectors ask for; every chunk has the same columns, be they full of nothing."""
    out: dict[str, Codes | NDArray[Any]] = {}
    for key in chunks[0].columns:
        parts = [chunk.columns[key] for chunk in chunks]
        texts = [part for part in parts if isinstance(part, Codes)]
        arrays = [part for part in parts if not isinstance(part, Codes)]
        out[key] = unify(texts) if texts else np.concatenate(arrays)
    return out


def _click_known(chunks: Sequence[Chunk]) -> Flags | None:
    """Of each row; None when all chunks know it of all."""
    if all(c.click_known is None for c in chunks):
        return None
    return np.concatenate(
        [np.ones(c.n_rows, bool) if c.click_known is None else c.click_known for c in chunks]
    )


def _contexts(chunks: Sequence[Chunk], first_run: I64) -> U64 | None:
    """Of each request; chunks of files without the column have none."""
    if all(c.context is None for c in chunks):
        return None
    parts = [np.zeros(c.n_runs, np.uint64) if c.context is None else c.context for c in chunks]
    return np.concatenate(parts)[first_run]


def _id_formats(chunks: Sequence[Chunk], first_run: I64, of_items: U16) -> U16:
    """How the ids of each request are written, by role."""
    of_runs = [np.zeros((c.n_runs, 2), np.uint16) if c.id_format is None else c.id_format for c in chunks]
    return np.column_stack([np.concatenate(of_runs)[first_run], of_items])


def empty_batch(has: frozenset[str]) -> Batch:
    """A batch of no rows."""
    none, keys = np.empty(0, np.int64), np.empty(0, np.uint64)
    return Batch(
        Cells(),
        none,
        np.zeros(1, np.int64),
        none,
        keys,
        (),
        none,
        keys,
        none.astype(bool),
        keys,
        none,
        has=has,
    )


def _group(request: U64, joins: bool) -> tuple[I64, I64]:
    """The request of each run, numbered in order of first appearance, and the first run of each request."""
    runs = np.arange(len(request))
    if not joins:
        return runs, runs
    order, ordered = sort_hashes(request)
    new = np.ones(len(order), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    if new.all():  # rows of a request stand together, as most logs have it
        return runs, runs
    begin = np.flatnonzero(new)
    earliest = order[begin]  # of equals the earliest run comes first
    first = np.zeros(len(order), bool)
    first[earliest] = True
    number = np.empty(len(order), np.int64)
    number[order] = np.repeat((np.cumsum(first) - 1)[earliest], np.diff(begin, append=len(order)))
    return number, np.flatnonzero(first)


def _in_order(rows: _Rows, has: frozenset[str]) -> tuple[_Rows, I64]:
    """Rows by request and position without those that repeat another's item too, and the requests of the repeats."""
    request, position = rows.request, rows.position
    same = request[1:] == request[:-1]
    if not ((request[1:] > request[:-1]) | (same & (position[1:] >= position[:-1]))).all():
        rows = rows.take(order_of(request, position))
        request, position = rows.request, rows.position
        same = request[1:] == request[:-1]
    if "request" not in has or not (same & (position[1:] == position[:-1])).any():
        return rows, np.empty(0, np.int64)
    rows = rows.take(order_of(request, position, rows.item))
    repeats = np.zeros(len(request), bool)
    repeats[1:] = same & (position[1:] == position[:-1]) & (rows.item[1:] == rows.item[:-1])
    return rows.take(~repeats), request[repeats]


def _positions(chunks: Sequence[Chunk], row_request: I64, has: frozenset[str]) -> Ints:
    """Positions from 1, and 0 where there is none; where none are logged, the order of a request's rows says them."""
    if "position" not in has:
        return np.zeros(len(row_request), np.int32)
    if has & {"logged_position", "empty_lists"}:
        position = np.concatenate([c.position for c in chunks if c.position is not None])
        zeros, ones = np.count_nonzero(position == 0), np.count_nonzero(position == 1)
        if zeros and 2 * zeros >= ones:  # counted from 0, and not a slip here or there
            position = position + np.int32(1)
        return np.maximum(position, 0) if position.min() < 0 else position
    length = np.bincount(row_request)
    start = np.repeat(np.cumsum(length) - length, length)
    place = (np.arange(1, len(row_request) + 1) - start).astype(np.int32)
    if (row_request[1:] >= row_request[:-1]).all():
        return place
    position = np.empty_like(place)
    position[order_of(row_request)] = place
    return position


def _missing(chunks: Sequence[Chunk], has: frozenset[str], cell: Ints, cells: int) -> dict[str, I64]:
    """Rows without a value, by role and cell; `cell` is that of each run."""
    logged = has if "logged_position" in has else has - {"position"}
    out = {role: np.zeros(cells, np.int64) for role in MISSING_ROLES if role in logged}
    ends = np.cumsum([c.n_runs for c in chunks])
    for chunk, end in zip(chunks, ends.tolist(), strict=True):
        for role in out.keys() & chunk.missing.keys():
            rows = np.bincount(cell[end - chunk.n_runs : end], chunk.missing[role], cells)
            out[role] += rows.astype(np.int64)
    return out
