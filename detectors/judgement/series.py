"""Series: what the windows before and this one say together, for detectors of what no single window shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from detectors.core.verdict import Severity
from detectors.judgement.budget import Budget
from detectors.judgement.judge import FLOOR_Z, Judged, kind_of
from detectors.judgement.past import F, Past

LAST_DAYS = 3  # that an erosion may have begun in: what is usual is told by the days before them
LEAST_DAYS = 6  # of those
AS_MUCH = 0.3  # of what the last day is off, the day before is off too
SHARED = 12.0  # days that what the slices have in common is worth, against a slice's own


@dataclass(frozen=True)
class Series:
    """The measures of one window and everything that is remembered of earlier ones.

    Parameters
    ----------
    start_us : int
        Start of the window; `window_us` its length, both in microseconds.
    slices : tuple of str
    judged : mapping of full name to Judged
        The measures of this window.
    """

    start_us: int
    window_us: int
    slices: tuple[str, ...]
    judged: Mapping[str, Judged]
    past: Past = field(default_factory=Past)
    budget: Budget = field(default_factory=Budget)

    def erosion(self, measure: str, slices: NDArray[np.bool_], tests: int) -> tuple[F, F, F]:
        """By how much the last day is off what was usual before the last few days.

        The days before say how much one day is off another; what all slices have in common tells more of that than the
        few days of one slice. The day before has to be off to the same side, or it was a step, which one window shows.

        Parameters
        ----------
        slices : array of bool, shape (slices,)
            Those that are looked at.
        tests : int
            Measures that share the budget of false alarms.

        Returns
        -------
        change, error, days : arrays, shape (slices,)
            The relative change; an error of which four are as likely by chance as the budget allows (Student's t);
            the days that say what is usual. NaN where too little is known.
        """
        change, error, days = np.full((3, len(self.slices)), np.nan)
        judged = self.judged.get(measure)
        at = np.array([i for i in np.flatnonzero(slices) if judged and self.slices[i] in judged.slices], int)
        if judged is None or not len(at):
            return change, error, np.nan_to_num(days)
        kind = kind_of(judged.measure)
        columns = self.past.columns(measure, [self.slices[i] for i in at], kind)
        by_day, noise, level = self.past.days(self.start_us, columns, LAST_DAYS)
        usual = by_day[LAST_DAYS:]
        n = np.isfinite(usual).sum(axis=0)
        known = n >= LEAST_DAYS
        if not known.any():
            return change, error, np.nan_to_num(days)
        mean = np.nansum(usual, axis=0) / np.maximum(n, 1)
        own = np.nansum((usual - mean) ** 2, axis=0) / np.maximum(n - 1, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shared = np.median(own[known])
            variance = np.maximum((n * own + SHARED * shared) / (n + SHARED), noise)
            off, before = by_day[0] - mean, by_day[1] - mean
            together = np.sign(off) * before >= AS_MUCH * np.abs(off)
            off = np.where(together, off, 0.0)
            allowed = self.budget.chance(
                Severity.TICKET, measures=tests, slices=len(at), window_us=self.window_us
            )
            quantile = stdtrit(n + SHARED / 2, 1 - allowed)
            half = np.sqrt(variance * (1 + 1 / np.maximum(n, 1))) * quantile / FLOOR_Z
            relative, slope = self.past.relative(columns, off, level)
        known &= np.isfinite(off)
        change[at], error[at] = np.where(known, relative, np.nan), np.where(known, half * slope, np.nan)
        days[at] = n
        return change, error, np.nan_to_num(days)
