"""Which columns of another log hold requests and items of the prediction log, by looking for the ids themselves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.inspect import content
from monitor.inspect.names import best_match
from monitor.inspect.sample import SampleColumn

LEAST_JOINED = 20  # rows of both samples that have to fit before they decide
CLOCKS_APART = 300_000_000  # microseconds that an outcome may seem to come before its request
COPIED = 1_000_000  # microseconds from a request within which a time is its own

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shown:
    """What the sampled requests of the prediction log had, and when.

    Parameters
    ----------
    request, item : SampleColumn
    request_of, item_of : array of int64, shape (rows,)
        For each item shown, -1 where there is none.
    times : array of int64, shape (requests,)
        Of each request, in microseconds.
    looked_into : array of int64, shape (2,)
        From when until when nearly every hour was looked into.
    """

    request: SampleColumn
    item: SampleColumn
    request_of: Rows
    item_of: Rows
    times: Rows
    looked_into: tuple[int, int]

    @classmethod
    def of(
        cls, request: SampleColumn, item: SampleColumn, times: Rows, looked_into: tuple[int, int]
    ) -> Shown:
        """From columns of the sample; `times` of each row of the file."""
        lengths, _ = item.parts
        per_item = np.repeat(np.arange(len(lengths)), lengths) if item.listed else np.arange(len(times))
        of_request = np.zeros(len(request.names), np.int64)
        there = request.codes >= 0
        of_request[request.codes[there][::-1]] = times[there][::-1]  # of its first row
        return cls(request, item, request.codes[per_item], item.codes, of_request, looked_into)

    def pairs(self, request: Rows, item: Rows) -> Rows:
        """A number for each request with each item."""
        return request * (len(self.item.names) + 1) + item


@dataclass(frozen=True, eq=False)
class Join:
    """The columns of another log that join it with the lists, and which of its rows were found there.

    Parameters
    ----------
    request_of : array of int64, shape (rows,)
        Index among the requests that were sampled, -1 where it is none of them.
    joined : array of bool, shape (rows,)
        Whether both request and item are those of one row shown.
    """

    request: SampleColumn
    item: SampleColumn
    why_request: str
    why_item: str
    shown: Shown
    request_of: Rows
    joined: NDArray[np.bool_]

    @classmethod
    def find(cls, columns: Collection[SampleColumn], shown: Shown) -> Join | None:
        """The two columns that join most rows; by their names alone where the samples have no rows in common."""
        ids = [c for c in columns if content.is_id(c)]
        known = {c.path: _codes(c, shown.request) for c in ids}
        of_pairs = np.sort(shown.pairs(shown.request_of, shown.item_of)[shown.item_of >= 0])
        best: Join | None = None
        if not len(of_pairs):
            return cls._by_name(ids, shown)
        for request in ids:
            of = known[request.path]
            if (of >= 0).sum() < LEAST_JOINED:
                continue
            for item in ids:
                items = _codes(item, shown.item) if item is not request else np.full(len(of), -1)
                both = (of >= 0) & (items >= 0)
                pairs = shown.pairs(of, items)
                at = np.minimum(np.searchsorted(of_pairs, pairs), len(of_pairs) - 1)
                joined = both & (of_pairs[at] == pairs)
                n, possible = int(joined.sum()), int((of >= 0).sum())
                if n >= LEAST_JOINED and (best is None or n > best.joined.sum()):
                    why = f"{possible:,} of the rows looked at are of requests looked at"
                    with_item = f"{100 * n / possible:.4g} % of these have an item of their request"
                    best = cls(request, item, why, with_item, shown, of, joined)
        return best or cls._by_name(ids, shown)

    @classmethod
    def _by_name(cls, ids: Collection[SampleColumn], shown: Shown) -> Join | None:
        chosen = []
        for role, path in (("request", shown.request.path), ("item", shown.item.path)):
            named = [(200 if c.path == path else best_match(role, c.path), c.path, c) for c in ids]
            score, _, column = max(named, key=lambda entry: entry[:2], default=(0, "", None))
            if not score or column is None:
                return None
            chosen.append(column)
        if chosen[0] is chosen[1]:
            return None
        nothing = np.full(len(chosen[0].codes), -1)
        why = "by its name: no row looked at is of a request looked at"
        return cls(chosen[0], chosen[1], why, "by its name", shown, nothing, nothing >= 0)

    def delays(self, times: Rows, rows: NDArray[np.bool_]) -> Rows:
        """How long after its request each joined one of some rows happened, in microseconds.

        Of requests that were not looked into nothing is known, and of those at the end of the log not all has happened.
        So only what happened in the later half of the time that was looked into without gaps counts, where that is
        enough: the earlier half holds its requests.
        """
        after = times - self.shown.times[self.request_of]
        usable = self.joined & rows & (after >= -CLOCKS_APART)
        start, end = self.shown.looked_into
        later = usable & (times >= (start + end) // 2) & (times < end)
        return np.maximum(after[later if later.sum() >= LEAST_JOINED else usable], 0)

    def copies_request_time(self, times: Rows) -> bool:
        """Whether a time is that of the request."""
        if not self.joined.any():
            return False
        apart = np.abs(times - self.shown.times[self.request_of])[self.joined]
        return bool((apart < COPIED).mean() > 0.9)


def _codes(column: SampleColumn, into: SampleColumn) -> Rows:
    """Each row's value as an index into the names of another column, -1 where it has no such name."""
    number = {name: i for i, name in enumerate(into.names)}
    translated = np.array([*(number.get(name, -1) for name in column.names), -1], np.int64)
    return translated[column.codes]
