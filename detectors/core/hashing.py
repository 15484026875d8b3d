"""Stable 64-bit hashes of ids, vectorised: states are keyed by them, so merging needs no shared code book.

The same value hashes the same in every process, file and version: stored summaries and nested samples depend on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]

# Odd constants of MurmurHash3's and splitmix64's finalisers (Appleby 2011; Steele, Lea and Flood 2014).
_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LONG = 1024  # texts over this many bytes are rare and go through hashlib, one by one
_BLOCK = (
    1 << 14
)  # texts at a time: what is in work stays in the cache, and memory does not grow with the column


def mix(x: U64) -> U64:
    """MurmurHash3's 64-bit finaliser: a bijection that spreads every input bit over the whole word."""
    x = x ^ (x >> np.uint64(33))
    x *= _M1
    x ^= x >> np.uint64(33)
    x *= _M2
    x ^= x >> np.uint64(33)
    return x


def hash_integers(values: NDArray[np.integer]) -> U64:
    """Hash integer ids; signed and unsigned forms of one number agree.

    >>> import numpy as np
    >>> a = hash_integers(np.array([7, 8], np.int64)); b = hash_integers(np.array([7, 8], np.uint64))
    >>> bool((a == b).all()), bool(a[0] != a[1])
    (True, True)
    """
    return mix(values.astype(np.int64 if values.dtype.kind == "i" else np.uint64).view(np.uint64) + _GOLDEN)


def hash_strings(offsets: NDArray[np.integer], data: NDArray[np.uint8]) -> U64:
    """Hash UTF-8 texts given as Arrow does: text i is data[offsets[i]:offsets[i + 1]].

    Parameters
    ----------
    offsets : array of int, shape (n + 1,)
    data : array of uint8

    Returns
    -------
    array of uint64, shape (n,)

    >>> hash_texts(["ab", "ab", "b"]).tolist()[0] == hash_texts(["ab"]).tolist()[0]
    True
    """
    offsets = np.asarray(offsets, np.int64)
    lengths = np.diff(offsets)
    out = np.empty(len(lengths), np.uint64)
    width = int(lengths[0]) if len(lengths) else 0
    same = bool((lengths == width).all())  # UUIDs, padded numbers: no gather
    # What is read past the end of the last text is masked out again.
    padded = data if same else np.concatenate([data[: offsets[-1]], np.zeros(8, np.uint8)])
    for first in range(0, len(lengths), _BLOCK):
        block = slice(first, min(first + _BLOCK, len(lengths)))
        if same and width <= _LONG:
            rows = data[offsets[block.start] : offsets[block.stop]]
            out[block] = _hash_equal(rows.reshape(block.stop - block.start, width))
        elif not same:
            out[block] = _hash_mixed(padded, offsets[block.start : block.stop], lengths[block])
    for row in np.flatnonzero(lengths > _LONG):
        digest = hashlib.blake2b(data[offsets[row] : offsets[row + 1]].tobytes(), digest_size=8).digest()
        out[row] = np.frombuffer(digest, "<u8")[0]
    return out


def hash_texts(texts: Iterable[str]) -> U64:
    """Hash Python strings, the same as `hash_strings` does; lone surrogates are allowed."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.concatenate([[0], np.cumsum([len(e) for e in encoded], dtype=np.int64)]).astype(np.int64)
    return hash_strings(offsets, np.frombuffer(b"".join(encoded), np.uint8))


def hash_ids(texts: Iterable[str]) -> U64:
    """Hashes of configured ids: as text and, where one is a number, as the number, since a log may have either."""
    texts = tuple(texts)
    return np.concatenate([hash_texts(texts), hash_integers(integers_among(texts)[1])])


def integers_among(texts: Sequence[str]) -> tuple[NDArray[np.int64], U64]:
    """Which texts are written as a number is, and those numbers, negative ones by their complement.

    >>> at, numbers = integers_among(["7", "007", "x7", "-1"])
    >>> at.tolist(), numbers.tolist()
    ([0, 3], [7, 18446744073709551615])
    """
    short = (
        (i, int(text))
        for i, text in enumerate(texts)
        if len(text) <= 20 and text.isascii() and text.removeprefix("-").isdigit()
    )
    found = [(i, n % 2**64) for i, n in short if -(2**63) <= n < 2**64 and str(n) == texts[i]]
    return np.array([i for i, _ in found], np.int64), np.array([n for _, n in found], np.uint64)


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """The distinct values, sorted. Several times faster than `np.unique`, which hashes first.

    >>> import numpy as np
    >>> distinct(np.array([3, 1, 3])).tolist()
    [1, 3]
    """
    ordered = np.sort(values)
    return ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])] if len(ordered) else ordered


def combine(first: U64, second: U64) -> U64:
    """One hash for an ordered pair."""
    return mix(first * _GOLDEN + second)


def _hash_equal(rows: NDArray[np.uint8]) -> U64:
    """Hash texts of one length, shape (n, width), eight bytes at a time."""
    n, width = rows.shape
    words = -(-width // 8)
    padded = np.zeros((n, words * 8), np.uint8)
    padded[:, :width] = rows
    as_words = padded.view("<u8")
    h = _seed(np.full(n, width))
    for j in range(words):
        h = _absorb(h, as_words[:, j])
    return mix(h)


def _hash_mixed(data: NDArray[np.uint8], start: NDArray[np.integer], length: NDArray[np.int64]) -> U64:
    """Hash texts of any lengths, the same as `_hash_equal` does; `data` goes on for eight bytes after the last."""
    windows: U64 = np.ndarray((len(data) - 7,), "<u8", data, 0, (1,))  # the eight bytes from every byte on
    h = _seed(length)
    at = np.flatnonzero((length > 0) & (length <= _LONG))
    for j in range(0, _LONG, 8):
        at = at[length[at] > j]
        if not len(at):
            break
        left = length[at] - j
        word = windows[start[at] + j]
        short = left < 8
        word[short] &= (np.uint64(1) << (8 * left[short]).astype(np.uint64)) - np.uint64(1)
        h[at] = _absorb(h[at], word)
    return mix(h)


def _seed(length: NDArray[np.int64]) -> U64:
    return length.astype(np.uint64) * _GOLDEN + np.uint64(1)


def _absorb(h: U64, word: U64) -> U64:
    """Take in eight bytes: a bijection of `h` that spreads high bits down before the product spreads low bits up.

    Without the first shift a change in a word's upper half stays there, and the next word can undo it.
    """
    h = h ^ word
    h ^= h >> np.uint64(32)
    h *= _M1
    h ^= h >> np.uint64(29)
    return h
