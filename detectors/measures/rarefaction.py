"""Rarefaction: what a sample of a fixed number of rows would show, so that no value moves with the traffic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from detectors.measures.abundance import Abundances

F = NDArray[np.float64]

FAR = 8.0  # standard deviations from its mean beyond which a count in the sample is taken for impossible
PRECISION = 0.03  # by which large counts may be rounded, relative


class Rarefied(NamedTuple):
    """A value, and what one more row of an item of each count changes in it (times the rows)."""

    value: float
    slope: F


def distinct_items(found: Abundances, rows: F, to: int) -> tuple[F, F]:
    """Distinct items expected in a sample of `to` rows without replacement.

    Parameters
    ----------
    found : Abundances
        Of the items that are asked about, in any number of samples.
    rows : array, shape (samples,)
        Of all items.

    Returns
    -------
    values : array, shape (samples,)
        NaN where there are fewer rows than `to`.
    slopes : array, shape (E,)
        What one more row of an item of each count changes in it (times the rows).

    References
    ----------
    S. H. Hurlbert, "The nonconcept of species diversity", Ecology 52, 1971, equation 13.

    >>> import numpy as np
    >>> pairs, _ = distinct_items(Abundances.of(np.array([2.0, 1.0])), np.array([3.0]), 2)  # of AAB: AA, AB, AB
    >>> pairs.round(4).tolist()
    [1.6667]
    """
    enough, sample = rows >= to, found.sample
    log_all = np.where(enough, gammaln(np.maximum(rows - to, 0) + 1) - gammaln(rows + 1), np.nan)
    left = rows[sample] - found.sizes
    absent = gammaln(np.maximum(left, 0) + 1) - gammaln(np.maximum(left - to, 0) + 1) + log_all[sample]
    there = -np.expm1(np.where((left >= to) | ~enough[sample], absent, -np.inf))
    slopes = to * np.exp(-to * np.maximum(found.sizes - 0.5, 0) / rows[sample])
    return np.where(enough, found.sums(found.times * there), np.nan), slopes


def gini_index(sizes: F, times: NDArray[np.integer], rows: float, catalogue: int, to: int) -> Rarefied:
    """Gini index of exposure over a catalogue, as a sample of `to` rows shows it on average.

    0 when all items of the catalogue are shown equally often; items that are not shown count with 0. A sample in which
    fewer rows than items are shown cannot be even: of two values only those of one `to` and one catalogue compare.

    Parameters
    ----------
    sizes : array, shape (sizes,)
        The different counts of items in the catalogue, above zero, ascending.
    times : array of int, shape (sizes,)
        How many items have that count.
    rows : float
        Of all items, in the catalogue or not, `to` or more.
    catalogue : int
        Items that may be shown.

    Notes
    -----
    With K(t) items that are shown t times or more, the sum of all differences between two items is that over t of
    K(t) (N - K(t)), which makes the index 1 - (sum of K(t)^2) / (N * sum of K(t)). Each row is in the sample with the
    chance to / rows (Bernoulli sampling), so an item's count in it is binomial, and what is expected of K(t) follows.

    References
    ----------
    C. Gini, "Variabilita e mutabilita", 1912; as a measure of recommenders D. Fleder and K. Hosanagar, "Blockbuster
    culture's next rise or fall", Management Science 55 (5), 2009.

    >>> import numpy as np
    >>> round(gini_index(np.array([2.0]), np.array([5]), 10, 10, 10).value, 4)  # half of the items, evenly
    0.5
    """
    share = to / rows
    exactly = _thinned(sizes, share)  # P(count in the sample is t), t from 0
    at_least = np.maximum(1 - np.cumsum(exactly, axis=1), 0)  # P(count > t): t + 1 or more
    k = times @ at_least
    spread = times @ (at_least * (1 - at_least))
    shown, square = float(k.sum()), float((k**2 + spread).sum())
    gain = ((2 * k + 1 - 2 * at_least) * exactly).sum(axis=1)
    return Rarefied(1 - square / (catalogue * shown), -to / (catalogue * shown) * (gain - square / shown))


def grouped(sizes: F, times: NDArray[np.integer]) -> tuple[F, NDArray[np.int64], NDArray[np.int64]]:
    """Counts with those that are nearly alike put together: their means, how many items, and the group of each."""
    group = np.where(sizes < 1 / PRECISION, sizes, np.floor(np.log(sizes) / PRECISION) + 1e6)
    _, first, number = np.unique(group, return_index=True, return_inverse=True)
    items = np.bincount(number, times, len(first))
    return np.bincount(number, sizes * times, len(first)) / items, items.astype(np.int64), number


def _thinned(sizes: F, share: float) -> F:
    """Chances of each count in a sample that has each row with the chance `share`, shape (sizes, counts)."""
    mean = sizes.max() * share
    most = int(np.ceil(min(sizes.max(), mean + FAR * np.sqrt(mean) + FAR)))
    if share > 1 - 1e-9:
        return (np.arange(most + 1) == np.round(sizes)[:, None]).astype(float)
    k = np.arange(most)
    left = sizes[:, None] - k
    with np.errstate(invalid="ignore", divide="ignore"):
        step = np.where(left > 0, np.log(left / (k + 1) * (share / (1 - share))), -np.inf)
    log_chance = np.zeros((len(sizes), most + 1))
    np.cumsum(step, axis=1, out=log_chance[:, 1:])
    log_chance += (sizes * np.log1p(-share))[:, None]
    chance = np.exp(log_chance)
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))
