"""What the panel's whole lists say of each slice, with errors that count users; for all slices at once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.pairs import CellPairs, pairs_of
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.list_tally import ListTally
from detectors.statistics.panel import Panel

F = NDArray[np.float64]


class Ratio(NamedTuple):
    """A ratio of two sums over lists, and its standard error, shapes (slices,)."""

    value: F
    error: F


class SampledLists:
    """The lists of a panel as a stratified sample: each list stands for some requests of its cell.

    A cell's sample is weighted up to all of its requests, so a slice's estimate uses every list of its cells, also
    where some cells had to be sampled more thinly than others. Requests of one user depend on one another, in whichever
    cells they are: what they add is summed up by user before it is squared.

    Parameters
    ----------
    summary : Summary

    Attributes
    ----------
    weight : array, shape (lists,)
        Requests that each list stands for; all of a cell's lists together stand for the cell's requests.

    References
    ----------
    W. G. Cochran, "Sampling Techniques", 1977, sections 6.11 (ratio estimates in stratified samples) and 9A.3 (ratios
    to size in clusters).
    """

    @classmethod
    def of(cls, summary: Summary) -> SampledLists:
        """Those of a summary, made once for all who ask."""
        if cls not in summary.workings:
            summary.workings[cls] = cls(summary)
        found: SampledLists = summary.workings[cls]
        return found

    def __init__(self, summary: Summary) -> None:
        self.summary, self.panel = summary, summary[Panel]
        panel = self.panel
        self.members = summary.members(panel).astype(float)
        self.length = np.diff(panel.offsets)
        self.cell = panel.request_group
        asked = np.bincount(panel.user_group, panel.user_requests, len(panel.groups))
        with np.errstate(invalid="ignore", divide="ignore"):
            self._scale = np.where(asked > 0, _requests(summary) / asked, 0.0)
            kept = np.bincount(panel.request_user, minlength=len(panel.user))
            self._each = (panel.user_requests / kept)[
                panel.request_user
            ]  # the user's lists that were not kept
        self.weight = self._scale[self.cell] * self._each

    @cached_property
    def item(self) -> I64:
        """Index into the keys of `ItemCounts` of each row."""
        return self.panel.find(self.summary[ItemCounts].keys)

    @cached_property
    def row_list(self) -> I64:
        """List of each row."""
        return np.repeat(np.arange(len(self.length)), self.length)

    def sums(self, of_rows: NDArray[np.generic]) -> F:
        """A number of each row summed up by list, shape (lists,)."""
        return np.asarray(np.bincount(self.row_list, of_rows, len(self.length)), float)

    def totals(self, of_lists: F) -> F:
        """A number of each list summed up by slice, for all of its requests, shape (slices,)."""
        return self.members @ np.bincount(self.cell, self.weight * of_lists, len(self.panel.groups))

    def ratio(self, top: F, bottom: F) -> Ratio:
        """Sum of one number of each list over the sum of another, by slice.

        Parameters
        ----------
        top, bottom : array, shape (lists,)
            For a mean over some of the lists: the number and 1, both 0 for the lists that do not count.
        """
        below = self.totals(bottom)
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(below > 0, self.totals(top) / below, np.nan)
        return Ratio(value, self._error(top, bottom, value, below, self.weight))

    def error(self, top: F, bottom: F, value: F) -> F:
        """Standard error of the same ratio where its value was counted in full: only who happened to come is chance.

        Parameters
        ----------
        value : array, shape (slices,)
        """
        return self._error(
            top, bottom, value, self.totals(bottom), np.sqrt(self._scale)[self.cell] * self._each
        )

    def _error(self, top: F, bottom: F, value: F, below: F, weight: F) -> F:
        """By the delta method; users are what is independent."""
        users = len(self.panel.user)
        a: F = np.asarray(np.bincount(self.panel.request_user, weight * top, users), float)
        b: F = np.asarray(np.bincount(self.panel.request_user, weight * bottom, users), float)
        squares = self._by_user(a, a) - 2 * value * self._by_user(a, b) + value**2 * self._by_user(b, b)
        n = np.maximum(self._entries, 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(np.maximum(squares, 0) * n / (n - 1)) / below
        return np.where(below > 0, error, np.nan)

    @cached_property
    def n(self) -> F:
        """Independent requests that the sample of each slice is worth, shape (slices,).

        References
        ----------
        L. Kish, "Survey Sampling", 1965, section 11.7 (unequal weights).
        """
        squares = self.members @ np.bincount(self.cell, self.weight**2, len(self.panel.groups))
        total = self.totals(np.ones(len(self.length)))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(squares > 0, total**2 / squares, 0.0) / self.summary.clustering

    @cached_property
    def _entries(self) -> F:
        """Users of each slice, one for each cell in which they are, shape (slices,)."""
        return self.members @ np.bincount(self.panel.user_group, minlength=len(self.panel.groups))

    def _by_user(self, a: F, b: F) -> F:
        """Sum over users of (the sum of a) * (the sum of b), both over the user's cells in the slice."""
        left, right = self._pairs
        cell = self.panel.user_group.astype(np.int64)
        return CellPairs(self.members).by_slice(cell[left], cell[right], a[left] * b[right])

    @cached_property
    def _pairs(self) -> tuple[I64, I64]:
        """Ordered pairs of the users of cells that are one person, each with itself included."""
        return pairs_of(self.panel.person)


def _requests(summary: Summary) -> F:
    """Requests of each cell of the panel, shape (cells,)."""
    panel, lists = summary[Panel], summary[ListTally]
    out = np.asarray(np.bincount(panel.user_group, panel.user_requests, len(panel.groups)), float)
    both = np.isin(panel.groups, lists.groups)  # all, unless a stored statistic could not be read
    out[both] = lists.lists[np.searchsorted(lists.groups, panel.groups[both])]
    return out
