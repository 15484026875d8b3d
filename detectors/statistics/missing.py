"""Missing values by column and cell. Never sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64
from detectors.core.statistic import Statistic, align

MISPLACED = "misplaced"  # not a column: rows whose time is not one that their file can hold


@dataclass(frozen=True)
class Missing(Statistic):
    """Rows, and rows without a value, for each column that the log has.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    columns : array of str, shape (columns,)
        Roles, sorted.
    rows : array of int64, shape (cells,)
        All rows, those without an item and misplaced ones included.
    nulls : array of int64, shape (cells, columns)
    """

    name = "missing"
    census = True

    groups: U64
    columns: NDArray[np.str_]
    rows: I64
    nulls: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(
            np.empty(0, np.uint64), np.empty(0, "U1"), np.empty(0, np.int64), np.empty((0, 0), np.int64)
        )

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        columns = np.array(sorted(batch.missing), "U") if batch.missing else np.empty(0, "U1")
        nulls = np.zeros((len(batch.cells), len(columns)), np.int64)
        for i, column in enumerate(columns):
            nulls[:, i] = batch.missing[str(column)]
        rows = np.bincount(batch.cell, batch.length, len(batch.cells)).astype(np.int64)
        for role in {"item", MISPLACED} & set(batch.missing):  # such rows are in no list
            rows = rows + batch.missing[role]
        if len(batch.repeated):  # and so are repeats
            rows = rows + batch.repeated
        return cls(batch.cells.keys, columns, rows, nulls)

    def merge(self, other: Self) -> Self:
        keys, ours, theirs = align(self.groups, other.groups)
        columns = np.union1d(self.columns, other.columns)
        rows = np.zeros(len(keys), np.int64)
        nulls = np.zeros((len(keys), len(columns)), np.int64)
        for part, at in ((self, ours), (other, theirs)):
            rows[at] += part.rows
            nulls[np.ix_(at, np.searchsorted(columns, part.columns))] += part.nulls
        return type(self)(keys, columns if len(columns) else np.empty(0, "U1"), rows, nulls)
