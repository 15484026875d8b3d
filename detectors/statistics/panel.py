"""The panel: whole lists of a bounded sample of users, the same users from window to window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64, combine
from detectors.core.sorting import number_hashes, order_by_hash, sort_hashes
from detectors.core.statistic import Statistic
from detectors.statistics.bottom_k import EVERYONE, united

USERS = 1024  # users kept for each cell: a share is then known to within 1.6 % (one standard error)
LISTS = 32  # lists kept for each user and cell


@dataclass(frozen=True)
class Panel(Statistic):
    """The `USERS` users of each cell with the smallest hashes, and their organic lists: a bottom-k sample.

    A sample by hash is uniform over users, is the same whatever the order of arrival, and meets the sample of another
    window in the users that both have. Lists of one user beyond `LISTS` are left out, again those with the larger
    hashes; how many there were is kept.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    bound : array of uint64, shape (cells,)
        Every user of the cell with a hash up to this one is in the panel.
    user_group, user, user_known, user_requests : arrays, shape (users,)
        Index into `groups`, hash, whether it is a user at all (not a request without one), requests in the cell.
        Sorted by group and hash.
    request_user, request : arrays, shape (requests,)
        Index into `user`, hash. Sorted by both.
    context : array of uint64, shape (requests,)
        Hash of what was being looked at; 0 where that is not known.
    first : array of int32, shape (requests,)
        The place that counts as the list's first.
    flat : array of bool, shape (requests,)
        Whether the scores put two or more items in no order: all are the same, or none is a number.
    offsets : array of int64, shape (requests + 1,)
    item, position : arrays, shape (rows,)

    References
    ----------
    E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
    """

    name = "panel"
    version = 3
    organic = True
    approximate = f"a sample of {USERS} users a cell where there are more"

    groups: U64
    bound: U64
    user_group: NDArray[np.int32]
    user: U64
    user_known: NDArray[np.bool_]
    user_requests: I64
    request_user: NDArray[np.int32]
    request: U64
    context: U64
    first: NDArray[np.int32]
    flat: NDArray[np.bool_]
    offsets: I64
    item: U64
    position: NDArray[np.int32]

    @classmethod
    def empty(cls) -> Self:
        none, keys = np.empty(0, np.int32), np.empty(0, np.uint64)
        return cls(
            keys, keys, none, keys, np.empty(0, bool), np.empty(0, np.int64), none, keys, keys, none,
            np.empty(0, bool), np.zeros(1, np.int64), keys, none,
        )  # fmt: skip

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        return cls._from_batch(batch, np.full(len(batch.cells), EVERYONE))

    def contribution(self, batch: Batch) -> Self:
        """Users beyond the bound of this sample cannot come in."""
        bound = np.full(len(batch.cells), EVERYONE)
        _, here, there = np.intersect1d(
            batch.cells.keys, self.groups, assume_unique=True, return_indices=True
        )
        bound[here] = self.bound[there]
        return self._from_batch(batch, bound)

    @classmethod
    def _from_batch(cls, batch: Batch, bound: U64) -> Self:
        """The sample of the users up to a bound, shape (cells,)."""
        if not len(batch.cells):
            return cls.empty()
        within = batch.user <= bound[batch.cell]
        chosen = _with_smallest_hashes(batch, within, bound)
        rows = batch.select(chosen)
        cells = len(batch.cells)
        return cls._keep(
            batch.cells.keys,
            bound,
            rows.cell.astype(np.int64), rows.user, rows.user_known, np.ones(rows.n_requests, np.int64),
            np.arange(rows.n_requests), rows.request,
            np.zeros(rows.n_requests, np.uint64) if rows.context is None else rows.context,
            np.ones(rows.n_requests, np.int32) if rows.first is None else rows.first.astype(np.int32),
            _flat(rows), rows.offsets, rows.item_hash[rows.item],
            np.clip(rows.position, 0, 2**31 - 1).astype(np.int32),
            truncated=np.bincount(batch.cell[within & ~chosen], minlength=cells) > 0,
        )  # fmt: skip

    def merge(self, other: Self) -> Self:
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        groups, at, bound = united(parts)
        users = np.cumsum([0, *(len(p.user) for p in parts)])
        rows = np.cumsum([0, *(len(p.item) for p in parts)])
        return cls._keep(
            groups,
            bound,
            np.concatenate([here[p.user_group] for p, here in zip(parts, at, strict=True)]),
            np.concatenate([p.user for p in parts]),
            np.concatenate([p.user_known for p in parts]),
            np.concatenate([p.user_requests for p in parts]),
            np.concatenate([p.request_user + first for p, first in zip(parts, users[:-1], strict=True)]),
            np.concatenate([p.request for p in parts]),
            np.concatenate([p.context for p in parts]),
            np.concatenate([p.first for p in parts]),
            np.concatenate([p.flat for p in parts]),
            np.concatenate(
                [[0], *(p.offsets[1:] + first for p, first in zip(parts, rows[:-1], strict=True))]
            ),
            np.concatenate([p.item for p in parts]),
            np.concatenate([p.position for p in parts]),
            truncated=np.zeros(len(groups), bool),
        )

    @classmethod
    def _keep(
        cls, groups: U64, bound: U64, group: I64, user: U64, known: NDArray[np.bool_], requests: I64,
        request_user: NDArray[np.integer], request: U64, context: U64, first: NDArray[np.int32],
        flat: NDArray[np.bool_], offsets: I64, item: U64, position: NDArray[np.int32], *, truncated: NDArray[np.bool_],
    ) -> Self:  # fmt: skip
        """Put users and lists in order, add up repeats, cut to the limits.

        `truncated`: cells that have more users up to their bound than are given: no fewer than are kept.
        """
        order = order_by_hash(group, user)
        new = ~_as_before(group, user, order)
        number = np.empty(len(order), np.int64)  # of the distinct user that each given one is
        number[order] = np.cumsum(new) - 1
        earliest = order[new]
        start = np.searchsorted(group[earliest], np.arange(len(groups) + 1))
        within = user[earliest] <= bound[group[earliest]]  # others may be missing from one of the parts
        size = np.bincount(group[earliest][within], minlength=len(groups))
        kept = within & (np.arange(len(earliest)) - start[group[earliest]] < USERS)
        totals = np.bincount(number, requests, len(earliest)).astype(np.int64)

        cut = (size > USERS) | truncated
        last = start[:-1] + np.minimum(size, USERS) - 1
        bound = bound.copy()
        bound[cut & (size > 0)] = user[earliest][last[cut & (size > 0)]]

        renumber = np.cumsum(kept) - 1
        owner = number[request_user]
        mine = np.flatnonzero(kept[owner])
        owner = renumber[owner[mine]]
        order = order_by_hash(owner, request[mine])
        if _as_before(
            owner, request[mine], order
        ).any():  # one id with several lists: any order that is always the same
            signature = _signatures(offsets, item, position)
            beside = [column[mine] for column in (flat, first, signature, context, request)]
            order = np.lexsort((*beside, owner))
        place = np.arange(len(order)) - np.searchsorted(owner[order], owner[order])
        lists = order[place < LISTS]
        requests_kept = mine[lists]
        length = np.diff(offsets)[requests_kept]
        kept_offsets = np.concatenate([[0], np.cumsum(length)]).astype(np.int64)
        rows = np.repeat(offsets[requests_kept] - kept_offsets[:-1], length) + np.arange(kept_offsets[-1])
        users = earliest[kept]
        return cls(
            groups, bound, group[users].astype(np.int32), user[users], known[users], totals[kept],
            owner[lists].astype(np.int32), request[requests_kept], context[requests_kept], first[requests_kept],
            flat[requests_kept], kept_offsets, item[rows], position[rows],
        )  # fmt: skip

    @cached_property
    def signature(self) -> U64:
        """A hash of each ordered list, shape (requests,)."""
        return _signatures(self.offsets, self.item, self.position)

    @cached_property
    def _numbered_lists(self) -> tuple[U64, I64]:
        return number_hashes(self.signature)

    @property
    def lists(self) -> U64:
        """Signatures of the different ordered lists, sorted, shape (lists,)."""
        return self._numbered_lists[0]

    @property
    def list_number(self) -> I64:
        """Which of `lists` each request has, shape (requests,)."""
        return self._numbered_lists[1]

    @cached_property
    def _numbered(self) -> tuple[U64, NDArray[np.int32]]:
        items, number = number_hashes(self.item)
        return items, number.astype(np.int32)

    @property
    def items(self) -> U64:
        """Items of the lists, sorted, shape (items,)."""
        return self._numbered[0]

    @property
    def item_number(self) -> NDArray[np.int32]:
        """Index into `items` of each row, shape (rows,)."""
        return self._numbered[1]

    def find(self, keys: U64) -> I64:
        """Where the item of each row stands, or would stand, among sorted hashes, shape (rows,)."""
        return np.searchsorted(keys, self.items)[self.item_number]

    @cached_property
    def request_group(self) -> NDArray[np.int32]:
        """Cell of each request, shape (requests,)."""
        return self.user_group[self.request_user]

    @cached_property
    def by_user(self) -> tuple[U64, I64]:
        """A key of cell and user of each request that has one, sorted, and the requests in that order."""
        request = np.flatnonzero(self.user_known[self.request_user])
        return self._by_key(request, self.user[self.request_user[request]])

    @cached_property
    def by_context(self) -> tuple[U64, I64]:
        """The same by cell and what was being looked at, where that is known."""
        request = np.flatnonzero(self.context != 0)
        return self._by_key(request, self.context[request])

    def _by_key(self, request: I64, who: U64) -> tuple[U64, I64]:
        key = combine(self.groups[self.request_group[request]], who)
        order, ordered = sort_hashes(key)  # of one key, by the request's hash: as if drawn by lot
        return ordered, request[order].astype(np.int64)

    @cached_property
    def person(self) -> NDArray[np.int64]:
        """Number of the distinct user that each user of a cell is, shape (users,): one may be in several cells."""
        return number_hashes(self.user)[1]

    def distinct_users(self, users: NDArray[np.bool_]) -> int:
        """How many different users are marked."""
        seen = np.zeros(len(self.user), bool)
        seen[self.person[users]] = True
        return int(np.count_nonzero(seen))

    def sample_of(self, groups: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_], float]:
        """A uniform sample of the users of some cells together.

        Parameters
        ----------
        groups : array of bool, shape (cells,)

        Returns
        -------
        users, requests : arrays of bool, shapes (users,) and (requests,)
            What belongs to the sample.
        rate : float
            Share of the cells' users that it holds; 1 when all.
        """
        bound = self.bound[groups].min(initial=EVERYONE)
        users = groups[self.user_group] & (self.user <= bound)
        rate = 1.0 if bound == EVERYONE else float(bound) / 2.0**64
        return users, users[self.request_user], rate


def _with_smallest_hashes(batch: Batch, within: NDArray[np.bool_], bound: U64) -> NDArray[np.bool_]:
    """Of the requests of users up to a bound those of at least the `USERS` smallest hashes of each cell, shape (n,).

    Without sorting all of them.
    """
    requests = np.bincount(batch.cell[within], minlength=len(batch.cells))
    share = np.minimum(1.0, 1.6 * USERS / np.maximum(requests, 1))
    while True:
        lower = np.where(share < 1, (share * bound.astype(float) * (1 - 2**-50)).astype(np.uint64), bound)
        chosen = batch.user <= lower[batch.cell]
        if (share >= 1).all():
            return chosen
        user, cell = batch.user[chosen], batch.cell[chosen]
        order = order_by_hash(cell, user)
        new = order[~_as_before(cell, user, order)]
        found = np.bincount(cell[new], minlength=len(requests))
        short = (found < USERS) & (share < 1)
        if not short.any():
            return chosen
        share[short] = np.minimum(1.0, share[short] * 4)


def _flat(rows: Batch) -> NDArray[np.bool_]:
    """Lists of two or more items with one score for all, or with none, shape (n,)."""
    if rows.score is None:
        return np.zeros(rows.n_requests, bool)
    filled = rows.length > 0
    first = np.repeat(rows.score[rows.offsets[:-1][filled]], rows.length[filled])
    other = (rows.score != first) & ~(np.isnan(rows.score) & np.isnan(first))
    return (rows.length >= 2) & (np.bincount(rows.row_request[other], minlength=rows.n_requests) == 0)


def _as_before(number: NDArray[np.integer], hashes: U64, order: I64) -> NDArray[np.bool_]:
    """Whether each in an order has the number and the hash of the one before it, shape (n,)."""
    same = np.zeros(len(order), bool)
    number, hashes = number[order], hashes[order]
    same[1:] = (number[1:] == number[:-1]) & (hashes[1:] == hashes[:-1])
    return same


def _signatures(offsets: I64, item: U64, position: NDArray[np.int32]) -> U64:
    """A hash of each ordered list, shape (requests,): alike for the same items in the same places."""
    placed = combine(item, position.astype(np.uint64))
    total = np.concatenate([[np.uint64(0)], np.cumsum(placed, dtype=np.uint64)])
    return total[offsets[1:]] - total[offsets[:-1]]
