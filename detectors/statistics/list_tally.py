"""The shape of lists: length, repeated items, gaps in the positions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.statistics.tally import Tally, any_row, per_cell

LONGEST = 100  # longer lists count as this long


@dataclass(frozen=True)
class ListTally(Tally):
    """Lists by length 0 .. `LONGEST`, lists with an item twice, lists with a gap in their positions."""

    name = "list_tally"
    names = (*(f"length_{n}" for n in range(LONGEST + 1)), "with_repeat", "with_gap", "with_position")

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        length = np.minimum(batch.length, LONGEST)
        by_length = np.bincount(
            batch.cell * np.int64(LONGEST + 1) + length, minlength=len(batch.cells) * (LONGEST + 1)
        ).reshape(len(batch.cells), LONGEST + 1)
        last = (
            batch.position[np.maximum(batch.offsets[1:] - 1, 0)]
            if batch.n_rows
            else np.zeros(batch.n_requests)
        )
        shown = batch.length > 0
        return {
            **{f"length_{n}": by_length[:, n] for n in range(LONGEST + 1)},
            "with_repeat": per_cell(batch, any_row(batch, batch.repeats_item)),
            # Positions are sorted: the last one exceeds how many different ones there are exactly when one is missing.
            "with_gap": per_cell(batch, shown & (last > batch.length - _shared_places(batch))),
            "with_position": per_cell(batch, shown),
        }

    @property
    def lists(self) -> NDArray[np.float64]:
        """Requests, empty ones included, by cell, shape (cells,)."""
        return self.counts[:, : LONGEST + 1].sum(axis=1).astype(float)


def _shared_places(batch: Batch) -> I64:
    """Rows of each request whose position another row before them has, shape (n,)."""
    position = batch.position
    rows = np.flatnonzero((position[1:] == position[:-1]) & (position[1:] > 0)) + 1
    request = np.searchsorted(batch.offsets, rows, "right") - 1
    return np.bincount(request[rows > batch.offsets[request]], minlength=batch.n_requests)
