"""Who asks when: a daily and a weekly cycle by country, slow wander, noise that lasts, sticky users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.simulator.randomness import Purpose, autocorrelated, mix, stream
from monitor.simulator.shop import COUNTRIES, COUNTRY_SHARE, SURFACE_SHARE, Shop

COUNTRY_PHASE = np.array([-6, 1, 0, -3, 5, 0])  # hours from UTC
WEEKEND = 1.2  # Saturday and Sunday against a working day
WANDER_MEMORY, GUST_MEMORY = 0.995, 0.8  # from hour to hour: of the whole shop, of each country
HOUR_US = 3_600_000_000


@dataclass
class Demand:
    """How many requests an hour is expected to bring; shape (countries, surfaces)."""

    requests: np.ndarray


@dataclass(frozen=True)
class Requests:
    """The requests of one hour in order of time; each array of shape (n,).

    Parameters
    ----------
    number : uint64 array
        Names the request, unique in the log.
    offset : int64 array
        Microseconds since the start of the hour.
    user, country, surface : int64 arrays
    """

    number: np.ndarray
    offset: np.ndarray
    user: np.ndarray
    country: np.ndarray
    surface: np.ndarray


class Traffic:
    """The visits of a shop, as a pure function of the hour.

    Parameters
    ----------
    shop : Shop
    hours : int
        Length of the simulation.
    """

    def __init__(self, shop: Shop, hours: int):
        self._shop = shop
        rng = stream(shop.seed, Purpose.DEMAND)
        wander = autocorrelated(rng, WANDER_MEMORY, hours, 1)
        gust = autocorrelated(stream(shop.seed, Purpose.DEMAND, 1), GUST_MEMORY, hours, len(COUNTRIES))
        self._weather = np.exp(shop.spec.wander * wander + shop.spec.gusts * gust)
        self._pools = [np.flatnonzero(shop.country == c) for c in range(len(COUNTRIES))]
        self._first_weekday = shop.spec.start.weekday()

    def demand(self, hour: int) -> Demand:
        """What is expected of that hour before anything special happens."""
        weekday = (self._first_weekday + (hour + COUNTRY_PHASE) // 24) % 7
        week = np.where(weekday >= 5, WEEKEND, 1.0) * 7 / (5 + 2 * WEEKEND)
        level = DAY[(hour + COUNTRY_PHASE) % 24] * week * self._weather[hour]
        by_country = self._shop.spec.requests_per_hour * COUNTRY_SHARE * level
        return Demand(by_country[:, None] * SURFACE_SHARE)

    def requests(self, hour: int, demand: Demand) -> Requests:
        """The requests of that hour."""
        rng = stream(self._shop.seed, Purpose.REQUESTS, hour)
        count = rng.poisson(demand.requests)
        n = int(count.sum())
        country, surface = np.divmod(np.repeat(np.arange(count.size), count.ravel()), count.shape[1])
        shuffled = rng.permutation(n)
        country, surface = country[shuffled], surface[shuffled]
        luck = rng.random(n) ** self._shop.spec.activity
        user = np.empty(n, np.int64)
        for c, pool in enumerate(self._pools):
            at = country == c
            user[at] = pool[(len(pool) * luck[at]).astype(np.int64)]
        offset = np.sort(rng.integers(0, HOUR_US, n))
        number = mix(
            np.arange(n, dtype=np.uint64) + np.uint64((self._shop.seed % 2**20 << 44) + (hour << 24))
        )
        return Requests(number, offset, user, country, surface)


def _day() -> np.ndarray:
    """Requests by hour of the local day, mean 1: quiet nights, a bump at noon, the peak in the evening."""
    clock = np.arange(24)
    level = np.full(24, 0.25)
    for centre, width, height in ((12.5, 3.0, 0.8), (20.0, 2.6, 1.1)):
        distance = (clock - centre + 12) % 24 - 12
        level += height * np.exp(-((distance / width) ** 2) / 2)
    return np.asarray(level / level.mean())


DAY = _day()
