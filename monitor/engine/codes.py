"""Ids as codes: a column holds small integers, its distinct values stand once beside them, with their hashes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from detectors.core.hashing import U64, distinct, hash_integers, hash_strings
from detectors.core.sorting import sort_hashes

Ints = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
At = Ints | slice  # which elements of an array


@dataclass(frozen=True)
class Codes:
    """A column of ids as codes into distinct values; -1 where there is none.

    Parameters
    ----------
    codes : array of int32, shape (n,)
    hashes : array of uint64, shape (values,)
    names : sequence, length values
        The values themselves, made into texts only when asked for.
    """

    codes: Ints
    hashes: U64
    names: Sequence[Any]

    def take(self, at: At) -> Codes:
        return replace(self, codes=self.codes[at])

    def count(self) -> NDArray[np.int64]:
        """How often each value occurs, shape (values,)."""
        return np.bincount(self.codes + 1, minlength=len(self.hashes) + 1)[1:]


class Names(Sequence[str]):
    """Values as texts, looked up one by one in the dictionaries they stand in."""

    def __init__(self, parts: Sequence[Sequence[Any]], part: Ints, at: Ints) -> None:
        self._parts, self._part, self._at = parts, part, at

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, i: Any) -> Any:
        return str(self._parts[int(self._part[i])][int(self._at[i])])  # an Arrow scalar's text is its value's

    def texts(self, at: Ints) -> list[str]:
        """Several at once, dictionary by dictionary."""
        out = [""] * len(at)
        for where, values in self.taken(at):
            for i, value in zip(where.tolist(), values.to_pylist(), strict=True):
                out[i] = str(value)
        return out

    def taken(self, codes: Ints) -> Iterator[tuple[Ints, pa.Array]]:
        """The values of some codes as each dictionary has them, behind where they stand among the codes given."""
        number = self._part[codes]
        for n in distinct(number).tolist():
            where = np.flatnonzero(number == n)
            part: Any = self._parts[n]
            at = self._at[codes[where]]
            if isinstance(part, Names):
                yield from ((where[inner], values) for inner, values in part.taken(at))
            else:
                yield where, part.take(pa.array(at))


def codes_of(array: pa.Array) -> Codes:
    """Codes of a column of texts or integers. Null and the empty text are no id."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    return Codes(_codes(array), _hashes(array.dictionary), array.dictionary)


def comparable_of(array: pa.Array) -> tuple[NDArray[Any], Flags, bool]:
    """Numbers that neighbours with one id share, where there is none, and whether the numbers are the ids' hashes.

    They are not where it can be helped: hashing each row of a request would cost more than all else that is done with
    its id.
    """
    if pa.types.is_dictionary(array.type):
        codes = _codes(array)
        return codes, codes < 0, False
    if pa.types.is_integer(array.type):
        return _without_nulls(array, 0), _absent(array), False
    return *keys_of(array), True


def keys_of(array: pa.Array, at: At = slice(None)) -> tuple[U64, Flags]:
    """Hashes of the ids at some rows, without looking for distinct ones, and where there is none."""
    if pa.types.is_dictionary(array.type):
        column = codes_of(array).take(at)
        absent = column.codes < 0
        hashes = column.hashes[column.codes] if len(column.hashes) else np.zeros(len(absent), np.uint64)
        return hashes, absent
    absent = _absent(array)[at]
    if pa.types.is_integer(array.type):
        return hash_integers(_without_nulls(array, 0)[at]), absent
    return _hashes(array)[at], absent


def _codes(array: pa.DictionaryArray) -> Ints:
    """-1 for what is no id."""
    codes = _without_nulls(array.indices, -1)
    absent = _absent(array.dictionary)
    return np.where(absent[codes], -1, codes) if absent.any() else codes  # -1 stays -1, whatever it looks up


def absent_of(array: pa.Array) -> Flags | None:
    """Where a column of ids has none; None when it has one everywhere, as most have."""
    if not pa.types.is_dictionary(array.type):
        absent = _absent(array)
    elif array.indices.null_count or _absent(array.dictionary).any():
        absent = codes_of(array).codes < 0
    else:
        return None
    return absent if absent.any() else None


def unify(parts: Sequence[Codes]) -> Codes:
    """One set of codes for several columns of codes, laid end to end."""
    parts = [_used(p) for p in parts]
    order, ordered = sort_hashes(np.concatenate([p.hashes for p in parts]))
    new = np.ones(len(ordered), bool)
    new[1:] = ordered[1:] != ordered[:-1]
    code = np.empty(len(ordered), np.int32)
    code[order] = np.cumsum(new, dtype=np.int32) - np.int32(1)
    first = order[new]
    ends = np.cumsum([len(p.hashes) for p in parts])
    part = np.searchsorted(ends, first, "right")
    names = Names([p.names for p in parts], part, first - np.concatenate([[0], ends])[part])
    # One more element: a code of -1 looks up the last one, which is -1 again.
    lookups = [np.append(c, np.int32(-1)) for c in np.split(code, ends[:-1])]
    return Codes(
        np.concatenate([n[p.codes] for n, p in zip(lookups, parts, strict=True)]), ordered[new], names
    )


def _used(column: Codes) -> Codes:
    """Without the values that do not occur, where few rows are left of many values."""
    if 4 * len(column.codes) > len(column.hashes):
        return column
    used = distinct(column.codes[column.codes >= 0])
    codes = np.where(column.codes < 0, np.int32(-1), np.searchsorted(used, column.codes)).astype(np.int32)
    return Codes(codes, column.hashes[used], Names([column.names], np.zeros(len(used), np.int32), used))


def nulls_of(array: pa.Array) -> Flags:
    """Where an array is null."""
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


def _absent(array: pa.Array) -> Flags:
    """Where there is no id: null, or a text of no letters."""
    absent = nulls_of(array) if array.null_count else np.zeros(len(array), bool)
    if not pa.types.is_integer(array.type):
        absent |= np.diff(_offsets(array)) == 0
    return absent


def _hashes(array: pa.Array) -> U64:
    if pa.types.is_integer(array.type):
        return hash_integers(_without_nulls(array, 0))
    data = array.buffers()[2]
    return hash_strings(
        _offsets(array), np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    )


def _offsets(array: pa.Array) -> Ints:
    """Where the texts of a string array begin, and the last one ends, in its bytes."""
    if not len(array):
        return np.zeros(1, np.int32)
    wide = np.dtype(np.int64 if pa.types.is_large_string(array.type) else np.int32)
    return np.frombuffer(array.buffers()[1], wide, len(array) + 1, array.offset * wide.itemsize)


def _without_nulls(array: pa.Array, instead: int) -> Ints:
    filled = array.fill_null(instead) if array.null_count else array
    return np.asarray(filled.to_numpy(zero_copy_only=False))
