"""Clicks, counted: by random group of users, so that their error can be told, and by place. Never sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.random_groups import GROUPS, group_of
from detectors.statistics.tally import Tally, rows_marked

PLACES = 10  # counted apart; all that come after them together


@dataclass(frozen=True)
class ClickTally(Tally):
    """Rows, requests and clicks, each by group of users.

    A row is `known` when the log says whether it was clicked, a request when it has such a row. Logs that write a
    click and otherwise nothing say so of clicked rows alone: what nothing means there only a longer look can tell, so
    all rows are counted too.
    """

    name = "click_tally"
    census = True
    outcome = "click"
    kinds: ClassVar[tuple[str, ...]] = ("rows", "known", "clicks", "requests", "known_requests", "clicked")
    names = tuple(f"{kind}_{g}" for kind in kinds for g in range(GROUPS))

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        counts = cls._count(batch)
        return {name: counts[:, i] for i, name in enumerate(cls.names)}

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        return cls(batch.cells.keys, cls._count(batch)) if len(batch.cells) else cls.empty()

    @classmethod
    def _count(cls, batch: Batch) -> I64:
        """Shape (cells, len(names))."""
        cells = len(batch.cells)
        if batch.click is None:
            return np.zeros((cells, len(cls.names)), np.int64)
        code = batch.cell.astype(np.int64) * GROUPS + group_of(batch.user)
        known, clicks = rows_known(batch), rows_marked(batch, batch.click)
        numbers: list[NDArray[Any]] = [batch.length, known, clicks, batch.length > 0, known > 0, clicks > 0]
        by_group = [np.bincount(code, number, cells * GROUPS).astype(np.int64) for number in numbers]
        return np.stack(by_group).reshape(len(cls.kinds), cells, GROUPS).swapaxes(0, 1).reshape(cells, -1)

    def by_group(self, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """Each kind by slice and group of users, each of shape (slices, GROUPS)."""
        totals = members.astype(np.float64) @ self.counts.astype(np.float64)  # whole numbers below 2^53
        return dict(zip(self.kinds, np.split(totals, len(self.kinds), axis=1), strict=True))


@dataclass(frozen=True)
class PlaceClicks(Tally):
    """Rows, rows that say whether they were clicked, and clicks, by place; the last one is all beyond `PLACES`."""

    name = "place_clicks"
    census = True
    outcome = "click"
    kinds: ClassVar[tuple[str, ...]] = ("rows", "known", "clicks")
    names = tuple(f"{kind}_{place}" for kind in kinds for place in range(1, PLACES + 2))

    @classmethod
    def count(cls, batch: Batch) -> dict[str, I64]:
        size = len(batch.cells) * (PLACES + 1)
        if batch.click is None:
            return dict.fromkeys(cls.names, np.zeros(len(batch.cells), np.int64))
        place = np.minimum(batch.position, PLACES + 1).astype(np.int64)
        code = batch.row_cell.astype(np.int64) * (PLACES + 1) + place - 1
        placed = place > 0

        def count(rows: NDArray[Any]) -> I64:
            return np.bincount(code[rows], minlength=size).reshape(-1, PLACES + 1)

        rows = count(placed)
        known = rows if batch.click_known is None else count(placed & batch.click_known)
        clicks = count(np.flatnonzero(batch.click & placed))
        return dict(zip(cls.names, np.concatenate([rows, known, clicks], axis=1).T, strict=True))

    def by_place(self, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """Each kind by slice and place, each of shape (slices, PLACES + 1)."""
        totals = members.astype(np.float64) @ self.counts.astype(np.float64)
        return dict(zip(self.kinds, np.split(totals, len(self.kinds), axis=1), strict=True))


def rows_known(batch: Batch) -> I64:
    """Rows of each request of which the log says whether they were clicked, shape (n,)."""
    return (
        batch.length if batch.click_known is None else batch.length - rows_marked(batch, ~batch.click_known)
    )
