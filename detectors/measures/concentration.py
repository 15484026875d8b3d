"""How concentrated a window's rows are on items: overlap of lists, effective and distinct items, Gini index."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.core.summary import Summary
from detectors.measures.entropy import entropy_of
from detectors.measures.rarefaction import Rarefied, distinct_items, gini_index, grouped
from detectors.measures.same_user import within_users
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.user_sample import UserSample
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.list_tally import LONGEST, ListTally

UNSEEN_ERROR = 0.1  # of what unseen items are thought to add to the entropy, this share may be wrong
NAMES = ("overlap", "q1", "q2", "distinct", "known", "gini")


class Estimate(NamedTuple):
    """Values and standard errors, shapes (slices,); NaN where there is too little."""

    value: F
    error: F


@dataclass(frozen=True)
class CatalogItems:
    """What is looked at of the catalogue.

    Parameters
    ----------
    known : array of bool, shape (items,)
        Which of the items that were shown may be shown.
    size : int
        Items that may be shown.
    """

    known: NDArray[np.bool_]
    size: int


class _Found(NamedTuple):
    """A statistic of one slice, and what makes its error: `scale` * hypot(delta method, `besides`).

    `slope` is what a row of an item adds, times all rows, by the item's count; `each` what any row takes away.
    """

    value: float
    slope: F
    each: float
    scale: float = 1.0
    besides: float = 0.0


class Concentration:
    """Statistics of the items that were shown, by slice.

    Lists of one user resemble each other, and the fewer users a window has, the more of its pairs are of one user. So
    overlap and order 2 compare lists of different users, and what a user gets again is counted once elsewhere.

    Parameters
    ----------
    lists : SampledLists
        Of the same summary.
    to, gini_to : int
        Rows to which distinct items, and the Gini index, are brought down.
    catalog : CatalogItems or None
        Distinct items of it, and the Gini index, are measured where it is given.
    """

    def __init__(
        self, summary: Summary, lists: SampledLists, *, to: int, gini_to: int, catalog: CatalogItems | None
    ) -> None:
        tally = summary[ListTally]
        shown = tally.counts[:, 1 : LONGEST + 1].sum(axis=1).astype(float)
        self.requests: F = np.asarray(summary.members(tally) @ shown, float)
        self.n = self.requests / summary.clustering
        self._summary, self._to, self._gini_to, self._catalog = summary, to, gini_to, catalog
        self._same_user, self._sample = within_users(lists), UserSample(lists)

    def measure(self) -> dict[str, Estimate]:
        """All of them, by name."""
        out = {name: Estimate(*np.full((2, len(self.n)), np.nan)) for name in NAMES}
        for s, totals in enumerate(self._summary.totals(ItemCounts, ANYWHERE)):
            self._sample.turn_to(s)
            total = float(totals.sum())
            if total < 2 or self._sample.lists < 2:
                continue
            counts = totals.astype(np.int64)
            times = np.bincount(counts)
            sizes = np.flatnonzero(times[1:]) + 1
            known = self._known(counts, sizes, times)
            found = self._of_slice(s, sizes.astype(float), times[sizes], known, total)
            row = np.searchsorted(sizes, counts[self._sample.items])
            slopes = np.stack([f.slope for f in found.values()], axis=1)[row]
            errors = self._sample.errors(slopes, np.array([f.each for f in found.values()]), total)
            for (name, f), error in zip(found.items(), errors.tolist(), strict=True):
                out[name].value[s], out[name].error[s] = f.value, f.scale * np.hypot(error, f.besides)
            if "overlap" not in found and self._several(s):  # no item is shared: known to within one
                width = total / self.requests[s]
                out["overlap"].value[s], out["overlap"].error[s] = 0.0, 2 / (self.n[s] ** 2 * width)
        return out

    def _known(
        self, counts: NDArray[np.int64], sizes: NDArray[np.int64], times: NDArray[np.int64]
    ) -> NDArray[np.int64] | None:
        """How many items of the catalogue have each count."""
        if self._catalog is None:
            return None
        if self._catalog.known.all():
            return times[sizes]
        return np.bincount(counts[self._catalog.known], minlength=len(times))[sizes]

    def _pairs(self, s: int) -> float:
        """Pairs of lists of different users."""
        return float(self.requests[s] ** 2 - self._same_user.lists[s])

    def _several(self, s: int) -> bool:
        return self._pairs(s) > 1e-9 * self.requests[s] ** 2

    def _of_slice(
        self, s: int, sizes: F, times: NDArray[np.int64], known: NDArray[np.int64] | None, total: float
    ) -> dict[str, _Found]:
        """The statistics of a slice from the different counts of its items, and how often each occurs."""
        out: dict[str, _Found] = {}
        share, width = sizes * times / total, total / self.requests[s]
        # Pairs of different users: those of one user's lists would say the less, the more users there are.
        square = float((sizes**2 * times).sum())
        shared, pairs = square - total - self._same_user.shared[s], self._pairs(s)
        pairs_of_rows = total**2 - self._same_user.rows[s]
        if self._several(s) and shared > 1e-9 * total and pairs_of_rows > 0:
            # Where lists are almost unlike, the number of shared items is a count: its own (Poisson) error adds to that
            # of which lists were seen.
            few = float(np.sqrt(2 / (self.n[s] ** 2 * width**2 * square / total**2)))
            slope = 2 * sizes * total / square
            out["overlap"] = _Found(shared / pairs / width, slope, 1.0, shared / pairs / width, few)
            out["q2"] = _Found(pairs_of_rows / shared, slope, 2.0, pairs_of_rows / shared, few)
        # Rows of one user that repeat an item tell nothing new: count them once, on average.
        by_chance = (
            max(shared / pairs, 0.0) * (self._same_user.lists[s] - self.requests[s])
            if self._several(s)
            else 0.0
        )
        repeats = 1 + max(self._same_user.shared[s] - by_chance, 0.0) / total
        sizes, rows = sizes / repeats, total / repeats
        entropy = entropy_of(sizes, times)
        q1 = float(np.exp(entropy.value))
        out["q1"] = _Found(q1, entropy.slope, float(share @ entropy.slope), q1, UNSEEN_ERROR * entropy.unseen)
        if rows >= self._to:
            distinct = distinct_items(sizes, times, rows, self._to)
            out["distinct"] = _Found(*distinct, float(share @ distinct.slope))
        if known is not None and known.any():
            if rows >= self._to:
                distinct = distinct_items(sizes, known, rows, self._to)
                out["known"] = _Found(*distinct, float(share @ distinct.slope))
            if rows >= self._gini_to:
                gini = self._gini(sizes, known, rows)
                out["gini"] = _Found(*gini, float(share @ gini.slope))
        return out

    def _gini(self, sizes: F, known: NDArray[np.int64], rows: float) -> Rarefied:
        assert self._catalog is not None  # or nothing is known
        there = np.flatnonzero(known)
        means, items, group = grouped(sizes[there], known[there])
        found = gini_index(means, items, rows, self._catalog.size, self._gini_to)
        slope = np.zeros(len(sizes))
        slope[there] = found.slope[group]
        return Rarefied(found.value, slope)
