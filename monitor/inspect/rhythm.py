"""When a log gets its rows: how many in an hour, in which hours, how late; and who makes an outsized part of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

HOUR_US = 3_600_000_000
LENGTHS = tuple(timedelta(hours=h) for h in (1, 3, 6, 24))
ENOUGH = 30  # requests in the median window
SETTLE = timedelta(minutes=10)
REPLAY = timedelta(days=14)
NOBODY = ("", "0", "-1", "guest", "anonymous", "anon", "unknown", "null", "none", "nan", "undefined")


@dataclass(frozen=True)
class Traffic:
    """Requests by hour, and the window that they ask for.

    Parameters
    ----------
    hours : int
        Hours that were looked into.
    with_data : int
        Those that had requests.
    median, low, high : float
        Requests in an hour that has any: the median, the tenth and the ninetieth of a hundred.
    length : timedelta
        Length of a window.
    cadence : timedelta or None
        How often data comes, when most windows are meant to be empty.
    """

    hours: int
    with_data: int
    median: float
    low: float
    high: float
    length: timedelta
    cadence: timedelta | None

    @property
    def per_window(self) -> float:
        """Requests that a window with data has."""
        if self.cadence is not None:
            return self.median
        share = self.with_data / self.hours if self.hours else 1.0
        return self.median * max(1.0, self.length / timedelta(hours=1) * share)


def traffic(requests: Mapping[int, float]) -> Traffic:
    """From requests by hour (hours since the epoch; hours that were looked into and had none are 0).

    >>> traffic({hour: 60.0 for hour in range(72)}).length
    datetime.timedelta(seconds=3600)
    >>> nightly = traffic({hour: 900.0 if hour % 24 == 3 else 0.0 for hour in range(240)})
    >>> nightly.cadence, nightly.with_data
    (datetime.timedelta(days=1), 10)
    """
    hours = sorted(requests)
    if len(hours) > 3:
        hours = hours[1:-1]  # the first and the last are cut off somewhere
    values = np.array([requests[h] for h in hours])
    there = values[values > 0]
    if not len(there):
        there = np.array([1.0])
    low, median, high = (float(q) for q in np.quantile(there, (0.1, 0.5, 0.9)))
    cadence = _cadence([h for h in hours if requests[h] > 0], hours)
    share = 1.0 if cadence else len(there) / max(1, len(hours))
    fit = [length for length in LENGTHS if median * share * (length / LENGTHS[0]) >= ENOUGH]
    if cadence or median >= ENOUGH:
        length = LENGTHS[0]
    else:
        length = fit[0] if fit else LENGTHS[-1]
    return Traffic(len(hours), int((values > 0).sum()), median, low, high, length, cadence)


def _cadence(with_data: Sequence[int], hours: Sequence[int]) -> timedelta | None:
    """A day or a week when data comes in few hours only, and regularly."""
    if len(hours) < 48 or not with_data or len(with_data) > 0.25 * len(hours):
        return None
    days = sorted({h // 24 for h in hours})
    full = [d for d in days if sum(1 for h in hours if h // 24 == d) >= 20]
    by_day = [d for d in full if any(h // 24 == d for h in with_data)]
    if len(full) >= 2 and len(by_day) >= 0.8 * len(full):
        return timedelta(days=1)
    if len(full) >= 14 and len(by_day) >= 2 and max(np.diff(by_day)) <= 8:
        return timedelta(days=7)
    return None


@dataclass(frozen=True)
class Lateness:
    """Whether partitions are named by the time of the event or of the arrival.

    Parameters
    ----------
    inside, before, after : float
        Share of rows in, before and after the time of their partition; 0 where wrong clocks explain them.
    latest : timedelta
        How long before its partition's begin a row lies at most.
    """

    inside: float
    before: float
    after: float
    latest: timedelta

    @property
    def by_arrival(self) -> bool:
        return self.before > 0

    @property
    def allowed(self) -> timedelta:
        """`partition_lateness`: the latest that was seen and as much again, in whole hours."""
        return (
            timedelta(hours=max(1, math.ceil(2 * self.latest / timedelta(hours=1))))
            if self.latest
            else timedelta(hours=1)
        )


def lateness(times: NDArray[np.int64], start: NDArray[np.int64], end: NDArray[np.int64]) -> Lateness | None:
    """Compare event times with the time of the partitions that the rows lie in, all in microseconds, shape (rows,).

    The rarest thousandth may be clocks that are wrong, and does not count. Nor do rows before or after a folder of an
    hour or less, unless half of the folders have such: late rows come all the time, and another time zone shifts all.
    """
    if not len(times):
        return None
    before, after = (_lasting(odd, start, end) for odd in (times < start, times >= end))
    enough = before.mean() > 0.001
    late = (start - times)[before]
    latest = timedelta(microseconds=int(np.quantile(late, 0.999))) if enough else timedelta()
    return Lateness(
        float((~before & ~after).mean()),
        float(before.mean()) if enough else 0.0,
        float(after.mean()),
        latest,
    )


def _lasting(odd: NDArray[np.bool_], start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows outside of their folder, none where they are in few of the folders of an hour or less: wrong clocks."""
    if (end - start).max() > timedelta(hours=1) // timedelta(microseconds=1):
        return odd
    folders, at = np.unique(start, return_inverse=True)
    share = np.bincount(at, odd, len(folders)) / np.bincount(at)
    return odd if (share > 0.001).mean() >= 0.5 else np.zeros(len(odd), bool)


@dataclass(frozen=True)
class Landing:
    """How long after their last event files come; None when it cannot be known."""

    delay: timedelta | None
    files: int = 0

    @property
    def settle(self) -> timedelta:
        """Ten minutes, or longer when files come later, in steps of five minutes."""
        if self.delay is None:
            return SETTLE
        step = timedelta(minutes=5)
        return max(SETTLE, math.ceil(self.delay * 1.2 / step) * step)


def landing(newest_us: Sequence[int], modified_us: Sequence[int]) -> Landing:
    """From the newest event and the time of modification of each file, in microseconds.

    Files that were all written at one time, as a copy is, say nothing.
    """
    if len(newest_us) < 5:
        return Landing(None)
    newest, modified = np.array(newest_us), np.array(modified_us)
    delay = modified - newest
    spread = modified.max() - modified.min()
    if spread < 0.5 * (newest.max() - newest.min()) or (delay < 0).mean() > 0.1:
        return Landing(None)
    typical = float(np.quantile(delay, 0.95))
    if np.median(delay) > 24 * HOUR_US or typical > 48 * HOUR_US:
        return Landing(None)
    return Landing(timedelta(microseconds=max(0, int(typical))), len(newest))


@dataclass(frozen=True)
class Guest:
    """A user id that stands for many people."""

    user: str
    share: float


def guests(users: Sequence[str], requests: NDArray[np.int64]) -> tuple[Guest, ...]:
    """Ids with an outsized share: over 5 % and 20 times the next one's, or over 1 % and a word for nobody.

    >>> guests(["anna", "ben", "guest", "carl"], np.array([3, 2, 95, 4]))
    (Guest(user='guest', share=0.9134615384615384),)
    """
    if not len(requests):
        return ()
    share = requests / max(1, requests.sum())
    order = np.argsort(-share)
    out = []
    for rank, i in enumerate(order[:10]):
        rest = share[order[rank + 1]] if rank + 1 < len(order) else 0.0
        nobody = users[i].strip().lower() in NOBODY and share[i] > 0.01
        if nobody or (share[i] > 0.05 and len(users) >= 20 and share[i] >= 20 * rest):
            out.append(Guest(users[i], float(share[i])))
    return tuple(out)
