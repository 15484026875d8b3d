"""Entropy of a population from the counts in a sample, nearly unbiased."""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, exp1

F = NDArray[np.float64]

TERMS = 16  # of a series that are added one by one


class Entropy(NamedTuple):
    """Entropy in nats; what one more row of a species changes in it (times the rows), by count; the unseen's part."""

    value: float
    slope: F
    unseen: float


def chao_wang_jost_entropy(counts: F) -> float:
    """Shannon entropy (nats) of a population from the counts in a sample, nearly unbiased.

    Parameters
    ----------
    counts : array, shape (species,)
        All above zero.

    References
    ----------
    A. Chao, Y. T. Wang and L. Jost, "Entropy and the species accumulation curve", Methods in Ecology and Evolution 4,
    2013, equation 7.

    >>> import numpy as np
    >>> rng = np.random.default_rng(1)
    >>> small = np.bincount(rng.integers(0, 1000, 2000)); small = small[small > 0].astype(float)
    >>> round(float(np.log(1000)), 2), round(float(chao_wang_jost_entropy(small)), 2)
    (6.91, 6.92)
    """
    return entropy_of(*np.unique(counts, return_counts=True)).value


def entropy_of(sizes: F, times: NDArray[np.integer]) -> Entropy:
    """The same from the different counts and how often each occurs.

    Parameters
    ----------
    sizes : array, shape (sizes,)
        Above zero, ascending; fractions where repeats were averaged out.
    times : array of int, shape (sizes,)
        How many species have that count.
    """
    rows = sizes * times
    n = float(rows.sum())
    observed = float(digamma(n) - rows @ digamma(sizes) / n)
    slope = -np.log(sizes / n)
    one, two, three = np.searchsorted(
        sizes, (1.5, 2.5, 3.5)
    )  # counts that are 1, 2 and 3 when rounded end there
    singles, doubles = int(times[:one].sum()), int(times[one:two].sum())
    unseen = _of_unseen(singles, doubles, n)
    single, double = (_of_unseen(singles + i, doubles + j, n) - unseen for i, j in ((1, 0), (0, 1)))
    slope[:one] += n * single
    slope[one:two] += n * (double - single)
    slope[two:three] -= n * double
    return Entropy(observed + unseen, slope, unseen)


def _of_unseen(singles: int, doubles: int, n: float) -> float:
    """What the species that were not seen add to the entropy, as told by those seen once and twice."""
    if not singles or n < 2:
        return 0.0
    if doubles:
        a = 2 * doubles / ((n - 1) * singles + 2 * doubles)
    else:
        a = 2 / ((n - 1) * (singles - 1) + 2)
    return singles / n * _tail(1 - a, n) if a < 1 else 0.0


def _tail(x: float, n: float) -> float:
    """Sum over k >= 0 of x^(k+1) / (n+k): what the unseen add for each singleton.

    The first terms one by one; the rest as an integral with its first corrections (Euler and Maclaurin).
    """
    first, rate, m = x ** (TERMS + 1), -log(x), n + TERMS
    z = rate * m
    integral = float(exp1(z)) * exp(z) if z < 500 else 1 / z - 1 / z**2
    rest = integral + 0.5 / m + (rate + 1 / m) / m / 12
    return sum(x ** (k + 1) / (n + k) for k in range(TERMS)) + first * rest
