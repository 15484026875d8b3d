"""Outcomes in memory, and what of them happened in which list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64

SKEW = 300_000_000  # a clock may be so many microseconds behind that of the recommender
COMPARED = 1 << 22  # places compared with outcomes at a time

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class OutcomeRows:
    """What happened, one entry for each row of the log, sorted by request and time.

    Parameters
    ----------
    request, item : array of uint64, shape (n,)
        Hashes of the ids.
    time : array of int64, shape (n,)
        Microseconds since the epoch.
    click, conversion : array of bool, shape (n,)
    value : array, shape (n,)
        NaN where it is worth nothing that is known.
    delay_us : int
        How long after its request an outcome counts.
    rate : float
        Share of the requests, chosen by hash, whose outcomes are here.
    kinds : tuple of str
        What the log tells of: "click", "conversion", "value".
    """

    request: U64
    item: U64
    time: I64
    click: Flags
    conversion: Flags
    value: NDArray[np.float64]
    delay_us: int
    rate: float
    kinds: tuple[str, ...]

    @classmethod
    def of(
        cls,
        parts: Sequence[tuple[NDArray[Any], ...]],
        delay_us: int,
        kinds: tuple[str, ...],
        rate: float = 1.0,
    ) -> OutcomeRows:
        """From the columns of parts of a log, in any order."""
        types = (np.uint64, np.uint64, np.int64, bool, bool, np.float64)
        whole = [np.concatenate([np.empty(0, t), *(p[i] for p in parts)]) for i, t in enumerate(types)]
        order = np.lexsort((whole[2], whole[0]))
        request, item, time, click, conversion, value = (column[order] for column in whole)
        return cls(request, item, time, click, conversion, value, delay_us, rate, kinds)

    def __len__(self) -> int:
        return len(self.request)

    def join(self, batch: Batch) -> Batch:
        """The batch with what happened in its lists; of a part of its requests where only their outcomes are here.

        An outcome happened at the first place of its list that has its item, if it happened in time. The first one that
        is worth something says what it was worth.
        """
        if self.rate < 1:
            batch = batch.select(batch.request < np.uint64(self.rate * 2.0**64))
        click, converted = np.zeros((2, batch.n_rows), bool)
        worth = np.full(batch.n_rows, np.nan)
        for row, outcome in self._matches(batch):
            click[row[self.click[outcome]]] = True
            converted[row[self.conversion[outcome]]] = True
            valued = np.isfinite(self.value[outcome]) & np.isnan(worth[row])
            row, outcome = row[valued][::-1], outcome[valued][::-1]  # of several, the first is written last
            worth[row] = self.value[outcome]
        return replace(
            batch,
            click=click if "click" in self.kinds else batch.click,
            click_known=None if "click" in self.kinds else batch.click_known,
            converted=converted if "conversion" in self.kinds else None,
            worth=worth if "value" in self.kinds else None,
            has=batch.has | set(self.kinds),
        )

    def _matches(self, batch: Batch) -> Iterator[tuple[I64, I64]]:
        """Rows and outcomes that belong together, some requests at a time; outcomes of a row in order of time."""
        first = np.searchsorted(self.request, batch.request)
        number = np.searchsorted(self.request, batch.request, "right") - first
        asked = np.flatnonzero(number)
        request = np.repeat(asked, number[asked])
        outcome = _ranges(first[asked], number[asked])
        later = self.time[outcome] - batch.time[request]
        in_time = (later >= -SKEW) & (later <= self.delay_us)
        request, outcome = request[in_time], outcome[in_time]
        places = np.cumsum(batch.length[request])
        start = 0
        while start < len(request):
            done = places[start - 1] if start else 0
            end = max(start + 1, int(np.searchsorted(places, done + COMPARED, "right")))
            yield self._in_lists(batch, request[start:end], outcome[start:end])
            start = end

    def _in_lists(self, batch: Batch, request: I64, outcome: I64) -> tuple[I64, I64]:
        """The first row of each request that has the outcome's item."""
        length = batch.length[request]
        pair = np.repeat(np.arange(len(request)), length)
        row = _ranges(batch.offsets[request], length)
        same = np.flatnonzero(batch.item_hash[batch.item[row]] == self.item[outcome[pair]])
        first = np.ones(len(same), bool)
        first[1:] = pair[same][1:] != pair[same][:-1]
        return row[same[first]], outcome[pair[same[first]]]


def _ranges(start: NDArray[np.integer[Any]], length: NDArray[np.integer[Any]]) -> I64:
    """The numbers from each start on, as many as its length says, end to end.

    >>> _ranges(np.array([5, 9]), np.array([3, 2])).tolist()
    [5, 6, 7, 9, 10]
    """
    ends = np.cumsum(length)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(start - (ends - length), length)
