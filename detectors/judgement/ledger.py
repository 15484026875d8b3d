"""Numbers of many series, window after window, in tables that grow without being copied for every window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F = NDArray[np.float64]

ROOM = 512  # windows at first, two weeks of hours and more: what was never written to takes no memory


class Ledger:
    """Several numbers of each series in each window; NaN where nothing was written.

    Parameters
    ----------
    names : sequence of str
        What there is a number of.

    >>> ledger = Ledger(["value"])
    >>> ledger.widen(2)
    >>> ledger.append(10, np.array([[1.0, 2.0]]))
    >>> ledger.append(20, np.array([[3.0, 4.0]]))
    >>> ledger["value"].tolist(), ledger.times.tolist()
    ([[1.0, 2.0], [3.0, 4.0]], [10, 20])
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._at = {name: i for i, name in enumerate(names)}
        self._times = np.empty(0, np.int64)
        self._numbers = np.empty((len(names), 0, 0))
        self._windows = self._series = 0

    @property
    def times(self) -> NDArray[np.int64]:
        """Start of each window in microseconds, in order, shape (windows,)."""
        return self._times[: self._windows]

    def __getitem__(self, name: str) -> F:
        """Shape (windows, series)."""
        return self._numbers[self._at[name], : self._windows, : self._series]

    def widen(self, series: int) -> None:
        """There are so many series from now on."""
        if series > self._numbers.shape[2]:
            self._room(self._numbers.shape[1], max(series, 2 * self._numbers.shape[2]))
        self._numbers[:, : self._windows, self._series : series] = np.nan
        self._series = series

    def append(self, start_us: int, numbers: F) -> None:
        """Add a window: numbers of shape (names, series)."""
        if self._windows == len(self._times):
            self._room(max(2 * self._windows, ROOM), self._numbers.shape[2])
        self._times[self._windows] = start_us
        self._numbers[:, self._windows, : self._series] = numbers
        self._windows += 1

    def keep(self, windows: NDArray[np.bool_]) -> None:
        """Drop the other windows."""
        kept = int(windows.sum())
        self._numbers[:, :kept] = self._numbers[:, : self._windows][:, windows]
        self._times[:kept] = self.times[windows]
        self._windows = kept

    def _room(self, windows: int, series: int) -> None:
        """Make room for so many; what is in it means nothing yet."""
        numbers = np.empty((len(self._at), windows, series))
        numbers[:, : self._windows, : self._series] = self._numbers[:, : self._windows, : self._series]
        times = np.empty(windows, np.int64)
        times[: self._windows] = self.times
        self._numbers, self._times = numbers, times
