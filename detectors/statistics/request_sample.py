"""A sample of requests: who asked, and how the ids in them are written. Never sampled by user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64, distinct
from detectors.core.id_formats import NONE, ROLES, U16
from detectors.core.statistic import Statistic

REQUESTS = 1 << 12  # a share is then known to within 0.8 % (one standard error)


@dataclass(frozen=True)
class RequestSample(Statistic):
    """The `REQUESTS` requests of a window with the smallest hashes: a bottom-k sample, uniform over requests.

    Of users it is a sample in proportion to their requests: one who makes a large part of them cannot be missed, as
    one can be by a sample of users.

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    request : array of uint64, shape (requests,)
        Sorted, then by the others.
    cell : array of int32, shape (requests,)
        Index into `groups`.
    user : array of uint64, shape (requests,)
        Hash of the user.
    user_known : array of bool, shape (requests,)
    id_format : array of uint16, shape (requests, 3)
        How its ids are written, by `ROLES`; of the item that is one of its list, drawn by the request's hash.

    References
    ----------
    E. Cohen and H. Kaplan, "Summarizing data using bottom-k sketches", PODC 2007.
    """

    name = "request_sample"
    version = 2
    census = True
    approximate = f"a sample of {REQUESTS} requests where there are more"

    groups: U64
    request: U64
    cell: NDArray[np.int32]
    user: U64
    user_known: NDArray[np.bool_]
    id_format: U16

    @classmethod
    def empty(cls) -> Self:
        keys = np.empty(0, np.uint64)
        no_format = np.empty((0, len(ROLES)), np.uint16)
        return cls(keys, keys, np.empty(0, np.int32), keys, np.empty(0, bool), no_format)

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        return cls._of(batch, _with_smallest_hashes(batch.request))

    @classmethod
    def _of(cls, batch: Batch, at: I64) -> Self:
        """The sample of some of the requests."""
        cell = batch.cell[at].astype(np.int64)
        id_format = np.zeros((len(at), len(ROLES)), np.uint16)
        if batch.id_format is not None:
            id_format = batch.id_format[at]
        return cls._keep(
            batch.cells.keys, batch.request[at], cell, batch.user[at], batch.user_known[at], id_format
        )

    def contribution(self, batch: Batch) -> Self:
        """Requests beyond the last that is kept cannot come in."""
        if len(self.request) < REQUESTS or not len(batch.cells):
            return self.from_batch(batch)
        return self._of(batch, np.flatnonzero(batch.request <= self.request[-1]))

    def merge(self, other: Self) -> Self:
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        groups = distinct(np.concatenate([p.groups for p in parts]))
        return cls._keep(
            groups,
            np.concatenate([p.request for p in parts]),
            np.concatenate([np.searchsorted(groups, p.groups)[p.cell] for p in parts]),
            np.concatenate([p.user for p in parts]),
            np.concatenate([p.user_known for p in parts]),
            np.concatenate([p.id_format for p in parts]),
        )

    @classmethod
    def _keep(
        cls, groups: U64, request: U64, cell: I64, user: U64, known: NDArray[np.bool_], id_format: U16
    ) -> Self:
        order = np.argsort(request, kind="stable")
        if (request[order][1:] == request[order][:-1]).any():  # rare, and then the others decide
            order = np.lexsort((*id_format.T, known, user, cell, request))
        order = order[:REQUESTS]
        return cls(
            groups,
            request[order],
            cell[order].astype(np.int32),
            user[order],
            known[order],
            id_format[order],
        )

    @cached_property
    def formats(self) -> U16:
        """In which ids are written, sorted, shape (formats,)."""
        found = distinct(self.id_format.ravel())
        return found[found != NONE]

    def by_format(self, members: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        """ "ids" by slice, role and format, shape (slices, roles, formats)."""
        request, role = np.nonzero(self.id_format != NONE)
        shape = len(self.groups), len(ROLES), len(self.formats)
        place = np.searchsorted(self.formats, self.id_format[request, role])
        by_cell = np.bincount(
            np.ravel_multi_index((self.cell[request], role, place), shape), minlength=prod(shape)
        )
        ids: NDArray[np.float64] = members.astype(float) @ by_cell.reshape(len(self.groups), prod(shape[1:]))
        return {"ids": ids.reshape(len(members), *shape[1:])}


def _with_smallest_hashes(request: U64) -> I64:
    """Where the requests are of which the sample can be made: without sorting all of them where they are many."""
    if len(request) <= 4 * REQUESTS:
        return np.arange(len(request))
    below = np.flatnonzero(request < np.uint64(2.0**64 * 2 * REQUESTS / len(request)))
    return below if len(below) >= REQUESTS else np.arange(len(request))
