"""One window of a log as a summary: decode, assemble, count, merge; two threads, bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.core.batch import Batch, column_key
from detectors.core.hashing import hash_ids
from detectors.core.statistic import Statistic
from detectors.core.summary import Part, Run, Summary, straight
from monitor.config.models import RecommenderConfig
from monitor.engine.assemble import assemble
from monitor.engine.boost import Boost
from monitor.engine.chunk import Chunk, read_chunk
from monitor.engine.grouping import group_chunks
from monitor.engine.misplaced import MisplacedRows
from monitor.engine.plan import Piece, Plan
from monitor.engine.slicing import SliceValues
from monitor.evaluation import FileSeen, ReadReport
from monitor.expectations import expected_on, values_expected
from monitor.logs import Listing, Period, PredictionLog, Quarantine
from monitor.measurable import in_log, is_grouped
from monitor.windows import EPOCH, Window

THREADS = 2
BATCH_ROWS = 700_000  # rows of a batch: more of them need more memory and save little time
AHEAD = 2  # decoded pieces that may wait
# Parts: merging many at once costs less than one after the other, but keeps them; once some are merged, others need to
# keep less.
MERGED_FIRST, MERGED_AT_ONCE = 6, 14
REPLICATES = 8  # groups of row groups whose differences say what leaving others out costs

US = timedelta(microseconds=1)
FUTURE = timedelta(minutes=5)  # a clock may be this much ahead
PAST = timedelta(days=7)  # a row may be this much older than its partition says
IMPLAUSIBLE = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class WindowSummary:
    """A summary and what reading took.

    Parameters
    ----------
    replicates : tuple of (Summary, scale)
        Where row groups were left out, summaries of disjoint random groups of the others; else empty.
    scale : float
        What counts of traffic are multiplied with, for the same reason; each replicate has its own.
    boosted : Summary or None
        Of the slices in `small`, at a higher rate; over the same cells.
    small : array of bool, shape (slices,)
        Slices for which the base rate leaves too few users.
    """

    summary: Summary
    read: ReadReport
    replicates: tuple[tuple[Summary, float], ...] = ()
    scale: float = 1.0
    boosted: Summary | None = None
    small: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class _Part:
    """What one batch adds, or what was added up of some."""

    summary: Summary | Part
    boosted: Summary | Part
    requests: int = 0
    rows_sampled: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class _Sum(_Part):
    """What was added up of some batches."""

    summary: Summary
    boosted: Summary

    @classmethod
    def of(cls, parts: Sequence[_Part], run: Run, apply: Callable[..., Iterable[Any]] = map) -> _Sum:
        return cls(
            Summary.merge_all([p.summary for p in parts], run, apply),
            Summary.merge_all([p.boosted for p in parts], run, apply),
            sum(p.requests for p in parts),
            sum(p.rows_sampled for p in parts),
            sum(p.repeated for p in parts),
        )


NOTHING = _Sum(Summary(), Summary())


_Decoded = tuple[Chunk, Period | None]  # and when the rows of its file can be


@dataclass
class _Rows:
    """Rows by what became of them, added up while reading."""

    read: int = 0
    inside: int = 0
    future: int = 0
    past: int = 0
    newest: int | None = None


def summarise(
    log: PredictionLog,
    recommender: RecommenderConfig,
    statistics: Iterable[type[Statistic]],
    window: Window,
    now: datetime,
    listing: Listing,
    plan: Plan,
    quarantine: Quarantine,
    *,
    only: tuple[str, str] | None = None,
    join: Callable[[Batch], Batch] = lambda batch: batch,
    run: Run = straight,
) -> WindowSummary:
    """Summarise the rows of a window.

    Parameters
    ----------
    only : (column, value), optional
        Of a shared log, the rows of one recommender.
    join : callable
        Adds what another log, or the catalogue, knows of the rows of a batch.
    run : callable
        Makes each statistic, and may leave one out.
    """
    kinds = tuple(dict.fromkeys(statistics))
    sampled_kinds = tuple(kind for kind in kinds if not kind.census)
    own = tuple(column_key(*column) for column in log.own_columns)
    found = log.columns_found(listing.files) if listing.files else None
    has = in_log(recommender, found) | {
        f"column {path}" for path, kind in log.own_columns if found is None or column_key(path, kind) in found
    }
    values = SliceValues.of(recommender.slices, values_expected(recommender))
    apart = only[0] if only else None
    columns = tuple(dict.fromkeys([*values.columns, *([apart] if apart else [])]))
    guests = hash_ids(recommender.log.guests)
    lists_by = recommender.log.lists_by if is_grouped(recommender.log, has) else ()
    expected = expected_on(recommender, window.start.date())
    edges = _edges(window, now, bool(recommender.log.partitions))
    rows = _Rows()
    misplaced = MisplacedRows(window, has, kinds, run)
    boost: Boost | None = None

    def decode(piece: Piece) -> Iterator[_Decoded]:
        can_be = log.period(piece.file)
        groups = None if piece.row_group is None else [piece.row_group]
        place = piece.key
        for table in log.read(piece.file, quarantine, groups):
            timed = _with_time(table, piece, quarantine)
            chunk = read_chunk(
                timed, columns, guests, place=place, edges=edges, apart=apart, own=own, lists_by=lists_by
            )
            yield chunk, can_be
            place = (place + table.num_rows) % 2**64

    def chosen(decoded: _Decoded) -> Chunk:
        nonlocal values
        chunk, can_be = decoded
        rows.read += chunk.n_rows
        chunk = _of_value(chunk, only)
        values = misplaced.add(chunk, can_be, values)
        return _inside(chunk, edges, rows)

    def count(group: Sequence[Chunk], values: SliceValues, so_far: _Sum = NOTHING) -> _Part:
        batch = join(assemble(group, values, has))
        return _Part(
            Part.of(batch, kinds, plan.rate, expected, run, so_far.summary),
            Summary()
            if boost is None
            else Part.of(
                boost.sample(batch), sampled_kinds, expected=expected, run=run, so_far=so_far.boosted
            ),
            batch.n_requests,
            int(batch.length[batch.in_sample(plan.rate)].sum()),
            int(batch.repeated.sum()),
        )

    def submit(group: Sequence[Chunk], so_far: _Sum) -> Future[_Part]:
        nonlocal values, boost
        values = values.admit(group)
        if boost is None and plan.rate < 1 and not plan.left_out:
            boost = Boost.decide(assemble(group, values, has), plan, recommender.budget.rows_per_evaluation)
        return pool.submit(count, group, values, so_far)

    def merge(parts: Sequence[_Part]) -> Future[_Sum]:
        return pool.submit(_Sum.of, parts, run)

    parts = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="engine") as pool:
        for pieces in _replicate_groups(plan):
            chunks = (c for c in map(chosen, _ahead(pieces, decode, pool)) if c.n_runs)
            counted = _counted(group_chunks(chunks, BATCH_ROWS), submit, merge) or [count([], values)]
            # What one batch adds is counted sooner than it is handed out.
            parts.append(_Sum.of(counted, run, pool.map if len(counted) > 1 else map))
    odd = [] if misplaced.summary is None else [_Sum(misplaced.summary, Summary())]
    whole = _Sum.of([*parts, *odd], run)
    for n, first, last in plan.elsewhere:
        rows.past += n if last < edges[0] else 0
        rows.future += n if first >= edges[-1] else 0
    report = ReadReport(
        files=tuple(FileSeen(f.path, f.size, f.modified_us) for f in listing.files),
        bytes_read=plan.bytes,
        rows_read=rows.read,
        rows=rows.inside,
        requests=whole.requests,
        rows_sampled=whole.rows_sampled,
        sampling_rate=plan.rate * (1 - plan.left_out),
        rows_future=rows.future,
        rows_past=rows.past,
        rows_repeated=whole.repeated,
        quarantined=quarantine.items,
        waiting=listing.waiting,
        newest_event=None if rows.newest is None else EPOCH + rows.newest * US,
    )
    if plan.left_out:
        scale = 1 / (1 - plan.left_out)
        shares = [sum(p.rows for p in pieces) / plan.rows for pieces in _replicate_groups(plan)]
        replicates = tuple((p.summary, scale / share) for p, share in zip(parts, shares, strict=True))
        return WindowSummary(whole.summary, report, replicates, scale)
    small = None if boost is None or boost.rate <= plan.rate else _small(whole, boost)
    if boost is None or small is None or not small.any():
        return WindowSummary(whole.summary, report)
    return WindowSummary(whole.summary, report, boosted=_completed(whole, boost), small=small)


def _replicate_groups(plan: Plan) -> list[list[Piece]]:
    """All pieces as one group; where others are left out, up to `REPLICATES` groups at random."""
    if not plan.left_out:
        return [list(plan.pieces)]
    place = {piece: i for i, piece in enumerate(plan.pieces)}
    shuffled = sorted(plan.pieces, key=lambda piece: piece.key)
    size = min(REPLICATES, len(shuffled))
    return [sorted(shuffled[i::size], key=place.__getitem__) for i in range(size)]


def _counted(
    groups: Iterable[Sequence[Chunk]],
    submit: Callable[[Sequence[Chunk], _Sum], Future[_Part]],
    merge: Callable[[Sequence[_Part]], Future[_Sum]],
) -> list[_Part]:
    """What was counted of all groups in order, many merged; one group is put together while others are counted."""
    pending: deque[Future[_Part]] = deque()
    merging: Future[_Sum] | None = None
    parts: list[_Part] = []
    so_far = NOTHING
    for group in groups:
        while len(pending) >= THREADS:
            parts.append(pending.popleft().result())
            if len(parts) >= (MERGED_FIRST if merging is None else MERGED_AT_ONCE):
                earlier: list[_Part] = [] if merging is None else [merging.result()]
                merging = merge([*earlier, *parts])
                parts = []
        if merging is not None and merging.done():
            so_far = merging.result()
        pending.append(submit(group, so_far))
    parts += [part.result() for part in pending]
    return parts if merging is None else [merging.result(), *parts]


def _ahead(
    pieces: Sequence[Piece], decode: Callable[[Piece], Iterator[_Decoded]], pool: ThreadPoolExecutor
) -> Iterator[_Decoded]:
    """Decode in order, a few pieces ahead of their use, each by one chunk: a text file may have any number of them."""
    left = deque(pieces)
    begun: deque[tuple[Iterator[_Decoded], Future[_Decoded | None]]] = deque()
    while left or begun:
        while left and len(begun) < AHEAD:
            chunks = decode(left.popleft())
            begun.append((chunks, pool.submit(next, chunks, None)))
        chunks, coming = begun.popleft()
        chunk = coming.result()
        if chunk is not None:
            begun.appendleft((chunks, pool.submit(next, chunks, None)))
            yield chunk


def _with_time(table: pa.Table, piece: Piece, quarantine: Quarantine) -> pa.Table:
    """The rows that have a time: others are of no window."""
    time = table.column("timestamp")
    if not time.null_count:
        return table
    quarantine.add_rows(piece.file.path, "rows without a usable time", time.null_count)
    return table.filter(pc.is_valid(time))


def _edges(window: Window, now: datetime, partitioned: bool) -> tuple[int, int, int, int]:
    """Between which moments a row's time is plausible, and within them the window, in microseconds."""
    earliest = max(IMPLAUSIBLE, window.start - PAST) if partitioned else IMPLAUSIBLE
    latest = max(window.end, now + FUTURE)
    return (earliest - EPOCH) // US, window.start_us, window.end_us, (latest - EPOCH) // US


def _inside(chunk: Chunk, edges: tuple[int, int, int, int], rows: _Rows) -> Chunk:
    """The rows of the window; those of impossible times are counted."""
    earliest, start, end, latest = edges
    length = np.diff(chunk.starts)
    inside = (chunk.time >= start) & (chunk.time < end)
    rows.inside += int(length[inside].sum())
    rows.future += int(length[chunk.time >= latest].sum())
    rows.past += int(length[chunk.time < earliest].sum())
    if inside.any():
        rows.newest = max(int(chunk.time[inside].max()), rows.newest or 0)
    return chunk.take(inside)


def _of_value(chunk: Chunk, only: tuple[str, str] | None) -> Chunk:
    """The rows of one value of the column that a shared log is split by."""
    if only is None:
        return chunk
    column, value = only
    if column not in chunk.slices:
        return chunk.take(np.zeros(chunk.n_runs, bool))
    codes = chunk.slices[column]
    return chunk.take(np.isin(codes.codes, np.flatnonzero(np.isin(codes.hashes, hash_ids([value])))))


def _completed(whole: _Sum, boost: Boost) -> Summary:
    """The boosted summary with what is not sampled."""
    statistics = {**whole.summary.statistics, **whole.boosted.statistics}
    return replace(whole.summary, statistics=statistics, rate=boost.rate)


def _small(whole: _Sum, boost: Boost) -> NDArray[np.bool_]:
    """Slices made of small cells alone; never the whole, shape (slices,)."""
    large = np.array([v in boost.large for v in whole.summary.cells.values], bool)
    small = ~(whole.summary.slices.members & large).any(axis=1)
    small[0] = False
    return small
