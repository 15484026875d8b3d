"""How much a statistic of items varies with who happened to come: the delta method over a sample of users."""

from __future__ import annotations

import numpy as np

from detectors.core.batch import I64
from detectors.measures.sampled_lists import F, SampledLists

ENOUGH_USERS = 1000  # of a slice: an error is then known to within 2 %, and more would cost time


class UserSample:
    """The lists of some users of one slice after the other, those with the smallest hashes.

    Parameters
    ----------
    lists : SampledLists
    """

    def __init__(self, lists: SampledLists) -> None:
        self._lists = lists
        panel = lists.panel
        self._bound = panel.bound
        shown = np.flatnonzero(lists.length > 0)
        hashes = panel.user[panel.request_user[shown]]
        order = np.argsort(hashes, kind="stable")
        self._order, self._hash = shown[order], hashes[order]
        self._cell = lists.cell[self._order]
        self._members = lists.members > 0

    def turn_to(self, s: int) -> None:
        """Look at this slice from now on."""
        cells = self._members[s]
        last = np.searchsorted(self._hash, self._bound[cells].min(initial=np.uint64(2**64 - 1)), "right")
        found = np.flatnonzero(cells[self._cell[:last]])
        hashes = self._hash[found]
        new = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]])[: len(found)])
        if len(new) > ENOUGH_USERS:
            found, new = found[: new[ENOUGH_USERS]], new[:ENOUGH_USERS]
        self._users: I64 = new  # the first list of each
        chosen = self._order[found]
        self._sizes = self._lists.length[chosen]
        self._starts = np.cumsum(self._sizes) - self._sizes
        first = self._lists.panel.offsets[:-1][chosen]
        rows = np.repeat(first - self._starts, self._sizes) + np.arange(self._sizes.sum())
        self.items: I64 = self._lists.item[rows]

    @property
    def lists(self) -> int:
        """Lists looked at."""
        return len(self._sizes)

    def errors(self, slope: F, each: F, total: float) -> F:
        """Standard errors of statistics; users are what is independent, not lists.

        Parameters
        ----------
        slope : array, shape (rows, statistics)
            What each row of `items` adds, times all rows of the slice.
        each : array, shape (statistics,)
            What any row takes away, by adding to the total.
        total : float
            Rows of the slice.
        """
        sums = np.add.reduceat(slope, self._starts, axis=0) - each * self._sizes[:, None]
        sums -= sums.sum(axis=0) / len(sums)
        by_user = np.add.reduceat(sums, self._users, axis=0)
        users = max(len(by_user), 2)
        variance = (by_user**2).sum(axis=0) * (users / (users - 1) / total / max(len(self.items), 1))
        return np.asarray(np.sqrt(variance))
