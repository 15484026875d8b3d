"""Whose earlier list a list is: that of the user who gets it, or unmistakably somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from detectors.core.batch import I64
from detectors.core.hashing import U64, combine
from detectors.core.sorting import number_hashes
from detectors.core.summary import Summary
from detectors.statistics.earlier_lists import keyed_lists
from detectors.statistics.panel import Panel
from detectors.statistics.panel_match import rows_of

# Least share of items in common that makes a list another one again. Lists of few items, one of which is pinned, have
# half of them in common with somebody's by chance.
ALIKE = 0.7
RIVAL = 0.5  # most that anybody else's list may have of what the nearest has
MOST_LISTS = 4096  # of a window: those of the keys with the smallest hashes, the same from window to window
MOST_SHARED = 1 << 20  # rows in common with earlier lists that are looked at


@dataclass(frozen=True)
class OnesLists:
    """One list of each user of a cell (or thing looked at, where lists depend on that), ready to be looked up by item.

    Parameters
    ----------
    key : array of uint64, shape (lists,)
        Of the cell and what the list depends on, sorted.
    request : array of int64, shape (lists,)
        Index into the panel's requests.
    size : array of int64, shape (lists,)
        Different items.
    code : array of uint64, shape (codes + 1,)
        Of the cell and an item, each once, sorted; the last one is nobody's.
    lists : sparse array of int32, shape (codes + 1, lists)
        1 where a list has what the code stands for.
    """

    key: U64
    request: I64
    size: I64
    code: U64
    lists: csr_array

    @classmethod
    def of(cls, summary: Summary) -> OnesLists:
        """Made once for each window: it is looked up in all of the day that follows."""
        if cls not in summary.memo:
            summary.memo[cls] = cls._of(summary[Panel], summary.is_contextual)
        found: OnesLists = summary.memo[cls]
        return found

    @classmethod
    def _of(cls, panel: Panel, is_contextual: NDArray[np.bool_]) -> OnesLists:
        key, request = keyed_lists(panel, panel.groups[is_contextual])
        first = np.ones(len(key), bool)
        first[1:] = key[1:] != key[:-1]
        key, request = key[first][:MOST_LISTS], request[first][:MOST_LISTS]
        number, item = rows_of(panel, request)
        code, at = number_hashes(combine(panel.groups[panel.request_group[request]][number], item))
        lists = csr_array((np.ones(len(at), np.int32), (at, number)), (len(code) + 1, len(key)))
        lists.sum_duplicates()
        lists.data[:] = 1  # an item twice in a list counts once
        size = np.bincount(lists.indices, minlength=len(key))
        return cls(key, request, size, np.append(code, np.uint64(0)), lists)

    def find(self, code: U64) -> I64:
        """Index of each of some codes, of the last one for what is not there."""
        at = np.searchsorted(self.code[:-1], code)
        return np.where(self.code[at] == code, at, len(self.code) - 1)


class Whose(NamedTuple):
    """Lists of now of which it can be said whose they are, or might be.

    Parameters
    ----------
    request : array of int64, shape (lists,)
        Index into the requests of the panel of now: of users that were met before, and of lists that are somebody
        else's.
    others : array of bool, shape (lists,)
        Whether it is unmistakably the earlier list of another user than the one who gets it.
    """

    request: I64
    others: NDArray[np.bool_]


def whose_lists(now: Summary, earlier: Sequence[Summary]) -> Whose:
    """Whose earlier list each list of now is, by the items that they have in common.

    A list is unmistakably somebody's when seven tenths of its items are in common with the nearest list before, and
    at most half as many with the lists of anybody else: of lists that many get nothing is said, and one of a model
    trained anew is like nobody's. Lists of one cell are compared. One list stands for each user of a cell, now and in
    each window.

    Parameters
    ----------
    earlier : sequence of Summary
        Windows before.

    References
    ----------
    D. Lowe, "Distinctive image features from scale-invariant keypoints", International Journal of Computer Vision 60,
    2004, section 7.1: a match counts when its rival is much farther away.
    """
    ours, theirs = OnesLists.of(now), [OnesLists.of(summary) for summary in earlier]
    lists, owner, share = _in_common(ours, theirs)
    best = np.zeros(len(ours.key))
    np.maximum.at(best, lists, share)
    nearest = np.zeros(len(ours.key), np.uint64)
    of_nearest = share == best[lists]
    nearest[lists[of_nearest]] = owner[of_nearest]
    rival = np.zeros(len(ours.key))
    of_others = owner != nearest[lists]
    np.maximum.at(rival, lists[of_others], share[of_others])
    others = (best >= ALIKE) & (rival <= RIVAL * best) & (nearest != ours.key)
    before = np.sort(np.concatenate([np.empty(0, np.uint64), *(t.key for t in theirs)]))
    met = np.searchsorted(before, ours.key, "right") > np.searchsorted(before, ours.key)
    kept = met | others
    return Whose(ours.request[kept], others[kept])


def _in_common(ours: OnesLists, theirs: Sequence[OnesLists]) -> tuple[I64, U64, NDArray[np.float64]]:
    """Pairs of a list of now and one before that share items: which list, whose the other is, and what they share.

    The share is of the different items of the longer list: a list cut short to two items is in many. Pairs that share
    too little to be rivals of any list that is another one again are left out. Where many lists are alike, fewer lists
    are looked at.
    """
    found = [before.find(ours.code) for before in theirs]
    rows = np.zeros(len(ours.code), np.int64)
    for before, at in zip(theirs, found, strict=True):
        rows += np.diff(before.lists.indptr)[at]
    mine = ours.lists.T.tocsr()
    so_far = np.append(0, np.cumsum(rows[mine.indices]))[mine.indptr[1:]]
    mine = mine[: int(np.searchsorted(so_far, MOST_SHARED, "right"))]
    lists, owner, share = [np.empty(0, np.int64)], [np.empty(0, np.uint64)], [np.empty(0)]
    for before, at in zip(theirs, found, strict=True):
        in_theirs = csr_array((mine.data, at[mine.indices], mine.indptr), (mine.shape[0], len(before.code)))
        shared = in_theirs @ before.lists
        i, j = np.repeat(np.arange(mine.shape[0]), np.diff(shared.indptr)), shared.indices
        part = shared.data / np.maximum(ours.size[i], before.size[j])
        kept = np.flatnonzero(part >= ALIKE * RIVAL)
        lists.append(i[kept])
        owner.append(before.key[j[kept]])
        share.append(part[kept])
    return np.concatenate(lists), np.concatenate(owner), np.concatenate(share)
