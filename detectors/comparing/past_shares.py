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
        here, there = window.slices.among(now.slices.texts)
        lists, counts = window[ListTally], window[ItemCounts]
        requests[here] += (window.members(lists) @ lists.lists)[there]
        hits[here] += (window.members(counts) @ counts_of(counts, items, kind))[there]
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
    number = np.full(len(counts.keys), -1)
    number[at[known]] = known
    entry = np.flatnonzero((number >= 0)[counts.key])
    out[counts.group[entry], number[counts.key[entry]]] = counts.counts[entry, kind]
    return out
