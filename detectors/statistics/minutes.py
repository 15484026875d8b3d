"""Requests by minute: where the log fell silent inside a window. Never sampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from detectors.core.batch import Batch
from detectors.statistics.keyed import KeyedCounts, tabulate

MINUTE = 60_000_000  # in microseconds
LONG_SPAN = (
    100_000  # minutes; a batch that spans more holds odd times, and its minutes are sorted out one by one
)


@dataclass(frozen=True)
class Minutes(KeyedCounts):
    """Requests by cell and minute since the epoch."""

    name = "minutes"
    census = True

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        minute = np.maximum(batch.time // MINUTE, 0)
        first, last = int(minute.min(initial=2**62)), int(minute.max(initial=0))
        if last - first < LONG_SPAN:
            keys, at = np.arange(first, last + 1), minute - first
        else:
            keys, at = np.unique(minute, return_inverse=True)
        codes = batch.cell.astype(np.int64) * len(keys) + at
        return cls(*tabulate(batch.cells.keys, keys.astype(np.uint64), [codes]))
