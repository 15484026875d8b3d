"""Items of a window against those of earlier ones, by slice: how far they are apart, and which one moved most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.comparing.likeness import F
from detectors.comparing.references import Reference
from detectors.comparing.shift import Shift
from detectors.comparing.some_lists import SomeLists
from detectors.comparing.turnover import Rows, distance, largest_jumps, summed
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

MANY = 1 << 24  # slices times items: beyond, only slices of one column are looked at
AT_ONCE = 1 << 20  # slices times items in one piece of work
TOP = 5  # items that a person is shown


@dataclass(frozen=True)
class ItemsAgainst:
    """The items of a window and those of a reference, in one order.

    Parameters
    ----------
    keys : array of uint64, shape (items,)
        Those of either.
    slices : sequence of int
        That are looked at.
    requests, before : arrays, shape (slices,)
    """

    now: Summary
    reference: Reference
    keys: U64
    slices: Sequence[int]
    requests: F
    before: F

    @classmethod
    def of(cls, now: Summary, reference: Reference) -> ItemsAgainst:
        lists = now[ListTally]
        keys = distinct(np.concatenate([now[ItemCounts].keys, reference.keys(ItemCounts)]))
        few = len(now.slices) * len(keys) <= MANY
        slices = [s for s, where in enumerate(now.slices.wheres) if few or len(where) <= 1]
        requests = np.asarray(now.members(lists) @ lists.lists)
        return cls(now, reference, keys, slices, requests, reference.requests)

    def shifts(self, sure: float) -> tuple[Shift, Shift]:
        """One less Morisita's index, and the largest change of one item's share of the requests, in every slice.

        Parameters
        ----------
        sure : float
            Standard errors that chance does not reach for any item: what moved less did not jump.

        References
        ----------
        E. Breck et al., "Data validation for machine learning", MLSys 2019 (L-infinity distance of categorical data).
        """
        apart, error = np.full((2, len(self.requests)), np.nan)
        jumped, jump_error = np.full((2, len(self.requests)), np.nan)
        items: dict[int, Mapping[str, Any]] = {}
        for slices, counts in self._pieces():
            some = self._lists(slices)
            ours, theirs = (
                Rows(count, requests[slices], self.now.clustering[slices], some.shared_by_one_user)
                for count, requests in zip(counts, (self.requests, self.before), strict=True)
            )
            apart[slices], error[slices] = distance(ours, theirs, self._together(some, ours, theirs))
            jumps = largest_jumps(ours, theirs, sure)
            jumped[slices], jump_error[slices] = jumps.value, jumps.error
            for k in np.flatnonzero(jumps.value > 0).tolist():
                shares = {
                    "share": round(float(jumps.share[k]), 4),
                    "share_before": round(float(jumps.before[k]), 4),
                }
                items[slices[k]] = {"item": self.name_of(int(jumps.item[k])), **shares}
        n = self.requests / self.now.clustering
        return Shift(apart, error, n, self._moved_most), Shift(
            jumped, jump_error, n, lambda s: items.get(s, {})
        )

    def name_of(self, i: int) -> str:
        """An item's name from the first window that kept it."""
        counts = [self.now[ItemCounts], *(w[ItemCounts] for w in self.reference.windows)]
        found = (c.text_of(int(self.keys[i])) for c in counts)
        return next((name for name in found if not name.startswith("#")), f"#{int(self.keys[i]):016x}")

    def _pieces(self) -> Iterator[tuple[list[int], F]]:
        """Slices that both have, some at a time, and how many requests had each item, shape (2, slices, items)."""
        there = [s for s in self.slices if self.requests[s] and self.before[s]]
        size = max(AT_ONCE // max(len(self.keys), len(self.now[Panel].request), 1), 1)
        ours = Reference((self.now,), (np.arange(len(self.requests)),)).totals(ItemCounts, self.keys, there)
        theirs = self.reference.totals(ItemCounts, self.keys, there)
        for first in range(0, len(there), size):
            slices = there[first : first + size]
            counts = np.zeros((2, len(slices), len(self.keys)))
            for k in range(len(slices)):
                counts[0, k], counts[1, k] = next(ours), next(theirs)
            yield slices, counts

    def _lists(self, slices: Sequence[int]) -> SomeLists:
        """Lists of some users, looked up once for all references that have the same slices."""
        key = SomeLists, tuple(slices)
        if key not in self.now.workings:
            self.now.workings[key] = SomeLists.of(self.now[Panel], list(map(self.now.sample, slices)))
        found: SomeLists = self.now.workings[key]
        return found

    def _together(self, some: SomeLists, ours: Rows, theirs: Rows) -> F:
        """Rows that are worth one where these two are compared, by slice: for the slope of their distance by a row."""
        entry = some.entry_slice, np.searchsorted(self.keys, some.items)[some.item]
        n, m = np.maximum(ours.rows, 1), np.maximum(theirs.rows, 1)
        both = summed(ours.count, theirs.count) / n / m
        total = summed(ours.count, ours.count) / n**2 + summed(theirs.count, theirs.count) / m**2
        by_own, by_other = 4 * both / total**2, -2 / total
        s = some.entry_slice
        p, q = ours.count[entry] / n[s], theirs.count[entry] / m[s]
        together = some.rows_together(by_own[s] * p + by_other[s] * q)
        return np.where(ours.rows * theirs.rows > 0, together, 1.0)

    def _moved_most(self, s: int) -> Mapping[str, Any]:
        """The items whose share moved most."""
        alone = ItemsAgainst(self.now, self.reference, self.keys, [s], self.requests, self.before)
        for _, counts in alone._pieces():
            shares = [counts[0, 0] / self.requests[s], counts[1, 0] / self.before[s]]
            change = np.abs(shares[0] - shares[1]).round(12)  # equal ones in the order of their hashes
            top = np.argsort(-change, kind="stable")[:TOP].tolist()
            return {
                "items": [
                    {"item": self.name_of(i), "share": round(float(shares[0][i]), 4),
                     "share_before": round(float(shares[1][i]), 4)}
                    for i in top
                ]
            }  # fmt: skip
        return {}
