"""Panels of two windows side by side: requests of one user (or about one thing) then and now, and what they share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.hashing import U64, distinct
from detectors.statistics.panel import Panel


def matched(now: Panel, before: Panel, *, by_context: bool = False) -> tuple[I64, I64]:
    """Pairs of requests of the same user in the same cell, in this and an earlier panel.

    Every request of now is in one pair at most: a user's requests take those of before in turn, so that pairs are not
    more than requests. Which they meet follows from hashes, as if drawn by lot. Requests without a user are in none.

    Parameters
    ----------
    now, before : Panel
    by_context : bool
        Whether requests about the same thing are paired instead of those of the same user: what contextual lists
        depend on. Requests of which it is not known what they were about are in no pair.

    Returns
    -------
    request_now, request_before : arrays of int64, shape (pairs,)
        Indices into `Panel.request` of each.
    """
    ours = now.by_context if by_context else now.by_user
    theirs = before.by_context if by_context else before.by_user
    if not len(ours[0]) or not len(theirs[0]):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    key, request = ours
    first = np.searchsorted(theirs[0], key)
    both = np.flatnonzero(
        theirs[0][np.minimum(first, len(theirs[0]) - 1)] == key
    )  # of most users there is no other
    key, first = key[both], first[both]
    end = np.searchsorted(theirs[0], key, "right")
    number = both - np.searchsorted(ours[0], key)  # of a request among its user's
    return request[both], theirs[1][first + number % (end - first)]


def overlap(now: Panel, request_now: I64, before: Panel, request_before: I64) -> NDArray[np.float64]:
    """Share of items that two lists have in common: those in both, of the different items of the shorter one.

    Places do not count, and an item that a list shows twice counts once. One less this share is the temporal diversity
    of Lathia et al. where lists are equally long.

    Parameters
    ----------
    request_now, request_before : arrays of int, shape (pairs,)
        Indices into `Panel.request` of each.

    Returns
    -------
    array, shape (pairs,)
        NaN where a list has no items.

    References
    ----------
    N. Lathia, S. Hailes, L. Capra and X. Amatriain, "Temporal diversity in recommender systems", SIGIR 2010.
    """
    ours, theirs = (
        ItemSets.of(len(request_now), rows_of(*lists))
        for lists in ((now, request_now), (before, request_before))
    )
    return shared_share(ours, theirs)


def shared_share(now: ItemSets, before: ItemSets) -> NDArray[np.float64]:
    """Share of items that pairs of lists have in common.

    Returns
    -------
    array, shape (n,)
        NaN where a list has no items.
    """
    size = np.minimum(now.sizes, before.sizes)
    with np.errstate(invalid="ignore"):
        return np.where(size > 0, now.shared(before).sizes / size, np.nan)


@dataclass(frozen=True)
class ItemSets:
    """The different items of each of some lists.

    Parameters
    ----------
    n : int
        Lists.
    codes : array of uint64
        List and item in one word, so that one sort does it: of an item's hash enough is left to tell a few lists apart.
        Sorted, each once.
    """

    n: int
    codes: U64

    @classmethod
    def of(cls, n: int, rows: tuple[I64, U64]) -> ItemSets:
        """From rows: number of the list, and item."""
        lists, item = rows
        bits = np.uint64(_bits(n))
        return cls(n, distinct(lists.astype(np.uint64) << (np.uint64(64) - bits) | item >> bits))

    def shared(self, others: ItemSets) -> ItemSets:
        """The items that each list has in common with the other of its number."""
        # Both are in order, so that a stable sort merges them; what is there twice is in both.
        together = np.sort(np.concatenate([self.codes, others.codes]), kind="stable")
        return ItemSets(self.n, together[1:][together[1:] == together[:-1]])

    @cached_property
    def number(self) -> I64:
        """Number of the list of each item, ascending, shape (items,)."""
        return (self.codes >> np.uint64(64 - _bits(self.n))).astype(np.int64)

    @property
    def item(self) -> U64:
        """What is left of the hash of each item, shape (items,)."""
        return self.codes << np.uint64(_bits(self.n))

    @cached_property
    def sizes(self) -> I64:
        """How many items each list has, shape (n,)."""
        return np.bincount(self.number, minlength=self.n)


def _bits(n: int) -> int:
    """That hold the number of a list."""
    return max(n.bit_length(), 1)


def rows_of(panel: Panel, request: NDArray[np.integer[Any]]) -> tuple[I64, U64]:
    """Rows of some requests: number of the request among them, and item."""
    length = panel.offsets[request + 1] - panel.offsets[request]
    first = np.cumsum(length) - length
    row = np.repeat(panel.offsets[request] - first, length) + np.arange(length.sum())
    return np.repeat(np.arange(len(request)), length), panel.item[row]
