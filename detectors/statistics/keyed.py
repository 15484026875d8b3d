"""Counts by cell and key, for keys that are too many for a table: items, score bins, minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64
from detectors.core.hashing import U64, distinct
from detectors.core.sorting import order_of
from detectors.core.statistic import Statistic

SMALL_TABLE = 1 << 18  # entries up to which counting goes through a table: it stays in the processor's cache
DENSE = 1 << 25  # bytes up to which slices are added up from a table of all cells


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
        """All entries added up under the keys of all parts."""
        groups = distinct(np.concatenate([p.groups for p in parts]))
        keys = distinct(np.concatenate([p.keys for p in parts]))
        codes = np.concatenate([p._codes(groups, keys) for p in parts])
        order = order_of(codes)
        codes = codes[order]
        start = _starts(codes)
        counts = np.empty((len(start), cls.kinds), np.int64)
        for i in range(cls.kinds if len(start) else 0):  # a sum over rows of two numbers would be far slower
            counts[:, i] = np.add.reduceat(np.concatenate([p.counts[:, i] for p in parts])[order], start)
        return _packed(groups, keys, codes[start], counts)

    def _codes(self, groups: U64, keys: U64) -> NDArray[np.int64]:
        """Where the entries stand in a table of other groups and keys."""
        code = np.searchsorted(keys, self.keys)[self.key]
        code += (np.searchsorted(groups, self.groups) * len(keys))[self.group]
        return code

    @cached_property
    def totals(self) -> I64:
        """Counts of all keys together, shape (cells, kinds)."""
        sums = [np.bincount(self.group, of_kind, len(self.groups)) for of_kind in self.counts.T]
        return np.stack(sums, axis=1).astype(np.int64)  # whole numbers below 2^53

    def weighted(self, weights: NDArray[np.float64], kind: int = 0) -> NDArray[np.float64]:
        """Counts by key, those of each cell times a weight, shape (keys,).

        Parameters
        ----------
        weights : array, shape (cells,)
            Cells without weight cost nothing.
        """
        start, key, counts = self._counted(kind)
        total = np.zeros(len(self.keys))
        for cell in np.flatnonzero(weights):
            rows = slice(start[cell], start[cell + 1])
            total[key[rows]] += weights[cell] * counts[rows]  # a key is there once in a cell
        return total

    def _counted(self, kind: int) -> tuple[NDArray[np.int64], NDArray[np.int32], I64]:
        """The entries of a kind, and where those of each cell begin: of some kinds few entries count any."""
        if kind not in self._kept:
            at = np.flatnonzero(self.counts[:, kind])
            start = np.searchsorted(self.group[at], np.arange(len(self.groups) + 1))
            self._kept[kind] = start, self.key[at], self.counts[at, kind]
        return self._kept[kind]

    @cached_property
    def _kept(self) -> dict[int, tuple[NDArray[np.int64], NDArray[np.int32], I64]]:
        return {}

    def by_slice(self, members: NDArray[np.bool_], kind: int = 0) -> Iterator[NDArray[np.float64]]:
        """Counts by key for one slice after the other, each of shape (keys,).

        Parameters
        ----------
        members : array of bool, shape (slices, cells)
            As `as_members` gives them.
        """
        counts, width = self.counts[:, kind], len(self.keys)
        narrow = np.dtype(
            np.int32 if counts.sum() < 2**31 else np.int64
        )  # a third of the time of wide numbers
        if len(self.groups) * width * narrow.itemsize <= DENSE:
            table = np.zeros((len(self.groups), width), narrow)
            table[self.group, self.key] = counts
            # Not a matrix product: a cell is in few slices, and adding its rows is less work than multiplying by zeros.
            for row in members:
                total = np.zeros(width, narrow)
                for group in np.flatnonzero(row):
                    total += table[group]
                yield total.astype(np.float64)
        else:
            start = np.searchsorted(self.group, np.arange(len(self.groups) + 1))
            for row in members:
                at = np.concatenate(
                    [np.arange(start[g], start[g + 1]) for g in np.flatnonzero(row)] or [start[:0]]
                )
                yield np.bincount(self.key[at], counts[at].astype(np.float64), width).astype(
                    np.float64, copy=False
                )


def tabulate(groups: U64, keys: U64, kinds: Sequence[NDArray[np.integer[Any]]]) -> Entries:
    """Count occurrences by group and key.

    Parameters
    ----------
    groups, keys : array of uint64
        Sorted.
    kinds : sequence of array of int
        For each kind, the codes that occurred: group index * len(keys) + key index.
    """
    size = len(groups) * len(keys)
    counted = [_count(codes, size) for codes in kinds]
    at = counted[0][0]
    for codes, _ in counted[1:]:
        if not _has(at, codes):
            at = distinct(np.concatenate([at, codes]))
    counts = np.zeros((len(at), len(kinds)), np.int64)
    for i, (codes, times) in enumerate(counted):
        counts[slice(None) if len(codes) == len(at) else np.searchsorted(at, codes), i] = times
    return _packed(groups, keys, at, counts)


def _has(ordered: NDArray[Any], others: NDArray[Any]) -> bool:
    """Whether a sorted array has all of the others."""
    return bool(len(ordered)) and bool(
        (ordered[np.searchsorted(ordered, others) % len(ordered)] == others).all()
    )


def _count(codes: NDArray[np.integer[Any]], size: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The codes that occur, sorted, and how often.

    In a table when that is small; else by a sort, which for narrow integers is several times faster than going all
    over a large table, and needs less memory.
    """
    if size <= SMALL_TABLE:
        table = np.bincount(codes, minlength=size)
        at = np.flatnonzero(table)
        return at, table[at]
    ordered = codes.astype(np.int32 if size < 2**31 else np.int64)
    ordered.sort()
    start = _starts(ordered)
    return ordered[start], np.diff(start, append=len(ordered))


def _starts(ordered: NDArray[Any]) -> NDArray[np.int64]:
    """Where each different value begins."""
    return np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])


def _packed(groups: U64, keys: U64, at: NDArray[np.integer[Any]], counts: NDArray[Any]) -> Entries:
    """Entries from codes in order, with the keys that occur."""
    begin = np.searchsorted(at, np.arange(len(groups) + 1) * len(keys))
    group = np.repeat(np.arange(len(groups), dtype=np.int32), np.diff(begin))
    first_key = np.arange(len(groups), dtype=at.dtype) * at.dtype.type(len(keys))
    key = (at - np.repeat(first_key, np.diff(begin))).astype(np.int32, copy=False)
    used = np.zeros(len(keys), bool)
    used[key] = True
    if not used.all():
        key = (np.cumsum(used, dtype=np.int32) - np.int32(1))[key]
        keys = keys[used]
    return Entries(groups, keys, group, key, counts.astype(np.int64, copy=False))
