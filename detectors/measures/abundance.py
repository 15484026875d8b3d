"""How many items have each count, in many samples at once: all that measures of concentration need of counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True)
class Abundances:
    """The different counts of the items in some samples, one sample after the other; E of them in all.

    Parameters
    ----------
    sizes : array, shape (E,)
        Above zero, ascending in each sample; fractions where repeats were averaged out.
    times : array of int, shape (E,)
        How many items of the sample have that count.
    sample : array of int, shape (E,)
        Which sample it is of, ascending.
    samples : int

    Notes
    -----
    Few counts differ where most items are rare, so formulas over them cost little, however many items there are.
    """

    sizes: F
    times: I64
    sample: I64
    samples: int

    @classmethod
    def of(cls, counts: F) -> Self:
        """Those of one sample.

        >>> import numpy as np
        >>> found = Abundances.of(np.array([2.0, 1.0, 0.0, 1.0]))
        >>> found.sizes.tolist(), found.times.tolist(), found.rows.tolist()
        ([1.0, 2.0], [2, 1], [4.0])
        """
        sizes, times = np.unique(counts[counts > 0], return_counts=True)
        return cls(sizes, times, np.zeros(len(sizes), np.int64), 1)

    def sums(self, values: NDArray[np.generic]) -> F:
        """Sum of one number of each count by sample, shape (samples,)."""
        return np.asarray(np.bincount(self.sample, values, self.samples), float)

    @cached_property
    def rows(self) -> F:
        """Rows of each sample, shape (samples,)."""
        return self.sums(self.sizes * self.times)

    def divided(self, by: F) -> Self:
        """All counts of each sample divided by one number, shape (samples,)."""
        return replace(self, sizes=self.sizes / by[self.sample])

    def counting(self, times: I64) -> Self:
        """The same counts of other items."""
        return replace(self, times=times)


class Histogram:
    """Counts of items in some samples, and the abundances that they make.

    Parameters
    ----------
    counts : array of int64, shape (samples, items)

    Attributes
    ----------
    abundances : Abundances
    """

    def __init__(self, counts: I64) -> None:
        width = counts.max(axis=1, initial=0) + 1
        self._counts, self._offset = counts, np.cumsum(width) - width
        self._places = int(width.sum())
        times = self._times(slice(None))
        self._at = np.flatnonzero(times)
        self._number = np.maximum(np.cumsum(times > 0) - 1, 0)
        sample = np.searchsorted(self._offset, self._at, "right") - 1
        sizes = (self._at - self._offset[sample]).astype(float)
        self.abundances = Abundances(sizes, times[self._at], sample, len(counts))

    def times_among(self, items: NDArray[np.bool_]) -> I64:
        """How many of some items have each of the counts, shape (E,)."""
        return self.abundances.times if items.all() else self._times(np.flatnonzero(items))[self._at]

    def find(self, sample: I64, item: I64) -> I64:
        """Which of the counts an item has in a sample, shape of both."""
        counts = self._counts.ravel().take(sample * self._counts.shape[1] + item)
        found: I64 = self._number[self._offset[sample] + counts]
        return found

    def _times(self, items: slice | I64) -> I64:
        """How many of some items have each count, those of zero left out: samples with their counts side by side."""
        places = (self._offset[:, None] + self._counts[:, items]).ravel()
        times = np.bincount(places, minlength=self._places)
        times[self._offset] = 0
        return times
