"""How far each series strays from what is expected of it, learned from many windows and in part from other slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.judgement.scales import F

LEAST_RESIDUALS = 12  # windows from which a spread is learned
SHRINKAGE = 24.0  # windows that what the slices have in common is worth, against a slice's own

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Strays:
    """What was learned of K series of G measures.

    Parameters
    ----------
    windows : array, shape (K,)
        From how many.
    extra : array, shape (K,)
        Variance from window to window beyond sampling error.
    shared, support : arrays, shape (G,)
        The same of all slices of a measure, and from how many windows; 0 windows where too few are known.
    """

    windows: F
    extra: F
    shared: F
    support: F

    @classmethod
    def of(cls, residual: F, variance: F, group: I64) -> Strays:
        """Learn from windows.

        Parameters
        ----------
        residual, variance : arrays, shape (windows, K)
            How far values were off what had been expected; the squares of their errors. NaN where unknown.
        group : array, shape (K,)
            Which measure each series is of, from 0.

        Four windows of two slices tell too little:

        >>> Strays.of(np.ones((4, 2)), np.zeros((4, 2)), np.zeros(2, int)).support.tolist()
        [0.0]
        """
        middle, n = median(np.abs(residual))
        square = (1.4826 * middle) ** 2
        sampling = median(variance)[0]
        extra = np.where(n > 0, np.maximum(square - np.nan_to_num(sampling), 0.0), 0.0)
        groups = int(group.max(initial=-1)) + 1
        shared, support = np.zeros(groups), np.zeros(groups)
        for g in range(groups):
            mine = np.flatnonzero((group == g) & (n >= LEAST_RESIDUALS))
            if len(mine):
                # Slices whose own sampling error is small tell most about what they have in common.
                noise = np.nan_to_num(sampling[mine])
                weight = n[mine] / (noise + noise.min() + 1e-12) ** 2
                shared[g] = np.average(extra[mine], weights=weight)
                support[g] = n[mine].max()
        return cls(n, extra, shared, support)

    def spread(self, series: I64, group: I64) -> tuple[F, F]:
        """Standard deviation beyond sampling error, and degrees of freedom behind it, of some series.

        Parameters
        ----------
        series, group : arrays of int
            Series, and which measure each is of; of those that came later only what the slices of the measure have in
            common is known, if that.
        """
        n, extra = _of(self.windows, series), _of(self.extra, series)
        shared, support = _of(self.shared, group), _of(self.support, group)
        variance = (n * extra + SHRINKAGE * shared) / (n + SHRINKAGE)
        freedom = np.where(support > 0, np.minimum(n, 100) / 4 + np.minimum(support, SHRINKAGE) / 2, 0.0)
        return np.sqrt(variance), freedom


def _of(learned: F, at: I64) -> F:
    """What was learned; 0 of what came later."""
    return np.append(learned, 0.0)[np.minimum(at, len(learned))]


def median(values: F) -> tuple[F, F]:
    """Median and count of each column's finite values."""
    if not len(values):
        return np.full(values.shape[1], np.nan), np.zeros(values.shape[1])
    ordered = np.sort(values.T, axis=1)  # NaN last; a series in one piece is sorted several times faster
    n = np.isfinite(ordered).sum(axis=1)
    return _pick(ordered, n), n.astype(float)


def _pick(ordered: F, n: NDArray[np.int64]) -> F:
    """The middle of the first n of each row."""
    at = np.arange(len(ordered))
    low, high = np.maximum((n - 1) // 2, 0), np.minimum(n // 2, ordered.shape[1] - 1)
    return np.where(n > 0, (ordered[at, low] + ordered[at, high]) / 2, np.nan)
