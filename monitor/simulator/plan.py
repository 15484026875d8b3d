"""Draws when each incident of a scenario starts and which item it concerns; writes that down as labels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from monitor.errors import UserError
from monitor.simulator.incidents import COMMON, KINDS, Event, Kind
from monitor.simulator.randomness import Purpose, stream
from monitor.simulator.scenario import ALWAYS, EventSpec, Scenario
from monitor.simulator.shop import COUNTRIES, SURFACES, Shop

PLACES: Mapping[str, tuple[str, ...] | None] = {
    "country": COUNTRIES,
    "surface": SURFACES,
    "model_version": None,
}
ITEMS = ("item", "other_item")
QUIET_END_HOURS = 30  # after the last event, so that recovery shows


@dataclass(frozen=True)
class Plan:
    """What happens in a simulation, and when.

    Parameters
    ----------
    events : tuple of Event
        Traits first, then harmless events, then incidents.
    hours : int
        Length of the simulation, whole days.
    """

    scenario: Scenario
    seed: int
    events: tuple[Event, ...]
    hours: int


def make_plan(scenario: Scenario, shop: Shop, seed: int) -> Plan:
    """Lay out a scenario: incidents without an hour come one after the other, in an order that the seed draws.

    Raises
    ------
    UserError
        When an event's kind, place or parameter is unknown.
    """
    rng = stream(seed, Purpose.PLAN)
    specs = [*scenario.traits, *scenario.harmless, *scenario.incidents]
    for number, spec in enumerate(specs):
        _check(spec, number)
    first_incident = len(specs) - len(scenario.incidents)
    start = {i: spec.start_hour or 0 for i, spec in enumerate(specs)}
    at = scenario.quiet_days * 24
    for i in first_incident + rng.permutation(len(scenario.incidents)):
        spec = specs[i]
        if spec.start_hour is None:
            at += int(rng.integers(*scenario.gap_hours, endpoint=True))
            if (clock := spec.params.get("at_clock")) is not None:
                at += (clock - at) % 24
            start[i] = at
            at += spec.hours
    events = tuple(_event(i, spec, start[i], shop, rng) for i, spec in enumerate(specs))
    last = max([at, *(e.start_hour + e.hours for e in events if e.hours < ALWAYS)])
    days = scenario.days or -(-(last + QUIET_END_HOURS) // 24)
    return Plan(scenario, seed, events, days * 24)


def _check(spec: EventSpec, number: int) -> None:
    name = f"event {number} ({spec.kind})"
    if spec.kind not in KINDS:
        raise UserError(f"event {number}: unknown kind {spec.kind!r}; known are {', '.join(sorted(KINDS))}")
    known = {**COMMON, **KINDS[spec.kind].params}
    if unknown := sorted(set(spec.params) - set(known)):
        raise UserError(f"{name}: unknown parameter {unknown[0]!r}; known are {', '.join(known)}")
    for column, value in spec.where.items():
        if column not in PLACES:
            raise UserError(f"{name}: where: no column {column!r}; known are {', '.join(PLACES)}")
        if (values := PLACES[column]) is not None and value not in values:
            raise UserError(f"{name}: where: {column} is never {value!r}; it is one of {', '.join(values)}")
    if spec.hours < 1:
        raise UserError(f"{name}: hours is {spec.hours}; it must be at least 1")


def _event(index: int, spec: EventSpec, start: int, shop: Shop, rng: np.random.Generator) -> Event:
    kind = KINDS[spec.kind]
    params = {**COMMON, **kind.params, **spec.params}
    for name in ITEMS:
        if name in params and params[name] is None:
            params[name] = int(rng.choice(_candidates(kind, shop)))
    return Event(index, kind, start, spec.hours, dict(spec.where), params)


def _candidates(kind: Kind, shop: Shop) -> np.ndarray:
    return shop.in_large_families() if kind.item == "family" else shop.unpopular()


def labels(plan: Plan, item_names: Mapping[int, str]) -> dict[str, Any]:
    """What happened, in the form that scores are reckoned from.

    Parameters
    ----------
    item_names : mapping
        Item ids as the log writes them.
    """
    begin = plan.scenario.shop.start
    return {
        "start": begin.isoformat(),
        "end": (begin + timedelta(hours=plan.hours)).isoformat(),
        "seed": plan.seed,
        "requests_per_hour": plan.scenario.shop.requests_per_hour,
        "events": [_label(event, plan, item_names) for event in plan.events],
    }


def _label(event: Event, plan: Plan, item_names: Mapping[int, str]) -> dict[str, Any]:
    begin, kind, params = plan.scenario.shop.start, event.kind, event.params
    last_hour = min(event.start_hour + event.hours, 100 * 365 * 24)
    label: dict[str, Any] = {
        "kind": kind.name,
        "incident": not kind.harmless,
        "where": dict(event.where),
        "start": (begin + timedelta(hours=event.start_hour)).isoformat(),
        "end": (begin + timedelta(hours=last_hour)).isoformat(),
    }
    if kind.named and kind.item != "none" and not params.get("rotate"):
        label["item"] = item_names[params["item"]]
    if "to" in params:
        label["to"] = params["to"]
    if not kind.harmless:
        label["deadline_hours"] = params["deadline_hours"] or kind.deadline_hours
        label["severity"] = params["severity"] or kind.severity
        label["place"] = params["place"] or _place(event)
    return label


def _place(event: Event) -> dict[str, str]:
    """Where a person should be sent: a canary's place is its version."""
    if event.kind.name == "bad_canary":
        return {**event.where, "model_version": event["to"]}
    return dict(event.where)


def write_labels(path: Path, plan: Plan, item_names: Mapping[int, str]) -> None:
    path.write_text(json.dumps(labels(plan, item_names), indent=1), encoding="utf-8")
