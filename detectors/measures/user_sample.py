"""How much a statistic of items varies with who happened to come: the delta method over a sample of users."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.measures.sampled_lists import F, SampledLists
from detectors.statistics.bottom_k import EVERYONE

ENOUGH_USERS = 1000  # of a slice: an error is then known to within 2 %, and more would cost time


class UserSample:
    """The lists of some users of each of some slices, those with the smallest hashes; lists stand slice after slice.

    Parameters
    ----------
    lists : SampledLists
    slices : array of int, shape (slices,)
        Which slices.

    Attributes
    ----------
    lists : array of int, shape (slices,)
        Lists looked at.
    slice : array of int, shape (rows,)
        Number among `slices` of each row.
    items : array of int, shape (rows,)
        Index into the keys of `ItemCounts` of each row.
    """

    def __init__(self, lists: SampledLists, slices: I64) -> None:
        panel, members = lists.panel, lists.members[slices] > 0
        shown = np.flatnonzero(lists.length > 0)
        hashes = panel.user[panel.request_user[shown]]
        order = np.argsort(hashes, kind="stable")
        shown, hashes = shown[order], hashes[order]
        bound = np.where(members, panel.bound, EVERYONE).min(axis=1, initial=EVERYONE)
        of_slice, found = np.nonzero(members[:, lists.cell[shown]] & (hashes <= bound[:, None]))
        # A user's number within the slice: those beyond the first so many are left out.
        user = np.cumsum(_changes(of_slice) | _changes(hashes[found])) - 1
        first = np.searchsorted(of_slice, np.arange(len(slices)))
        few = (
            user - user[np.minimum(first, len(user) - 1)][of_slice] < ENOUGH_USERS if len(user) else slice(0)
        )
        self._slice, found, user = of_slice[few], found[few], user[few]
        self.lists = np.bincount(self._slice, minlength=len(slices))
        self._new_user = np.flatnonzero(_changes(user))
        self._sizes = lists.length[shown[found]]
        self._starts = np.cumsum(self._sizes) - self._sizes
        first_row = panel.offsets[:-1][shown[found]]
        rows = np.repeat(first_row - self._starts, self._sizes) + np.arange(self._sizes.sum())
        self.items: I64 = lists.item[rows]
        self.slice: I64 = np.repeat(self._slice, self._sizes)

    def errors(self, slope: F, each: F, total: F) -> F:
        """Standard errors of statistics, shape (slices, statistics); users are what is independent, not lists.

        Parameters
        ----------
        slope : array, shape (rows, statistics)
            What each row of `items` adds, times all rows of the slice.
        each : array, shape (slices, statistics)
            What any row takes away, by adding to the total.
        total : array, shape (slices,)
            Rows of each slice.
        """
        out = np.full(each.shape, np.nan)
        if not len(self._sizes):
            return out
        sums = np.add.reduceat(slope, self._starts, axis=0) - each[self._slice] * self._sizes[:, None]
        start = np.flatnonzero(_changes(self._slice))
        there = self._slice[start]
        mean = np.add.reduceat(sums, start, axis=0) / self.lists[there, None]
        sums -= np.repeat(mean, self.lists[there], axis=0)
        by_user = np.add.reduceat(sums, self._new_user, axis=0)
        of_user = self._slice[self._new_user]
        squares = np.add.reduceat(by_user**2, np.flatnonzero(_changes(of_user)), axis=0)
        users = np.maximum(np.bincount(of_user)[there], 2)
        rows = np.bincount(self.slice)[there]
        with np.errstate(invalid="ignore", divide="ignore"):
            out[there] = np.sqrt(squares * (users / (users - 1) / total[there] / rows)[:, None])
        return out


def _changes(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; the first does."""
    return np.concatenate([[True], values[1:] != values[:-1]])[: len(values)]
