"""How often each item was shown, by cell: first, and anywhere in the list. Exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import I64, Batch
from detectors.core.hashing import U64, distinct
from detectors.core.sorting import number_hashes
from detectors.core.statistic import Uncounted
from detectors.core.texts import texts_at
from detectors.statistics.keyed import Entries, KeyedCounts, tabulate

# Items in at least this share of a cell's requests keep their name, and so do the first few.
NAMED_SHARE = 0.01
NAMED_FIRST = 3
NAME_LENGTH = 256  # characters kept of a name: an array of texts is as wide as the longest

ANYWHERE, FIRST = 0, 1


@dataclass(frozen=True)
class ItemCounts(KeyedCounts):
    """Requests that have an item anywhere (kind 0), and at their first place (kind 1), by cell and item.

    Organic: the first place is the first that is not pinned, and expected items are not counted.

    Parameters
    ----------
    name_key, name_text : arrays, shape (named,)
        Names of the items that matter: an item with a share of at least `NAMED_SHARE` in the whole has it in some part,
        so it is named whatever the split; more names may be there.
    """

    name = "item_counts"
    version = 2
    organic = True
    kinds = 2

    name_key: U64
    name_text: NDArray[np.str_]

    @classmethod
    def empty(cls) -> Self:
        keys, none = np.empty(0, np.uint64), np.empty(0, np.int32)
        return cls(keys, keys, none, none, np.empty((0, 2), np.int64), keys, np.empty(0, "U1"))

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        return cls.merge_all([_Shown.of(cls, batch)])

    def contribution(self, batch: Batch) -> Uncounted:
        """Uncounted: one sort of what many batches show costs far less than a sort for each, and of their counts."""
        return _Shown.of(type(self), batch)

    @classmethod
    def merge_all(cls, parts: Sequence[Self | Uncounted]) -> Self:
        states = [p for p in parts if not isinstance(p, Uncounted)]
        if shown := [p for p in parts if isinstance(p, _Shown)]:
            states.append(cls._count(shown))
        if len(states) == 1:
            return states[0]
        keys, first = np.unique(np.concatenate([p.name_key for p in states]), return_index=True)
        texts = np.concatenate([p.name_text for p in states])[first]
        return cls(*cls._merged(states), keys, texts if len(texts) else np.empty(0, "U1"))

    @classmethod
    def _count(cls, parts: Sequence[_Shown]) -> Self:
        """Count what was shown under one set of codes for the cells and items of all parts."""
        groups = distinct(np.concatenate([p.groups for p in parts]))
        parts = [p for p in parts if len(p.item)]
        if not parts:
            return replace(cls.empty(), groups=groups)
        keys, number = number_hashes(np.concatenate([p.keys for p in parts]))
        requests = np.zeros(len(groups), np.int64)
        anywhere, first = [], []
        for part, items in zip(
            parts, np.split(number, np.cumsum([len(p.keys) for p in parts])[:-1]), strict=True
        ):
            cells = np.searchsorted(groups, part.groups)
            code = part.codes(cells, items, len(keys))
            anywhere.append(code if part.again is None else code[~part.again])
            first.append(code[part.first])
            requests[cells] += part.requests
        built = tabulate(groups, keys, [np.concatenate(anywhere), np.concatenate(first)])
        named = built.keys[_worth_naming(built, requests)]
        texts = _names(parts, named)
        return cls(*built, named, np.array(texts, "U") if texts else np.empty(0, "U1"))

    def equals(self, other: Self) -> bool:
        """Equal counts; the names kept may differ with the split."""
        return all(
            np.array_equal(getattr(self, f), getattr(other, f))
            for f in ("groups", "keys", "group", "key", "counts")
        )

    def text_of(self, key: int) -> str:
        """An item's name, or its hash where it was too rare to keep."""
        at = int(np.searchsorted(self.name_key, np.uint64(key)))
        if at < len(self.name_key) and int(self.name_key[at]) == key:
            return str(self.name_text[at])
        return f"#{key:016x}"


@dataclass(frozen=True)
class _Shown(Uncounted):
    """The items of a batch as it has them.

    Parameters
    ----------
    groups, requests : arrays, shape (cells,)
    keys : array of uint64, shape (items,)
    named : array of int, shape (items,)
        Where the items stand in `names`.
    names : sequence of str
    cell, length : arrays of int, shape (requests,)
    item : array of int, shape (rows,)
    again : array of bool, shape (rows,), or None
        Whether the list has the item before; None where none does.
    first : array of int, shape (n,)
        Rows at the first place of their request.
    """

    kind: type[ItemCounts]
    groups: U64
    requests: I64
    keys: U64
    named: I64
    names: Sequence[str]
    cell: NDArray[np.integer[Any]]
    length: I64
    item: NDArray[np.integer[Any]]
    again: NDArray[np.bool_] | None
    first: I64

    @classmethod
    def of(cls, kind: type[ItemCounts], batch: Batch) -> _Shown:
        again = batch.repeats_item
        item, used = batch.item, np.arange(len(batch.item_hash))
        if 4 * len(item) < len(used):  # a small sample of a large batch has few of its items
            used = distinct(item).astype(np.int64)
            item = np.searchsorted(used, item)
        return cls(
            kind,
            batch.cells.keys,
            batch.requests_by_cell,
            batch.item_hash[used],
            used,
            batch.item_names,
            batch.cell,
            batch.length,
            item,
            again if again.any() else None,
            np.flatnonzero(batch.at_first),
        )

    def codes(self, cells: I64, items: I64, n_items: int) -> NDArray[np.integer[Any]]:
        """Where each row counts in a table of all cells and items, given theirs, shape (rows,)."""
        dtype = (
            np.int32 if (int(cells.max(initial=0)) + 1) * n_items < 2**31 else np.int64
        )  # narrow: sorted faster
        code = items.astype(dtype)[self.item]
        code += np.repeat((cells * n_items).astype(dtype)[self.cell], self.length)
        return code


def _names(parts: Sequence[_Shown], keys: U64) -> list[str]:
    """Names of items, their hashes sorted, each as the first part that has it."""
    out, left = [""] * len(keys), np.ones(len(keys), bool)
    for part in parts if len(keys) else ():
        at = np.minimum(np.searchsorted(keys, part.keys), len(keys) - 1)
        here = np.flatnonzero((keys[at] == part.keys) & left[at])
        for k, text in zip(at[here].tolist(), texts_at(part.names, part.named[here]), strict=True):
            out[k] = text[:NAME_LENGTH]
        left[at[here]] = False
    return out


def _worth_naming(counts: Entries, requests: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of keys that are frequent somewhere, or among a cell's first few."""
    n = counts.counts[:, ANYWHERE]
    frequent = n >= NAMED_SHARE * requests[counts.group]
    begin = np.searchsorted(counts.group, np.arange(len(counts.groups) + 1)).tolist()
    for first, last in pairwise(begin):
        most = (
            np.argpartition(n[first:last], -NAMED_FIRST)[-NAMED_FIRST:]
            if last - first > NAMED_FIRST
            else slice(None)
        )
        frequent[first:last][most] = True
    return distinct(counts.key[frequent]).astype(np.int64)


@dataclass(frozen=True)
class MeantItems(ItemCounts):
    """The same of the rows that are meant to be the same: at pinned places, and of expected items."""

    name = "meant_items"
    version = 1
    organic = False
    meant = True
