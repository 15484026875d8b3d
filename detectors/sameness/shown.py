"""What is shown to whom: for each slice, the answers that have an item, first or anywhere, of all that could."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from detectors.core.expected import CONTEXTUAL
from detectors.core.hashing import distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import FIRST, ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

F = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shown:
    """Answers by item and slice: requests; in slices whose lists all depend on what is looked at, things looked at.

    A request is no answer of its own there: all who look at one thing are meant to get the same, so that a product of
    the day would look like a stuck recommender. One of its lists, from the panel, stands for each thing.

    Parameters
    ----------
    place : int
        `FIRST` or `ANYWHERE`, as in `ItemCounts`.
    """

    summary: Summary
    place: int

    @cached_property
    def answers(self) -> F:
        """Answers that could have an item there, shape (slices,)."""
        counts, lists = self.summary[ItemCounts], self.summary[ListTally]
        if self.place == FIRST:
            out = (self.summary.members(counts) @ counts.totals[:, FIRST]).astype(float)
        else:
            out = np.asarray(self.summary.members(lists) @ lists.lists, float)
        for s in self._by_thing:
            mine = self.summary.answers[s]
            out[s] = mine[self._rows[0]].sum() if self.place == FIRST else mine.sum()
        return out

    @cached_property
    def clustering(self) -> F:
        """Answers for each independent one, shape (slices,)."""
        out = self.summary.clustering.copy()
        out[self._by_thing] = 1.0
        return out

    def by_item(self) -> Iterator[F]:
        """Answers that have each item of `ItemCounts.keys`, one slice after the other, each of shape (keys,)."""
        width = len(self.summary[ItemCounts].keys)
        for s, totals in enumerate(self.summary.totals(ItemCounts, self.place)):
            if s in self._by_thing:
                request, item = self._rows
                yield np.bincount(item[self.summary.answers[s][request]], minlength=width).astype(float)
            else:
                yield totals

    def of_item(self, key: int, s: int) -> float:
        """Answers of one slice that have one item."""
        counts = self.summary[ItemCounts]
        if s in self._by_thing:
            request, item = self._rows
            return float((counts.keys[item[self.summary.answers[s][request]]] == key).sum())
        rows = np.flatnonzero(counts.key == np.searchsorted(counts.keys, np.uint64(key)))
        rows = rows[
            (counts.keys[counts.key[rows]] == key) & self.summary.members(counts)[s][counts.group[rows]]
        ]
        return float(counts.counts[rows, self.place].sum())

    @cached_property
    def _by_thing(self) -> list[int]:
        """Slices in which things looked at are counted."""
        return [s for s, kind in enumerate(self.summary.kind_of_slices) if kind == CONTEXTUAL]

    @cached_property
    def _rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Request of the panel and item of each row that counts; an item counts once in a request."""
        counts, panel = self.summary[ItemCounts], self.summary[Panel]
        request = np.repeat(np.arange(len(panel.request)), np.diff(panel.offsets))
        item = panel.find(counts.keys)
        if self.place == FIRST:
            first = panel.position == panel.first[request]
            return request[first], item[first]
        width = max(len(counts.keys), 1)
        request, item = np.divmod(distinct(request * width + item), width)
        return request, item


def lists_of(summary: Summary) -> list[NDArray[np.bool_]]:
    """Lists of the panel that stand for each slice: where all depend on what is looked at, one for each thing.

    Arrays of shape (requests,).
    """
    return [
        summary.answers[s] if kind == CONTEXTUAL else requests
        for s, (kind, (_, requests, _)) in enumerate(
            zip(summary.kind_of_slices, summary.samples(), strict=True)
        )
    ]
