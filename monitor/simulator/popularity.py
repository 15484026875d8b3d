"""How popular each item is, hour by hour: it moves a little each night, and at a refresh of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np

from monitor.simulator.randomness import Purpose, stream


class Catalogue(Protocol):
    """What popularity needs to know of the shop."""

    seed: int
    items: int
    category: np.ndarray
    category_start: np.ndarray
    category_size: np.ndarray
    first_order: np.ndarray

    def available(self, hour: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Shelf:
    """What can be shown in one hour: items by category, the most popular first.

    Parameters
    ----------
    items : int32 array, shape (places,)
    start, size : int64 arrays, shape (categories,)
        Where each category begins and how many places it has.
    """

    items: np.ndarray
    start: np.ndarray
    size: np.ndarray


class Popularity:
    """The ranking of each category as a pure function of the hour.

    Parameters
    ----------
    catalogue : Catalogue
    refreshes : mapping of hour to share
        When the catalogue is refreshed, and the share of the places that change hands then.
    nightly : float
        Share of the places in a category's ranking that change hands each night.
    """

    def __init__(self, catalogue: Catalogue, refreshes: Mapping[int, float], nightly: float):
        self._catalogue, self._nightly = catalogue, nightly
        self._refreshes = sorted(refreshes.items())
        self.shelf = lru_cache(maxsize=8)(self._shelf)
        self._order = lru_cache(maxsize=8)(self._order_after)

    def _shelf(self, hour: int, newest: int | None = None) -> Shelf:
        """What can be shown in `hour`; with `newest`, nothing that was added after that hour.

        The place of an item that is not available goes to the next behind it: an item that comes or
        goes changes its own places and no others.
        """
        shop = self._catalogue
        order = self._order(hour // 24, sum(at <= hour for at, _ in self._refreshes))
        available = shop.available(hour if newest is None else min(hour, newest))[order]
        place = np.arange(shop.items)
        following = np.minimum.accumulate(np.where(available, place, shop.items)[::-1])[::-1]
        last = np.maximum.accumulate(np.where(available, place, 0))
        end = np.repeat(shop.category_start + shop.category_size, shop.category_size)
        shown = order[np.where(following < end, following, last)]
        return Shelf(shown, shop.category_start, shop.category_size)

    def _order_after(self, nights: int, refreshed: int) -> np.ndarray:
        """Items by category and popularity after so many nights and refreshes."""
        if refreshed:
            hour, share = self._refreshes[refreshed - 1]
            if nights == hour // 24:
                return self._churned(self._order(nights, refreshed - 1), share, 1_000_000 + hour)
        if nights <= 0:
            return self._catalogue.first_order
        return self._churned(self._order(nights - 1, refreshed), self._nightly, nights)

    def _churned(self, order: np.ndarray, share: float, key: int) -> np.ndarray:
        """A share of the places changes hands, inside each category."""
        rng = stream(self._catalogue.seed, Purpose.POPULARITY, key)
        moved = np.flatnonzero(rng.random(len(order)) < share)
        changed = order.copy()
        category = self._catalogue.category[order[moved]]
        changed[moved] = order[moved][np.lexsort((rng.random(len(moved)), category))]
        return changed
