"""Tallies: a fixed set of integer counts for each cell. Exact, and the cheapest statistic there is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64
from detectors.core.statistic import Statistic, align

DENSE = 20  # marking one row in so many, saying where each row belongs is faster than looking it up


@dataclass(frozen=True)
class Tally(Statistic):
    """Base of statistics that count.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    counts : array of int64, shape (cells, len(names))
    """

    names: ClassVar[tuple[str, ...]]

    groups: U64
    counts: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), np.zeros((0, len(cls.names)), np.int64))

    @classmethod
    @abstractmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        """Each named count by cell, shape (cells,)."""

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        counted = cls.count(batch)
        return cls(batch.cells.keys, np.stack([counted[n].astype(np.int64) for n in cls.names], axis=1))

    def merge(self, other: Self) -> Self:
        keys, ours, theirs = align(self.groups, other.groups)
        counts = np.zeros((len(keys), len(self.names)), np.int64)
        counts[ours] += self.counts
        counts[theirs] += other.counts
        return type(self)(keys, counts)

    def by_slice(self, members: NDArray[np.bool_]) -> dict[str, I64]:
        """Each named count by slice; `members` as `as_members` gives them, shape (slices, cells)."""
        totals = members.astype(np.int64) @ self.counts
        return {name: totals[:, i] for i, name in enumerate(self.names)}


def per_cell(batch: Batch, requests: NDArray[Any]) -> I64:
    """Sum a number of each request by cell; a boolean array counts."""
    weights = None if requests.dtype == bool else requests
    cell = batch.cell[requests] if requests.dtype == bool else batch.cell
    return np.bincount(cell, weights, len(batch.cells)).astype(np.int64)


def rows_per_cell(batch: Batch, rows: NDArray[np.bool_]) -> I64:
    """Count the marked rows by cell."""
    return np.bincount(batch.row_cell[rows], minlength=len(batch.cells))


def rows_marked(batch: Batch, rows: NDArray[np.bool_]) -> I64:
    """How many rows of each request are marked, shape (n,); fast where few are, and where many are."""
    hits = np.flatnonzero(rows)
    if len(hits) * DENSE > len(rows):
        return np.bincount(batch.row_request[hits], minlength=batch.n_requests)
    return np.bincount(np.searchsorted(batch.offsets, hits, "right") - 1, minlength=batch.n_requests)


def any_row(batch: Batch, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether any row of a request is marked, shape (n,)."""
    marked = np.zeros(batch.n_requests, bool)
    hits = np.flatnonzero(rows)
    if len(hits):
        marked[np.searchsorted(batch.offsets, hits, "right") - 1] = True
    return marked
