"""Lists that several users got: in earlier windows, or by now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.expected import CONTEXTUAL, POPULAR
from detectors.core.hashing import U64, combine
from detectors.core.measurement import Measurement, share
from detectors.core.summary import Summary
from detectors.statistics.item_counts import ItemCounts
from detectors.statistics.panel import Panel

Mask = NDArray[np.bool_]

# Measures of whole lists that many get: once such a list is known it is in both shares, and so are its items and what
# any two lists have in common in theirs.
WHOLE_LISTS = frozenset({"same_item.identical_list_share", "fallback.learned_share", "fallback.shared_share"})

LEAST_USERS = 5  # of a list that is no longer anybody's own
LEAST_SHARE = 0.005  # of the lists of its part of the traffic: rarer ones may have come together by chance
LEAST_ITEMS = 2
SHOWN_ITEMS = 20  # of the list that most got, for people to see
OF_USUAL = 0.5  # of the usual length: of short lists many are the same, and that is what is wrong with them


@dataclass(frozen=True)
class SharedLists:
    """Which of a window's lists were several users' before, by now, and in it alone, arrays of shape (requests,).

    What lists are shared is learned of all traffic in which they are a person's own: where all who look at one thing,
    or everybody, are meant to get the same, nothing is. How common a list has to be is a share of the lists, so that
    what is learned does not follow from how many there were.

    Parameters
    ----------
    whole : array of bool
        Lists long enough to be one.
    before, by_now, now : array of bool
    """

    whole: Mask
    before: Mask
    by_now: Mask
    now: Mask

    @classmethod
    def of(cls, now: Summary, earlier: Sequence[Summary]) -> SharedLists:
        panel = now[Panel]
        least = _least_length([*earlier, now])
        lists = panel.lists
        seen = [_Seen.of(window, lists, least) for window in (now, *earlier)]
        number = panel.list_number
        whole = np.diff(panel.offsets) >= least
        known = [whole & _common(some, len(lists))[number] for some in (seen[1:], seen, seen[:1])]
        return cls(whole, *known)


@dataclass(frozen=True)
class _Seen:
    """Where a window had lists that are looked for.

    Parameters
    ----------
    number : array of int64, shape (requests,)
        Which of the lists.
    user, cell : arrays of uint64, shape (requests,)
    cells : array of uint64, shape (cells,)
        Sorted.
    lists : array of int64, shape (cells,)
        All lists of each.
    """

    number: I64
    user: U64
    cell: U64
    cells: U64
    lists: I64

    @classmethod
    def of(cls, window: Summary, lists: U64, least: int) -> _Seen:
        panel, own = window[Panel], own_lists(window)
        mine = own.members(panel)[0][panel.request_group] & (np.diff(panel.offsets) >= least)
        # In their order, lists are found several times faster.
        at = np.minimum(np.searchsorted(lists, panel.lists), max(len(lists) - 1, 0))
        at = np.where(lists[at] == panel.lists, at, -1) if len(lists) else np.full(len(panel.lists), -1)
        at = at[panel.list_number]
        found = np.flatnonzero(mine & (at >= 0))
        total = np.bincount(panel.request_group[mine], minlength=len(panel.groups))
        return cls(
            at[found], panel.user[panel.request_user[found]], panel.groups[panel.request_group[found]],
            panel.groups, total,
        )  # fmt: skip


def own_lists(summary: Summary) -> Summary:
    """The traffic whose lists are a person's own."""
    return summary.without(CONTEXTUAL).without(POPULAR)


def share_of_lists(
    name: str, summary: Summary, hit: Mask, whole: Mask, *, beside_most: bool = False
) -> Measurement:
    """Share of the lists that are long enough to be one, by slice; which list most got, as evidence.

    Parameters
    ----------
    beside_most : bool
        Leave the list that most got out of the share: how many get it is known by itself.
    """
    panel, samples = summary[Panel], summary.answers
    hits, of = (
        np.array([np.count_nonzero(sample & mask) for sample in samples]) for mask in (hit & whole, whole)
    )
    if beside_most:
        hits -= [np.bincount(panel.list_number[sample & hit & whole]).max(initial=0) for sample in samples]

    def evidence(s: int) -> Mapping[str, Any]:
        got = Counter(panel.signature[samples[s] & hit & whole].tolist())
        if not got:
            return {}
        [(most, n)] = got.most_common(1)
        request = int(np.flatnonzero(panel.signature == np.uint64(most))[0])
        items = panel.item[panel.offsets[request] : panel.offsets[request + 1]][:SHOWN_ITEMS]
        return {
            "lists": len(got),
            "list": [summary[ItemCounts].text_of(int(item)) for item in items],
            "list_share": round(n / int(of[s]), 4),
        }

    return share(name, hits, of, summary.clustering, evidence)


def _common(windows: Iterable[_Seen], size: int) -> Mask:
    """Which lists several users got, and often enough where they are got at all, shape (size,)."""
    some = list(windows)
    if not some:
        return np.zeros(size, bool)
    number, user, cell, cells, lists = (
        np.concatenate([getattr(w, name) for w in some])
        for name in ("number", "user", "cell", "cells", "lists")
    )
    users = _different(number, user, np.ones(len(number), np.int64), size)
    keys, at = np.unique(cells, return_inverse=True)
    of_cell = np.bincount(at, lists, len(keys)).astype(np.int64)
    there = _different(number, cell, of_cell[np.searchsorted(keys, cell)], size)
    return (users >= LEAST_USERS) & (np.bincount(number, minlength=size) >= LEAST_SHARE * there)


def _different(number: I64, what: U64, weight: I64, size: int) -> I64:
    """What there is beside each number, each different one once, by its weight, shape (size,)."""
    _, first = np.unique(combine(number.astype(np.uint64), what), return_index=True)
    return np.bincount(number[first], weight[first], size).astype(np.int64)


def _least_length(windows: Sequence[Summary]) -> int:
    lengths = [np.diff(w[Panel].offsets) for w in windows]
    length = np.concatenate([x[x > 0] for x in lengths])
    return max(LEAST_ITEMS, int(np.ceil(OF_USUAL * float(np.median(length))))) if len(length) else LEAST_ITEMS
