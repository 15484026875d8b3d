"""Which setting wins."""

from datetime import timedelta
from typing import Any

import pytest
from config_examples import LOG, config, recommender

from monitor.config.models import Mode


@pytest.mark.parametrize(
    ("defaults", "entry", "overrides", "mode"),
    [
        ({}, {}, {}, "page"),
        ({"mode": "ticket"}, {}, {}, "ticket"),
        ({"mode": "ticket"}, {"mode": "observe"}, {}, "observe"),
        ({"mode": "ticket"}, {"mode": None}, {}, "page"),
        ({"mode": "ticket"}, {"mode": "page"}, {"shop": {"mode": "observe"}}, "observe"),
        ({"mode": "ticket"}, {}, {"shop": {"mode": None}}, "page"),
        ({}, {}, {"s*": {"mode": "ticket"}, "sh*": {"mode": "observe"}}, "observe"),
        ({}, {}, {"sh*": {"mode": "observe"}, "s*": {"mode": "ticket"}}, "ticket"),
        ({}, {}, {"shop": {"mode": "observe"}, "*": {"mode": "ticket"}}, "observe"),
        ({}, {}, {"sho[pq]": {"mode": "observe"}, "shop": None}, "observe"),
        ({}, {}, {"s*": {"mode": "ticket"}, "shop": {"mode": None}}, "page"),
    ],
)
def test_the_more_specific_setting_wins(
    defaults: dict[str, Any], entry: dict[str, Any], overrides: dict[str, Any], mode: str
) -> None:
    assert recommender(entry, defaults=defaults, overrides=overrides).mode == Mode(mode)


def test_mappings_merge_by_key() -> None:
    shop = recommender(
        {"log": {**LOG, "format": "csv"}, "labels": {"tier": "1"}, "window": {"length": "30m"}},
        defaults={
            "log": {"layout": "list", "format": "jsonl", "columns": {"user": "visitor"}},
            "labels": {"team": "web", "tier": "2"},
        },
        overrides={"shop": {"window": {"settle": "5m"}}},
    )
    assert (shop.log.format, shop.log.layout, shop.log.columns.user) == ("csv", "list", "visitor")
    assert shop.log.columns.item == "item_id"
    assert shop.labels == {"team": "web", "tier": "1"}
    assert (shop.window.length, shop.window.settle) == (timedelta(minutes=30), timedelta(minutes=5))


def test_detectors_merge_by_parameter() -> None:
    shop = recommender(
        {"detectors": {"scores": {"enabled": True}, "same_item": {"judge": {"top_share": {"above": 0.4}}}}},
        defaults={
            "detectors": {
                "scores": {"enabled": False, "mode": "ticket"},
                "same_item": {"judge": {"top_share": {"above": 0.5, "floor": 0.1}, "users": {"above": 0.9}}},
            }
        },
    )
    assert shop.detectors == {
        "scores": {"enabled": True, "mode": "ticket"},
        "same_item": {"judge": {"top_share": {"above": 0.4, "floor": 0.1}, "users": {"above": 0.9}}},
    }


def test_lists_replace() -> None:
    defaults = {"slices": ["country", "device"], "expected": {"items": [{"item": "card"}], "positions": [1]}}
    shop = recommender({"slices": ["platform"], "expected": {"items": []}}, defaults=defaults)
    assert (shop.slices, shop.expected.items, [*map(str, shop.expected.positions)]) == (
        ("platform",),
        (),
        ["position 1"],
    )


def test_null_resets_to_the_built_in_default() -> None:
    shop = recommender(
        {"window": None, "labels": {"team": None}, "catalog": None, "log": {**LOG, "columns": None}},
        defaults={
            "window": {"length": "1d"},
            "labels": {"team": "web", "tier": "1"},
            "catalog": {"path": "items.csv"},
        },
        overrides={"shop": {"log": {"columns": {"timestamp": "t", "item": "i"}}}},
    )
    assert shop.window.length == timedelta(hours=1)
    assert shop.labels == {"tier": "1"}
    assert shop.catalog is None
    assert (shop.log.columns.timestamp, shop.log.columns.request) == ("t", None)


def test_recommenders_do_not_inherit_from_each_other() -> None:
    first, second = config(
        [{"name": "a", "mode": "ticket", "labels": {"team": "web"}}, {"name": "b"}]
    ).recommenders
    assert (first.mode, second.mode, second.labels) == (Mode.TICKET, Mode.PAGE, {})
