"""What to read of a window, and at which rate, decided from file metadata before a byte of data is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from monitor.config.models import BudgetConfig
from monitor.config.units import format_bytes
from monitor.errors import BudgetError
from monitor.logs import Cost, LogFile
from monitor.windows import Window


@dataclass(frozen=True)
class Piece:
    """A part of a file that is read at once: a row group, or all of a text file."""

    file: LogFile
    row_group: int | None
    rows: int
    bytes: int


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
        Share of the window's rows in pieces that the byte budget leaves out.
    rate : float
        Share of users behind the sampled statistics: a power of a half, so that samples nest.
    """

    pieces: tuple[Piece, ...]
    rows: int
    bytes: int
    left_out: float = 0.0
    rate: float = 1.0


def plan(
    files: Sequence[LogFile], cost: Cost, window: Window, budget: BudgetConfig, spent_today: int = 0
) -> Plan:
    """Decide what to read.

    Over the row budget the rate of users falls. Over the byte budget whole row groups (of text: files) are left out,
    chosen by a hash of their name, since nothing smaller can be skipped.

    Raises
    ------
    BudgetError
        When not even one row group fits, or the day's bytes are used up.
    """
    by_path = {f.path: f for f in files}
    pieces = []
    for file in cost.per_file:
        if not file.row_groups:
            pieces.append(Piece(by_path[file.path], None, file.rows, file.bytes))
        for i, (rows, size) in enumerate(file.row_groups):
            times = file.times[i] if i < len(file.times) else None
            if times is None or (times[0] < window.end_us and times[1] >= window.start_us):
                pieces.append(Piece(by_path[file.path], i, rows, size))
    wanted = sum(p.bytes for p in pieces)
    allowed = min(budget.bytes_per_evaluation, budget.bytes_per_day - spent_today)
    chosen = pieces if wanted <= allowed else _fitting(pieces, allowed)
    if pieces and not chosen:
        raise BudgetError(_refusal(pieces, wanted, budget, spent_today))
    rows, total = sum(p.rows for p in chosen), sum(p.rows for p in pieces)
    rate = 1.0
    while rows * rate > budget.rows_per_evaluation:
        rate /= 2
    return Plan(tuple(chosen), rows, sum(p.bytes for p in chosen), 1 - rows / total if total else 0.0, rate)


def _fitting(pieces: Sequence[Piece], allowed: int) -> list[Piece]:
    """The pieces with the smallest hashes that fit together, in file order."""
    total, kept = 0, []
    for i in sorted(range(len(pieces)), key=lambda i: _stable(pieces[i])):
        if total + pieces[i].bytes > allowed:
            break
        total += pieces[i].bytes
        kept.append(i)
    return [pieces[i] for i in sorted(kept)]


def _stable(piece: Piece) -> bytes:
    name = f"{piece.file.path}\n{piece.row_group}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=8).digest()


def _refusal(pieces: Sequence[Piece], wanted: int, budget: BudgetConfig, spent_today: int) -> str:
    smallest = min(p.bytes for p in pieces)
    if spent_today + smallest > budget.bytes_per_day:
        return (
            f"the day's budget is used up: {format_bytes(spent_today)} of {format_bytes(budget.bytes_per_day)} read "
            f"today, this window needs {format_bytes(wanted)}: raise budget.bytes_per_day or watch fewer columns"
        )
    return (
        f"over budget: the window needs {format_bytes(wanted)}, its smallest part {format_bytes(smallest)}, and "
        f"budget.bytes_per_evaluation is {format_bytes(budget.bytes_per_evaluation)}: raise it, or write smaller row groups"
    )
