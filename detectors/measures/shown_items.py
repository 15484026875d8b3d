"""What is true of the items that were shown, averaged over rows: counted in full, with errors that count users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.catalog import Catalog
from detectors.core.summary import Summary
from detectors.measures.sampled_lists import F, Ratio, SampledLists
from detectors.statistics.item_counts import ANYWHERE, ItemCounts

Numbers = NDArray[np.float64] | NDArray[np.bool_]

TOP = 5  # items that are named
MOST = 0.5  # of all that is wrong: one item with more of it is to blame


class ShownItems:
    """The items of a window by cell and slice.

    Parameters
    ----------
    statistic : type of ItemCounts
        Which rows are looked at.
    """

    def __init__(self, summary: Summary, statistic: type[ItemCounts] = ItemCounts) -> None:
        self.counts = summary[statistic]
        self.members = summary.members(self.counts).astype(float)
        self.shown = self.counts.counts[:, ANYWHERE].astype(float)
        self.rows = self.members @ np.bincount(self.counts.group, self.shown, len(self.counts.groups))

    def total(self, of_item: Numbers) -> F:
        """Sum over the rows of each slice of a number that each item has, shape (slices,).

        Parameters
        ----------
        of_item : array, shape (items,)
            In the order of `ItemCounts.keys`; marks count as 1.
        """
        group, of_entry = self.counts.group, of_item[self.counts.key]
        if of_item.dtype == bool:  # few are marked
            marked = np.flatnonzero(of_entry)
            group, weighted = group[marked], self.shown[marked]
        else:
            weighted = self.shown * of_entry
        return self.members @ np.bincount(group, weighted, len(self.counts.groups))

    def mean(self, of_item: Numbers, lists: SampledLists) -> Ratio:
        """Mean over the rows of each slice of a number that each item has; `lists` are of the same rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value = np.where(self.rows > 0, self.total(of_item) / self.rows, np.nan)
        top = lists.sums(of_item[lists.item])
        return Ratio(value, lists.error(top, lists.length.astype(float), value))

    def of_slice(self, s: int, items: NDArray[np.bool_]) -> tuple[NDArray[np.uint64], F]:
        """Keys of the marked items that a slice shows, and the requests that show each."""
        wanted = (self.members[s] > 0)[self.counts.group] & items[self.counts.key]
        shown = np.bincount(self.counts.key[wanted], self.shown[wanted], len(self.counts.keys))
        there = np.flatnonzero(shown)
        return self.counts.keys[there], np.asarray(shown[there], float)


def worst(
    parts: Sequence[tuple[ShownItems, NDArray[np.bool_]]], s: int, catalog: Catalog | None = None
) -> Mapping[str, Any]:
    """Of some items those that a slice shows most, as evidence; one that is most of it is the culprit.

    Parameters
    ----------
    parts : sequence of (ShownItems, array of bool)
        Rows that are counted apart, and which of their items are meant.
    catalog : Catalog or None
        Has the names of items that are too rare for the log's to be kept.
    """
    found = [items.of_slice(s, marked) for items, marked in parts]
    keys, at = np.unique(np.concatenate([k for k, _ in found]), return_inverse=True)
    if not len(keys):
        return {}
    shown = np.bincount(at, np.concatenate([n for _, n in found]))
    total = float(shown.sum())
    named = [
        {"item": _name(keys[i], [p.counts for p, _ in parts], catalog), "requests": int(shown[i]),
         "share": round(float(shown[i] / total), 4)}
        for i in np.argsort(-shown, kind="stable")[:TOP]
    ]  # fmt: skip
    culprit = {"item": named[0]["item"]} if shown.max() > MOST * total else {}
    return {**culprit, "items": named, "different_items": len(keys)}


def _name(key: np.uint64, counts: Sequence[ItemCounts], catalog: Catalog | None) -> str:
    """By the log, else by the catalogue, else the hash."""
    name = next((n for c in counts if not (n := c.text_of(int(key))).startswith("#")), None)
    if name is not None:
        return name
    at = int(catalog.find(np.array([key]))[0]) if catalog is not None and len(catalog.names) else -1
    return catalog.names[at] if catalog is not None and at >= 0 else counts[0].text_of(int(key))
