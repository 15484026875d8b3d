"""The few most frequent items of each slice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.intervals import wilson
from detectors.core.measurement import Measurement, share
from detectors.sameness.shown import F, Shown
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.panel import Panel

TOP = 5  # items
BLOCK = 256  # values of which the largest is looked at first


class Tops:
    """The `TOP` most frequent items of each slice, first or anywhere.

    Parameters
    ----------
    shown : Shown

    Attributes
    ----------
    items : array of int, shape (slices, TOP)
        Indices of `ItemCounts.keys`, the most frequent first; -1 where there are fewer.
    hits : array, shape (slices, TOP)
        Answers that have them.
    """

    def __init__(self, shown: Shown) -> None:
        self.shown, self.counts = shown, shown.summary[ItemCounts]
        size = len(shown.summary.slices)
        self.items = np.full((size, TOP), -1)
        self.hits = np.zeros((size, TOP))
        for s, totals in enumerate(shown.by_item()):
            largest = _largest(totals, TOP)
            self.items[s, : len(largest)] = largest
            self.hits[s, : len(largest)] = totals[largest]

    def share_of_first(self, measure: str, together: int = 1) -> Measurement:
        """The share that the most frequent items of each slice have, so many of them together."""

        def evidence(s: int) -> Mapping[str, Any]:
            return self.evidence(s) if self.hits[s, 0] else {}

        hits = self.hits[:, :together].sum(axis=1)
        return share(measure, hits, self.shown.answers, self.shown.clustering, evidence)

    @cached_property
    def shares(self) -> F:
        """Share of the answers that each of them has, shape (slices, TOP)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.hits / self.shown.answers[:, None]

    def evidence(self, s: int) -> dict[str, Any]:
        """The top items of a slice that has some, with their shares and 95 % limits."""
        there = self.hits[s] > 0
        shares = self.shares[s, there]
        low, high = wilson(shares, self.shown.answers[s] / self.shown.clustering[s], 1.96)
        top_items = [
            {"item": self.name(s, i), "requests": int(self.hits[s, i]), "share": round(float(p), 4),
             "low": round(float(a), 4), "high": round(float(b), 4)}
            for i, (p, a, b) in enumerate(zip(shares, low, high, strict=True))
        ]  # fmt: skip
        return {"item": top_items[0]["item"], "position": self.position(s), "top_items": top_items}

    def name(self, s: int, rank: int = 0) -> str:
        return self.counts.text_of(int(self.counts.keys[self.items[s, rank]]))

    def position(self, s: int) -> int:
        """Which place of a slice's lists is the first that is not pinned."""
        first = self.shown.summary[Panel].first[self.shown.summary.answers[s]]
        return int(np.median(first)) if len(first) else 1


def _largest(values: F, k: int) -> NDArray[np.int64]:
    """Indices of the k largest, largest first; of equals the earlier key."""
    # The k-th largest of the blocks' maxima is no larger than the k-th largest value, and found far sooner.
    maxima = np.maximum.reduceat(values, np.arange(0, len(values), BLOCK)) if len(values) else values
    least = np.partition(maxima, len(maxima) - k)[len(maxima) - k] if len(maxima) >= k else -np.inf
    candidates = np.flatnonzero(values >= least)
    return candidates[np.argsort(-values[candidates], kind="stable")][:k]
