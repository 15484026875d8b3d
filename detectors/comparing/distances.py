"""Distances between two distributions of numbers in bins, with what chance alone adds to them taken out.

Any distance of two samples of one distribution is above zero, the more the smaller they are. It is brought to zero
here, so that a distance says how different two distributions are, and not how many rows were seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]

PSI_BINS = 10
KOLMOGOROV = np.pi**2 / 12  # mean square of Kolmogorov's limit distribution


@dataclass(frozen=True)
class TwoHistograms:
    """Counts of the same bins in two samples.

    Parameters
    ----------
    now, before : arrays, shape (slices, bins)
    n, m : arrays, shape (slices,)
        Independent observations behind them; at most the counts.
    middle : array, shape (bins,)
        A value in the middle of each bin, rising.
    """

    now: F
    before: F
    n: F
    m: F
    middle: F

    def kolmogorov_smirnov(self) -> tuple[F, F]:
        """Largest difference of the two distribution functions, and its standard error, shape (slices,).

        References
        ----------
        A. Kolmogorov, "Sulla determinazione empirica di una legge di distribuzione", Giornale dell'Istituto Italiano
        degli Attuari 4, 1933; N. Smirnov, 1939 (two samples).

        >>> import numpy as np
        >>> far = TwoHistograms(np.array([[9.0, 1, 0]]), np.array([[1.0, 0, 9]]), *np.full((2, 1), 1e6), np.arange(3.0))
        >>> [x.round(3).tolist() for x in far.kolmogorov_smirnov()]
        [[0.9], [0.0]]
        """
        apart = np.abs(self._p.cumsum(axis=1) - self._q.cumsum(axis=1))
        at = apart.argmax(axis=1)[:, None]
        f, g = (np.take_along_axis(x.cumsum(axis=1), at, 1)[:, 0] for x in (self._p, self._q))
        value = np.take_along_axis(apart, at, 1)[:, 0]
        error = np.sqrt(self._share_variance(f, self.n) + self._share_variance(g, self.m))
        return _less(value, np.sqrt(KOLMOGOROV * self._noise)), error

    def wasserstein(self) -> tuple[F, F]:
        """Mean distance that values move (the earth mover's), in spreads between the quartiles of before.

        NaN where all values of before are the same.

        References
        ----------
        L. N. Vaserstein, "Markov processes over denumerable products of spaces", Problems of Information Transmission
        5, 1969; computed as the area between the distribution functions.
        """
        f, g = self._p.cumsum(axis=1)[:, :-1], self._q.cumsum(axis=1)[:, :-1]
        step = np.diff(self.middle)
        spread = self._spread()
        both = (f + g) / 2
        varies = both * (1 - both)
        varies[varies < 1e-12] = 0  # rounding, of which the root is no longer small
        with np.errstate(invalid="ignore", divide="ignore"):
            by_chance = (np.sqrt(2 / np.pi * varies) @ step) * np.sqrt(self._noise)
            error = np.sqrt(self._variance(self._p) / self.n + self._variance(self._q) / self.m)
            value = _less(np.abs(f - g) @ step, by_chance) / spread
            # The spread is known from a sample too: of a normal one, to within 1.17 over the root of its size.
            return value, np.hypot(error / spread, 1.17 * value / np.sqrt(self.m))

    def stability_index(self) -> tuple[F, F]:
        """Population stability index over `PSI_BINS` bins that hold about as much of before each.

        References
        ----------
        B. Yurdakul and J. Naranjo, "Statistical properties of the population stability index", Journal of Risk Model
        Validation 14 (4), 2020 (what chance adds: (bins - 1) (1/n + 1/m)).
        """
        slices = len(self._p)
        # A bin of ours goes where the middle of its share of before lies among the tenths.
        tenth = np.nan_to_num((self._q.cumsum(axis=1) - self._q / 2) * PSI_BINS).astype(np.int64)
        tenth = np.minimum(tenth, PSI_BINS - 1)
        code = (np.arange(slices)[:, None] * PSI_BINS + tenth).ravel()
        p, q = (
            np.bincount(code, x.ravel(), slices * PSI_BINS).reshape(slices, PSI_BINS)
            for x in (self._p, self._q)
        )
        used = (p + q > 0).sum(axis=1)
        empty = p + q == 0
        with np.errstate(invalid="ignore", divide="ignore"):
            p, q = (
                np.where(empty, 0, (x * n[:, None] + 0.5) / (n + 0.5 * used)[:, None])
                for x, n in ((p, self.n), (q, self.m))
            )
            ratio = np.log(np.where(empty, 1.0, p / q))
            value = ((p - q) * ratio).sum(axis=1) - (used - 1) * self._noise
            slope_p, slope_q = (
                ratio + 1 - np.where(empty, 1.0, q / p),
                -ratio + 1 - np.where(empty, 1.0, p / q),
            )
            variance = sum(
                ((x * slope**2).sum(axis=1) - (x * slope).sum(axis=1) ** 2) / n
                for x, slope, n in ((p, slope_p, self.n), (q, slope_q, self.m))
            )
            # Without a difference the slopes are nothing but noise, and count what is left of it twice.
            by_chance = 2 * np.maximum(used - 1, 1) * self._noise**2
            error = np.sqrt(np.maximum(variance - by_chance, by_chance))
        return np.where(np.isfinite(value), np.maximum(value, 0), np.nan), error

    def medians(self) -> tuple[F, F]:
        """Now and before, shape (slices,)."""
        return self._quantile(self._p, 0.5), self._quantile(self._q, 0.5)

    @cached_property
    def _p(self) -> F:
        return _normalised(self.now)

    @cached_property
    def _q(self) -> F:
        return _normalised(self.before)

    @cached_property
    def _noise(self) -> F:
        """Variance of a difference of two shares, in units of share times one less it."""
        with np.errstate(divide="ignore"):
            return 1 / self.n + 1 / self.m

    def _spread(self) -> F:
        """Between the quartiles of before; where these are one, the standard deviation."""
        low, high = self._quantile(self._q, 0.25), self._quantile(self._q, 0.75)
        spread = np.where(high > low, high - low, np.sqrt(self._variance(self._q)))
        return np.where(spread > 0, spread, np.nan)

    def _quantile(self, share: F, at: float) -> F:
        place = np.minimum((share.cumsum(axis=1) < at - 1e-12).sum(axis=1), len(self.middle) - 1)
        return np.where(np.isfinite(share).all(axis=1), self.middle[place], np.nan)

    def _variance(self, share: F) -> F:
        apart = self.middle - (share @ self.middle)[:, None]
        return np.einsum("sk,sk->s", share, apart**2)

    @staticmethod
    def _share_variance(share: F, n: F) -> F:
        """Of a share of n: with two hits and two misses added, since none seen is not none."""
        with np.errstate(invalid="ignore", divide="ignore"):
            centre = (share * n + 2) / (n + 4)
            return np.where(n > 0, centre * (1 - centre) / n, np.nan)


def _normalised(counts: F) -> F:
    with np.errstate(invalid="ignore", divide="ignore"):
        return counts / counts.sum(axis=1, keepdims=True)


def _less(value: F, by_chance: F) -> F:
    """A distance without what chance adds, as lengths of vectors at right angles are."""
    left = value**2 - by_chance**2
    return np.sqrt(np.where(left > 1e-12 * value**2, left, left * 0))  # less is rounding; NaN stays
