"""A higher rate for small cells, where the rate that suffices for the whole leaves too few users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from detectors.core.batch import Batch
from monitor.engine.plan import Plan

ENOUGH = 500  # requests that a cell needs in the sample


@dataclass(frozen=True)
class Boost:
    """Cells that the base rate serves well enough, and the rate of all others: it nests in the base rate's sample.

    Parameters
    ----------
    large : frozenset of tuple of str
        Values of the cells.
    rate : float
    """

    large: frozenset[tuple[str, ...]]
    rate: float

    @classmethod
    def decide(cls, first: Batch, planned: Plan, rows: int) -> Boost:
        """Decide by the first batch for the whole window; a cell that comes later is small.

        Parameters
        ----------
        rows : int
            Budget of rows behind sampled statistics: the boost gets what the base rate leaves of it.
        """
        times = planned.rows / max(1, first.n_rows)
        large = first.requests_by_cell * times * planned.rate >= ENOUGH
        small_rows = first.length[~large[first.cell]].sum() * times
        rate = planned.rate
        while rate < 1 and small_rows * 2 * rate <= rows - planned.rows * planned.rate:
            rate *= 2
        return cls(
            frozenset(v for v, is_large in zip(first.cells.values, large, strict=True) if is_large), rate
        )

    def sample(self, batch: Batch) -> Batch:
        """The requests of small cells at the higher rate."""
        small = np.array([v not in self.large for v in batch.cells.values], bool)
        return batch.select(small[batch.cell]).sample(self.rate)
