"""Items of a window against those of earlier ones, by slice: how far they are apart, and which one moved most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from detectors.comparing.likeness import F, Shown
from detectors.comparing.references import Reference
from detectors.comparing.shift import Shift
from detectors.comparing.turnover import Rows, distance, largest_jumps, lists_of_one_user, rows_together
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

MANY = 1 << 24  # slices times items: beyond, only slices of one column are looked at
AT_ONCE = 1 << 20  # slices times items in one piece of work
SOME_USERS = 200  # of a slice, to say how rows keep together
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
        for slices, ours, theirs in self._pieces():
            together = [self._together(s, ours.count[k], theirs.count[k]) for k, s in enumerate(slices)]
            apart[slices], error[slices] = distance(ours, theirs, np.array(together))
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
        found = [c.text_of(int(self.keys[i])) for c in counts]
        return next((name for name in found if not name.startswith("#")), found[0])

    def _pieces(self) -> Iterator[tuple[list[int], Rows, Rows]]:
        """Slices that both have, some at a time."""
        there = [s for s in self.slices if self.requests[s] and self.before[s]]
        size = max(AT_ONCE // max(len(self.keys), 1), 1)
        ours = Reference((self.now,), (np.arange(len(self.requests)),)).totals(ItemCounts, self.keys, there)
        theirs = self.reference.totals(ItemCounts, self.keys, there)
        for first in range(0, len(there), size):
            slices = there[first : first + size]
            count = np.zeros((2, len(slices), len(self.keys)))
            for k in range(len(slices)):
                count[0, k], count[1, k] = next(ours), next(theirs)
            clustering = self.now.clustering[slices]
            again = np.array([lists_of_one_user(self._shown(s)) for s in slices])
            yield (
                slices,
                Rows(count[0], self.requests[slices], clustering, again),
                Rows(count[1], self.before[slices], clustering, again),
            )

    def _shown(self, s: int) -> Shown:
        """Lists of some users of a slice, looked up once for all references."""
        kept: dict[int, Shown] = self.now.workings.setdefault(ItemsAgainst, {})
        if s not in kept:
            kept[s] = _shown_to_some(self.now, s)
        return kept[s]

    def _together(self, s: int, ours: F, theirs: F) -> float:
        """Rows that are worth one where these two are compared."""
        if not ours.sum() or not theirs.sum():
            return 1.0
        p, q = ours / ours.sum(), theirs / theirs.sum()
        total = float(p @ p + q @ q)
        slope = (4 * float(p @ q) / total * p - 2 * q) / total
        shown = self._shown(s)
        return rows_together(shown, slope[np.searchsorted(self.keys, shown.item)])

    def _moved_most(self, s: int) -> Mapping[str, Any]:
        """The items whose share moved most."""
        for _, ours, theirs in ItemsAgainst(
            self.now, self.reference, self.keys, [s], self.requests, self.before
        )._pieces():
            shares = [(r.count / r.requests[:, None])[0] for r in (ours, theirs)]
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


def _shown_to_some(now: Summary, s: int) -> Shown:
    """Lists of some users of a slice."""
    panel = now[Panel]
    users, requests, _ = panel.sample_of(now.members(panel)[s])
    if users.sum() > SOME_USERS:
        smallest = np.partition(panel.user[users], SOME_USERS)[SOME_USERS]
        requests = requests & (panel.user <= smallest)[panel.request_user]
    return Shown.of(panel, requests)
