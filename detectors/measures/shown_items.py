"""What is true of the items that were shown, averaged over rows: counted in full, with errors that count users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog
from detectors.core.summary import Summary
from detectors.measures.sampled_lists import F, Ratio, SampledLists
from detectors.statistics.item_counts import ANYWHERE, ItemCounts

TOP = 5  # items that are named
MOST = 0.5  # of all that is wrong: one item with more of it is to blame


class ShownItems:
    """The items of a window by cell and slice.

    Parameters
    ----------
    lists : SampledLists
        Of the same summary.
    """

    def __init__(self, summary: Summary, lists: SampledLists) -> None:
        self.counts, self._lists = summary[ItemCounts], lists
        self.members = summary.members(self.counts).astype(float)
        self._shown = self.counts.counts[:, ANYWHERE].astype(float)
        self.rows = self.members @ np.bincount(self.counts.group, self._shown, len(self.counts.groups))

    def mean(self, of_item: F) -> Ratio:
        """Mean over the rows of each slice of a number that each item has.

        Parameters
        ----------
        of_item : array, shape (items,)
            In the order of `ItemCounts.keys`.
        """
        weighted = self._shown * of_item[self.counts.key]
        total = self.members @ np.bincount(self.counts.group, weighted, len(self.counts.groups))
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(self.rows > 0, total / self.rows, np.nan)
        top = self._lists.sums(of_item[self._lists.item])
        return Ratio(value, self._lists.error(top, self._lists.length.astype(float), value))

    def of_slice(self, s: int, items: NDArray[np.bool_]) -> F:
        """Requests of a slice that show each item, 0 for items that are not marked, shape (items,)."""
        wanted = (self.members[s] > 0)[self.counts.group] & items[self.counts.key]
        shown = np.bincount(self.counts.key[wanted], self._shown[wanted], len(self.counts.keys))
        return np.asarray(shown, float)

    def worst(self, s: int, items: NDArray[np.bool_], catalog: Catalog | None = None) -> Mapping[str, Any]:
        """Of the marked items those that a slice shows most, as evidence; one that is most of it is the culprit."""
        shown = self.of_slice(s, items)
        total = float(shown.sum())
        if not total:
            return {}
        top = np.argsort(-shown, kind="stable")[:TOP]
        named = [
            {
                "item": self._name(int(i), catalog),
                "requests": int(shown[i]),
                "share": round(float(shown[i] / total), 4),
            }
            for i in top
            if shown[i]
        ]
        culprit = {"item": named[0]["item"]} if shown[top[0]] > MOST * total else {}
        return {**culprit, "items": named, "different_items": int((shown > 0).sum())}

    def _name(self, item: int, catalog: Catalog | None) -> str:
        """By the log, else by the catalogue: the log's names of rare items are not kept."""
        key = self.counts.keys[item]
        name = self.counts.text_of(int(key))
        if catalog is None or not name.startswith("#") or not len(catalog.names):
            return name
        at = int(catalog.find(np.array([key]))[0])
        return catalog.names[at] if at >= 0 else name
