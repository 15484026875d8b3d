"""What a kind of event is: a function with a name, its parameters, and what is expected of whoever watches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal

import numpy as np

from monitor.simulator.hour import Hour
from monitor.simulator.incidents.sight import Sight
from monitor.simulator.popularity import Popularity
from monitor.simulator.randomness import uniform
from monitor.simulator.scenario import LogSpec
from monitor.simulator.shop import Shop
from monitor.simulator.traffic import Demand

# Parameters that every kind has; the rest is declared by the kind itself.
COMMON: Mapping[str, Any] = {
    "share": 1.0,  # of the requests in its place
    "by": "request",  # or "user": whether that share is one of requests or of users
    "severity": None,
    "deadline_hours": None,
    "place": None,
    "at_clock": None,
}

ORDINARY = Sight()


class Stage(IntEnum):
    """The order in which events of one hour take effect: as in a real shop, the log comes last."""

    ARRIVAL = 0  # who asks
    CONTEXT = 1  # what a list depends on
    VERSION = 2  # which model answers
    LISTS = 3  # what the recommender makes
    PLACES = 4  # what is put into places of the finished list
    SCORES = 5
    LOG = 6  # what is written of it


@dataclass(frozen=True)
class Event:
    """A planned event: its hour, its item and all its parameters are known.

    Parameters
    ----------
    index : int
        Its place in the plan; names its stream of random numbers.
    """

    index: int
    kind: Kind
    start_hour: int
    hours: int
    where: Mapping[str, str]
    params: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.params[name]

    @property
    def effect(self) -> float:
        """How large it is: the share of what is in its place that it touches, or takes away."""
        return float(self.kind.size(self.params))

    def effect_within(self, hours: float) -> float:
        """How large it has become after so many hours."""
        return self.effect * (self.progress(self.start_hour + int(hours) - 1) if self.kind.gradual else 1.0)

    def active(self, hour: int) -> bool:
        return self.start_hour <= hour < self.start_hour + self.hours

    def felt(self, hour: int) -> bool:
        """Whether that hour is another one for it."""
        return hour >= self.start_hour if self.kind.lasting else self.active(hour)

    def progress(self, hour: int) -> float:
        """0 before it starts, 1 in its last hour; for what comes by and by."""
        return min(1.0, max(0, hour - self.start_hour + 1) / self.hours)


@dataclass(frozen=True)
class Scene:
    """What an effect may use beside the hour: the shop, what is on sale, and randomness of its own."""

    shop: Shop
    popularity: Popularity
    rng: np.random.Generator


Effect = Callable[[Hour, np.ndarray, Event, Scene], Hour | None]
OnDemand = Callable[[Demand, Event, int], None]


@dataclass(frozen=True)
class Kind:
    """A kind of event.

    Parameters
    ----------
    effect : callable
        `effect(hour, hit, event, scene)` changes the requests `hit` of `hour` in place, or returns another hour.
    demand : callable, optional
        `demand(demand, event, hour)` changes how many requests are expected.
    harmless : bool
        Nobody may be paged for it.
    lasting : bool
        Its effect stays when it is over.
    gradual : bool
        It comes by and by, and is as large as it is said to be in its last hour only.
    item : "none", "unpopular" or "family"
        Whether it needs an item, and which the seed draws: one that hardly anyone gets, or one of a large family.
    named : bool
        Whether that item is to blame and belongs on the label.
    severity, deadline_hours
        What is asked of a watcher unless the scenario says otherwise.
    params : mapping
        Names and defaults of its own parameters.
    size : callable
        From the parameters to how large it is, as a share.
    sight : Sight
        How large it has to be before one window shows it.
    sight_without : mapping of part of the log to Sight
        The same where the log has no such part: "users", "catalogue".
    """

    name: str
    stage: Stage
    effect: Effect | None = None
    demand: OnDemand | None = None
    harmless: bool = False
    lasting: bool = False
    gradual: bool = False
    item: Literal["none", "unpopular", "family"] = "none"
    named: bool = True
    severity: Literal["page", "ticket"] = "page"
    deadline_hours: float = 2
    params: Mapping[str, Any] = field(default_factory=dict)
    size: Callable[[Mapping[str, Any]], float] = lambda params: params["share"]
    sight: Sight = ORDINARY
    sight_without: Mapping[str, Sight] = field(default_factory=dict)

    def sight_in(self, log: LogSpec) -> Sight:
        """How large it has to be in a log like that."""
        lacking = (sight for name, sight in self.sight_without.items() if not getattr(log, name))
        return next(lacking, self.sight)


def part(name: str) -> Callable[[Mapping[str, Any]], float]:
    """A size: `share` of the requests, and of them the part that a parameter says."""
    return lambda params: params["share"] * params[name]


def lost(name: str) -> Callable[[Mapping[str, Any]], float]:
    """A size: what is lost when `share` of the requests keeps only the part that a parameter says."""
    return lambda params: params["share"] * (1 - params[name])


def touched(hour: Hour, event: Event, scene: Scene) -> np.ndarray:
    """Requests that an event touches: those in its place, and of them its share, drawn by request or by user."""
    hit = hour.at(event.where)
    share = event["share"]
    if share < 1:
        luck = (
            uniform(scene.shop.salt, hour.user, event.index)
            if event["by"] == "user"
            else uniform(scene.shop.salt, hour.request, event.index)
        )
        hit &= luck < share
    return hit


def answer_whom(hour: Hour, rows: np.ndarray, who: np.ndarray, scene: Scene) -> None:
    """Let the lists of some requests depend on `who` from now on; places that are filled by chance stay so.

    Parameters
    ----------
    rows : int array, shape (n,)
    who : uint64 array, shape (n,)
    """
    shop, keys = scene.shop, hour.keys[rows]
    by_chance = keys != shop.personal_keys(hour.who[rows], hour.number)
    hour.who[rows] = who
    hour.keys[rows] = np.where(by_chance, keys, shop.personal_keys(who, hour.number))
    hour.lists[rows] = shop.lists(hour.keys[rows], hour.taste[rows], scene.popularity.shelf(hour.number))
