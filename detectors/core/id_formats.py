"""How ids are written: which characters they are made of, as a small number that many ids share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

U16 = NDArray[np.uint16]

ROLES = ("user", "request", "item")  # columns of `Batch.id_format`
NONE, DIGITS = 0, 1  # of no id, or one that was not looked at; of ids that are numbers, or written as such
KINDS = {
    "digits": "0123456789",
    "small letters": "abcdefghijklmnopqrstuvwxyz",
    "capital letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    **{f'"{c}"': c for c in "-_:/."},
}
OTHER = 1 << len(KINDS)
FIRST = 9  # two bits from here: whether it begins with a digit, a small letter, a capital letter, or something else
BEGINS = (
    "",
    "beginning with a small letter",
    "beginning with a capital letter",
    "beginning with another sign",
)
PADDED = 1 << 11  # a number with leading zeros
LENGTH = 12  # four bits from here: one of the lengths that random ids usually have
LENGTHS = (16, 22, 24, 26, 32, 36, 40, 64)

_KIND_OF_BYTE = np.full(256, OTHER, np.uint16)
for _i, _characters in enumerate(KINDS.values()):
    _KIND_OF_BYTE[list(_characters.encode())] = 1 << _i
_BEGIN_OF_BYTE = np.full(256, 3 << FIRST, np.uint16)
for _i in range(3):
    _BEGIN_OF_BYTE[1 << _i == _KIND_OF_BYTE] = _i << FIRST
_OF_LENGTH = np.zeros(max(LENGTHS) + 1, np.uint16)
_OF_LENGTH[list(LENGTHS)] = (1 + np.arange(len(LENGTHS))) << LENGTH


def formats_of(offsets: NDArray[np.integer], data: NDArray[np.uint8]) -> U16:
    """Formats of UTF-8 texts given as Arrow does: text i is data[offsets[i]:offsets[i + 1]].

    Numbers have one format whatever their length, be they texts or not. Of other texts the length counts only where it
    is usual for random ids (32 of a hash, 36 of a UUID), since others grow with their numbers.

    Parameters
    ----------
    offsets : array of int, shape (n + 1,)
    data : array of uint8

    Returns
    -------
    array of uint16, shape (n,)
        `NONE` for the empty text.

    >>> texts = [b"sku-17", b"sku-9", b"SKU/17", b"17", b"017"]
    >>> ends = np.cumsum([0, *map(len, texts)])
    >>> for f in formats_of(ends, np.frombuffer(b"".join(texts), np.uint8)).tolist():
    ...     print(describe(f))
    digits, small letters and "-", beginning with a small letter
    digits, small letters and "-", beginning with a small letter
    digits, capital letters and "/", beginning with a capital letter
    digits
    digits with leading zeros
    """
    offsets = np.asarray(offsets, np.int64)
    lengths = np.diff(offsets)
    out = np.zeros(len(lengths), np.uint16)
    there = np.flatnonzero(lengths)
    if not len(there):
        return out
    start = offsets[:-1][there]
    kinds = np.bitwise_or.reduceat(_KIND_OF_BYTE[data[: offsets[-1]]], start)
    length = lengths[there]
    number = kinds == DIGITS
    padded = number & (length > 1) & (data[start] == ord("0"))
    usual = _OF_LENGTH[np.minimum(length, len(_OF_LENGTH) - 1)]
    usual[length >= len(_OF_LENGTH)] = 0
    out[there] = kinds | _BEGIN_OF_BYTE[data[start]] | np.where(number, np.where(padded, PADDED, 0), usual)
    return out


def describe(id_format: int) -> str:
    """A format in words."""
    kinds = [name for i, name in enumerate((*KINDS, "other signs")) if id_format >> i & 1]
    text = " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1]))) if kinds else "no id"
    length = id_format >> LENGTH
    size = f"{LENGTHS[length - 1]} characters: " if length else ""
    begins = BEGINS[id_format >> FIRST & 3] if len(kinds) > 1 else ""
    zeros = " with leading zeros" if id_format & PADDED else ""
    return f"{size}{text}{zeros}{', ' if begins else ''}{begins}"
