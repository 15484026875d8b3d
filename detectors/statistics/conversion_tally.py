"""Conversions, counted by random group of users; what came of them in money. Never sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.random_groups import GROUPS, group_of
from detectors.statistics.keyed import KeyedCounts, tabulate
from detectors.statistics.score_histogram import BINS, bin_of
from detectors.statistics.tally import Tally, rows_marked


@dataclass(frozen=True)
class ConversionTally(Tally):
    """Rows shown and those that were converted, by group of users."""

    name = "conversion_tally"
    census = True
    outcome = "conversion"
    kinds: ClassVar[tuple[str, ...]] = ("rows", "conversions")
    names = tuple(f"{kind}_{g}" for kind in kinds for g in range(GROUPS))

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        cells = len(batch.cells)
        if batch.converted is None:
            return dict.fromkeys(cls.names, np.zeros(cells, np.int64))
        code = batch.cell.astype(np.int64) * GROUPS + group_of(batch.user)
        numbers = (batch.length, rows_marked(batch, batch.converted))
        counted = [
            np.bincount(code, n, cells * GROUPS).astype(np.int64).reshape(cells, GROUPS) for n in numbers
        ]
        return dict(zip(cls.names, np.concatenate(counted, axis=1).T, strict=True))

    def by_group(self, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """Each kind by slice and group of users, each of shape (slices, GROUPS)."""
        totals = members.astype(np.float64) @ self.counts.astype(np.float64)  # whole numbers below 2^53
        return dict(zip(self.kinds, np.split(totals, len(self.kinds), axis=1), strict=True))


@dataclass(frozen=True)
class WorthHistogram(KeyedCounts):
    """What outcomes are worth, by cell and bin of the score histogram; what did not come is in no bin."""

    name = "worth_histogram"
    census = True
    outcome = "value"
    approximate = "what an outcome is worth is known to within 1.6 %"

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        at = np.flatnonzero(np.isfinite(batch.worth)) if batch.worth is not None else np.empty(0, np.int64)
        worth = batch.worth[at] if batch.worth is not None else np.empty(0)
        keys = np.arange(BINS, dtype=np.uint64)
        return cls(
            *tabulate(batch.cells.keys, keys, [batch.row_cell[at].astype(np.int64) * BINS + bin_of(worth)])
        )
