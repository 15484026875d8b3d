"""Panels of two windows side by side: requests of one user (or about one thing) then and now, and what they share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.hashing import U64, combine, distinct
from detectors.statistics.panel import Panel

NONE: frozenset[int] = frozenset()


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
    ours, theirs = _by_key(now, by_context), _by_key(before, by_context)
    if not len(ours[0]) or not len(theirs[0]):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    key, request = ours
    first, end = np.searchsorted(theirs[0], key), np.searchsorted(theirs[0], key, "right")
    number = np.arange(len(key)) - np.searchsorted(key, key)  # of a request among its user's
    both = np.flatnonzero(end > first)
    turn = first[both] + number[both] % (end - first)[both]
    return request[both], theirs[1][turn]


def overlap(
    now: Panel, request_now: I64, before: Panel, request_before: I64, *, pinned: frozenset[int] = NONE
) -> NDArray[np.float64]:
    """Share of items that two lists have in common: those in both, of the different items of the shorter one.

    Places do not count, and an item that a list shows twice counts once. One less this share is the temporal diversity
    of Lathia et al. where lists are equally long.

    Parameters
    ----------
    request_now, request_before : arrays of int, shape (pairs,)
        Indices into `Panel.request` of each.
    pinned : frozenset of int
        Positions that are left out of both lists.

    Returns
    -------
    array, shape (pairs,)
        NaN where a list has no items.

    References
    ----------
    N. Lathia, S. Hailes, L. Capra and X. Amatriain, "Temporal diversity in recommender systems", SIGIR 2010.
    """
    n = len(request_now)
    items = distinct(np.concatenate([now.item, before.item]))
    ours = _sets(now, request_now, items, pinned)
    theirs = _sets(before, request_before, items, pinned)
    together = np.sort(np.concatenate([ours, theirs]))  # what is there twice is in both
    shared = together[1:][together[1:] == together[:-1]]
    width = max(len(items), 1)
    size = np.minimum(np.bincount(ours // width, minlength=n), np.bincount(theirs // width, minlength=n))
    with np.errstate(invalid="ignore"):
        return np.where(size > 0, np.bincount(shared // width, minlength=n) / size, np.nan)


def _by_key(panel: Panel, by_context: bool) -> tuple[U64, I64]:
    """A key of cell and user (or context) of each request that has one, sorted, and the requests in that order."""
    wanted = panel.context != 0 if by_context else panel.user_known[panel.request_user]
    request = np.flatnonzero(wanted)
    who = panel.context[request] if by_context else panel.user[panel.request_user[request]]
    key = combine(panel.groups[panel.request_group[request]], who)
    order = np.argsort(key, kind="stable")  # of one key, by the request's hash: as if drawn by lot
    return key[order], request[order].astype(np.int64)


def _sets(panel: Panel, request: NDArray[np.integer[Any]], items: U64, pinned: frozenset[int]) -> I64:
    """The different items of some requests, sorted: number of the request among them * len(items) + item."""
    length = np.diff(panel.offsets)[request]
    first = np.cumsum(length) - length
    row = np.repeat(panel.offsets[:-1][request] - first, length) + np.arange(length.sum())
    code = np.repeat(np.arange(len(request)) * np.int64(len(items)), length)
    code += np.searchsorted(items, panel.item[row])
    if pinned:
        code = code[~np.isin(panel.position[row], sorted(pinned))]
    return distinct(code)
