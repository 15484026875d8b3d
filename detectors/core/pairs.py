"""Sums over pairs of what belongs to one person, for every slice at once."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from detectors.core.batch import I64

F = NDArray[np.float64]

DENSE_CELLS = 200  # up to so many cells, sums over pairs of them are held in a table


def pairs_of(key: NDArray[np.integer]) -> tuple[I64, I64]:
    """Ordered pairs of entries with one key, each with itself included.

    >>> left, right = pairs_of(np.array([7, 9, 7]))
    >>> sorted(zip(left.tolist(), right.tolist()))
    [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)]
    """
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    new = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    size = np.diff(new, append=len(ordered))
    first, count = np.repeat(new, size), np.repeat(size, size)
    left = np.repeat(np.arange(len(ordered)), count)
    start = np.cumsum(count) - count
    right = np.arange(len(left)) - np.repeat(start - first, count)
    return order[left], order[right]


class CellPairs:
    """Adds up numbers of pairs of cells to slices: a pair is in a slice that has both cells.

    Parameters
    ----------
    members : array, shape (slices, cells)
        1 for a cell that is in a slice, else 0.
    scale : array, shape (cells,), optional
        What each cell's sample stands for: a pair stands for what the thinner one of its cells does.
    """

    def __init__(self, members: F, scale: F | None = None) -> None:
        self._members, self._scale = members, scale

    def by_slice(self, left: I64, right: I64, weight: F) -> F:
        """Sum of the weights of the pairs, shape (slices,); `left` and `right` are cells."""
        n = self._members.shape[1]
        if self._scale is not None:
            weight = weight * np.maximum(self._scale[left], self._scale[right])
        if n <= DENSE_CELLS:
            table = np.bincount(left * n + right, weight, n * n).reshape(n, n)
            return np.asarray(((self._members @ table) * self._members).sum(axis=1))
        sparse = csr_array((weight, (left, right)), (n, n))
        return np.asarray((self._sparse @ sparse).multiply(self._sparse).sum(axis=1)).ravel()

    @cached_property
    def _sparse(self) -> csr_array:
        return csr_array(self._members)
