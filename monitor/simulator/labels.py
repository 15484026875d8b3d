"""Writes down what happened in a simulated log, in the form that scores are reckoned from."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.simulator.incidents import Event
from monitor.simulator.shop import COUNTRIES, SURFACES
from monitor.simulator.simulation import Simulation

GENERATIONS_HOURS = 100 * 365 * 24  # what is always so has an end, too, that can be written


def labels(simulation: Simulation, item_names: pa.Array) -> dict[str, Any]:
    """Everything that happened: what, when, where, and how large.

    Parameters
    ----------
    item_names : array of shape (items,)
        Item ids as the log writes them.
    """
    shop = simulation.scenario.shop
    return {
        "start": shop.start.isoformat(),
        "end": (shop.start + timedelta(hours=simulation.hours)).isoformat(),
        "seed": simulation.seed,
        "requests_per_hour": shop.requests_per_hour,
        "events": [_label(event, simulation, item_names) for event in simulation.plan.events],
    }


def _label(event: Event, simulation: Simulation, item_names: pa.Array) -> dict[str, Any]:
    begin, kind, params = simulation.scenario.shop.start, event.kind, event.params
    last_hour = min(event.start_hour + event.hours, GENERATIONS_HOURS)
    label: dict[str, Any] = {
        "kind": kind.name,
        "incident": not kind.harmless,
        "where": dict(event.where),
        "start": (begin + timedelta(hours=event.start_hour)).isoformat(),
        "end": (begin + timedelta(hours=last_hour)).isoformat(),
    }
    if kind.named and kind.item != "none" and not params.get("rotate"):
        label["item"] = str(item_names[params["item"]])
    if "to" in params:
        label["to"] = params["to"]
    if not kind.harmless:
        deadline = params["deadline_hours"] or kind.deadline_hours
        requests = requests_there(event, simulation, deadline)
        label["deadline_hours"] = deadline
        label["severity"] = params["severity"] or kind.severity
        label["place"] = params["place"] or _place(event)
        label["effect"] = round(event.effect, 4)
        label["requests_there"] = round(requests, 1)
        sight = kind.sight_in(simulation.scenario.log)
        label["visible"] = sight.shows(event.effect_within(deadline), requests)
    return label


def _place(event: Event) -> dict[str, str]:
    """Where a person should be sent: a canary's place is its version."""
    if event.kind.name == "bad_canary":
        return {**event.where, "model_version": event["to"]}
    return dict(event.where)


def requests_there(event: Event, simulation: Simulation, hours: float) -> float:
    """Requests that the busiest of its first hours, those before the deadline, is expected to bring to its place."""
    until = min(event.start_hour + max(1, int(hours)), event.start_hour + event.hours, simulation.hours)
    rows = _codes(event, "country", COUNTRIES), _codes(event, "surface", SURFACES)
    expected = (
        simulation.demand(hour).requests[np.ix_(*rows)].sum() for hour in range(event.start_hour, until)
    )
    return float(max(expected, default=0.0))


def _codes(event: Event, column: str, values: tuple[str, ...]) -> list[int]:
    return [values.index(event.where[column])] if column in event.where else list(range(len(values)))


def write_labels(path: Path, simulation: Simulation, item_names: pa.Array) -> None:
    """Write them as JSON."""
    path.write_text(json.dumps(labels(simulation, item_names), indent=1), encoding="utf-8")
