"""From chunks to batches: the rows of one request are put together again, wherever they stood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.cells import NULL, Cells
from detectors.core.hashing import mix
from monitor.engine.chunk import Chunk, Codes, Ints, slice_values

U64 = NDArray[np.uint64]

OTHER = "(other)"
SLICE_VALUES = 50  # most values of a slice column that are watched apart; rarer ones are put together
SLACK = 60_000_000  # rows of one request are at most this far apart (microseconds) when they stand in different chunks


class Names(Sequence[str]):
    """Item names, looked up in the chunks' dictionaries only when asked for."""

    def __init__(self, parts: Sequence[Any], part: Ints, at: Ints) -> None:
        self._parts, self._part, self._at = parts, part, at

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, i: Any) -> Any:
        value = self._parts[int(self._part[i])][int(self._at[i])]
        return str(value.as_py() if isinstance(value, pa.Scalar) else value)


def hold_back(chunk: Chunk, after: Chunk) -> tuple[Chunk, Chunk | None]:
    """Split off the requests that go on in the next chunk, so that they stay whole.

    Looks at rows that are no more than `SLACK` older than the next chunk: in a log that is roughly in order of time
    these are few; in one that is not, they are all.
    """
    if not after.n_runs or not chunk.n_runs:
        return chunk, None
    near = np.flatnonzero(chunk.time >= after.time.min() - SLACK)
    goes_on = near[np.isin(chunk.request[near], after.request)]
    if not len(goes_on):
        return chunk, None
    marked = np.isin(chunk.request, np.unique(chunk.request[goes_on])) if len(near) < chunk.n_runs else (
        np.isin(chunk.request, chunk.request[goes_on])
    )  # fmt: skip
    return chunk.take(~marked), chunk.take(marked)


def assemble(chunks: Sequence[Chunk], slices: Sequence[str], has: frozenset[str]) -> Batch:
    """Make one batch of chunks.

    Parameters
    ----------
    slices : sequence of str
        Columns to slice by, sorted.
    has : frozenset of str
        Roles that the log has.
    """
    chunks = [c for c in chunks if c.n_runs]
    if not chunks:
        return empty_batch(has)
    item, item_hash, names = _unify([c.item for c in chunks])
    request = np.concatenate([c.request for c in chunks])
    length = np.concatenate([np.diff(c.starts) for c in chunks])
    cell, cells = _cells(chunks, slices)
    run_request, first_run = (
        _group(request) if "request" in has else (np.arange(len(request)), np.arange(len(request)))
    )

    row_request = np.repeat(run_request, length)
    position = _positions(chunks, row_request, has)
    missing = _missing(chunks, has, cell, cells, length)
    keep = item >= 0
    columns = {"item": item, "position": position, "request": row_request}
    columns |= {name: _concat(chunks, name) for name in ("score", "click")}
    if not keep.all():
        columns = {name: None if c is None else c[keep] for name, c in columns.items()}
    order = _order(columns["request"], columns["position"])
    if order is not None:
        columns = {name: None if c is None else c[order] for name, c in columns.items()}
    columns, repeated_request = _without_repeats(columns, has)

    rows = np.bincount(columns["request"], minlength=len(first_run))
    user_known = np.concatenate([c.user_known for c in chunks])[first_run]
    user = np.concatenate([c.user for c in chunks])[first_run]
    cell_of = cell[first_run]
    return Batch(
        cells=cells,
        cell=cell_of,
        offsets=np.concatenate([[0], np.cumsum(rows)]).astype(np.int64),
        item=columns["item"],
        item_hash=item_hash,
        item_names=names,
        position=columns["position"],
        user=user if user_known.all() else np.where(user_known, user, mix(request[first_run])),
        user_known=user_known,
        request=request[first_run],
        time=np.concatenate([c.time for c in chunks])[first_run],
        score=columns["score"],
        click=columns["click"],
        has=has,
        missing=missing,
        repeated=np.bincount(cell_of[repeated_request], minlength=len(cells)),
    )


def empty_batch(has: frozenset[str]) -> Batch:
    """A batch of no rows."""
    none = np.empty(0, np.int64)
    keys = np.empty(0, np.uint64)
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


def _group(request: U64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The request of each run, numbered in order of first appearance, and the first run of each request."""
    order = np.argsort(request, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = request[order][1:] != request[order][:-1]
    if new.all():  # rows of a request stand together, as most logs have it
        runs = np.arange(len(request))
        return runs, runs
    first = order[new]  # stable: the earliest run of each request
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    number = np.empty(len(order), np.int64)
    number[order] = rank[np.cumsum(new) - 1]
    return number, np.sort(first)


def _order(request: NDArray[np.int64], position: Ints) -> NDArray[np.int64] | None:
    """Row order by request and position, or None when they stand so already."""
    same = request[1:] == request[:-1]
    if ((request[1:] >= request[:-1]) & (~same | (position[1:] >= position[:-1]))).all():
        return None
    return np.lexsort((position, request))


def _positions(chunks: Sequence[Chunk], row_request: NDArray[np.int64], has: frozenset[str]) -> Ints:
    """Positions from 1; where none are logged, the order of the rows of a request says them."""
    if all(c.position is not None for c in chunks):
        position = np.concatenate([c.position for c in chunks if c.position is not None]).astype(
            np.int32, copy=False
        )
        shown = position >= 0
        return (
            position + np.int32(1)
            if len(position) and shown.any() and position[shown].min() == 0
            else position
        )
    if "request" not in has:
        return np.zeros(len(row_request), np.int32)
    order = np.argsort(row_request, kind="stable")
    start = np.searchsorted(row_request[order], row_request[order])
    position = np.empty(len(order), np.int32)
    position[order] = np.arange(len(order)) - start + 1
    return position


def _without_repeats(
    columns: dict[str, Any], has: frozenset[str]
) -> tuple[dict[str, Any], NDArray[np.int64]]:
    """Drop rows that repeat the request, position and item of the row before; also the requests they were of."""
    request, position, item = columns["request"], columns["position"], columns["item"]
    repeats = np.zeros(len(request), bool)
    if "request" in has and len(request):
        same_place = (request[1:] == request[:-1]) & (position[1:] == position[:-1])
        if same_place.any():
            order = np.lexsort((item, position, request))
            columns = {name: None if c is None else c[order] for name, c in columns.items()}
            request, position, item = columns["request"], columns["position"], columns["item"]
            repeats[1:] = (
                (request[1:] == request[:-1]) & (position[1:] == position[:-1]) & (item[1:] == item[:-1])
            )
    if not repeats.any():
        return columns, np.empty(0, np.int64)
    return {name: None if c is None else c[~repeats] for name, c in columns.items()}, request[repeats]


def _unify(parts: Sequence[Codes]) -> tuple[Ints, U64, Names]:
    """One set of codes for several columns of codes."""
    sizes = [len(p.hashes) for p in parts]
    hashes, first, code = np.unique(
        np.concatenate([p.hashes for p in parts]), return_index=True, return_inverse=True
    )
    ends = np.cumsum(sizes)
    part = np.searchsorted(ends, first, "right")
    names = Names([p.names for p in parts], part, first - np.concatenate([[0], ends])[part])
    out = []
    for p, end, size in zip(parts, ends, sizes, strict=True):
        new = code[end - size : end].astype(np.int32)
        out.append(
            np.where(p.codes >= 0, new[p.codes], np.int32(-1)) if (p.codes < 0).any() else new[p.codes]
        )
    return np.concatenate(out), hashes, names


def _cells(chunks: Sequence[Chunk], slices: Sequence[str]) -> tuple[Ints, Cells]:
    """The cell of each run."""
    runs = sum(c.n_runs for c in chunks)
    code, radix = np.zeros(runs, np.int64), []
    values: list[list[str]] = []
    for name in slices:
        column, texts = _slice_codes(chunks, name)
        code = code * len(texts) + column
        radix.append(len(texts))
        values.append(texts)
    used, inverse = np.unique(code, return_inverse=True)
    tuples = []
    for u in used.tolist():
        digits = []
        for size, texts in zip(reversed(radix), reversed(values), strict=True):
            u, digit = divmod(u, size)
            digits.append(texts[digit])
        tuples.append(tuple(reversed(digits)))
    cells = Cells.of(tuple(slices), tuples)
    index = {v: i for i, v in enumerate(cells.values)}
    return np.array([index[t] for t in tuples], np.int32)[inverse], cells


def _slice_codes(chunks: Sequence[Chunk], name: str) -> tuple[Ints, list[str]]:
    """One slice column of all chunks as codes into texts; values beyond the most frequent are put together."""
    texts: dict[str, int] = {}
    parts = []
    for chunk in chunks:
        if name not in chunk.slices:
            parts.append(np.full(chunk.n_runs, texts.setdefault(NULL, len(texts))))
            continue
        codes = chunk.slices[name]
        used = np.unique(codes.codes)
        table = np.full(len(codes.names) + 1, -1)  # the last one is for -1: no value
        for u in used.tolist():
            value = NULL if u < 0 else slice_values(Codes(codes.codes[:0], codes.hashes, [codes.names[u]]))[0]
            table[u] = texts.setdefault(value, len(texts))
        parts.append(table[codes.codes])
    code, names = np.concatenate(parts), list(texts)
    if len(names) <= SLICE_VALUES:
        return code, names
    count = np.bincount(code, minlength=len(names))
    rare = np.ones(len(names), bool)
    rare[np.argsort(-count, kind="stable")[:SLICE_VALUES]] = False
    kept = [n for n, r in zip(names, rare, strict=True) if not r]
    new = np.where(rare, len(kept), np.cumsum(~rare) - 1)
    return new[code], [*kept, OTHER]


def _missing(
    chunks: Sequence[Chunk], has: frozenset[str], cell: Ints, cells: Cells, length: NDArray[np.int64]
) -> dict[str, NDArray[np.int64]]:
    """Rows without a value, by role and cell."""
    out = {role: np.zeros(len(cells), np.int64) for role in MISSING_ROLES if role in has}
    at = 0
    for chunk in chunks:
        runs = slice(at, at + chunk.n_runs)
        at += chunk.n_runs
        for role in out:
            if role in chunk.null_runs:
                of_run = chunk.null_runs[role] * length[runs]
            elif role in chunk.null_rows:
                nulls = np.concatenate([[0], np.cumsum(chunk.null_rows[role])])
                of_run = nulls[chunk.starts[1:]] - nulls[chunk.starts[:-1]]
            else:
                continue
            out[role] += np.bincount(cell[runs], of_run, len(cells)).astype(np.int64)
    return out


MISSING_ROLES = ("item", "request", "user", "position", "score", "click", "model_version", "context")


def _concat(chunks: Sequence[Chunk], name: str) -> NDArray[Any] | None:
    columns = [getattr(c, name) for c in chunks]
    return None if any(c is None for c in columns) else np.concatenate(columns)


def group_chunks(chunks: Iterator[Chunk], rows: int) -> Iterator[list[Chunk]]:
    """Groups of about `rows` rows in which requests are whole, as far as neighbouring chunks can tell."""
    group: list[Chunk] = []
    size = 0
    for chunk in chunks:
        if group and size + chunk.n_rows > rows:
            held = []
            for i, earlier in enumerate(group):
                group[i], rest = hold_back(earlier, chunk)
                held += [rest] if rest is not None else []
            yield group
            group, size = held, sum(c.n_rows for c in held)
        group.append(chunk)
        size += chunk.n_rows
    if group:
        yield group
