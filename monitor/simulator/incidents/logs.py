"""What goes wrong with traffic and with the log that is written of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.simulator.hour import MISSING, Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage, answer_whom, part
from monitor.simulator.incidents.sight import Sight
from monitor.simulator.randomness import combine
from monitor.simulator.traffic import HOUR_US


def volume_drop(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """A share of the requests does not come."""
    hour.written[hit & (scene.rng.random(len(hour)) < event["drop"])] = 0


def log_stops(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Nothing is written."""
    hour.written[hit] = 0


def double_logging(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Every request is written twice."""
    hour.written[hit] *= 2


def missing_users(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Requests without a user."""
    hour.known[hit & (scene.rng.random(len(hour)) < event["rate"])] = MISSING


def clock_skew(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """The clocks of some servers are wrong; the rows lie in the folder of the true hour."""
    hour.offset[hit] += int(event["minutes"] * 60_000_000)


def id_format(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Ids are written in another format, that nothing else knows."""
    flag = hour.odd_users if event["of"] == "user" else hour.odd_items
    flag[hit] = True


def bots(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> Hour:
    """A few users send very many requests: `volume` times as many as all the others in that place."""
    rng, shop = scene.rng, scene.shop
    rows = np.flatnonzero(hit)
    if not len(rows):
        return hour
    extra = hour.take(rng.choice(rows, rng.poisson(event["volume"] * len(rows))))
    busy = np.random.default_rng([shop.seed, event.index, event.start_hour]).choice(
        shop.users, event["users"]
    )
    extra.user = busy[rng.integers(0, len(busy), len(extra))]
    numbered = np.arange(len(extra), dtype=np.uint64)
    extra.request = combine(shop.salt, event.index, hour.number, numbered)
    extra.offset = rng.integers(0, HOUR_US, len(extra))
    extra.taste = shop.tastes(extra.user, hour.number)
    answer_whom(extra, np.arange(len(extra)), shop.identity(extra.user, extra.surface), scene)
    return hour.with_more(extra)


def _of_all(params: Mapping[str, Any]) -> float:
    """The part of all requests that these are then."""
    more = params["share"] * params["volume"]
    return float(more / (1 + more))


LOG_KINDS = (
    Kind(
        "volume_drop",
        Stage.LOG,
        volume_drop,
        params={"drop": 0.75},
        size=part("drop"),
        sight=Sight(noise=0.08),
    ),
    Kind("log_stops", Stage.LOG, log_stops, deadline_hours=1, sight=Sight(noise=0.08)),
    Kind("double_logging", Stage.LOG, double_logging, severity="ticket", deadline_hours=1),
    Kind(
        "missing_users",
        Stage.LOG,
        missing_users,
        severity="ticket",
        deadline_hours=1,
        params={"rate": 0.4},
        size=part("rate"),
        sight=Sight(above=0.05),
    ),
    Kind(
        "clock_skew",
        Stage.LOG,
        clock_skew,
        severity="ticket",
        params={"share": 0.3, "minutes": 95.0},
        sight=Sight(above=0.05),
    ),
    Kind("id_format", Stage.LOG, id_format, severity="ticket", params={"of": "item"}),
    Kind(
        "bots",
        Stage.ARRIVAL,
        bots,
        severity="ticket",
        params={"users": 5, "volume": 0.5},
        size=_of_all,
        sight=Sight(above=0.1),
    ),
)
