"""Distributions of the columns asked for: numbers in the bins of scores, texts by their value; missing values apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import KINDS, Batch, F
from detectors.core.hashing import U64, hash_texts
from detectors.core.texts import Texts
from detectors.statistics.keyed import KeyedCounts, tabulate
from detectors.statistics.score_histogram import BINS, bin_of

# A key: 40 bits of the column's name, then 24 bits of the value.
VALUE = np.uint64((1 << 24) - 1)
MISSING = np.uint64(0)
TEXT = np.uint64(1 << 23)  # from here on values are texts; below, 1 more than a number's bin
TEXT_BITS = 16  # of a text's hash: a column of nothing but different texts stays bounded
WATCHED = (KINDS[float], KINDS[str])
OF_CATALOG = "catalog."  # what is joined to the log says nothing of what it was given
NAMED_SHARE = 0.01
NAME_LENGTH = 100
LARGEST = 3.4e38


@dataclass(frozen=True)
class FeatureCounts(KeyedCounts):
    """Rows by cell, column and value, of all columns of numbers and texts that detectors asked for of the log.

    All values of a column have keys side by side, so one statistic serves any number of columns of either kind.

    Parameters
    ----------
    column : array of str, shape (columns,)
        Keys of `Batch.columns`, sorted.
    name_key, name_text : arrays, shape (named,)
        Texts that at least `NAMED_SHARE` of the rows have; more may be there.
    """

    name = "feature_counts"
    approximate = "a number is known to within 1.6 % of its size, a text by 16 bits of its hash"

    column: NDArray[np.str_]
    name_key: U64
    name_text: NDArray[np.str_]

    @classmethod
    def empty(cls) -> Self:
        keys, none, texts = np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0, "U1")
        return cls(keys, keys, none, none, np.empty((0, 1), np.int64), texts, keys, texts)

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        parts = [replace(cls.empty(), groups=batch.cells.keys)]
        for column, values in batch.columns.items():
            kind, _, name = column.partition(":")
            if kind in WATCHED and not name.startswith(OF_CATALOG):
                of = cls._of_texts if isinstance(values, Texts) else cls._of_numbers
                parts.append(of(batch, column, values))  # type: ignore[arg-type]  # each has the one it asks for
        return cls.merge_all(parts)

    @classmethod
    def _of_numbers(cls, batch: Batch, column: str, numbers: F) -> Self:
        keys = first_key(column) + np.arange(BINS + 1, dtype=np.uint64)
        known = ~np.isnan(numbers)
        value = np.zeros(len(numbers), np.int64)
        value[known] = 1 + bin_of(np.clip(numbers[known], -LARGEST, LARGEST))
        codes = batch.row_cell.astype(np.int64) * len(keys) + value
        built = tabulate(batch.cells.keys, keys, [codes])
        return cls(*built, np.array([column]), np.empty(0, np.uint64), np.empty(0, "U1"))

    @classmethod
    def _of_texts(cls, batch: Batch, column: str, texts: Texts) -> Self:
        of_text = first_key(column) + TEXT + (texts.hashes >> np.uint64(64 - TEXT_BITS))
        keys, place = np.unique(np.append(of_text, first_key(column) + MISSING), return_inverse=True)
        codes = batch.row_cell.astype(np.int64) * len(keys) + place[texts.codes]  # the last one is for -1
        built = tabulate(batch.cells.keys, keys, [codes])
        rows = np.bincount(texts.codes + 1, minlength=len(texts.hashes) + 1)[1:]
        named = np.flatnonzero((rows > 0) & (rows >= NAMED_SHARE * len(texts.codes)))
        named = named[
            np.argsort(-rows[named], kind="stable")
        ]  # of two with one key, the name of the frequent one
        name_key, first = np.unique(of_text[named], return_index=True)
        names = [str(texts.names[int(i)])[:NAME_LENGTH] for i in named[first]]
        return cls(*built, np.array([column]), name_key, np.array(names, "U") if names else np.empty(0, "U1"))

    @classmethod
    def merge_all(cls, parts: Sequence[Self]) -> Self:
        columns = sorted({str(name) for p in parts for name in p.column})
        keys, first = np.unique(np.concatenate([p.name_key for p in parts]), return_index=True)
        texts = np.concatenate([p.name_text for p in parts])[first]
        return cls(
            *cls._merged(parts),
            np.array(columns, "U") if columns else np.empty(0, "U1"),
            keys,
            texts if len(texts) else np.empty(0, "U1"),
        )

    def equals(self, other: Self) -> bool:
        """Equal counts; the texts kept may differ with the split."""
        return all(
            np.array_equal(getattr(self, f), getattr(other, f))
            for f in ("groups", "keys", "group", "key", "counts", "column")
        )

    def text_of(self, key: int) -> str:
        """A text, or its hash where it was too rare to keep."""
        at = int(np.searchsorted(self.name_key, np.uint64(key)))
        if at < len(self.name_key) and int(self.name_key[at]) == key:
            return str(self.name_text[at])
        return f"#{key & int(VALUE):06x}"


def first_key(column: str) -> np.uint64:
    """The first key of a column's values, that of missing ones."""
    return np.uint64(hash_texts([column])[0]) & ~VALUE


def is_text(keys: U64) -> NDArray[np.bool_]:
    """Which keys are of texts."""
    return np.asarray((keys & TEXT) != 0)


def is_number(keys: U64) -> NDArray[np.bool_]:
    """Which keys are of numbers."""
    return np.asarray(((keys & VALUE) != MISSING) & ~is_text(keys))


def bin_of_key(keys: U64) -> U64:
    """The bins of scores that keys of numbers stand for."""
    return np.asarray((keys & VALUE) - np.uint64(1))
