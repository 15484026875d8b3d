"""Entropy of a population from the counts in a sample, nearly unbiased; for many samples at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, exp1

from detectors.measures.abundance import Abundances

F = NDArray[np.float64]

TERMS = 16  # of a series that are added one by one


class Entropy(NamedTuple):
    """Entropy in nats by sample; what one more row of a species changes in it (times the rows), by count; the part of
    the entropy that is of the unseen, by sample.
    """

    value: F
    slope: F
    unseen: F


def chao_wang_jost_entropy(counts: F) -> float:
    """Shannon entropy (nats) of a population from the counts in a sample, nearly unbiased.

    Parameters
    ----------
    counts : array, shape (species,)

    References
    ----------
    A. Chao, Y. T. Wang and L. Jost, "Entropy and the species accumulation curve", Methods in Ecology and Evolution 4,
    2013, equation 7.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> small = np.bincount(rng.integers(0, 1000, 2000)).astype(float)
    >>> round(float(np.log(1000)), 2), round(chao_wang_jost_entropy(small), 2)
    (6.91, 6.92)
    """
    return float(entropy_of(Abundances.of(counts)).value[0])


def entropy_of(found: Abundances) -> Entropy:
    """The same from the different counts and how often each occurs; NaN for a sample without rows."""
    sizes, times, sample = found.sizes, found.times, found.sample
    n = found.rows
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = digamma(n) - found.sums(sizes * times * digamma(sizes)) / n
    slope = np.log(n)[sample] - np.log(sizes) if len(sizes) else np.empty(0)
    once, twice = _near(sizes, 1), _near(sizes, 2)
    singles, doubles = found.sums(once * times), found.sums(twice * times)
    unseen = _of_unseen(singles, doubles, n)
    single, double = (_of_unseen(singles + i, doubles + j, n) - unseen for i, j in ((1, 0), (0, 1)))
    gain = (once - _near(sizes - 1, 1)) * single[sample] + (twice - _near(sizes - 1, 2)) * double[sample]
    return Entropy(observed + unseen, slope + n[sample] * gain, unseen)


def _near(sizes: F, count: int) -> F:
    """How far a count is that one, from 0 to 1.

    Counts of which repeats were averaged out are fractions: when the share of repeats passes a third, a count of two is
    no sudden one. Rounded, they made one and the same shop several times as diverse.
    """
    return np.clip(1 - np.abs(sizes - count), 0, 1)


def _of_unseen(singles: F, doubles: F, n: F) -> F:
    """What the species that were not seen add to the entropy, as told by those seen once and twice."""
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(
            doubles > 0,
            2 * doubles / ((n - 1) * singles + 2 * doubles),
            2 / ((n - 1) * (singles - 1) + 2),
        )
    some = (singles > 0) & (n >= 2) & (a < 1)
    x, rows = np.where(some, 1 - a, 0.5), np.where(some, n, 2.0)
    return np.where(some, singles / rows * _tail(x, rows), 0.0)


def _tail(x: F, n: F) -> F:
    """Sum over k >= 0 of x^(k+1) / (n+k): what the unseen add for each singleton.

    The first terms one by one; the rest as an integral with its first corrections (Euler and Maclaurin).
    """
    k = np.arange(TERMS)
    first, rate, m = x ** (TERMS + 1), -np.log(x), n + TERMS
    z = rate * m
    near = np.minimum(z, 500.0)  # beyond it the factors leave the range of numbers
    integral = np.where(z < 500, exp1(near) * np.exp(near), 1 / z - 1 / z**2)
    rest = integral + 0.5 / m + (rate + 1 / m) / m / 12
    total: F = (x[:, None] ** (k + 1) / (n[:, None] + k)).sum(axis=1) + first * rest
    return total
