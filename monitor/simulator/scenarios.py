"""Scenarios that need no file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from monitor.simulator.scenario import EventSpec, Scenario, read_scenario
from monitor.simulator.wide import wide


def _event(kind: str, hours: int, where: Mapping[str, str] | None = None, **params: Any) -> EventSpec:
    return EventSpec(kind, hours, where=where or {}, params=params)


def _at(
    start_hour: int, kind: str, hours: int, where: Mapping[str, str] | None = None, **params: Any
) -> EventSpec:
    return EventSpec(kind, hours, start_hour, where or {}, params)


def _always(kind: str, where: Mapping[str, str] | None = None, **params: Any) -> EventSpec:
    return EventSpec(kind, start_hour=0, where=where or {}, params=params)


HOME, PRODUCT_PAGE, CART, EMAIL = ({"surface": s} for s in ("home", "product_page", "cart", "email"))
EARLY_CHANGES = (
    _at(126, "flash_sale", 6, HOME),
    _at(170, "rollout", 30, to="v2", scale=0.97),
)

# Four weeks in which nobody may be paged.
QUIET = Scenario(
    days=28,
    harmless=(
        *EARLY_CHANGES,
        _at(290, "flash_sale", 5, HOME),
        _at(370, "catalog_refresh", 1),
        _at(456, "holiday", 24),
        _at(540, "rollout", 20, to="v3", scale=1.03),
        _at(600, "flash_sale", 8),
    ),
)

# What a monitor must find first.
INCIDENTS = Scenario(
    harmless=EARLY_CHANGES,
    incidents=(
        _event("same_item", 12, share=0.95),
        _event("same_item", 12, EMAIL, share=0.95, deadline_hours=2),
        _event("same_list", 10, share=0.35),
        _event("impersonal", 16),
        _event("score_constant", 8),
        _event("volume_drop", 10, {"country": "DE"}),
        _event("short_lists", 10),
        _event("missing_users", 10),
        _event("log_stops", 6),
        _event("click_drop", 24),
        _event("item_promotion", 24),
    ),
)

# Everything else that goes wrong, one after the other.
MORE_INCIDENTS = Scenario(
    traits=(_always("usual_fallback"),),
    harmless=EARLY_CHANGES,
    incidents=(
        _event("same_item", 12, share=0.6, slot=1),
        _event("same_item", 12, rotate=True, share=0.9),
        _event("two_items", 12, share=0.9),
        _event("hidden_part", 12),
        _event("fallback", 10),
        _event("same_family", 12, share=0.9),
        _event("permuted", 16),
        _event("creeping_collapse", 96),
        _event("stuck_lists", 48),
        _event("bad_canary", 24),
        _event("single_category", 16),
        _event("score_nan", 8),
        _event("score_shift", 12),
        _event("order_reversed", 8),
        _event("blocked_items", 10),
        _event("duplicate_items", 10),
        _event("empty_lists", 10),
        _event("double_logging", 6),
        _event("new_items_blocked", 72),
        _event("clock_skew", 8),
        _event("bots", 12),
        _event("id_format", 8, severity="page"),  # there is a catalogue: all items are unknown
    ),
)

# A shop in which much sameness is meant.
TRAITS = Scenario(
    traits=(
        _always("pinned_slot", HOME, slot=2),
        _always("guests"),
        _always("contextual", PRODUCT_PAGE),
        _always("nightly_batch"),
    ),
    harmless=EARLY_CHANGES,
    incidents=(
        _event("same_item", 4, EMAIL, at_clock=2, share=0.95, deadline_hours=2),
        _event("same_item", 10, HOME, share=0.95),
        _event("same_item", 10, HOME, share=0.95, slot=1),
        _event("impersonal", 12, HOME),
        _event("same_list", 10, PRODUCT_PAGE, share=0.4),
    ),
)

# The main kinds, from far too small to far too large, to see from which size on they are found.
SIZES: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "same_item": ("share", (0.1, 0.2, 0.3, 0.4, 0.6, 0.95)),
    "same_list": ("share", (0.05, 0.1, 0.2, 0.35, 0.6)),
    "impersonal": ("share", (0.1, 0.2, 0.4, 0.7, 1.0)),
    "permuted": ("share", (0.2, 0.5, 1.0)),
    "bad_canary": ("canary", (0.03, 0.1, 0.3)),
    "volume_drop": ("drop", (0.2, 0.4, 0.6, 0.8)),
    "score_constant": ("share", (0.1, 0.3, 0.6, 1.0)),
    "score_nan": ("rate", (0.01, 0.05, 0.2)),
    "blocked_items": ("rate", (0.005, 0.02, 0.1)),
    "duplicate_items": ("rate", (0.02, 0.1, 0.3)),
    "short_lists": ("rate", (0.02, 0.1, 0.3)),
    "missing_users": ("rate", (0.02, 0.1, 0.4)),
    "click_drop": ("factor", (0.8, 0.65, 0.5, 0.25)),
    "item_promotion": ("reach", (0.02, 0.05, 0.12, 0.3)),
}
CURVES = Scenario(
    gap_hours=(22, 34),
    harmless=EARLY_CHANGES,
    incidents=tuple(
        EventSpec(kind, 12 if kind == "click_drop" else 8, params={name: size})
        for kind, (name, sizes) in SIZES.items()
        for size in sizes
    ),
)

SCENARIOS: Mapping[str, Scenario] = {
    "quiet": QUIET,
    "incidents": INCIDENTS,
    "more-incidents": MORE_INCIDENTS,
    "traits": TRAITS,
    "curves": CURVES,
}
DRAWN: Mapping[str, Callable[[int], Scenario]] = {"wide": wide}  # another shop for each seed
NAMES = (*SCENARIOS, *DRAWN)


def scenario_named(name: str, seed: int) -> Scenario:
    """A scenario by name, or from the file of that name.

    Raises
    ------
    UserError
        When there is no such scenario, or its file cannot be read.
    """
    if name in DRAWN:
        return DRAWN[name](seed)
    return SCENARIOS[name] if name in SCENARIOS else read_scenario(Path(name))
