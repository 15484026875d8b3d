"""How concentrated a window's rows are on items: overlap of lists, effective and distinct items, Gini index."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.summary import Summary
from detectors.measures.abundance import Abundances, Histogram
from detectors.measures.entropy import entropy_of
from detectors.measures.rarefaction import distinct_items, gini_index, grouped
from detectors.measures.same_user import within_users
from detectors.measures.sampled_lists import F, SampledLists
from detectors.measures.user_sample import UserSample
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.list_tally import LONGEST, ListTally

UNSEEN_ERROR = 0.12  # of what unseen items are thought to add to the entropy, this share may be wrong
AT_ONCE = 1 << 20  # numbers in a table of slices and items, or lists: 8 MB
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
    """A statistic of some slices, and what makes its error: `scale` * hypot(delta method, `besides`).

    `slope` is what a row of an item adds, times all rows, by the item's count, shape (E,); `each` what any row takes
    away. All others have the shape (slices,); values are NaN where there is too little.
    """

    value: F
    slope: F
    each: F | float
    scale: F | float = 1.0
    besides: F | float = 0.0


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
        self._lists, self._same_user = lists, within_users(lists)

    def measure(self) -> dict[str, Estimate]:
        """All of them, by name."""
        out = {name: Estimate(*np.full((2, len(self.n)), np.nan)) for name in NAMES}
        first = 0
        for totals in self._tables():
            slices = np.arange(first, first + len(totals))
            first += len(totals)
            rows = totals.sum(axis=1)
            slices, totals = slices[rows >= 2], totals[rows >= 2]
            if len(slices):
                self._measure(slices, totals, out)
        return out

    def _tables(self) -> Iterator[I64]:
        """Counts of items, shape (slices, items), of as many slices at once as are worth it."""
        width = max(len(self._summary[ItemCounts].keys), len(self._lists.length), 1)
        rows = iter(self._summary.totals(ItemCounts, ANYWHERE))
        while some := list(islice(rows, max(AT_ONCE // width, 1))):
            yield np.stack(some).astype(np.int64)

    def _measure(self, slices: I64, totals: I64, out: dict[str, Estimate]) -> None:
        """Put what is found of some slices into the results."""
        histogram, sample = Histogram(totals), UserSample(self._lists, slices)
        known = None if self._catalog is None else histogram.times_among(self._catalog.known)
        found = self._found(slices, histogram.abundances, known)
        slopes = np.stack([f.slope for f in found.values()], axis=1)[
            histogram.find(sample.slice, sample.items)
        ]
        total, enough = histogram.abundances.rows, sample.lists >= 2
        each = np.stack([np.broadcast_to(f.each, len(slices)) for f in found.values()], axis=1)
        errors = sample.errors(slopes, each, total)
        for (name, f), error in zip(found.items(), errors.T, strict=True):
            there = enough & np.isfinite(f.value)
            made = f.scale * np.hypot(error, f.besides)
            out[name].value[slices[there]], out[name].error[slices[there]] = f.value[there], made[there]
        # Where no item is shared, the overlap is known to within one.
        none = slices[enough & self._several(slices) & np.isnan(found["overlap"].value)]
        width = self._rows(none, slices, total) / self.requests[none]
        out["overlap"].value[none], out["overlap"].error[none] = 0.0, 2 / (self.n[none] ** 2 * width)

    @staticmethod
    def _rows(some: I64, slices: I64, total: F) -> F:
        return total[np.searchsorted(slices, some)]

    def _pairs(self, slices: I64) -> F:
        """Pairs of lists of different users."""
        return self.requests[slices] ** 2 - self._same_user.lists[slices]

    def _several(self, slices: I64) -> NDArray[np.bool_]:
        return self._pairs(slices) > 1e-9 * self.requests[slices] ** 2

    def _found(self, slices: I64, counted: Abundances, known: I64 | None) -> dict[str, _Found]:
        """The statistics from the different counts of items, and how often each occurs."""
        out: dict[str, _Found] = {}
        total, requests, same_user = counted.rows, self.requests[slices], self._same_user
        with np.errstate(invalid="ignore", divide="ignore"):
            share, width = counted.sizes * counted.times / total[counted.sample], total / requests
            # Pairs of different users: those of one user's lists would say the less, the more users there are.
            square = counted.sums(counted.sizes**2 * counted.times)
            shared, pairs = square - total - same_user.shared[slices], self._pairs(slices)
            pairs_of_rows, several = total**2 - same_user.rows[slices], self._several(slices)
            some = several & (shared > 1e-9 * total) & (pairs_of_rows > 0)
            # Where lists are almost unlike, the number of shared items is a count: its own (Poisson) error adds to that
            # of which lists were seen. A row shares nothing with itself: only pairs of different users count.
            few = np.sqrt(2 * pairs_of_rows / np.maximum(shared, 0.0)) / (self.n[slices] * width)
            slope = 2 * counted.sizes * (total / square)[counted.sample]
            overlap = np.where(some, shared / pairs / width, np.nan)
            q2 = np.where(some, pairs_of_rows / shared, np.nan)
            out["overlap"] = _Found(overlap, slope, 1.0, overlap, few)
            out["q2"] = _Found(q2, slope, 2.0, q2, few)
            # Rows of one user that repeat an item tell nothing new: count them once, on average.
            by_chance = np.maximum(shared / pairs, 0.0) * (same_user.lists[slices] - requests)
            again = same_user.shared[slices] - np.where(several, by_chance, 0.0)
            repeats = 1 + np.maximum(again, 0.0) / total
        once, rows = counted.divided(repeats), total / repeats
        entropy = entropy_of(once)
        q1 = np.exp(entropy.value)
        out["q1"] = _Found(
            q1, entropy.slope, counted.sums(share * entropy.slope), q1, UNSEEN_ERROR * entropy.unseen
        )
        distinct, slope = distinct_items(once, rows, self._to)
        out["distinct"] = _Found(distinct, slope, counted.sums(share * slope))
        if known is not None:
            of_catalog, _ = distinct_items(once.counting(known), rows, self._to)
            any_known = counted.sums(known) > 0
            out["known"] = _Found(np.where(any_known, of_catalog, np.nan), *out["distinct"][1:3])
            gini, slope = self._gini(once.counting(known), rows, any_known)
            out["gini"] = _Found(gini, slope, counted.sums(share * slope))
        return out

    def _gini(self, known: Abundances, rows: F, any_known: NDArray[np.bool_]) -> tuple[F, F]:
        """Gini index by slice, and what a row of each count changes in it."""
        assert self._catalog is not None  # or nothing is known
        value, slope = np.full(len(rows), np.nan), np.zeros(len(known.sizes))
        for s in np.flatnonzero(any_known & (rows >= self._gini_to)):
            of_slice = slice(*np.searchsorted(known.sample, (s, s + 1)))
            there = np.flatnonzero(known.times[of_slice]) + of_slice.start
            means, items, group = grouped(known.sizes[there], known.times[there])
            found = gini_index(means, items, float(rows[s]), self._catalog.size, self._gini_to)
            value[s], slope[there] = found.value, found.slope[group]
        return value, slope
