"""One window of a log as a summary: decode, assemble, count, merge; two threads, bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from detectors.core.hashing import hash_texts
from detectors.core.statistic import Statistic
from detectors.core.summary import Summary
from monitor.config.models import RecommenderConfig
from monitor.engine.assemble import assemble, group_chunks
from monitor.engine.chunk import Chunk, read_chunk
from monitor.engine.plan import Piece, Plan
from monitor.evaluation import FileSeen, ReadReport
from monitor.logs import Listing, PredictionLog, Quarantine
from monitor.measurable import available
from monitor.windows import EPOCH, Window

THREADS = 2
BATCH_ROWS = 1_500_000  # rows of a batch: memory grows with it, time hardly falls beyond
AHEAD = 3  # decoded chunks that may wait
REPLICATES = 8  # groups of row groups whose differences say what leaving others out costs

FUTURE = timedelta(minutes=5)  # a clock may be this much ahead
IMPLAUSIBLE = (datetime(2000, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class WindowSummary:
    """A summary and what reading took.

    Parameters
    ----------
    replicates : tuple of Summary
        Summaries of disjoint groups of row groups, where others were left out; else empty.
    scale : float
        What counts of traffic are multiplied with, for the same reason.
    """

    summary: Summary
    read: ReadReport
    replicates: tuple[Summary, ...] = ()
    scale: float = 1.0


@dataclass
class _Counts:
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
) -> WindowSummary:
    """Summarise the rows of a window.

    Parameters
    ----------
    only : (column, value), optional
        Of a shared log, the rows of one recommender.
    """
    kinds = tuple(dict.fromkeys(statistics))
    has = available(recommender, log.columns_found(listing.files) if listing.files else None)
    counts = _Counts()
    columns = tuple(sorted(set(recommender.slices)))
    read = tuple(dict.fromkeys([*columns, *([only[0]] if only else [])]))
    guests = hash_texts(recommender.log.guests)

    def decode(piece: Piece) -> list[Chunk]:
        groups = None if piece.row_group is None else [piece.row_group]
        tables = log.read(piece.file, quarantine, groups)
        return [read_chunk(table, read, guests) for table in tables if table.num_rows]

    def chosen(chunk: Chunk) -> Chunk:
        return _of_value(_inside(chunk, window, now, bool(recommender.log.partitions), counts), only)

    def count(chunks: Sequence[Chunk]) -> tuple[Summary, int]:
        batch = assemble(chunks, columns, has)
        return Summary.of(batch, kinds, plan.rate), int(batch.repeated.sum())

    with ThreadPoolExecutor(THREADS, thread_name_prefix="engine") as pool:
        parts = [_summarise_pieces(pieces, decode, chosen, count, pool) for pieces in _replicate_groups(plan)]
    empty = Summary.of(assemble([], columns, has), kinds, plan.rate)
    whole, repeated = empty, 0
    for part, n in parts:
        whole, repeated = whole.merge(part), repeated + n
    whole = replace(whole, rate=plan.rate)
    report = ReadReport(
        files=tuple(FileSeen(f.path, f.size, f.modified_us) for f in listing.files),
        bytes_read=plan.bytes,
        rows_read=counts.read,
        rows=counts.inside,
        sampling_rate=plan.rate * (1 - plan.left_out),
        rows_future=counts.future,
        rows_past=counts.past,
        rows_repeated=repeated,
        quarantined=quarantine.items,
        waiting=listing.waiting,
        newest_event=None if counts.newest is None else EPOCH + timedelta(microseconds=counts.newest),
    )
    replicates = tuple(p for p, _ in parts) if plan.left_out else ()
    return WindowSummary(whole, report, replicates, 1 / (1 - plan.left_out))


def _replicate_groups(plan: Plan) -> list[list[Piece]]:
    """All pieces as one group; where others are left out, up to `REPLICATES` groups."""
    if not plan.left_out:
        return [list(plan.pieces)]
    size = min(REPLICATES, len(plan.pieces))
    return [list(plan.pieces[i::size]) for i in range(size)]


def _summarise_pieces(
    pieces: Sequence[Piece],
    decode: Callable[[Piece], list[Chunk]],
    chosen: Callable[[Chunk], Chunk],
    count: Callable[[Sequence[Chunk]], tuple[Summary, int]],
    pool: ThreadPoolExecutor,
) -> tuple[Summary, int]:
    """Decode ahead, count behind; results are merged in order."""
    pending: deque[Future[tuple[Summary, int]]] = deque()
    merged, repeated = Summary(), 0

    def settle(most: int) -> None:
        nonlocal merged, repeated
        while len(pending) > most:
            part, n = pending.popleft().result()
            merged, repeated = (merged.merge(part) if merged.statistics else part), repeated + n

    chunks = (c for many in _ahead(pieces, decode, pool) for c in map(chosen, many) if c.n_runs)
    for group in group_chunks(chunks, BATCH_ROWS):
        settle(THREADS - 1)
        pending.append(pool.submit(count, group))
    settle(0)
    return merged, repeated


def _ahead(
    pieces: Sequence[Piece], decode: Callable[[Piece], list[Chunk]], pool: ThreadPoolExecutor
) -> Iterator[list[Chunk]]:
    """Decode in order, a few pieces ahead of their use."""
    futures: deque[Future[list[Chunk]]] = deque()
    left = deque(pieces)
    while left or futures:
        while left and len(futures) < AHEAD:
            futures.append(pool.submit(decode, left.popleft()))
        yield futures.popleft().result()


def _inside(chunk: Chunk, window: Window, now: datetime, partitioned: bool, counts: _Counts) -> Chunk:
    """The rows of the window; those of impossible times are counted."""
    length = np.diff(chunk.starts)
    latest = max(window.end_us, (now + FUTURE - EPOCH) // timedelta(microseconds=1))
    earliest = max(IMPLAUSIBLE, window.start_us - 7 * 86_400_000_000) if partitioned else IMPLAUSIBLE
    inside = (chunk.time >= window.start_us) & (chunk.time < window.end_us)
    counts.read += chunk.n_rows
    counts.inside += int(length[inside].sum())
    counts.future += int(length[chunk.time >= latest].sum())
    counts.past += int(length[chunk.time < earliest].sum())
    if inside.any():
        counts.newest = max(int(chunk.time[inside].max()), counts.newest or 0)
    return chunk.take(inside)


def _of_value(chunk: Chunk, only: tuple[str, str] | None) -> Chunk:
    """The rows of one value of the column that a shared log is split by."""
    if only is None or not chunk.n_runs:
        return chunk
    column, value = only
    if column not in chunk.slices:
        return chunk.take(np.zeros(chunk.n_runs, bool))
    codes = chunk.slices[column]
    wanted = [i for i, name in enumerate(codes.names) if str(name) == value]
    return chunk.take(np.isin(codes.codes, wanted))
