"""Panels of two windows side by side: requests of one user (or about one thing) then and now, and what they share."""

from __future__ import annotations

from typing import Any, NamedTuple

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
    return shared_share(len(request_now), rows_of(now, request_now), rows_of(before, request_before))


def shared_share(n: int, now: tuple[I64, U64], before: tuple[I64, U64]) -> NDArray[np.float64]:
    """Share of items that pairs of lists have in common, given the rows of both: number of the pair, and item.

    Parameters
    ----------
    n : int
        Pairs.

    Returns
    -------
    array, shape (n,)
        NaN where a list has no items.
    """
    both = shared_items(n, now, before)
    size = np.minimum(both.size_now, both.size_before)
    with np.errstate(invalid="ignore"):
        return np.where(size > 0, np.bincount(both.pair, minlength=n) / size, np.nan)


class Shared(NamedTuple):
    """What two lists have in common, for many pairs of lists.

    Parameters
    ----------
    pair, item : arrays, shape (shared items,)
        Number of the pair, ascending, and what is left of the hash of an item that both of its lists show.
    size_now, size_before : arrays of int64, shape (pairs,)
        Different items of each list.
    """

    pair: I64
    item: U64
    size_now: I64
    size_before: I64


def shared_items(n: int, now: tuple[I64, U64], before: tuple[I64, U64]) -> Shared:
    """The items that pairs of lists have in common; parameters as for `shared_share`."""
    # Pair and item in one word, so that one sort does it; of an item's hash enough is left to tell a few lists apart.
    bits = max(n.bit_length(), 1)

    def sets(rows: tuple[I64, U64]) -> U64:
        pair, item = rows
        return distinct(pair.astype(np.uint64) << np.uint64(64 - bits) | item >> np.uint64(bits))

    def pair_of(codes: U64) -> I64:
        return (codes >> np.uint64(64 - bits)).astype(np.int64)

    ours, theirs = sets(now), sets(before)
    together = np.sort(np.concatenate([ours, theirs]))  # what is there twice is in both
    codes = together[1:][together[1:] == together[:-1]]
    sizes = (np.bincount(pair_of(s), minlength=n) for s in (ours, theirs))
    return Shared(pair_of(codes), codes << np.uint64(bits), *sizes)


def rows_of(panel: Panel, request: NDArray[np.integer[Any]]) -> tuple[I64, U64]:
    """Rows of some requests: number of the request among them, and item."""
    length = panel.offsets[request + 1] - panel.offsets[request]
    first = np.cumsum(length) - length
    row = np.repeat(panel.offsets[request] - first, length) + np.arange(length.sum())
    return np.repeat(np.arange(len(request)), length), panel.item[row]
