"""Shops that a seed draws: small and large, with much in their log and with little, each with troubles of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor.simulator.randomness import Purpose, stream
from monitor.simulator.scenario import EventSpec, LogSpec, Scenario, ShopSpec

REQUESTS_PER_HOUR = (200, 20_000)
ITEMS = (500, 200_000)
SLOTS = (3, 50)
ROWS = 40_000_000  # of the whole log, about; larger draws are drawn again
INCIDENTS = (6, 10)
HOURS = 24 * 24  # about what such a scenario takes
PLACES: tuple[Mapping[str, str], ...] = (
    {"surface": "home"},
    {"surface": "product_page"},
    {"surface": "cart"},
    {"country": "US"},
    {"country": "DE"},
    {"country": "GB"},
)
EVERYWHERE = 0.65  # of the incidents


@dataclass(frozen=True)
class Trouble:
    """A kind of incident that is drawn, with what its log must have and how large it may be.

    Parameters
    ----------
    size : tuple of str, float, float
        The parameter that says how large it is, and between what it is drawn, evenly by its logarithm.
    anywhere : bool
        Whether it may be in one place only.
    """

    kind: str
    hours: int
    size: tuple[str, float, float] | None = None
    needs: tuple[str, ...] = ()
    anywhere: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)


TROUBLES = (
    Trouble("same_item", 10, ("share", 0.2, 1.0)),
    Trouble("same_item", 10, ("share", 0.3, 1.0), ("requests",), params={"slot": 1}),
    Trouble("two_items", 10, ("share", 0.6, 1.0)),
    Trouble("hidden_part", 12, ("share", 0.2, 0.5), ("users", "requests"), anywhere=False),
    Trouble("same_family", 12, ("share", 0.6, 1.0), ("catalogue",), anywhere=False),
    Trouble("same_list", 10, ("share", 0.1, 1.0), ("requests",)),
    Trouble("impersonal", 16, ("share", 0.4, 1.0)),
    Trouble("permuted", 16, ("share", 0.8, 1.0), ("users", "requests"), anywhere=False),
    Trouble("bad_canary", 24, ("canary", 0.05, 0.3), anywhere=False),
    Trouble("score_constant", 8, ("share", 0.4, 1.0), ("scores",)),
    Trouble("score_nan", 8, ("rate", 0.02, 0.6), ("scores",)),
    Trouble("score_shift", 12, ("factor", 0.4, 0.85), ("scores",)),
    Trouble("order_reversed", 8, ("share", 0.5, 1.0), ("scores",)),
    Trouble("blocked_items", 10, ("rate", 0.01, 0.3), ("catalogue",)),
    Trouble("duplicate_items", 10, ("rate", 0.05, 0.5), ("requests",)),
    Trouble("short_lists", 10, ("rate", 0.05, 0.5), ("requests", "fixed")),
    Trouble("missing_users", 10, ("rate", 0.05, 0.6), ("users",)),
    Trouble("double_logging", 6, ("share", 0.5, 1.0), ("requests",)),
    Trouble("volume_drop", 10, ("drop", 0.4, 0.95)),
    Trouble("log_stops", 6, anywhere=False),
    Trouble("click_drop", 24, ("factor", 0.1, 0.7), ("clicks",), anywhere=False),
    Trouble("item_promotion", 24, ("reach", 0.04, 0.3), ("requests",), anywhere=False),
    Trouble("bots", 12, ("volume", 0.2, 1.0), ("users",), anywhere=False),
)


def wide(seed: int) -> Scenario:
    """A shop with its log, its habits, harmless events and six to ten incidents, all of it drawn."""
    rng = stream(seed, Purpose.SHOP_SIZE)
    shop = _shop(rng)
    log = _log(rng)
    traits = _traits(rng, log, shop)
    return Scenario(
        shop=shop,
        log=log,
        gap_hours=(26, 44),
        traits=traits,
        harmless=_harmless(rng),
        incidents=_incidents(rng, log, shop),
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Evenly by its logarithm."""
    return float(low * (high / low) ** rng.random())


def _shop(rng: np.random.Generator) -> ShopSpec:
    while True:
        rate, slots = _between(rng, *REQUESTS_PER_HOUR), round(_between(rng, *SLOTS))
        if rate * slots * HOURS <= ROWS:
            break
    return ShopSpec(
        items=round(_between(rng, *ITEMS)),
        users=round(rate * _between(rng, 5, 60)),
        slots=slots,
        requests_per_hour=round(rate),
        shortest=max(2, slots // 2) if rng.random() < 0.25 else None,
        activity=rng.uniform(1.3, 2.2).__round__(2),
        wander=rng.uniform(0.03, 0.12).__round__(3),
        gusts=rng.uniform(0.03, 0.10).__round__(3),
        fashion=rng.choice([0.0, 0.1, 0.25]).item(),
        churn=rng.uniform(0.01, 0.04).__round__(3),
    )


def _log(rng: np.random.Generator) -> LogSpec:
    def mostly(share: float) -> bool:
        return bool(rng.random() < share)

    requests = mostly(0.9)
    clicks = rng.choice(["column", "log", "none"], p=[0.45, 0.3, 0.25]).item()
    late = _between(rng, 0.005, 0.05) if mostly(0.4) else 0.0
    return LogSpec(
        layout="list" if mostly(0.3) else "long",
        structs=mostly(0.3),
        ids="integer" if mostly(0.3) else "text",
        requests=requests,
        users=mostly(0.85),
        scores=mostly(0.85),
        catalogue=mostly(0.8),
        clicks="column" if clicks == "log" and not requests else clicks,
        purchase_share=0.05 if clicks == "log" and requests else 0.0,
        late_share=round(late, 3),
        partitioned_by="arrival" if mostly(0.3) else "event_time",
    )


def _traits(rng: np.random.Generator, log: LogSpec, shop: ShopSpec) -> tuple[EventSpec, ...]:
    def always(kind: str, where: Mapping[str, str] | None = None, **params: Any) -> EventSpec:
        return EventSpec(kind, start_hour=0, where=where or {}, params=params)

    choices: tuple[tuple[float, Callable[[], EventSpec]], ...] = (
        (0.25, lambda: always("pinned_slot", {"surface": "home"}, slot=int(rng.integers(0, 3)))),
        (0.4, lambda: always("guests", share=round(rng.uniform(0.05, 0.4), 2))),
        (0.3, lambda: always("contextual", {"surface": "product_page"})),
        (0.25, lambda: always("nightly_batch", clock=int(rng.integers(0, 6)))),
        (0.3, lambda: always("crawlers", volume=round(rng.uniform(0.01, 0.06), 3))),
    )
    drawn = [make() for share, make in choices if rng.random() < share]
    return tuple(t for t in drawn if log.users or t.kind not in ("guests", "crawlers"))


def _harmless(rng: np.random.Generator) -> tuple[EventSpec, ...]:
    """Within the first ten days, each in days of its own, so that none hides an incident."""
    kinds: tuple[tuple[str, int, dict[str, Any]], ...] = (
        ("flash_sale", 5, {"reach": round(rng.uniform(0.05, 0.15), 2)}),
        ("holiday", 24, {"factor": round(rng.uniform(1.3, 2.2), 1)}),
        ("catalog_refresh", 1, {"churn": round(rng.uniform(0.05, 0.2), 2)}),
        ("rollout", 24, {"to": "v2", "scale": round(rng.uniform(0.96, 1.04), 3)}),
    )
    chosen = rng.permutation(len(kinds))[: int(rng.integers(1, 4))]
    days = 4 + 2 * np.arange(len(chosen))
    return tuple(
        EventSpec(kind, hours, int(24 * day + rng.integers(8, 20)), params=params)
        for day, (kind, hours, params) in zip(days, (kinds[i] for i in chosen), strict=True)
    )


def _incidents(rng: np.random.Generator, log: LogSpec, shop: ShopSpec) -> tuple[EventSpec, ...]:
    there = {name for name in ("requests", "users", "scores", "catalogue") if getattr(log, name)}
    there |= {"clicks"} if log.clicks != "none" else set()
    there |= {"fixed"} if shop.shortest is None else set()
    possible = [trouble for trouble in TROUBLES if set(trouble.needs) <= there]
    number = min(len(possible), int(rng.integers(*INCIDENTS, endpoint=True)))
    return tuple(_incident(rng, possible[i]) for i in rng.permutation(len(possible))[:number])


def _incident(rng: np.random.Generator, trouble: Trouble) -> EventSpec:
    params = dict(trouble.params)
    if trouble.size is not None:
        name, low, high = trouble.size
        params[name] = round(_between(rng, low, high), 3)
    somewhere = trouble.anywhere and rng.random() > EVERYWHERE
    where = PLACES[int(rng.integers(len(PLACES)))] if somewhere else {}
    return EventSpec(trouble.kind, trouble.hours, where=where, params=params)
