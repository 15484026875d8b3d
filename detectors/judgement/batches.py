"""Traffic that is made in some hours of the day: hours that have it are alike, and unlike those beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOUR = 3_600_000_000


@dataclass(frozen=True)
class MadeInHours:
    """A part of the traffic that comes in some hours of the day (UTC), all of it.

    What shares traffic with it is another thing in those hours: three times the requests, lists of another kind. Only
    windows that are alike in this say what is usual, however few they are.

    Parameters
    ----------
    covers : callable of slice
        Whether a slice shares traffic with it.
    hours : frozenset of int
    window_us : int
        Length of a window.
    """

    covers: Callable[[str], bool]
    hours: frozenset[int]
    window_us: int

    def made(self, start_us: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether it is made in the windows that start then, shape of `start_us`.

        >>> nightly = MadeInHours(lambda slice: True, frozenset({3}), 2 * HOUR)
        >>> nightly.made(np.arange(0, 8, 2) * HOUR).tolist()
        [False, True, False, False]
        """
        first, end = start_us // HOUR, -(-(start_us + self.window_us) // HOUR)
        inside = [(hour - first) % 24 < end - first for hour in sorted(self.hours)]
        return np.asarray(np.any(inside, axis=0))
