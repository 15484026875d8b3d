"""The shop: its catalogue, its users and their tastes, and a recommender that knows them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.simulator.fashion import PLACES, Fashion
from monitor.simulator.popularity import Shelf
from monitor.simulator.randomness import GOLDEN, Purpose, combine, mix, stream
from monitor.simulator.scenario import ShopSpec

COUNTRIES = ("US", "DE", "GB", "BR", "IN", "IS")
COUNTRY_SHARE = np.array([0.42, 0.20, 0.18, 0.12, 0.076, 0.004])
SURFACES = ("home", "product_page", "cart", "email")
SURFACE_SHARE = np.array([0.44, 0.34, 0.16, 0.06])

HOURS_OF_ARRIVALS = 60 * 24  # new items come in over this long
TASTE = 16  # a taste is a table of so many categories, some repeated
VARIETY = 2.0  # concentration of the urn that tastes are drawn from: some four categories a user
SKEW = 3.0  # place in the ranking = size * u ** SKEW: Zipf-like with exponent 1 - 1 / SKEW
RENEWAL_DAYS = 10  # each place of a list is drawn anew once in so many days


class Shop:
    """Catalogue, users and recommender, all of them derived from the seed.

    Attributes
    ----------
    category, family, provider : int arrays, shape (items,)
    created_hour : int array, shape (items,)
        Hour of the simulation in which the item was added; -1 for those that were there before.
    blocked : bool array, shape (items,)
        May not be shown.
    first_order : int32 array, shape (items,)
        Items by category (`category_start`, `category_size`), the most popular first, on the first day.
    country : int array, shape (users,)
    taste : uint8 array, shape (users, TASTE)
        Categories, as often as the user is fond of them whatever the fashion.
    """

    def __init__(self, spec: ShopSpec, seed: int):
        self.spec, self.seed = spec, seed
        self.items, self.users, self.slots = spec.items, spec.users, spec.slots
        self.categories = int(np.clip(spec.items // 100, 8, 40))
        rng = stream(seed, Purpose.CATALOGUE)
        size = 1 / np.arange(3, self.categories + 3) ** 0.6
        self.category_share = size / size.sum()
        self.category = rng.choice(self.categories, spec.items, p=self.category_share)
        self.family = self._families(rng)
        self.provider = rng.zipf(1.6, spec.items).clip(1, 200)
        added = rng.integers(0, HOURS_OF_ARRIVALS, spec.items)
        self.created_hour = np.where(rng.random(spec.items) < 0.75, -1, added)
        self.blocked = rng.random(spec.items) < 0.01
        self.first_order = np.lexsort((rng.random(spec.items), self.category)).astype(np.int32)
        self.category_size = np.bincount(self.category, minlength=self.categories)
        self.category_start = np.cumsum(self.category_size) - self.category_size

        rng = stream(seed, Purpose.USERS)
        smallest_first = np.argsort(COUNTRY_SHARE)  # so that rounding up leaves none of them without users
        count = np.ceil(COUNTRY_SHARE * spec.users).astype(np.int64)
        self.country = rng.permutation(np.repeat(smallest_first, count[smallest_first])[: spec.users])
        self.taste = self._tastes(rng)
        self.salt = int(rng.integers(1, 2**63))
        self._fashion = Fashion(seed, self.category_share)

    def _families(self, rng: np.random.Generator) -> np.ndarray:
        """Families of products under several ids: most small, some large, each within one category."""
        by_category = np.argsort(self.category, kind="stable")
        size = rng.zipf(1.7, self.items).clip(1, 30)
        family = np.empty(self.items, np.int64)
        family[by_category] = np.repeat(np.arange(self.items), size)[: self.items]
        return family * self.categories + self.category

    def _tastes(self, rng: np.random.Generator) -> np.ndarray:
        """Each entry repeats an earlier one, or is new with a chance that falls (a Polya urn)."""
        taste = np.empty((self.users, TASTE), np.uint8)
        prior = np.cumsum(self.category_share)
        everyone = np.arange(self.users)
        for j in range(TASTE):
            new = np.searchsorted(prior, rng.random(self.users)).clip(0, self.categories - 1)
            earlier = taste[everyone, rng.integers(0, max(j, 1), self.users)]
            taste[:, j] = np.where(rng.random(self.users) < VARIETY / (VARIETY + j), new, earlier)
        return taste

    def tastes(self, users: np.ndarray, hour: int) -> np.ndarray:
        """What users are fond of in that hour: their own taste and what is in fashion; uint8, shape (n, TASTE)."""
        own = self.taste[users]
        if not self.spec.fashion:
            return own
        draw = combine(self.salt, users[:, None], np.arange(TASTE), 5)
        follows = (draw >> np.uint64(32)).astype(np.float64) * 2.0**-32 < self.spec.fashion
        return np.where(follows, self._fashion.table(hour // 24)[draw % np.uint64(PLACES)], own)

    def available(self, hour: int) -> np.ndarray:
        """Which items may be shown in that hour; bool, shape (items,)."""
        return np.asarray((self.created_hour <= hour) & ~self.blocked)

    def identity(self, *keys: np.ndarray | int) -> np.ndarray:
        """What a list depends on (user, surface, model; or the item looked at) as one number; (n,)."""
        return combine(self.salt, *keys)

    def personal_keys(self, who: np.ndarray, hour: int) -> np.ndarray:
        """The draws behind the lists of `who`, uint64, shape (n, slots); each night a tenth is renewed."""
        slot = np.arange(self.slots, dtype=np.uint64)
        phase = (who >> np.uint64(7)) % np.uint64(RENEWAL_DAYS)
        epoch = (np.uint64(hour // 24) + phase[:, None] + np.uint64(3) * slot) // np.uint64(RENEWAL_DAYS)
        return mix(who[:, None] + slot * GOLDEN + (epoch << np.uint64(20)))

    def lists(self, keys: np.ndarray, taste: np.ndarray, shelf: Shelf) -> np.ndarray:
        """Recommended items; int32, shape (n, slots), no item twice in a list.

        Parameters
        ----------
        keys : uint64 array, shape (n, slots)
            The same key with the same taste gives the same item, as long as nothing on the shelf changes.
        taste : uint8 array, shape (n, TASTE)
        """
        fond_of = np.take_along_axis(taste, (keys & np.uint64(TASTE - 1)).astype(np.intp), axis=1)
        lists = _pick(keys, fond_of, shelf)
        for attempt in range(1, 100):
            rows = np.flatnonzero(_has_repeats(lists))
            if not len(rows):
                return lists
            again = lists[rows]
            row, slot = np.nonzero(_repeats(again))
            key = mix(keys[rows[row], slot] + np.array([attempt], np.uint64) * GOLDEN)
            fond = taste[rows[row], (key & np.uint64(TASTE - 1)).astype(np.intp)]
            # Who has seen all of what they like gets something from anywhere.
            again[row, slot] = _pick(key, fond, shelf) if attempt < 8 else _pick_anywhere(key, shelf)
            lists[rows] = again
        raise RuntimeError(f"{self.slots} different items could not be drawn from {self.items}")

    def unpopular(self) -> np.ndarray:
        """Items on sale all the time that hardly anyone gets."""
        rank = np.arange(self.items) - np.repeat(self.category_start, self.category_size)
        items = self.first_order[rank >= np.repeat(self.category_size // 2, self.category_size)]
        return np.asarray(items[(self.created_hour[items] < 0) & ~self.blocked[items]])

    def in_large_families(self, members: int = 4) -> np.ndarray:
        """Items on sale all the time whose family has at least so many of these."""
        items = np.flatnonzero((self.created_hour < 0) & ~self.blocked)
        _, inverse, count = np.unique(self.family[items], return_inverse=True, return_counts=True)
        return np.asarray(items[count[inverse] >= members])

    def restricted_taste(self, categories: Sequence[int], n: int) -> np.ndarray:
        """One taste for everybody: these categories, evenly; uint8, shape (n, TASTE)."""
        return np.broadcast_to(np.resize(np.asarray(categories, np.uint8), TASTE), (n, TASTE))


def _pick(keys: np.ndarray, category: np.ndarray, shelf: Shelf) -> np.ndarray:
    u = (keys >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return np.asarray(shelf.items[shelf.start[category] + (shelf.size[category] * u**SKEW).astype(np.int64)])


def _pick_anywhere(keys: np.ndarray, shelf: Shelf) -> np.ndarray:
    u = (keys >> np.uint64(40)).astype(np.float64) * 2.0**-24
    return np.asarray(shelf.items[(len(shelf.items) * u).astype(np.int64)])


def _has_repeats(lists: np.ndarray) -> np.ndarray:
    in_order = np.sort(lists, axis=1)
    return np.asarray((in_order[:, 1:] == in_order[:, :-1]).any(axis=1))


def _repeats(lists: np.ndarray) -> np.ndarray:
    """Places whose item already stands further up; bool, shape of `lists`."""
    order = np.argsort(lists, axis=1, kind="stable")
    in_order = np.take_along_axis(lists, order, axis=1)
    repeated = np.zeros(lists.shape, bool)
    np.put_along_axis(repeated, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    return repeated
