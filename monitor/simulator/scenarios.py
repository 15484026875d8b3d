"""Scenarios that need no file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.simulator.scenario import EventSpec, Scenario


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
    harmless=EARLY_CHANGES,
    incidents=(
        _event("same_item", 12, share=0.6, slot=1),
        _event("same_item", 12, rotate=True, share=0.9),
        _event("two_items", 12, share=0.9),
        _event("hidden_part", 12),
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
        _event("id_format", 8),
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

SCENARIOS: Mapping[str, Scenario] = {
    "quiet": QUIET,
    "incidents": INCIDENTS,
    "more-incidents": MORE_INCIDENTS,
    "traits": TRAITS,
}
