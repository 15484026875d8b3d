"""What an incident has cost so far in clicks, or in the money that came of them, with an interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

CERTAINTY = 0.95
Z = 1.959964  # standard errors to both sides that hold this much of a normal distribution
DAY = timedelta(days=1)
NEAR = timedelta(hours=1)  # times of day that are alike
ENOUGH_WINDOWS = 3  # at such a time, before they are held against
LEAST = 50.0  # clicks before, below which no rate is told


@dataclass(frozen=True)
class Shown:
    """What came of what a place showed in one window.

    Parameters
    ----------
    start : datetime
        Of the requests.
    rows : float
        Shown.
    rate : float
        Clicks, or money, of a row.
    error : float
        Standard error of the rate, which counts users.
    n : float
        Rows that know nothing of each other, for a rate of clicks; NaN for money.
    """

    start: datetime
    rows: float
    rate: float
    error: float
    n: float = np.nan


@dataclass(frozen=True)
class Lost:
    """How much less came than usual; `low` and `high` hold the truth with `CERTAINTY`. Below zero more came."""

    amount: float
    low: float
    high: float


def lost(before: Sequence[Shown], since: Sequence[Shown], least: float = LEAST) -> Lost | None:
    """What the rows shown since would have brought at the rate before, less what they brought.

    Parameters
    ----------
    before, since : sequence of Shown
        Windows of the place before the incident, and those in it.
    least : float
        How much must have come before; with less nothing is known of what is usual.

    Returns
    -------
    Lost or None
        None where there is too little to tell.

    Notes
    -----
    What is usual at a time of day is the pooled rate of the windows before at about that time, where there are some,
    else of all. Its error is that of the pooled rate, or how far the windows differ, whichever is larger. One window
    of the incident has nothing to do with the next, so their errors are added as variances; what is usual is the same
    mistake in each of them, so its errors are added up as they are. With few clicks a window, each window's own error
    would be far too large for many of them together: errors of clicks are those of the rate of all windows.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 2, tzinfo=UTC)
    >>> usual = [Shown(at - n * DAY, 1000, 0.1, 0.003) for n in (1, 2, 3)]
    >>> found = lost(usual, [Shown(at, 1000, 0.04, 0.002)])
    >>> [round(x, 1) for x in (found.low, found.amount, found.high)]
    [54.8, 60.0, 65.2]
    """
    if not since or _sum(before) < least:
        return None
    before, since = _steadied(before), _steadied(since)
    rows, rate, error = np.array([(w.rows, w.rate, w.error) for w in since]).T
    usual, usual_error = np.array([_usual(before, w.start, least) for w in since]).T
    amount = float(np.sum(rows * (usual - rate)))
    half = Z * float(np.hypot(np.sqrt(np.sum((rows * error) ** 2)), np.sum(rows * usual_error)))
    return Lost(amount, amount - half, amount + half)


def _steadied(windows: Sequence[Shown]) -> Sequence[Shown]:
    """With errors of clicks that follow from the rate of all windows, two hits and two misses added."""
    n, rate = np.array([(w.n, w.rate) for w in windows]).T
    if not np.all(n > 0):
        return windows
    centre = (n @ rate + 2) / (n.sum() + 4)
    errors = np.sqrt(centre * (1 - centre) / n).tolist()
    return [replace(w, error=error) for w, error in zip(windows, errors, strict=True)]


def _usual(before: Sequence[Shown], at: datetime, least: float) -> tuple[float, float]:
    """The rate that is usual at a time of day, and its standard error."""
    near = [w for w in before if _apart(w.start, at) <= NEAR]
    if len(near) < ENOUGH_WINDOWS or _sum(near) < least:
        near = list(before)
    rows, rate, error = np.array([(w.rows, w.rate, w.error) for w in near]).T
    weight = rows / rows.sum()
    pooled = float(weight @ rate)
    sampled = float(np.sqrt(np.sum((weight * error) ** 2)))
    if len(near) < ENOUGH_WINDOWS:
        return pooled, sampled
    differ = float(np.sqrt(np.sum(weight * (rate - pooled) ** 2) / (len(near) - 1)))
    return pooled, max(sampled, differ)


def _apart(one: datetime, other: datetime) -> timedelta:
    """Between two times of day, whichever way round the clock is shorter."""
    rest = (one - other) % DAY
    return min(rest, DAY - rest)


def _sum(windows: Sequence[Shown]) -> float:
    return sum(w.rows * w.rate for w in windows)
