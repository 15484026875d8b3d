"""How far the items of two windows differ: Morisita's index over pairs of rows, for many slices at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.comparing.likeness import F
from detectors.comparing.shift import share_error

ROUNDED = 1 - 1e-9  # bounds that floating point may miss


@dataclass(frozen=True)
class Rows:
    """Rows by slice and item, and what only whole lists tell of them.

    Parameters
    ----------
    count : array, shape (slices, items)
        Requests that have an item.
    requests, clustering : arrays, shape (slices,)
        Requests, and how many of them an independent user makes.
    again : float or array, shape (slices,)
        Items that two lists of one user share.
    """

    count: F
    requests: F
    clustering: F
    again: F | float = 0.0

    @cached_property
    def rows(self) -> F:
        return np.asarray(self.count.sum(axis=1))

    @property
    def independent(self) -> F:
        """Independent users, shape (slices,)."""
        return self.requests / self.clustering

    def alike(self, squares: F) -> F:
        """Chance that two rows of different users show one item, shape (slices,).

        Parameters
        ----------
        squares : array, shape (slices,)
            Squared shares of the items, added up.

        References
        ----------
        E. H. Simpson, "Measurement of diversity", Nature 163, 1949.
        """
        rows = self.rows
        own = rows + self.requests * (self.clustering - 1) * self.again
        pairs = rows**2 * (1 - self.clustering / np.maximum(self.requests, self.clustering))
        shared = np.maximum(squares * rows**2 - own, 0.0)
        return np.divide(shared, pairs, out=np.full(len(rows), np.nan), where=pairs > 0)


class Distance(NamedTuple):
    """Arrays of shape (slices,)."""

    value: F
    error: F


def distance(now: Rows, before: Rows, together: F) -> Distance:
    """One less Morisita's index of similarity, and its standard error; NaN where there is nothing to compare.

    How much more likely it is that two rows of one window show the same item than that rows of both do: 0 when both
    windows show the same items as often, 1 when they have none in common. It does not move with how many rows there
    are.

    Parameters
    ----------
    together : array, shape (slices,)
        Rows that are worth one: those of a list, and of a user, resemble each other.

    References
    ----------
    M. Morisita, "Measuring of interspecific association and similarity between communities", Memoirs of the Faculty
    of Science, Kyushu University, Series E 3, 1959.

    >>> import numpy as np
    >>> half = np.array([[100.0, 100.0, 0.0, 0.0]])
    >>> rows = [Rows(np.roll(half, k), np.array([200.0]), np.ones(1)) for k in (0, 1, 2)]
    >>> [float(distance(rows[0], other, np.ones(1)).value[0].round(2)) for other in rows]
    [0.0, 0.5, 1.0]
    """
    n, m = now.rows, before.rows
    with np.errstate(invalid="ignore", divide="ignore"):
        p, q = now.count / n[:, None], before.count / m[:, None]
        pp, pq, qq = p * p, p * q, q * q
        both, squares, others = pq.sum(axis=1), pp.sum(axis=1), qq.sum(axis=1)
        a, b = now.alike(squares), before.alike(others)
        total = a + b
        # The slope of the distance by a row of an item is linear in both shares.
        by_own, by_other = 4 * both / total**2, -2 / total
        cubes = [summed(x, y) for x, y in ((pp, p), (pp, q), (qq, p), (qq, q))]
        variance = together / n * (
            by_own**2 * cubes[0] + 2 * by_own * by_other * cubes[1] + by_other**2 * cubes[2]
            - (by_own * squares + by_other * both) ** 2
        ) + together / m * (
            by_own**2 * cubes[3] + 2 * by_own * by_other * cubes[2] + by_other**2 * cubes[1]
            - (by_own * others + by_other * both) ** 2
        )  # fmt: skip
        # Shared items are counts, and few where windows are small.
        variance = np.maximum(variance, 0) + 4 * both / total**2 / n / m
        variance += (2 * both / total**2) ** 2 * 2 * (a / n**2 + b / m**2)
        return Distance(np.clip(1 - 2 * both / total, 0, 1), np.sqrt(variance))


def summed(x: F, y: F) -> F:
    """Products added up over items, shape (slices,)."""
    return np.asarray(np.einsum("sk,sk->s", x, y))


class Jumps(NamedTuple):
    """Arrays of shape (slices,).

    Parameters
    ----------
    value : array
        By how much the share of an item rose; 0 where none rose beyond chance.
    error : array
    item : array of int
    share, before : array
    """

    value: F
    error: F
    item: NDArray[np.int64]
    share: F
    before: F


def largest_jumps(now: Rows, before: Rows, sure: float) -> Jumps:
    """The item whose share of the requests rose most beyond what chance does to any item.

    One that falls is sold out, or was stuck and is so no more: others have taken its place, and they are looked at.

    Parameters
    ----------
    sure : float
        Standard errors that chance does not reach for any item.
    """
    row, item = _worth_a_look(now, before, sure)
    shares = [r.count[row, item] / r.requests[row] for r in (now, before)]
    n, m = now.independent[row], before.independent[row]
    pooled = (shares[0] * n + shares[1] * m) / (n + m)
    by_chance = sure * np.sqrt(np.maximum(pooled * (1 - pooled), 0) * (1 / n + 1 / m))
    # Rounded: of equal ones the first by its hash, whatever else is there.
    change = (shares[0] - shares[1]).round(12)
    change[change <= by_chance] = 0
    risen, frequent = (_first_largest(values, row) for values in (change, pooled.round(12)))
    # Where none rose, it is said how well the share of the most frequent one is known.
    best = np.where(change[risen] > 0, risen, frequent)
    share, share_before = shares[0][best], shares[1][best]
    error = np.hypot(share_error(share, now.independent), share_error(share_before, before.independent))
    return Jumps(change[best], error, item[best], share, share_before)


def _worth_a_look(now: Rows, before: Rows, sure: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Slice and item of all that may have risen beyond chance, and of what may be most frequent; in order.

    With a share p of n independent users now and q of m before, both together have at least p n / (n + m): what chance
    does to them is at least `sure` times the root of p (1 - p) / m, which p exceeds only above sure^2 / (m + sure^2).
    The share of both is at most the larger of the two, and that of the most frequent item at least that of any.
    """
    n, m = now.independent, before.independent
    most = np.maximum(*(r.count.max(axis=1) / r.clustering for r in (now, before))) / (n + m)
    least = ROUNDED * np.stack(
        [np.minimum(most, sure**2 / (m + sure**2)) * now.requests, most * before.requests]
    )
    row, item = np.nonzero((now.count >= least[0][:, None]) | (before.count >= least[1][:, None]))
    return row.astype(np.int64), item.astype(np.int64)


def _first_largest(values: F, row: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the largest value of each row stands, the first of equal ones; rows are in order and none is empty."""
    start = np.flatnonzero(np.diff(row, prepend=-1))
    largest = np.flatnonzero(values == np.maximum.reduceat(values, start)[row])
    return largest[np.searchsorted(row[largest], np.arange(len(start)))]
