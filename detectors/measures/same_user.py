"""Pairs of lists of one user: what they share is no news of how alike the lists of different people are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors.core.batch import I64
from detectors.core.hashing import distinct
from detectors.core.pairs import CellPairs, pairs_of
from detectors.measures.sampled_lists import F, SampledLists


class SameUser(NamedTuple):
    """Ordered pairs of one user, shapes (slices,): items that two lists share; lists and rows, each with itself too."""

    shared: F
    lists: F
    rows: F


def within_users(lists: SampledLists) -> SameUser:
    """Pairs of lists of one user, counted in the panel and brought up to all requests of the slices' cells.

    A user who is in two cells is in both samples when in the thinner one, so pairs of different cells are brought up by
    what that one stands for.
    """
    panel, n = lists.panel, len(lists.panel.groups)
    shown = lists.length > 0
    kept: F = np.asarray(np.bincount(panel.request_user, shown, len(panel.user)), float)
    rows: F = np.asarray(np.bincount(panel.request_user, lists.length, len(panel.user)), float)
    each: F = np.where(kept > 0, panel.user_requests / np.maximum(kept, 1), 0.0)
    made = kept * each
    asked = np.bincount(panel.user_group, made, n)
    there = np.bincount(lists.cell, lists.weight * shown, n)
    scale = np.divide(there, asked, out=np.zeros(n), where=asked > 0)
    pairs = CellPairs(lists.members, scale)

    cell = panel.user_group.astype(np.int64)
    left, right = pairs_of(panel.person)
    of_lists = pairs.by_slice(cell[left], cell[right], made[left] * made[right])
    of_rows = pairs.by_slice(cell[left], cell[right], (rows * each)[left] * (rows * each)[right])

    code, user, times = _items_of_users(lists)
    left, right = pairs_of(code)
    weight = (times * each[user])[left] * (times * each[user])[right]
    # Of lists of one cell, pairs of a list with itself do not count.
    alone = left == right
    t, k, m = times[left[alone]], kept[user[left[alone]]], made[user[left[alone]]]
    weight[alone] = t * (t - 1) * np.divide(m * (m - 1), k * (k - 1), out=np.ones(len(k)), where=k > 1)
    shared = pairs.by_slice(cell[user[left]], cell[user[right]], weight)
    return SameUser(shared, of_lists, of_rows)


def _items_of_users(lists: SampledLists) -> tuple[I64, I64, F]:
    """Items of people with several lists: a number of person and item, the user of a cell, how many lists have it."""
    panel = lists.panel
    owner = panel.person[panel.request_user]
    several = (np.bincount(owner) >= 2)[owner] if len(owner) else np.empty(0, bool)
    row = np.flatnonzero(several[lists.row_list])
    width = np.int64(max(int(lists.item.max(initial=0)) + 1, 1))
    once = distinct(lists.row_list[row] * width + lists.item[row])  # an item twice in one list counts once
    request, item = np.divmod(once, width)
    user = panel.request_user[request].astype(np.int64)
    by_user, times = np.unique(user * width + item, return_counts=True)
    user, item = np.divmod(by_user, width)
    return panel.person[user] * width + item, user, times.astype(float)
