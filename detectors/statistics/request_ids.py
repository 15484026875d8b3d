"""Request ids that come more than once, judged on a sample of the ids. Never sampled by user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64, distinct
from detectors.core.sorting import sort_hashes
from detectors.core.statistic import Statistic

IDS = 1 << 15


@dataclass(frozen=True)
class RequestIds(Statistic):
    """How often each of the `IDS` request ids with the smallest hashes came: a bottom-k sample.

    Every appearance of a chosen id is counted, wherever in the window it was, so the share of appearances beyond the
    first is unbiased. Within a batch, rows of one id are one request; a list written twice there is in
    `TrafficTally.repeated`.

    Parameters
    ----------
    groups : array of uint64, shape (0,)
        Not kept by cell.
    ids : array of uint64, shape (ids,)
        Sorted.
    times : array of int64, shape (ids,)
    """

    name = "request_ids"
    census = True
    approximate = f"a sample of {IDS} request ids"

    groups: U64
    ids: U64
    times: I64

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.int64))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if "request" not in batch.has or not batch.n_requests:
            return cls.empty()
        ids = batch.request
        if len(ids) > 4 * IDS:  # most hashes are far above the largest that can be kept
            below = distinct(ids[ids < np.uint64(2.0**64 * 2 * IDS / len(ids))])
            if len(below) >= IDS:
                ids = ids[ids <= below[IDS - 1]]
        unique, times = np.unique(ids, return_counts=True)
        return cls(np.empty(0, np.uint64), unique[:IDS], times[:IDS].astype(np.int64))

    def merge(self, other: Self) -> Self:
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        order, ordered = sort_hashes(np.concatenate([p.ids for p in parts]))
        start = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] + np.uint64(1)))
        if not len(start):
            return cls.empty()
        times = np.add.reduceat(np.concatenate([p.times for p in parts])[order], start)
        return cls(np.empty(0, np.uint64), ordered[start][:IDS], times[:IDS])
