"""The distribution of scores in bins that are the same for every log, so that any two histograms merge and compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from detectors.core.batch import Batch
from detectors.core.hashing import U64
from detectors.statistics.keyed import KeyedCounts, tabulate

_DROPPED_BITS = 18  # of the 23 bits of a float's fraction: 32 bins an octave, 2.2 % wide
BINS = 1 << (32 - _DROPPED_BITS)


@dataclass(frozen=True)
class ScoreHistogram(KeyedCounts):
    """Finite scores by cell and bin: a bin is what the leading bits of numbers in single precision have in common."""

    name = "score_histogram"
    approximate = "a score is known to within 1.6 % of its size"

    @classmethod
    def from_batch(cls, batch: Batch) -> Self:
        if not len(batch.cells):
            return cls.empty()
        score = np.empty(0) if batch.score is None else batch.score
        cell = batch.row_cell[: len(score)]
        finite = np.isfinite(score)
        if not finite.all():
            score, cell = score[finite], cell[finite]
        keys = np.arange(BINS, dtype=np.uint64)
        codes = cell.astype(np.int64) * len(keys) + bin_of(score)
        return cls(*tabulate(batch.cells.keys, keys, [codes]))


def bin_of(score: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
    """The bin of each finite score; bins are ordered as the scores are.

    >>> import numpy as np
    >>> bool((np.diff(bin_of(np.array([-2.0, -1.0, 0.0, 1e-30, 0.5, 1.0, 1e9]))) > 0).all())
    True
    """
    single = score if score.dtype.itemsize <= 4 else np.clip(score, -3.4e38, 3.4e38)
    bits = (single.astype(np.float32, copy=False) + np.float32(0)).view(np.uint32)  # -0 becomes 0
    negative = (bits >> np.uint32(31)).astype(bool)
    # Negative numbers order backwards by their bits: flip all of them; positive ones go above.
    ordered = np.where(negative, ~bits, bits | np.uint32(0x80000000))
    return (ordered >> np.uint32(_DROPPED_BITS)).astype(np.int64)


def middle_of(bins: U64) -> NDArray[np.float64]:
    """A score in the middle of each bin.

    >>> import numpy as np
    >>> x = np.array([-3.0, 0.2, 7.0])
    >>> bool((abs(middle_of(bin_of(x).astype(np.uint64)) / x - 1) < 0.016).all())
    True
    """
    ordered = (bins.astype(np.uint32) << np.uint32(_DROPPED_BITS)) + np.uint32(1 << (_DROPPED_BITS - 1))
    positive = ordered >= np.uint32(0x80000000)
    bits = np.where(positive, ordered & np.uint32(0x7FFFFFFF), ~ordered)
    return bits.astype(np.uint32).view(np.float32).astype(np.float64)
