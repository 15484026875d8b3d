"""Sameness that is meant, and where: pinned places, items everywhere, what lists depend on, nightly batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.cells import Cells

PERSONALISED, CONTEXTUAL, POPULAR, MIXED = "personalised", "contextual", "popular", "mixed"
HOUR_US = 3_600_000_000

Where = Mapping[str, str]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Expected:
    """What is expected of a recommender in one window. A `where` is {column: value}; empty means everywhere.

    Parameters
    ----------
    kind : str
        "personalised", "contextual" or "popular": what lists depend on where `kinds` says nothing else.
    kinds : tuple of (where, kind)
        Of several that fit, the one with most columns counts, of those the last.
    positions : tuple of (where, position)
        Pinned or sponsored places, counted from 1.
    items : tuple of (where, hashes)
        Items that are meant to be everywhere: all hashes that the id may have.
    batches : tuple of (where, hours)
        Traffic that is made in some hours of the day (UTC) only.
    """

    kind: str = PERSONALISED
    kinds: tuple[tuple[Where, str], ...] = ()
    positions: tuple[tuple[Where, int], ...] = ()
    items: tuple[tuple[Where, frozenset[int]], ...] = ()
    batches: tuple[tuple[Where, frozenset[int]], ...] = ()

    @property
    def all_kinds(self) -> frozenset[str]:
        """Every kind of lists that the recommender has."""
        return frozenset({self.kind, *(kind for _, kind in self.kinds)})

    def organic(self, batch: Batch) -> Batch:
        """The batch without rows at pinned places and without expected items; what is left keeps its position.

        `Batch.first` says which place of each request is then the first: the first one that is neither pinned nor taken
        by an expected item. A batch of which nothing is expected is returned as it is.
        """
        pinned, items = self._pinned(batch), self._expected_items(batch)
        if not (pinned or items):
            return batch
        row_cell, meant = batch.row_cell, np.zeros(batch.n_rows, bool)
        for hit, codes in items:
            meant |= hit[row_cell] & np.isin(batch.item, codes)
        first = _first_places(batch, _next_free(len(batch.cells), pinned), np.flatnonzero(meant))
        for hit, position in pinned:
            meant |= hit[row_cell] & (batch.position == position)
        return batch.without_rows(meant, first)

    def meant(self, batch: Batch) -> Batch:
        """What `organic` leaves out: the same requests with the rows at pinned places and of expected items alone."""
        pinned, items = self._pinned(batch), self._expected_items(batch)
        if not (pinned or items):
            return batch.without_all_rows()
        row_cell, rest = batch.row_cell, np.ones(batch.n_rows, bool)
        for hit, codes in items:
            rest &= ~(hit[row_cell] & np.isin(batch.item, codes))
        for hit, position in pinned:
            rest &= ~(hit[row_cell] & (batch.position == position))
        return batch.without_rows(rest, np.ones(batch.n_requests, np.int64))

    def _pinned(self, batch: Batch) -> list[tuple[Mask, int]]:
        """Cells and the place that is pinned in them."""
        return [(hit, p) for where, p in self.positions if (hit := in_place(batch.cells, where)).any()]

    def _expected_items(self, batch: Batch) -> list[tuple[Mask, NDArray[np.int64]]]:
        """Cells and the codes of the items that are expected in them."""
        return [
            (hit, codes)
            for where, hashes in self.items
            if (hit := in_place(batch.cells, where)).any()
            and len(codes := np.flatnonzero(np.isin(batch.item_hash, np.array([*hashes], np.uint64))))
        ]

    def kind_of_cells(self, cells: Cells) -> list[str]:
        """What lists depend on in each cell.

        >>> expected = Expected(kinds=(({"surface": "cart"}, "contextual"),))
        >>> expected.kind_of_cells(Cells(("surface",), (("cart",), ("home",))))
        ['contextual', 'personalised']
        """
        out = np.full(len(cells), self.kind, object)
        for where, kind in sorted(self.kinds, key=lambda entry: len(entry[0])):
            out[in_place(cells, where)] = kind
        return [str(kind) for kind in out]

    def absent(self, cells: Sequence[Where], window_us: tuple[int, int]) -> Mask:
        """Which parts of the traffic lie in a batch that is not made in the window, shape of `cells`.

        Parameters
        ----------
        cells : sequence of {column: value}

        >>> nightly = Expected(batches=(({"surface": "email"}, frozenset({3})),))
        >>> [nightly.absent([{"surface": "email"}], (h * HOUR_US, (h + 1) * HOUR_US)).tolist() for h in (3, 4)]
        [[False], [True]]
        """
        begin, end = window_us[0] // HOUR_US, -(-window_us[1] // HOUR_US)
        hours = {h % 24 for h in range(begin, min(end, begin + 24))}
        idle = [where for where, made in self.batches if not made & hours]
        return np.array([any(w.items() <= cell.items() for w in idle) for cell in cells], bool)


NOTHING_EXPECTED = Expected()


def in_place(cells: Cells, where: Where) -> Mask:
    """Which cells lie in a part of the traffic, shape (cells,).

    >>> in_place(Cells(("surface",), (("cart",), ("home",))), {"surface": "home"}).tolist()
    [False, True]
    """
    if any(column not in cells.columns for column in where):
        return np.zeros(len(cells), bool)
    at = [(cells.columns.index(column), value) for column, value in where.items()]
    return np.array([all(v[i] == value for i, value in at) for v in cells.values], bool)


def _next_free(cells: int, pinned: Sequence[tuple[Mask, int]]) -> NDArray[np.int64]:
    """The first place from each place on that is not pinned, shape (cells, last pinned place + 2)."""
    last = max((position for _, position in pinned), default=0)
    taken = np.zeros((cells, last + 2), bool)
    for hit, position in pinned:
        taken[hit, position] = True
    free = np.tile(np.arange(last + 2), (cells, 1))
    for place in range(last, 0, -1):
        free[:, place] = np.where(taken[:, place], free[:, place + 1], place)
    return free


def _first_places(batch: Batch, free: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first free place of each request that none of the rows is at, shape (n,)."""
    first = free[batch.cell, 1]
    request, position = batch.row_request[rows], batch.position[rows]
    while (at_first := position == first[request]).any():
        moved = request[at_first]
        following = first[moved] + 1
        inside = np.minimum(following, free.shape[1] - 1)
        first[moved] = np.where(following == inside, free[batch.cell[moved], inside], following)
        request, position = request[~at_first], position[~at_first]
    return first
