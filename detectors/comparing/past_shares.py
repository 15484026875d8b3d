"""What some items had of the traffic in earlier windows, by slice, without adding up the items that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ANYWHERE, ItemCounts
from detectors.statistics.list_tally import ListTally

F = NDArray[np.float64]


@dataclass(frozen=True)
class PastShares:
    """Requests that had an item, and all requests, by slice.

    Parameters
    ----------
    hits : array, shape (slices, items)
    requests : array, shape (slices,)
    """

    hits: F
    requests: F


def past_shares(now: Summary, earlier: Iterable[Summary], items: U64, kind: int = ANYWHERE) -> PastShares:
    """Earlier windows together, in the slices of this one; a window that lacks a slice has no request of it.

    Parameters
    ----------
    items : array of uint64, shape (items,)
    """
    hits, requests = np.zeros((len(now.slices), len(items))), np.zeros(len(now.slices))
    for window in earlier:
        places = {text: s for s, text in enumerate(window.slices.texts)}
        at = np.array([places.get(text, -1) for text in now.slices.texts])
        here = at >= 0
        lists = window[ListTally]
        requests[here] += (window.members(lists) @ lists.lists)[at[here]]
        counts = window[ItemCounts]
        hits[here] += (window.members(counts) @ counts_of(counts, items, kind))[at[here]]
    return PastShares(hits, requests)


def counts_of(counts: ItemCounts, items: U64, kind: int = ANYWHERE) -> F:
    """Requests that have each of some items, by cell, shape (cells, items).

    Looked up, not counted: a window may have millions of entries.
    """
    out = np.zeros((len(counts.groups), len(items)))
    if not len(counts.keys):
        return out
    at = np.minimum(np.searchsorted(counts.keys, items), len(counts.keys) - 1)
    known = np.flatnonzero(counts.keys[at] == items)
    width = np.int64(len(counts.keys))
    code = counts.group * width + counts.key  # sorted, as entries are
    wanted = np.arange(len(counts.groups))[:, None] * width + at[known]
    place = np.minimum(np.searchsorted(code, wanted), len(code) - 1)
    out[:, known] = np.where(code[place] == wanted, counts.counts[place, kind], 0)
    return out
