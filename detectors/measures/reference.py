"""What a window is compared with where no expectation from history will do: windows of the day before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from detectors.core.detector import Context, Earlier
from detectors.core.hashing import U64, distinct
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, ItemCounts

F = NDArray[np.float64]

REFERENCE_ROWS = 50_000  # of the day before that are enough


def untroubled(context: Context, rows: int) -> Iterator[Earlier]:
    """Windows of the day before without an incident that pages, the oldest first, until they have so many rows.

    The oldest is that of the same hour yesterday. It is also the one that trouble of which nobody has been told yet
    reaches last.

    Parameters
    ----------
    rows : int
        No further windows are looked at once those before have this many.
    """
    seen = 0
    for window in reversed(list(context.earlier())):
        if window.troubled:
            continue
        shown = int(item_counts(window.summary)[1].sum())
        if shown:
            yield window
        seen += shown
        if seen >= rows:
            return


def item_counts(summary: Summary) -> tuple[U64, F]:
    """Keys of the items that a window showed, sorted, and the requests that showed each."""
    counts = summary[ItemCounts]
    shown = np.bincount(counts.key, counts.counts[:, ANYWHERE], len(counts.keys))
    return counts.keys, np.asarray(shown, float)


class Popularity:
    """How often each item was shown in the windows of reference, all slices together.

    Parameters
    ----------
    windows : iterable of Earlier
    """

    def __init__(self, windows: Iterable[Earlier]) -> None:
        counted = [item_counts(w.summary) for w in windows]
        self._keys = distinct(np.concatenate([k for k, _ in counted])) if counted else np.empty(0, np.uint64)
        self._shown = np.zeros(len(self._keys))
        for keys, shown in counted:
            self._shown[np.searchsorted(self._keys, keys)] += shown
        self.rows = float(self._shown.sum())

    def of(self, keys: U64) -> F:
        """Share of the reference's rows that show each item, 0 for one that none showed; shape of `keys`."""
        if not self.rows:
            return np.full(len(keys), np.nan)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return np.where(self._keys[at] == keys, self._shown[at], 0.0) / self.rows
