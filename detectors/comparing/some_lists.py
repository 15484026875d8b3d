"""Lists of some users of each slice, for many slices at once: how rows of one list, and of one user, keep together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, distinct
from detectors.core.summary import Sample
from detectors.statistics.panel import Panel

SOME_USERS = 200  # of a slice, to say how rows keep together

F = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class SomeLists:
    """What some users were shown. An owner is a user of a slice, an entry an item in the lists of an owner.

    Parameters
    ----------
    slices : int
        How many there are.
    slice : array of int, shape (owners,)
    lists : array of int, shape (owners,)
        How many each has.
    items : array of uint64, shape (items,)
        Hashes, sorted.
    owner, item : array of int, shape (entries,)
        Each pair once.
    times : array of int, shape (entries,)
        Lists of that owner that have that item; an item twice in one list counts once.
    """

    slices: int
    slice: I64
    lists: I64
    items: U64
    owner: I64
    item: I64
    times: I64

    @classmethod
    def of(cls, panel: Panel, samples: Sequence[Sample]) -> Self:
        """Of a sample of the panel for each slice."""
        chosen = [_some_requests(panel, users, requests) for users, requests, _ in samples]
        request = np.concatenate([*chosen, np.empty(0, np.int64)])
        of_slice = np.repeat(np.arange(len(chosen)), [len(at) for at in chosen])
        persons = int(panel.person.max(initial=0)) + 1
        of_owner = of_slice * persons + panel.person[panel.request_user[request]]
        is_owner = np.zeros(len(chosen) * persons, bool)
        is_owner[of_owner] = True
        of_owner = (np.cumsum(is_owner) - 1)[of_owner]
        owners = np.flatnonzero(is_owner)

        row_request, row_item, bits = _rows_of(panel, distinct(request))
        first, last = (np.searchsorted(row_request, request, side) for side in ("left", "right"))
        length = last - first
        row = np.repeat(first - (np.cumsum(length) - length), length) + np.arange(length.sum())
        code = np.sort(np.repeat(of_owner, length) << bits | row_item[row], kind="stable")  # list after list
        start = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]])[: len(code)])
        return cls(
            len(chosen),
            owners // persons,
            np.bincount(of_owner, minlength=len(owners)),
            panel.items,
            code[start] >> bits,
            code[start] & ((1 << bits) - 1),
            np.diff(start, append=len(code)),
        )

    @cached_property
    def entry_slice(self) -> I64:
        """Slice of each entry, shape (entries,)."""
        return self.slice[self.owner]

    @cached_property
    def shared_by_one_user(self) -> F:
        """Items that two lists of one user share, on average; 0 where nobody came twice. Shape (slices,)."""
        pairs = self._by_slice(self.lists * (self.lists - 1.0))
        shared = np.bincount(self.entry_slice, self.times * (self.times - 1.0), self.slices)
        return np.divide(shared, pairs, out=np.zeros(self.slices), where=pairs > 0)

    def rows_together(self, each: F) -> F:
        """Rows that are worth one, for a sum over items: how far users' sums vary beyond what single rows would.

        Parameters
        ----------
        each : array, shape (entries,)
            What a row of each entry's item adds, in its slice.

        Returns
        -------
        array, shape (slices,)
        """
        rows = np.bincount(self.entry_slice, self.times, self.slices)
        mean = np.bincount(self.entry_slice, self.times * each, self.slices) / np.maximum(rows, 1)
        off = each - mean[self.entry_slice]
        apart = np.bincount(self.entry_slice, self.times * off**2, self.slices)
        of_owner = np.bincount(self.owner, self.times * off, len(self.slice))
        several = np.bincount(self.slice, minlength=self.slices) > 1
        worth = np.divide(
            self._by_slice(of_owner**2), apart, out=np.ones(self.slices), where=several & (apart > 0)
        )
        return np.asarray(np.maximum(worth, 1.0), float)

    def _by_slice(self, of_owners: NDArray[Any]) -> F:
        return np.asarray(np.bincount(self.slice, of_owners, self.slices), float)


def _some_requests(panel: Panel, users: NDArray[np.bool_], requests: NDArray[np.bool_]) -> I64:
    """Requests of the users of a sample with the smallest hashes; those with an empty list say nothing."""
    if np.count_nonzero(users) > SOME_USERS:
        smallest = np.partition(panel.user[users], SOME_USERS)[SOME_USERS]
        requests = requests & (panel.user <= smallest)[panel.request_user]
    return np.flatnonzero(requests & (panel.offsets[1:] > panel.offsets[:-1]))


def _rows_of(panel: Panel, requests: I64) -> tuple[I64, I64, int]:
    """Request and item of the rows of some requests, each pair once, and bits that hold any item."""
    length = panel.offsets[requests + 1] - panel.offsets[requests]
    row = np.repeat(panel.offsets[requests] - (np.cumsum(length) - length), length) + np.arange(length.sum())
    bits = len(panel.items).bit_length()
    pairs = distinct(np.repeat(requests, length) << bits | panel.item_number[row])
    return pairs >> bits, pairs & ((1 << bits) - 1), bits
