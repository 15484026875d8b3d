"""Series: what the windows before and this one say together, for detectors of what no single window shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from detectors.core.verdict import Severity
from detectors.judgement.budget import Budget
from detectors.judgement.judged import FLOOR_Z, Judged, kind_of
from detectors.judgement.past import Past
from detectors.judgement.scales import F

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

    def erosions(self, measures: Sequence[str], slices: NDArray[np.bool_]) -> Iterator[tuple[str, F, F, F]]:
        """By how much the last day is off what was usual before the last few days, for several measures.

        The days before say how much one day is off another; what all slices have in common tells more of that than the
        few days of one slice. The day before has to be off to the same side, or it was a step, which one window shows.

        Parameters
        ----------
        measures : sequence of str
            Full names; all of them share the budget of false alarms.
        slices : array of bool, shape (slices,)
            Those that are looked at.

        Yields
        ------
        measure : str
        change, error, days : arrays, shape (slices,)
            The relative change; an error of which four are as likely by chance as the budget allows (Student's t);
            the days that say what is usual. NaN where too little is known. Measures of which nothing is known are left
            out.
        """
        at, columns = {}, [np.empty(0, np.int64)]
        for name in measures:
            if (judged := self.judged.get(name)) is not None:
                there = set(judged.slices)
                at[name] = np.array([i for i in np.flatnonzero(slices) if self.slices[i] in there], int)
                texts = [self.slices[i] for i in at[name]]
                columns.append(self.past.columns(name, texts, kind_of(judged.measure)))
        by_day, noise, level = self.past.days(self.start_us, np.concatenate(columns), LAST_DAYS)
        first = 0
        for name, here in at.items():
            mine = slice(first, first + len(here))
            first += len(here)
            part = (by_day[:, mine], noise[mine], level[mine])
            found = self._erosion(np.concatenate(columns)[mine], *part, tests=len(measures))
            if found is not None:
                out = np.full((3, len(self.slices)), np.nan)
                out[:, here] = found
                yield name, out[0], out[1], np.nan_to_num(out[2])

    def _erosion(
        self, columns: NDArray[np.int64], by_day: F, noise: F, level: F, *, tests: int
    ) -> tuple[F, F, F] | None:
        """Change, error and days of one measure's series."""
        usual = by_day[LAST_DAYS:]
        n = np.isfinite(usual).sum(axis=0)
        known = n >= LEAST_DAYS
        if not known.any():
            return None
        mean = np.nansum(usual, axis=0) / np.maximum(n, 1)
        own = np.nansum((usual - mean) ** 2, axis=0) / np.maximum(n - 1, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shared = np.median(own[known])
            variance = np.maximum((n * own + SHARED * shared) / (n + SHARED), noise)
            off, before = by_day[0] - mean, by_day[1] - mean
            off = np.where(np.sign(off) * before >= AS_MUCH * np.abs(off), off, 0.0)
            allowed = self.budget.chance(
                Severity.TICKET, measures=tests, slices=len(columns), window_us=self.window_us
            )
            quantile = stdtrit(n + SHARED / 2, 1 - allowed)
            half = np.sqrt(variance * (1 + 1 / np.maximum(n, 1))) * quantile / FLOOR_Z
            relative, slope = self.past.relative(columns, off, level)
            error = half * slope
        known &= np.isfinite(by_day[0]) & np.isfinite(by_day[1])
        if not known.any():
            return None
        return np.where(known, relative, np.nan), np.where(known, error, np.nan), n.astype(float)
