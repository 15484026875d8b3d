"""Draws when each incident of a scenario starts and which item it concerns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
