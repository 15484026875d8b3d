"""The catalogue: what is known of the items that may be shown, as arrays over their sorted hashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64, distinct, hash_texts

UNKNOWN_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Labels:
    """A text for each item, such as its category, as codes into the distinct texts.

    Parameters
    ----------
    codes : array of int32, shape (items,)
        -1 where an item has none.
    names : sequence of str
    """

    codes: NDArray[np.int32]
    names: Sequence[str]


class Chosen(Sequence[str]):
    """Some of a sequence of texts, looked up one by one."""

    def __init__(self, texts: Sequence[Any], at: NDArray[np.integer[Any]]) -> None:
        self._texts, self._at = texts, at

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, i: Any) -> Any:
        return str(self._texts[int(self._at[i])])


@dataclass(frozen=True, eq=False)
class Catalog:
    """The items that may be shown; what the catalogue does not say is None.

    Parameters
    ----------
    keys : array of uint64, shape (items,)
        Hashes of the ids, sorted, each once.
    category, family, provider : Labels or None
        `family`: one product under many ids, such as its sizes and colours.
    created_us : array of int64, shape (items,), or None
        When an item came in, in microseconds since the epoch; `UNKNOWN_TIME` where that is not said.
    blocked, out_of_stock : array of bool, shape (items,), or None
        What must not, or cannot usefully, be shown.
    value : array, shape (items,), or None
        What a click on it or a sale of it is worth; NaN where that is not said.
    repeated : int
        Rows left out because their id had come before.
    names : sequence of str, length items
        The ids, made into texts when asked for; empty where they are not known.
    """

    keys: U64
    category: Labels | None = None
    family: Labels | None = None
    provider: Labels | None = None
    created_us: NDArray[np.int64] | None = None
    blocked: NDArray[np.bool_] | None = None
    out_of_stock: NDArray[np.bool_] | None = None
    value: NDArray[np.float64] | None = None
    repeated: int = 0
    names: Sequence[str] = ()

    @classmethod
    def of(cls, ids: Sequence[str], **columns: Any) -> Catalog:
        """A catalogue written out, for notebooks and tests: columns as sequences in the order of `ids`.

        >>> catalog = Catalog.of(["b", "a"], category=["x", "y"], blocked=[False, True])
        >>> len(catalog), catalog.category.names[int(catalog.category.codes[catalog.find(hash_texts(["a"]))[0]])]
        (2, 'y')
        """
        keys = hash_texts(ids)
        order = np.argsort(keys)
        if len(distinct(keys)) < len(keys):
            raise ValueError("an id stands twice")
        made: dict[str, Any] = {}
        for name, values in columns.items():
            if name in ("category", "family", "provider"):
                names = sorted({v for v in values if v is not None})
                number = {v: i for i, v in enumerate(names)} | {None: -1}
                made[name] = Labels(np.array([number[v] for v in values], np.int32)[order], names)
            else:
                made[name] = np.asarray(values)[order]
        return cls(keys[order], **made, names=[ids[i] for i in order])

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, keys: U64) -> NDArray[np.int64]:
        """Where each key stands, -1 for what is not in the catalogue; shape of `keys`."""
        if not len(self.keys):
            return np.full(np.shape(keys), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def under(self, keys: U64, at: NDArray[np.integer[Any]]) -> Catalog:
        """Some of the items under other hashes of their ids.

        Parameters
        ----------
        keys : array of uint64, shape (n,)
        at : array of int, shape (n,)
            Which items they are. Of items that get one hash the first stays.
        """
        keys, first = np.unique(keys, return_index=True)
        at = at[first]
        made: dict[str, Any] = {}
        for name in ("category", "family", "provider"):
            labels = getattr(self, name)
            made[name] = labels and Labels(labels.codes[at], labels.names)
        for name in ("created_us", "blocked", "out_of_stock", "value"):
            values = getattr(self, name)
            made[name] = None if values is None else values[at]
        names = Chosen(self.names, at) if self.names else ()
        return Catalog(keys, **made, repeated=self.repeated, names=names)

    @cached_property
    def parts(self) -> frozenset[str]:
        """What it says of its items, in the words of `Measure.needs`: "catalog.category", ..."""
        names = ("category", "family", "provider", "created_us", "blocked", "out_of_stock", "value")
        said = {n for n in names if getattr(self, n) is not None}
        return frozenset(f"catalog.{n.replace('created_us', 'created_at')}" for n in said)
