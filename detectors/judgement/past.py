"""What is remembered of earlier windows, and what it makes likely for the next: clock-aware and robust.

The centre is the median of the same hours, one either side, of the days before. The spread comes from how far earlier
windows fell from *their* expectation, shared over hours and in part over the slices of a measure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import distinct
from detectors.judgement.anew import Anew
from detectors.judgement.batches import MadeInHours
from detectors.judgement.ledger import Ledger
from detectors.judgement.scales import (
    F,
    by_logarithm,
    error_on_scale,
    from_scale,
    least_variance,
    to_scale,
)
from detectors.judgement.strays import Strays, median
from detectors.judgement.usual import LEAST_POINTS, MEDIAN_VARIANCE, odd_answers_of, together_of, usual

DAY = 86_400_000_000  # in microseconds
DAYS = 14  # remembered
CLOCK_DAYS = 8  # days whose same hours make the centre: a weekday's like is among them
MOST_ASKED = 4096  # lists of slices whose columns are kept

# Of a series in a window: value on the judged scale, NaN where unknown or excluded; variance of its sampling error;
# how far it was off what had been expected; the value as measured, trouble or not.
NUMBERS = ("scaled", "variance", "residual", "found")


@dataclass(frozen=True)
class Expectation:
    """What history makes likely, for each series, on the scale on which it is judged.

    Parameters
    ----------
    centre : array
        NaN where there is too little history.
    spread : array
        Standard deviation from window to window beyond sampling error, and of the centre itself.
    freedom : array
        Degrees of freedom behind `spread`.
    together : array
        How many of a count come together, or of the answers that a share had otherwise than usual; 1 for other values,
        NaN where nothing was counted.
    seen : array of bool
        Whether there was anything but nought at these hours.
    answers, odd : array
        Of a share whose median at these hours was 0 or 1: independent answers at these hours, and how many of them were
        otherwise, both in units of what comes together; 0 answers for all else.
    """

    centre: F
    spread: F
    freedom: F
    together: F
    seen: NDArray[np.bool_]
    answers: F
    odd: F

    def at(self, columns: NDArray[np.int64]) -> Expectation:
        """Of some series."""
        return Expectation(*(getattr(self, f.name)[columns] for f in fields(self)))


@dataclass(frozen=True)
class _View:
    """What counts for one window, arrays of shape (windows, series)."""

    scaled: F
    variance: F
    residual: F

    def hide(self, windows: NDArray[np.bool_], columns: NDArray[np.int64]) -> None:
        for array in (self.scaled, self.variance, self.residual):
            array[np.ix_(windows, columns)] = np.nan


class Past:
    """Values of many series over the last `DAYS` days.

    A series is one measure in one slice. Appending is the only change: what is expected of a window depends on the
    windows before it alone, so a past that is read back from a store goes on as if it had never stopped.
    """

    def __init__(self) -> None:
        self._column: dict[tuple[str, str], int] = {}
        self._slices: dict[str, list[str]] = {}  # of each measure, as they came
        self._asked: dict[tuple[str, tuple[str, ...]], NDArray[np.int64]] = {}  # windows are much alike
        self._kind = np.empty(0, np.int8)
        self._group = np.empty(0, np.int64)  # which measure a series is of
        self._groups: dict[str, int] = {}
        self._ledger = Ledger(NUMBERS)
        self._anew: list[Anew] = []
        # Learned at the day's first window, and when a change that is meant begins or ends.
        self._strays: tuple[tuple[int, ...], Strays] | None = None

    def forget(self, change: Anew) -> None:
        """From a change that is meant on, what was before it no longer counts for the series that it covers."""
        self._anew.append(change)

    def columns(self, measure: str, slices: Sequence[str], kind: int) -> NDArray[np.int64]:
        """Column of each slice's series of a measure; new ones are made."""
        asked = measure, tuple(slices)
        if (known := self._asked.get(asked)) is not None:
            return known
        new = [s for s in dict.fromkeys(slices) if (measure, s) not in self._column]
        self._column |= {(measure, s): at for at, s in enumerate(new, len(self._column))}
        if new:
            self._slices.setdefault(measure, []).extend(new)
            group = self._groups.setdefault(measure, len(self._groups))
            self._kind = np.append(self._kind, np.full(len(new), kind, np.int8))
            self._group = np.append(self._group, np.full(len(new), group))
            self._ledger.widen(len(self._column))
        if len(self._asked) >= MOST_ASKED:
            self._asked.clear()
        out = self._asked[asked] = np.array([self._column[measure, s] for s in slices], np.int64)
        out.setflags(write=False)
        return out

    def known(self, measure: str) -> Sequence[str]:
        """Slices of a measure that were ever seen."""
        return self._slices.get(measure, ())

    def expect(
        self, start_us: int, columns: NDArray[np.int64], batches: Sequence[MadeInHours] = ()
    ) -> Expectation:
        """What the windows before make likely of some series for the one that starts then."""
        kind = self._kind[columns]
        age = start_us - self._ledger.times
        off_clock = np.abs((age + DAY // 2) % DAY - DAY // 2)
        hour = 3_600_000_000
        same_hours = (age >= DAY // 2) & (age <= CLOCK_DAYS * DAY) & (off_clock <= hour)
        seen_now = self._as_of(start_us)
        scaled, variance = self._alike(seen_now, same_hours, columns, start_us, batches)
        together = together_of(kind, scaled, variance)
        centre, points, deviation = usual(kind, scaled, variance, together, off_clock[same_hours] == 0)
        centre[points < LEAST_POINTS] = np.nan
        spread, freedom = self._learned(start_us, seen_now, columns)
        unlearned = freedom == 0
        spread = np.where(unlearned, deviation, spread)
        freedom = np.where(unlearned, np.maximum(points - 1, 1), freedom)
        with np.errstate(invalid="ignore", divide="ignore"):
            total = spread * np.sqrt(1 + MEDIAN_VARIANCE / points)
        seen = (scaled > np.log(0.5)).any(axis=0)
        answers, odd, of_share = odd_answers_of(kind, centre, scaled, variance)
        return Expectation(centre, total, freedom, together * of_share, seen, answers, odd)

    def _alike(
        self,
        view: _View,
        windows: NDArray[np.bool_],
        columns: NDArray[np.int64],
        start_us: int,
        batches: Sequence[MadeInHours],
    ) -> tuple[F, F]:
        """Values and variances of some windows, NaN where a batch is made in the one that starts then and not in them,
        or in them alone."""
        at = np.ix_(windows, columns)
        scaled, variance = view.scaled[at], view.variance[at]
        for batch in batches:
            other = batch.made(self._ledger.times[windows]) != batch.made(np.array([start_us]))
            covered = np.array([batch.covers(s) for _, s in self._column], bool)[columns]
            scaled[np.ix_(other, covered)] = variance[np.ix_(other, covered)] = np.nan
        return scaled, variance

    def _as_of(self, start_us: int) -> _View:
        """What counts for the window that starts then."""
        times = self._ledger.times
        view = _View(self._ledger["scaled"], self._ledger["variance"], self._ledger["residual"])
        changes = [change for change in self._anew if change.begun(start_us)]
        if not changes:
            return view
        view = _View(view.scaled.copy(), view.variance.copy(), view.residual.copy())
        for change in changes:
            end_us = np.inf if change.end_us is None else change.end_us
            inside = (times >= change.start_us) & (times < end_us)
            columns = np.array([at for (m, s), at in self._column.items() if change.covers(m, s)], int)
            if change.over(start_us):
                view.hide(inside, columns)
                continue
            view.hide(~inside, columns)
            # What was judged before the change was known was held against what had been usual.
            at = np.ix_(inside & (times <= change.judged_us), columns)
            view.scaled[at] = self._ledger["found"][at]
            view.residual[at] = np.nan
        return view

    def value_at(self, start_us: int, columns: NDArray[np.int64]) -> F:
        """Values and errors of some series in one earlier window, NaN where unknown, shape (2, series)."""
        at = np.flatnonzero(self._ledger.times == start_us)
        if not len(at):
            return np.full((2, len(columns)), np.nan)
        kind, counts = self._kind[columns], self._as_of(start_us)
        value = from_scale(kind, counts.scaled[at[-1], columns])
        error = np.sqrt(counts.variance[at[-1], columns])
        return np.stack([value, np.where(by_logarithm(kind), error * np.maximum(value, 0.5), error)])

    def days(self, start_us: int, columns: NDArray[np.int64], recent: int) -> tuple[F, F, F]:
        """How far each day before a window was off what is usual at its hours, on the judged scale.

        Parameters
        ----------
        recent : int
            Days that do not tell what is usual.

        Returns
        -------
        by_day : array, shape (DAYS, series)
            Median over the windows of a day, the newest day (the 24 hours before the window) first; NaN where half of
            them are not known. A few hours that are far off do not move it, be it that nothing was told of them.
        noise : array, shape (series,)
            What sampling alone does to such a median.
        level : array, shape (series,)
            Mean of what is usual.
        """
        times = self._ledger.times
        day = (start_us - 1 - times) // DAY
        inside = (day >= 0) & (day < DAYS)
        day, clock = day[inside], (times[inside] - start_us) % DAY
        counts = self._as_of(start_us)
        scaled, variance = counts.scaled[inside][:, columns], counts.variance[inside][:, columns]
        off = np.full(scaled.shape, np.nan)
        level, hours = np.zeros(len(columns)), np.zeros(len(columns))
        for hour in distinct(clock):
            here = clock == hour
            at_hour = median(scaled[here & (day >= recent)])[0]
            off[here] = scaled[here] - at_hour
            level += np.nan_to_num(at_hour)
            hours += np.isfinite(at_hour)
        by_day = np.full((DAYS, len(columns)), np.nan)
        for d in range(DAYS):
            middle, n = median(off[day == d])
            by_day[d] = np.where(n * 2 >= max(len(distinct(clock)), 1), middle, np.nan)
        n = np.maximum(np.isfinite(variance).sum(axis=0), 1)
        of_hour = MEDIAN_VARIANCE * np.nansum(variance, axis=0) / n
        noise = of_hour / np.maximum(n / max(len(distinct(day)), 1), 1)
        return by_day, noise, level / np.maximum(hours, 1)

    def relative(self, columns: NDArray[np.int64], off: F, level: F) -> tuple[F, F]:
        """A difference on the judged scale as a share of the level, and what one unit of it is there."""
        logarithmic = by_logarithm(self._kind[columns])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(logarithmic, np.expm1(off), off / np.abs(level))
            return share, np.where(logarithmic, np.exp(off), 1 / np.abs(level))

    def remember(
        self,
        start_us: int,
        columns: NDArray[np.int64],
        value: F,
        error: F,
        excluded: NDArray[np.bool_],
        expected: F,
    ) -> None:
        """Add a window: values and errors of series, which of them to leave out, and what had been expected of them.

        In the place of what is left out stands what had been expected, so that history does not end before the trouble.
        """
        self._forget(start_us)
        rows = np.full((len(NUMBERS), len(self._column)), np.nan)
        kind = self._kind[columns]
        usable = np.isfinite(value) & ~excluded
        scaled = to_scale(kind, value)
        rows[0, columns] = np.where(usable, scaled, np.where(excluded, to_scale(kind, expected), np.nan))
        variance = np.fmax(error_on_scale(kind, value, error) ** 2, least_variance(kind, scaled))
        rows[1, columns] = np.where(usable, variance, np.nan)
        rows[2, columns] = np.where(usable, scaled - to_scale(kind, expected), np.nan)
        rows[3, columns] = np.where(np.isfinite(value), scaled, np.nan)
        self._ledger.append(start_us, rows)

    def _forget(self, start_us: int) -> None:
        old = self._ledger.times < start_us - (DAYS + 1) * DAY
        if old.sum() * 8 > len(old):  # not one by one: each cut copies
            self._ledger.keep(~old)

    def _learned(self, start_us: int, view: _View, columns: NDArray[np.int64]) -> tuple[F, F]:
        """Spread and degrees of freedom of some series from the residuals of whole days before this one."""
        today = start_us // DAY
        state = (today, *(c.begun(start_us) + c.over(start_us) for c in self._anew))
        if self._strays is None or self._strays[0] != state:
            times = self._ledger.times
            first, end = np.searchsorted(times, [(today - DAYS) * DAY, today * DAY])
            group = self._group[: view.scaled.shape[1]]
            self._strays = state, Strays.of(view.residual[first:end], view.variance[first:end], group)
        return self._strays[1].spread(columns, self._group[columns])
