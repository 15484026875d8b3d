"""What is in fashion with everybody: categories that come and go over weeks."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from monitor.simulator.randomness import Purpose, autocorrelated, stream

MEMORY = 0.95  # from day to day
SWING = 0.8  # standard deviation of the logarithm of a category's part
PLACES = 512  # of the table from which is drawn


class Fashion:
    """Which categories are in demand beyond anybody's own taste, as a pure function of the day.

    Parameters
    ----------
    seed : int
    category_share : float array, shape (categories,)
        What they are in demand in the long run.
    """

    def __init__(self, seed: int, category_share: np.ndarray):
        self._seed, self._share = seed, category_share
        self.table = lru_cache(maxsize=4)(self._table)

    def _table(self, day: int) -> np.ndarray:
        """Categories in order, each as often as it is in demand; uint8, shape (PLACES,).

        From one day to the next most places keep their category.
        """
        swings = autocorrelated(stream(self._seed, Purpose.FASHION), MEMORY, day + 1, len(self._share))[-1]
        demand = np.cumsum(self._share * np.exp(SWING * swings))
        middle = (np.arange(PLACES) + 0.5) / PLACES
        return np.searchsorted(demand, middle * demand[-1]).astype(np.uint8)
