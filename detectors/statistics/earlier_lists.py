"""Lists of now beside what the same user got before (or was shown for the same thing)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.detector import Context, Earlier
from detectors.core.expected import CONTEXTUAL
from detectors.core.hashing import U64, distinct
from detectors.core.sorting import number_hashes
from detectors.core.summary import Summary
from detectors.statistics.bottom_k import EVERYONE
from detectors.statistics.panel import Panel
from detectors.statistics.panel_match import ItemSets, rows_of


@dataclass(frozen=True)
class EarlierLists:
    """Lists of now, each with one that the same user got before; one pair for each earlier window that has one.

    Parameters
    ----------
    request : array of int64, shape (pairs,)
        Of the panel of now.
    who : array of int64
        Number of what both lists depend on; pairs of one are not independent.
    recent, same : arrays of bool
        Whether the earlier list is of the hours before; whether both have the same items at the same places.
    change, novelty : arrays
        Share of the list's items that the earlier one does not have; that no earlier list of its pairs has.
    comparable : array of bool, shape (slices, pairs)
        Whether a pair belongs to a slice's sample.
    """

    request: I64
    who: I64
    recent: NDArray[np.bool_]
    same: NDArray[np.bool_]
    change: NDArray[np.float64]
    novelty: NDArray[np.float64]
    comparable: NDArray[np.bool_]

    @classmethod
    def of(
        cls, summary: Summary, context: Context, earlier: Sequence[Earlier], recent_us: int
    ) -> EarlierLists:
        """Look for them in the windows before: those that began up to `recent_us` before now are recent.

        Lists of one item are left out: that they are the same says little.
        """
        now, then = summary[Panel], [e.summary[Panel] for e in earlier]
        contextual = _contextual_cells(summary)
        keys = keyed_lists(now, contextual)
        ours, window, theirs = _pairs(keys, [keyed_lists(p, contextual) for p in then])
        signature = np.empty(len(ours), np.uint64)
        pairs, items = [ours[:0]], [now.item[:0]]
        for w, panel in enumerate(then):
            pair = np.flatnonzero(window == w)
            number, item = rows_of(panel, theirs[pair])
            pairs.append(pair[number])
            items.append(item)
            signature[pair] = panel.signature[theirs[pair]]
        mine = ItemSets.of(len(ours), rows_of(now, ours))
        before = ItemSets.of(len(ours), (np.concatenate(pairs), np.concatenate(items)))
        both = mine.shared(before)
        about = np.isin(now.groups, contextual)[now.request_group]
        who = np.where(about, now.context, now.user[now.request_user])
        began = np.array([e.start_us for e in earlier], np.int64)
        return cls(
            ours,
            number_hashes(who[ours])[1],
            context.window_us[0] - began[window] <= recent_us,
            now.signature[ours] == signature,
            1 - both.sizes / np.minimum(mine.sizes, before.sizes),
            1 - _known(ours[both.number], both.item, len(now.request))[ours] / mine.sizes,
            _comparable(summary, now, then, window, ours),
        )


def _contextual_cells(summary: Summary) -> U64:
    """Keys of the cells whose lists depend on what was being looked at."""
    kinds = (summary.kinds.get(values) == CONTEXTUAL for values in summary.cells.values)
    return summary.cells.keys[np.fromiter(kinds, bool, len(summary.cells))]


def keyed_lists(panel: Panel, contextual: U64) -> tuple[U64, I64]:
    """A key of the cell and what a list depends on, sorted, and the request, of the lists that can be compared."""
    key, request = panel.by_user
    comparable = np.diff(panel.offsets) >= 2
    if not len(contextual):
        kept = comparable[request]
        return key[kept], request[kept]
    about = np.isin(panel.groups, contextual)[panel.request_group]
    kept = (comparable & ~about)[request]
    also_key, also_request = panel.by_context
    also = (comparable & about)[also_request]
    key, request = (
        np.concatenate([mine[kept], other[also]])
        for mine, other in ((key, also_key), (request, also_request))
    )
    order = np.argsort(key, kind="stable")
    return key[order], request[order]


def _pairs(now: tuple[U64, I64], before: Sequence[tuple[U64, I64]]) -> tuple[I64, I64, I64]:
    """For each request of now one of each earlier window with its key: request, window, and request there.

    Several requests of one key take those of an earlier window in turn, so that pairs are not more than requests.
    """
    wanted, request = now
    found = [np.flatnonzero(_among(key, wanted)) for key, _ in before]
    key = np.concatenate([wanted[:0], *(k[at] for (k, _), at in zip(before, found, strict=True))])
    there = np.concatenate([request[:0], *(r[at] for (_, r), at in zip(before, found, strict=True))])
    window = np.repeat(np.arange(len(before)), [len(at) for at in found])
    order = np.lexsort((window, key))
    key, there, window = key[order], there[order], window[order]
    new = np.ones(len(key), bool)
    new[1:] = (key[1:] != key[:-1]) | (window[1:] != window[:-1])
    start = np.flatnonzero(new)  # of the requests of one key in one window
    size = np.diff(start, append=len(key))
    first, end = np.searchsorted(key[start], wanted), np.searchsorted(key[start], wanted, "right")
    ours = np.repeat(np.arange(len(wanted)), end - first)
    run = np.arange(len(ours)) - np.repeat(np.cumsum(end - first) - end, end - first)
    number = np.arange(len(wanted)) - np.searchsorted(wanted, wanted)  # of a request among those of its key
    theirs = start[run] + number[ours] % size[run]
    return request[ours], window[theirs], there[theirs]


def _among(keys: U64, ordered: U64) -> NDArray[np.bool_]:
    """Which keys are in a sorted array."""
    if not len(ordered):
        return np.zeros(len(keys), bool)
    at = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
    return np.asarray(ordered[at] == keys)


def _known(request: I64, item: U64, requests: int) -> I64:
    """How many different items each request is given with, shape (requests,)."""
    width = np.int64(len(item) + 1)
    return np.bincount(distinct(request * width + number_hashes(item)[1]) // width, minlength=requests)


def _comparable(
    summary: Summary, now: Panel, then: Sequence[Panel], window: I64, request: I64
) -> NDArray[np.bool_]:
    """Users below the smallest bound of a slice's cells, in both panels: cells then weigh as their traffic does."""
    members = summary.members(now)
    bound = np.full((len(then), len(now.groups)), EVERYONE)
    for row, panel in zip(bound, then, strict=True):
        at = np.searchsorted(now.groups, panel.groups)
        here = _among(panel.groups, now.groups)
        row[at[here]] = panel.bound[here]
    bound = np.minimum(bound, now.bound)
    lowest = np.where(members[:, None, :], bound, EVERYONE).min(axis=2, initial=EVERYONE)
    user = now.user[now.request_user[request]]
    return members[:, now.request_group[request]] & (user <= lowest[:, window])
