"""What is to happen in a simulated log: the shop, the log it writes, and the events, as frozen values.

A scenario file is JSON with the keys of `Scenario`; `shop` and `log` may be left out::

    {"quiet_days": 10, "gap_hours": [24, 48],
     "shop": {"items": 50000, "requests_per_hour": 6000},
     "log": {"layout": "list", "late_share": 0.02},
     "traits": [{"kind": "guests", "params": {"share": 0.25}}],
     "harmless": [{"kind": "flash_sale", "start_hour": 132, "hours": 5, "where": {"surface": "home"}}],
     "incidents": [{"kind": "same_item", "hours": 12, "params": {"share": 0.95}}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from monitor.errors import UserError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
ALWAYS = 100_000  # hours; how long a trait lasts unless told otherwise


@dataclass(frozen=True)
class ShopSpec:
    """Size of the shop and of its traffic.

    Parameters
    ----------
    requests_per_hour : float
        Mean over the hours of an ordinary week.
    slots : int
        Length of a recommended list.
    shortest : int, optional
        Lists have between so many and `slots` items, drawn for each request; None: all have `slots`.
    activity : float
        The higher, the more of the requests come from few users; 1 is all alike.
    wander, gusts : float
        Standard deviation of the logarithm of traffic: of the whole shop, over weeks; of each country, over hours.
    fashion : float
        Share of the places that follow what is in fashion with everybody instead of the user's own taste; what that is
        moves over weeks.
    churn : float
        Share of the places in a category's ranking that change hands each night.
    """

    items: int = 8_000
    users: int = 60_000
    slots: int = 10
    requests_per_hour: float = 1_500
    start: datetime = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
    shortest: int | None = None
    activity: float = 1.7
    wander: float = 0.06
    gusts: float = 0.067
    fashion: float = 0.0
    churn: float = 0.02

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= self.items // 5:
            raise UserError(
                f"shop: lists of {self.slots} need {5 * self.slots} items or more, not {self.items}"
            )
        if self.users < 50:
            raise UserError(f"shop: users is {self.users}; a shop has at least 50")
        if self.start.utcoffset() is None or self.start.hour or self.start.minute or self.start.second:
            raise UserError(f"shop: start is {self.start.isoformat()}; it must be a midnight in UTC")
        if self.requests_per_hour <= 0:
            raise UserError(f"shop: requests_per_hour is {self.requests_per_hour}; it must be above 0")
        if self.shortest is not None and not 1 <= self.shortest <= self.slots:
            raise UserError(f"shop: shortest is {self.shortest}; it must be from 1 to slots, {self.slots}")
        for name in ("fashion", "churn"):
            if not 0 <= (value := getattr(self, name)) <= 1:
                raise UserError(f"shop: {name} is {value}; it must be from 0 to 1")


@dataclass(frozen=True)
class LogSpec:
    """What the log looks like and what it leaves out.

    Parameters
    ----------
    layout : "long" or "list"
        One row an item shown, or one row a request with list columns.
    structs : bool
        In the list layout: one column of structs instead of parallel lists.
    clicks : "column", "log" or "none"
        In a column of the log, or in a log of their own, at the time of the click.
    click_delay_minutes, click_delay_spread : float
        Median time from recommendation to click, for a log of their own, and the standard deviation of its logarithm:
        most clicks come within minutes, some hours later.
    purchase_share : float
        Share of the clicks that are followed by a purchase, in a log of clicks; it comes later still.
    late_share, late_hours : float, int
        Share of requests that are written later than their hour, and by how many hours at most.
    partitioned_by : "event_time" or "arrival"
        Whether late rows lie in the folder of their own hour or of the hour in which they came.
    """

    layout: Literal["long", "list"] = "long"
    format: Literal["parquet", "jsonl", "csv"] = "parquet"
    structs: bool = False
    ids: Literal["text", "integer"] = "text"
    requests: bool = True
    users: bool = True
    scores: bool = True
    catalogue: bool = True
    clicks: Literal["column", "log", "none"] = "column"
    click_delay_minutes: float = 10.0
    click_delay_spread: float = 1.2
    purchase_share: float = 0.0
    late_share: float = 0.0
    late_hours: int = 3
    partitioned_by: Literal["event_time", "arrival"] = "event_time"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("layout", ("long", "list")),
            ("format", ("parquet", "jsonl", "csv")),
            ("ids", ("text", "integer")),
            ("clicks", ("column", "log", "none")),
            ("partitioned_by", ("event_time", "arrival")),
        ):
            if (value := getattr(self, name)) not in allowed:
                raise UserError(f"log: {name} is {value!r}; it must be one of {', '.join(allowed)}")
        if self.layout == "list" and self.format == "csv":
            raise UserError("log: CSV has no lists; choose layout long, or another format")
        if self.clicks == "log" and not self.requests:
            raise UserError("log: a log of clicks is joined by request; it needs requests")
        if self.purchase_share and self.clicks != "log":
            raise UserError("log: purchases are written to a log of clicks; choose clicks log")


@dataclass(frozen=True)
class EventSpec:
    """Something that happens; without a `start_hour` the seed draws one.

    Parameters
    ----------
    where : mapping of column to value
        The traffic it touches; empty means all of it.
    params : mapping
        What the kind knows (see :mod:`monitor.simulator.incidents`), and for every kind `share`, `by`,
        `severity`, `deadline_hours`, `place` (where it is to be reported, when that is not `where`) and
        `at_clock` (hour of the day at which it starts).
    """

    kind: str
    hours: int = ALWAYS
    start_hour: int | None = None
    where: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scenario:
    """A shop, its log, and what happens: traits always, harmless events when told, incidents in any order."""

    shop: ShopSpec = ShopSpec()
    log: LogSpec = LogSpec()
    days: int | None = None
    quiet_days: int = 10
    gap_hours: tuple[int, int] = (24, 48)
    traits: tuple[EventSpec, ...] = ()
    harmless: tuple[EventSpec, ...] = ()
    incidents: tuple[EventSpec, ...] = ()


def read_scenario(path: Path) -> Scenario:
    """A scenario from its JSON file.

    Raises
    ------
    UserError
        When the file cannot be read, or says what a scenario does not know.
    """
    try:
        return parse_scenario(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"{path}: cannot read the scenario: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{path}: not JSON: {error}") from None
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def parse_scenario(data: Mapping[str, Any]) -> Scenario:
    """A scenario from the mapping that a file holds.

    Raises
    ------
    UserError
        When a key is unknown or a value impossible.
    """
    values = dict(data)
    if "shop" in values:
        shop = dict(values["shop"])
        if isinstance(shop.get("start"), str):
            shop["start"] = datetime.fromisoformat(shop["start"]).astimezone(UTC)
        values["shop"] = _build(ShopSpec, shop, "shop")
    if "log" in values:
        values["log"] = _build(LogSpec, values["log"], "log")
    if "gap_hours" in values:
        low, high = values["gap_hours"]
        values["gap_hours"] = (int(low), int(high))
    for group in ("traits", "harmless", "incidents"):
        specs = values.get(group, [])
        values[group] = tuple(_build(EventSpec, spec, f"{group}[{i}]") for i, spec in enumerate(specs))
    return _build(Scenario, values, "scenario")


def _build(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    known = [f.name for f in fields(kind)]
    if unknown := sorted(set(values) - set(known)):
        raise UserError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(known)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise UserError(f"{where}: {error}") from None
