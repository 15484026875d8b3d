"""What goes wrong with scores, and with what people do."""

from __future__ import annotations

import numpy as np

from monitor.simulator.hour import Hour
from monitor.simulator.incidents.kind import Event, Kind, Scene, Stage, lost, part
from monitor.simulator.incidents.sight import Sight

CLICKS_A_REQUEST = 0.2  # of a list of ten, about


def score_constant(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Every item has the same score."""
    hour.scores[hit] = event["value"]


def score_nan(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Some lists have no scores but NaN."""
    hour.scores[hit & (scene.rng.random(len(hour)) < event["rate"])] = np.nan


def score_shift(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """Scores on another scale; their order stays."""
    hour.scores[hit] *= np.float32(event["factor"])


def order_reversed(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """The best item comes last, by its own score."""
    rows = np.flatnonzero(hit)
    within = hour.scores[rows]
    hour.scores[rows] = within[:, ::-1]


def click_drop(hour: Hour, hit: np.ndarray, event: Event, scene: Scene) -> None:
    """People click less, and nothing else shows why."""
    hour.appeal[hit] *= event["factor"]


SCORE_KINDS = (
    Kind(
        "score_constant",
        Stage.SCORES,
        score_constant,
        deadline_hours=1,
        params={"value": 0.5},
        sight=Sight(above=0.1),
    ),
    Kind(
        "score_nan",
        Stage.SCORES,
        score_nan,
        deadline_hours=1,
        params={"rate": 0.3},
        size=part("rate"),
        sight=Sight(above=0.1),  # fewer are worth a ticket
    ),
    Kind(
        "score_shift",
        Stage.SCORES,
        score_shift,
        severity="ticket",
        params={"factor": 0.6},
        size=lost("factor"),
        sight=Sight(above=0.1),
    ),
    Kind("order_reversed", Stage.SCORES, order_reversed, deadline_hours=1, sight=Sight(above=0.1)),
    Kind(
        "click_drop",
        Stage.SCORES,
        click_drop,
        deadline_hours=6,
        params={"factor": 0.5},
        size=lost("factor"),
        sight=Sight(noise=0.03, per_request=CLICKS_A_REQUEST),
    ),
)
