"""New model versions, good and bad."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage, answer_whom, part
from monitor.simulator.incidents.lists import BROKEN_APPEAL, lists_for_nobody
from monitor.simulator.incidents.sight import Sight
from monitor.simulator.randomness import uniform


def rollout(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """A new version takes over, user by user, beginning with `first`: other lists, no worse."""
    reached = event["first"] + (1 - event["first"]) * event.progress(hour.number)
    rows = np.flatnonzero(hit & (uniform(scene.shop.salt, hour.user, event.index, 3) < reached))
    _answer_with(hour, rows, event["to"])
    hour.scores[rows] *= np.float32(event["scale"])
    answer_whom(hour, rows, scene.shop.identity(hour.who[rows], event.index), scene)


def bad_canary(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """A share of the users gets a new version, and that one does not know them."""
    rows = np.flatnonzero(hit & (uniform(scene.shop.salt, hour.user, event.index, 4) < event["canary"]))
    _answer_with(hour, rows, event["to"])
    hour.lists[rows] = lists_for_nobody(hour, rows, event["categories"], scene)
    hour.appeal[rows] *= BROKEN_APPEAL


def _answer_with(hour: Hour, rows: np.ndarray, version: str) -> None:
    if version not in hour.versions:
        hour.versions = (*hour.versions, version)
    hour.version[rows] = hour.versions.index(version)


VERSION_KINDS = (
    Kind(
        "rollout",
        Stage.VERSION,
        rollout,
        harmless=True,
        lasting=True,
        params={"to": "v2", "first": 0.1, "scale": 1.0},
    ),
    Kind(
        "bad_canary",
        Stage.VERSION,
        bad_canary,
        params={"to": "v2-canary", "canary": 0.1, "categories": 4},
        size=part("canary"),
        sight=Sight(above=0.02),
    ),
)
