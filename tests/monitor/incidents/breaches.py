"""Breaches as the fold makes them, for tests of what incidents are made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from detectors.core.cells import parse_slice, slice_text
from detectors.core.measurement import Measure, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.diversity import Diversity
from detectors.drift import Drift
from detectors.fallback import Fallback
from detectors.judgement.spec import History
from detectors.manipulation import Manipulation
from detectors.personalization import Personalization
from detectors.same_item import SameItem
from detectors.traffic import Traffic
from detectors.trend import Trend
from monitor.config.models import Columns, LogConfig, RecommenderConfig
from monitor.findings import COLUMNS, Findings
from monitor.incidents.book import IncidentBook, Seen
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident
from monitor.incidents.memory import Memory
from monitor.windows import Window

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTLE = timedelta(minutes=10)
TELLING = {"manipulation": 95, "fallback": 92, "same_item": 90, "traffic": 80, "diversity": 40, "lists": 60}
MEASURES = {
    f"{d.name}.{m.name}": m
    for d in (
        SameItem(),
        Traffic(),
        Fallback(),
        Personalization(),
        Manipulation(),
        Diversity(),
        Drift(),
        Trend(),
    )
    for m in d.measures()
} | {
    "diversity.overlap": Measure("overlap", Unit.RATIO, "Overlap.", (History("up", 0.1),)),
    "diversity.items": Measure("items", Unit.ITEMS, "Items."),
    "outcome.click_rate": Measure("click_rate", Unit.RATIO, "Clicks.", of_response=True),
    "outcome.logged": Measure("logged", Unit.ROWS, "Outcomes.", follows=frozenset({"traffic"})),
    "lists.short_share": Measure("short_share", Unit.RATIO, "Short lists."),
}
FIRST = "same_item.first_place_share"
REQUESTS = "traffic.requests"
EVERY_PLACE = "same_item.any_place_share"
USERS = "same_item.users_share"

# What an incident keeps from its opening on.
FROZEN = (
    "id",
    "severity",
    "detector",
    "measure",
    "slice",
    "culprit",
    "labels",
    "onset_at",
    "opened_at",
    "before",
)
ORDER = list(MEASURES)


def breach(name: str = FIRST, slice: str = "all", value: float = 0.95, **fields: Any) -> Breach:
    """A page of 1,000 requests, of which 3 % are usual."""
    base: dict[str, Any] = {
        "measure": MEASURES[name],
        "where": parse_slice(slice),
        "severity": Severity.PAGE,
        "expected": 0.03,
        "n": 1000.0,
        "strength": math.inf,
        "requests": 1000.0,
        "order": ORDER.index(name),
        "evidence": {},
    }
    return Breach(**{**base, **fields, "name": name, "slice": slice, "value": value})


def stuck(item: str = "sku-1", slice: str = "all", value: float = 0.95, **fields: Any) -> Breach:
    return breach(FIRST, slice, value, evidence={"item": item}, **fields)


def ticket(name: str, slice: str = "all", value: float = 0.5, **fields: Any) -> Breach:
    return breach(name, slice, value, **{"severity": Severity.TICKET, **fields})


def weak(breach: Breach) -> Breach:
    """The same found by history, hardly beyond its limit."""
    return replace(breach, strength=7.0, conclusive=False)


def strong(breach: Breach) -> Breach:
    """The same found by history, far beyond its limit."""
    return replace(breach, strength=30.0)


def drop(slice: str = "all", part: float = 0.75, requests: float = 200.0) -> Breach:
    """Far less traffic than history allows."""
    return strong(breach(REQUESTS, slice, (1 - part) * requests, expected=requests))


def silence() -> Breach:
    """A log that stopped."""
    return breach(REQUESTS, value=0, expected=900)


def decided(*rows: tuple[str, str, float, Verdict]) -> Findings:
    """Findings of a window: measure, slice, value, verdict."""
    slices = list(dict.fromkeys(["all", *(s for _, s, _, _ in rows)]))
    measures = list(dict.fromkeys(m for m, _, _, _ in rows))
    columns = {name: np.zeros(len(rows), dtype) for name, dtype in COLUMNS.items()}
    for i, (measure, text, value, verdict) in enumerate(rows):
        columns["slice"][i], columns["measure"][i] = slices.index(text), measures.index(measure)
        columns["value"][i], columns["verdict"][i] = value, verdict
        columns["expected"][i] = np.nan
    return Findings(tuple(slices), tuple(measures), columns)


def healthy(name: str = FIRST, slice: str = "all", value: float = 0.03) -> Findings:
    return decided((name, slice, value, Verdict.OK))


class Book:
    """A book of incidents of the shop, window after window."""

    def __init__(
        self, name: str = "shop", request: str | None = "r", version: str | None = None, **fields: Any
    ) -> None:
        columns = Columns(timestamp="t", item="i", request=request, model_version=version)
        log = LogConfig(path="/log", columns=columns)
        self._book = IncidentBook(RecommenderConfig(name=name, log=log, **fields), TELLING)
        self.memory = Memory(version)
        self.window = Window(START, START + HOUR)
        self.open: tuple[Incident, ...] = ()

    def see(
        self, breaches: Sequence[Breach] = (), findings: Findings | None = None, *, silent: bool = False
    ) -> tuple[Incident, ...]:
        """The next window; what is not said is that all breaches were decided, and nothing else was looked at."""
        if findings is None:
            findings = decided(*((b.name, b.slice, b.value, Verdict.BREACH) for b in breaches))
        seen = Seen(self.window, self.window.end + SETTLE, breaches, findings, silent)
        told = self._book.step(self.open, seen, self.memory)
        self.memory.see(self.window, findings, told)
        self.open = tuple(i for i in told if i.open)
        self.window = Window(self.window.end, self.window.end + HOUR)
        return told


def place_of(incident: Incident) -> str:
    return slice_text(incident.slice)
