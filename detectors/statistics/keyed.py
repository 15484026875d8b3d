"""Counts by cell and key, for keys that are too many for a table: items, score bins, minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.hashing import U64, distinct
from detectors.core.statistic import Statistic

# Table cells up to which counting goes through a table: faster than a sort, 64 MB for each kind.
DENSE = 1 << 23


class Entries(NamedTuple):
    """The arrays of `KeyedCounts`."""

    groups: U64
    keys: U64
    group: NDArray[np.int32]
    key: NDArray[np.int32]
    counts: I64


@dataclass(frozen=True)
class KeyedCounts(Statistic):
    """Base of statistics that count several things by (cell, key).

    Parameters
    ----------
    groups : array of uint64, shape (cells,)
    keys : array of uint64, shape (keys,)
        Sorted.
    group, key : array of int32, shape (entries,)
        Indices into `groups` and `keys`; entries are sorted by group, then key, and each has a count above zero.
    counts : array of int64, shape (entries, kinds)
    """

    groups: U64
    keys: U64
    group: NDArray[np.int32]
    key: NDArray[np.int32]
    counts: I64

    kinds = 1

    @classmethod
    def empty(cls) -> Self:
        none = np.empty(0, np.int32)
        return cls(
            np.empty(0, np.uint64), np.empty(0, np.uint64), none, none, np.empty((0, cls.kinds), np.int64)
        )

    def merge(self, other: Self) -> Self:
        return self.merge_all([self, other])

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        return cls(*cls._merged(parts))

    @classmethod
    def _merged(cls, parts: Sequence[Self]) -> Entries:
        """All entries counted once more, under the keys of all parts."""
        groups = distinct(np.concatenate([p.groups for p in parts]))
        keys = distinct(np.concatenate([p.keys for p in parts]))
        codes = [
            np.searchsorted(groups, p.groups)[p.group] * len(keys) + np.searchsorted(keys, p.keys)[p.key]
            for p in parts
        ]
        counts = np.concatenate([p.counts for p in parts])
        code = np.concatenate(codes)
        return tabulate(groups, keys, [(code, counts[:, i]) for i in range(cls.kinds)])

    def by_slice(self, members: NDArray[np.bool_], kind: int = 0) -> Iterator[NDArray[np.float64]]:
        """Counts by key for one slice after the other, each of shape (keys,).

        Parameters
        ----------
        members : array of bool, shape (slices, cells)
            As `as_members` gives them.
        """
        counts, width = self.counts[:, kind], len(self.keys)
        if len(self.groups) * width <= DENSE // 2:
            table = np.zeros((len(self.groups), width))
            table[self.group, self.key] = counts
            # Not a matrix product: a cell is in few slices, and adding its rows is less work than multiplying by zeros.
            for row in members:
                total = np.zeros(width)
                for group in np.flatnonzero(row):
                    total += table[group]
                yield total
        else:
            start = np.searchsorted(self.group, np.arange(len(self.groups) + 1))
            for row in members:
                at = np.concatenate(
                    [np.arange(start[g], start[g + 1]) for g in np.flatnonzero(row)] or [start[:0]]
                )
                yield np.bincount(self.key[at], counts[at].astype(np.float64), width).astype(
                    np.float64, copy=False
                )


def tabulate(groups: U64, keys: U64, parts: list[tuple[NDArray[Any], NDArray[Any] | None]]) -> Entries:
    """Count occurrences by group and key.

    Parameters
    ----------
    groups, keys : array of uint64
        Sorted.
    parts : list of (codes, weights), one for each kind
        Codes are group index * len(keys) + key index; weights None counts each once.
    """
    size = len(groups) * len(keys)
    if size <= DENSE:
        tables = [np.bincount(c, w, size) for c, w in parts]
        at = np.flatnonzero(np.logical_or.reduce(tables))
        counts = np.stack([t[at] for t in tables], axis=1).astype(np.int64, copy=False)
    else:
        at = distinct(np.concatenate([c for c, _ in parts]))
        counts = np.stack([np.bincount(np.searchsorted(at, c), w, len(at)) for c, w in parts], axis=1).astype(
            np.int64, copy=False
        )
        kept = counts.any(axis=1)
        at, counts = at[kept], counts[kept]
    group, key = np.divmod(at, max(1, len(keys)))
    used = np.zeros(len(keys), bool)
    used[key] = True
    number = np.cumsum(used) - 1
    return Entries(groups, keys[used], group.astype(np.int32), number[key].astype(np.int32), counts)
