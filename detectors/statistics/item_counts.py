"""How often each item was shown, by cell: first, and anywhere in the list. Exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.hashing import U64, distinct
from detectors.core.sorting import order_of
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
        if not batch.n_rows:
            return replace(cls.empty(), groups=batch.cells.keys)
        by_hash = np.argsort(
            batch.item_hash, kind="stable"
        )  # at no cost where the codes are in order already
        rank = np.empty(len(by_hash), np.int64)
        rank[by_hash] = np.arange(len(by_hash))
        code = rank[batch.item]
        code += np.repeat(batch.cell * np.int64(len(by_hash)), batch.length)
        repeats = batch.repeats_item
        anywhere = code[~repeats] if repeats.any() else code
        keys = batch.item_hash[by_hash]
        built = tabulate(batch.cells.keys, keys, [anywhere, code[batch.at_first]])
        named = _worth_naming(built, batch.requests_by_cell)
        order = by_hash[np.searchsorted(keys, built.keys[named])]
        texts = [str(batch.item_names[int(i)])[:NAME_LENGTH] for i in order]
        return cls(*built, built.keys[named], np.array(texts, "U") if texts else np.empty(0, "U1"))

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        keys, first = np.unique(np.concatenate([p.name_key for p in parts]), return_index=True)
        texts = np.concatenate([p.name_text for p in parts])[first]
        return cls(*cls._merged(parts), keys, texts if len(texts) else np.empty(0, "U1"))

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


def _worth_naming(counts: Entries, requests: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of keys that are frequent somewhere, or among a cell's first few."""
    n = counts.counts[:, ANYWHERE]
    frequent = n >= NAMED_SHARE * requests[counts.group]
    order = order_of(counts.group, n)
    group = counts.group[order]
    last = np.ones(len(order), bool)  # of their group, so many
    last[:-NAMED_FIRST] = group[:-NAMED_FIRST] != group[NAMED_FIRST:]
    frequent[order[last]] = True
    return distinct(counts.key[frequent]).astype(np.int64)


@dataclass(frozen=True)
class MeantItems(ItemCounts):
    """The same of the rows that are meant to be the same: at pinned places, and of expected items."""

    name = "meant_items"
    version = 1
    organic = False
    meant = True
