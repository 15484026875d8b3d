"""Puts shop, traffic and events together: each hour of the log as a pure function of scenario, seed and number."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import KNOWN, Hour
from monitor.simulator.incidents import Scene, touched
from monitor.simulator.plan import make_plan
from monitor.simulator.popularity import Popularity
from monitor.simulator.randomness import Purpose, stream
from monitor.simulator.scenario import Scenario
from monitor.simulator.shop import Shop
from monitor.simulator.traffic import Demand, Requests, Traffic

EXPLORE = 0.08  # share of the places that are filled by chance in every request
FIRST_VERSION = "v1"


class Simulation:
    """A simulated shop with its recommender.

    Parameters
    ----------
    scenario : Scenario
    seed : int
        The same scenario and seed give the same log.

    Raises
    ------
    UserError
        When the scenario has an unknown kind, place or parameter.
    """

    def __init__(self, scenario: Scenario, seed: int):
        self.scenario, self.seed = scenario, seed
        self.shop = Shop(scenario.shop, seed)
        self.plan = make_plan(scenario, self.shop, seed)
        refreshes = {e.start_hour: e["churn"] for e in self.plan.events if e.kind.name == "catalog_refresh"}
        self.popularity = Popularity(self.shop, refreshes, scenario.shop.churn)
        self.traffic = Traffic(self.shop, self.plan.hours)
        self._events = sorted(self.plan.events, key=lambda e: (e.kind.stage, e.index))

    @property
    def hours(self) -> int:
        return self.plan.hours

    def demand(self, number: int) -> Demand:
        """How many requests an hour is expected to bring, before anything goes wrong with its log."""
        demand = self.traffic.demand(number)
        for event in self._events:
            if event.kind.demand is not None and event.felt(number):
                event.kind.demand(demand, event, number)
        return demand

    def hour(self, number: int) -> Hour:
        """Everything that is asked and answered in one hour; `number` counts from 0."""
        hour = self._healthy(number, self.traffic.requests(number, self.demand(number)))
        for event in (event for event in self._events if event.felt(number)):
            if event.kind.effect is not None:
                rng = stream(self.seed, Purpose.EVENT, event.index, number)
                scene = Scene(self.shop, self.popularity, rng)
                hour = event.kind.effect(hour, touched(hour, event, scene), event, scene) or hour
        return hour

    def _healthy(self, number: int, requests: Requests) -> Hour:
        n, k = len(requests.number), self.shop.slots
        who = self.shop.identity(requests.user, requests.surface)
        taste = self.shop.tastes(requests.user, number)
        rng = stream(self.seed, Purpose.LISTS, number)
        keys = self.shop.personal_keys(who, number)
        explored = rng.random((n, k), np.float32) < EXPLORE
        keys[explored] = rng.integers(0, 2**64, int(explored.sum()), np.uint64)
        return Hour(
            number=number,
            versions=(FIRST_VERSION,),
            request=requests.number,
            offset=requests.offset,
            user=requests.user,
            country=requests.country,
            surface=requests.surface,
            version=np.zeros(n, np.int64),
            who=who,
            taste=taste,
            keys=keys,
            lists=self.shop.lists(keys, taste, self.popularity.shelf(number)),
            scores=_scores(stream(self.seed, Purpose.SCORES, number), n, k),
            luck=stream(self.seed, Purpose.CLICKS, number).random((n, k), np.float32),
            appeal=np.ones(n),
            length=self._lengths(number, n),
            context=np.full(n, -1),
            known=np.full(n, KNOWN, np.int8),
            written=np.ones(n, np.int64),
            odd_items=np.zeros(n, bool),
            odd_users=np.zeros(n, bool),
        )

    def _lengths(self, number: int, n: int) -> np.ndarray:
        shop = self.scenario.shop
        if shop.shortest is None:
            return np.full(n, shop.slots)
        rng = stream(self.seed, Purpose.LISTS, number, 1)
        return rng.integers(shop.shortest, shop.slots, n, endpoint=True)


def _scores(rng: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Probabilities that fall with the position; float32, shape (n, k)."""
    strength = 1.4 - 2.2 * np.arange(k, dtype=np.float32) / k
    strength = strength + 0.45 * rng.standard_normal((n, k), np.float32)
    strength += 0.3 * rng.standard_normal((n, 1), np.float32)
    strength.sort(axis=1)
    return np.asarray(1 / (1 + np.exp(-strength[:, ::-1])), np.float32)
