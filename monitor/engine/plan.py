"""What to read of a window, and at which rate, decided from file metadata before a byte of data is read."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from monitor.config.models import BudgetConfig
from monitor.config.units import format_bytes
from monitor.errors import BudgetError
from monitor.logs import Cost, LogFile, Period
from monitor.windows import Window

# Beyond so many rows for each that the row budget has, decoding what a sample of users leaves out costs more than all
# else. Fewer pieces than these cannot say how much the others differ.
READ_ROWS, LEAST_PIECES = 8, 16


@dataclass(frozen=True)
class Piece:
    """A part of a file that is read at once: a row group, or all of a text file (`row_group` None)."""

    file: LogFile
    row_group: int | None
    rows: int
    bytes: int

    @cached_property
    def key(self) -> int:
        """A 64-bit hash of its name: what is left to chance goes by it, so that it comes out the same every time."""
        name = f"{self.file.path}\n{self.row_group}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Plan:
    """What is read.

    Parameters
    ----------
    pieces : tuple of Piece
        In file order.
    rows, bytes : int
        Of the pieces.
    left_out : float
        Share of the window's rows in pieces that the budget leaves out.
    rate : float
        Share of users behind the sampled statistics: a power of a half, so that samples nest.
    elsewhere : tuple of (rows, first, last)
        Row groups that are not read since they hold other times (microseconds) than the window's.
    """

    pieces: tuple[Piece, ...]
    rows: int
    bytes: int
    left_out: float = 0.0
    rate: float = 1.0
    elsewhere: tuple[tuple[int, int, int], ...] = ()


def plan(
    files: Sequence[LogFile],
    cost: Cost,
    window: Window,
    budget: BudgetConfig,
    spent_today: int = 0,
    period: Callable[[LogFile], Period | None] = lambda file: None,
    *,
    all_rows: bool = False,
) -> Plan:
    """Decide what to read.

    Parameters
    ----------
    period : callable
        When the rows of a file can be, where that is known: row groups with other times are read though they hold none
        of the window's, to say whose clocks are wrong.
    all_rows : bool
        Leave nothing out for the sake of the row budget.

    Over the row budget the rate of users falls. Over the byte budget whole row groups (of text: files) are left out,
    chosen by a hash of their name, since nothing smaller can be skipped; and so they are where `READ_ROWS` times the
    row budget are at most half of all rows.

    Raises
    ------
    BudgetError
        When not even one row group fits, or the day's bytes are used up.
    """
    pieces, elsewhere = _pieces(files, cost, window, period)
    wanted = sum(p.bytes for p in pieces)
    allowed = max(0, min(budget.bytes_per_evaluation, budget.bytes_per_day - spent_today))
    chosen = pieces if wanted <= allowed else _fitting(pieces, allowed)
    if pieces and not chosen:
        raise BudgetError(_refusal(pieces, wanted, budget, spent_today))
    if not all_rows:
        chosen = _enough(chosen, READ_ROWS * budget.rows_per_evaluation)
    rows, total = sum(p.rows for p in chosen), sum(p.rows for p in pieces)
    rate = 1.0
    while rows * rate > budget.rows_per_evaluation:
        rate /= 2
    return Plan(
        tuple(chosen),
        rows,
        sum(p.bytes for p in chosen),
        1 - rows / total if total else 0.0,
        rate,
        tuple(elsewhere),
    )


def _pieces(
    files: Sequence[LogFile],
    cost: Cost,
    window: Window,
    period: Callable[[LogFile], Period | None],
) -> tuple[list[Piece], list[tuple[int, int, int]]]:
    """What may hold rows of the window, in file order, and what of the same files does not."""
    by_path = {f.path: f for f in files}
    pieces, elsewhere = [], []
    for file in cost.per_file:
        can_be = period(by_path[file.path])
        if not file.row_groups and file.bytes:
            pieces.append(Piece(by_path[file.path], None, max(1, file.rows), file.bytes))
        for i, ((rows, size), times) in enumerate(zip(file.row_groups, file.times, strict=True)):
            other = times is not None and (times[0] >= window.end_us or times[1] < window.start_us)
            if times is not None and other and (can_be is None or can_be.holds(*times)):
                elsewhere.append((rows, *times))
            elif rows:
                pieces.append(Piece(by_path[file.path], i, rows, size))
    return pieces, elsewhere


def _fitting(pieces: Sequence[Piece], allowed: int) -> list[Piece]:
    """The pieces with the smallest hashes that fit together, in file order; one that never fits blocks no other."""
    total, kept = 0, []
    for i in sorted(range(len(pieces)), key=lambda i: pieces[i].key):
        if pieces[i].bytes > allowed:
            continue
        if total + pieces[i].bytes > allowed:
            break
        total += pieces[i].bytes
        kept.append(i)
    return [pieces[i] for i in sorted(kept)]


def _enough(pieces: list[Piece], rows: int) -> list[Piece]:
    """The pieces with the smallest hashes that have so many rows together, in file order; all unless half can go."""
    by_hash = sorted(range(len(pieces)), key=lambda i: pieces[i].key)
    have = list(accumulate(pieces[i].rows for i in by_hash))
    needed = max(1 + bisect_left(have, rows), LEAST_PIECES)
    if needed >= len(have) or 2 * have[needed - 1] > have[-1]:
        return pieces
    return [pieces[i] for i in sorted(by_hash[:needed])]


def _refusal(pieces: Sequence[Piece], wanted: int, budget: BudgetConfig, spent_today: int) -> str:
    smallest = min(p.bytes for p in pieces)
    if spent_today + smallest > budget.bytes_per_day:
        return (
            f"the day's budget is used up: {format_bytes(spent_today)} of {format_bytes(budget.bytes_per_day)} read "
            f"today, this window needs {format_bytes(wanted)}: raise budget.bytes_per_day or watch fewer columns"
        )
    return (
        f"over budget: the window needs {format_bytes(wanted)}, its smallest part {format_bytes(smallest)}, "
        f"and budget.bytes_per_evaluation is {format_bytes(budget.bytes_per_evaluation)}: "
        "raise it, or write smaller row groups"
    )
