"""Cells and slices: statistics are kept for the finest cells of the traffic, and added up to slices for people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from detectors.core.hashing import U64

I64 = NDArray[np.int64]

WHOLE = "all"
_PART = re.compile(r"((?:[^\\,=]|\\.)*)[,=]", re.S)
NULL = "(none)"  # how a missing value of a slice column is written


@dataclass(frozen=True)
class Cells:
    """The combinations of slice values that occur, each with a stable 64-bit key.

    Parameters
    ----------
    columns : tuple of str
        Slice columns, sorted.
    values : tuple of tuple of str
        For each cell the value of each column; ordered by `keys`.

    >>> Cells.of(("country",), [("DE",), ("US",), ("DE",)]).values
    (('DE',), ('US',))
    """

    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, columns: tuple[str, ...], values: list[tuple[str, ...]]) -> Cells:
        """Build from values in any order, with repeats."""
        return cls(columns, tuple(sorted(set(values), key=cell_key)))

    @cached_property
    def keys(self) -> U64:
        """Sorted keys, shape (cells,)."""
        keys = np.array([cell_key(v) for v in self.values], np.uint64)
        keys.setflags(write=False)
        return keys

    def __len__(self) -> int:
        return len(self.values)

    def merge(self, other: Cells) -> Cells:
        """The cells of either."""
        if self == other or not other.values:
            return self if self.columns or self.values else other
        if not self.values:
            return other
        if self.columns != other.columns:
            raise ValueError(f"cells of {self.columns} cannot be merged with cells of {other.columns}")
        return Cells.of(self.columns, [*self.values, *other.values])

    @cached_property
    def slices(self) -> Slices:
        return Slices.of(self)


def cell_key(values: tuple[str, ...]) -> int:
    """The same for the same values everywhere; separators cannot be forged, since lengths are hashed too."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        encoded = value.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    return int.from_bytes(digest.digest(), "little")


@dataclass(frozen=True)
class Slices:
    """Everything, each value of a column, and each pair of values of two columns.

    Parameters
    ----------
    texts : tuple of str
        Canonical texts, the whole first: "all", "country=DE", "country=DE,surface=email".
    wheres : tuple of dict
        The same as {column: value}.
    members : array of bool, shape (slices, cells)
        Which cells make up which slice.
    """

    texts: tuple[str, ...]
    wheres: tuple[dict[str, str], ...]
    members: NDArray[np.bool_]

    @classmethod
    @lru_cache(maxsize=16)  # most windows have the cells of one before them
    def of(cls, cells: Cells, depth: int = 2) -> Slices:
        """All slices of at most `depth` columns that have a cell."""
        codes, names = [], []
        for c in range(len(cells.columns)):
            column = [v[c] for v in cells.values]
            names.append(sorted(set(column)))
            code = {value: i for i, value in enumerate(names[c])}
            codes.append(np.array([code[v] for v in column], np.int64))
        wheres: list[dict[str, str]] = [{}]
        members = [np.ones(len(cells), bool)]
        for size in range(1, depth + 1):
            for chosen in combinations(range(len(cells.columns)), size):
                present = sorted({tuple(int(codes[c][i]) for c in chosen) for i in range(len(cells))})
                for values in present:
                    wheres.append(
                        {cells.columns[c]: names[c][v] for c, v in zip(chosen, values, strict=True)}
                    )
                    members.append(
                        np.logical_and.reduce([codes[c] == v for c, v in zip(chosen, values, strict=True)])
                    )
        keep = _without_repeats(wheres, members)
        return cls(
            tuple(slice_text(wheres[i]) for i in keep),
            tuple(wheres[i] for i in keep),
            np.array([members[i] for i in keep], bool).reshape(len(keep), len(cells)),
        )

    def __len__(self) -> int:
        return len(self.texts)

    def among(self, texts: tuple[str, ...]) -> tuple[slice | I64, slice | I64]:
        """Which of some texts are slices of these, and which: indices into `texts`, and into these."""
        if self.texts == texts:
            return slice(None), slice(None)
        return _among(self.texts, texts)


# A window asks the same of each of the day before it, for one detector after the other.
@lru_cache(maxsize=128)
def _among(these: tuple[str, ...], texts: tuple[str, ...]) -> tuple[I64, I64]:
    place = {text: s for s, text in enumerate(these)}
    both = [(i, place[text]) for i, text in enumerate(texts) if text in place]
    here, there = np.array(both, np.int64).reshape(-1, 2).T
    here.setflags(write=False)
    there.setflags(write=False)
    return here, there


def _without_repeats(wheres: list[dict[str, str]], members: list[NDArray[np.bool_]]) -> list[int]:
    """Drop pairs that hold just the rows of one of their two values: they would say the same thing twice."""
    keep = []
    single = {next(iter(w.items())): m.sum() for w, m in zip(wheres, members, strict=True) if len(w) == 1}
    for i, (where, member) in enumerate(zip(wheres, members, strict=True)):
        if len(where) < 2 or all(member.sum() < single[pair] for pair in where.items()):
            keep.append(i)
    return keep


def slice_text(where: Mapping[str, str]) -> str:
    r"""Canonical text of a slice; separators inside a value are escaped by a backslash.

    >>> slice_text({"surface": "email", "country": "DE"}), slice_text({}), slice_text({"c": "a,b"})
    ('country=DE,surface=email', 'all', 'c=a\\,b')
    """
    return ",".join(f"{_escaped(c)}={_escaped(v)}" for c, v in sorted(where.items())) or WHOLE


def parse_slice(text: str) -> dict[str, str]:
    r"""The inverse of `slice_text`.

    >>> parse_slice("country=DE,surface=email"), parse_slice(slice_text({"a=b": "c,\\"}))
    ({'country': 'DE', 'surface': 'email'}, {'a=b': 'c,\\'})
    """
    return dict(_parsed(text))


@lru_cache(maxsize=4096)  # slices are few, and asked for again with every measure of every window
def _parsed(text: str) -> tuple[tuple[str, str], ...]:
    if text == WHOLE:
        return ()
    parts = [re.sub(r"\\(.)", r"\1", part, flags=re.S) for part in _PART.findall(f"{text},")]
    return tuple(zip(parts[0::2], parts[1::2], strict=True))


def _escaped(text: str) -> str:
    return re.sub(r"[\\,=]", r"\\\g<0>", text)
