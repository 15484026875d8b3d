"""Scenarios: what files may say, how incidents are laid out, and what the labels hold."""

import json
import re
from datetime import datetime, timedelta

import pytest

from monitor.errors import UserError
from monitor.simulator.__main__ import main
from monitor.simulator.incidents import KINDS
from monitor.simulator.labels import labels
from monitor.simulator.scenario import EventSpec, Scenario, ShopSpec, parse_scenario, read_scenario
from monitor.simulator.scenarios import DRAWN, SCENARIOS
from monitor.simulator.simulation import Simulation

SMALL = {"items": 500, "users": 200, "slots": 5, "requests_per_hour": 20}


def plan_of(data, seed=1):
    return Simulation(parse_scenario({**data, "shop": SMALL | data.get("shop", {})}), seed).plan


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            {"incident": []},
            "scenario: unknown key 'incident'; known are shop, log, days, quiet_days, gap_hours",
        ),
        ({"shop": {"itmes": 3}}, "shop: unknown key 'itmes'; known are items, users, slots"),
        ({"shop": {"items": 40, "slots": 10}}, "shop: lists of 10 need 50 items or more, not 40"),
        ({"shop": {"users": 3}}, "shop: users is 3; a shop has at least 50"),
        ({"shop": {"requests_per_hour": 0}}, "shop: requests_per_hour is 0; it must be above 0"),
        ({"shop": {"start": "2026-03-02T07:00:00+00:00"}}, "it must be a midnight in UTC"),
        ({"shop": {"shortest": 6}}, "shop: shortest is 6; it must be from 1 to slots, 5"),
        ({"shop": {"fashion": 1.5}}, "shop: fashion is 1.5; it must be from 0 to 1"),
        (
            {"log": {"purchase_share": 0.1}},
            "log: purchases are written to a log of clicks; choose clicks log",
        ),
        ({"log": {"layout": "wide"}}, "log: layout is 'wide'; it must be one of long, list"),
        ({"log": {"layout": "list", "format": "csv"}}, "log: CSV has no lists"),
        ({"log": {"clicks": "log", "requests": False}}, "log: a log of clicks is joined by request"),
        ({"incidents": [{"hours": 3}]}, "incidents[0]: EventSpec.__init__() missing 1 required positional"),
        (
            {"incidents": [{"kind": "sameitem", "hours": 3}]},
            "event 0: unknown kind 'sameitem'; known are bad_canary",
        ),
        (
            {"incidents": [{"kind": "same_item", "hours": 3, "params": {"shar": 1}}]},
            "event 0 (same_item): unknown parameter 'shar'; known are share, by",
        ),
        (
            {"harmless": [{"kind": "holiday"}], "incidents": [{"kind": "bots", "where": {"shop": "x"}}]},
            "event 1 (bots): where: no column 'shop'; known are country, surface, model_version",
        ),
        (
            {"incidents": [{"kind": "bots", "where": {"country": "XX"}}]},
            "event 0 (bots): where: country is never 'XX'; it is one of US, DE, GB",
        ),
        ({"incidents": [{"kind": "bots", "hours": 0}]}, "event 0 (bots): hours is 0; it must be at least 1"),
    ],
)
def test_mistakes_are_named(data, says):
    with pytest.raises(UserError, match=re.escape(says)):
        plan_of(data)


def test_a_file_says_which_it_is(tmp_path):
    path = tmp_path / "mine.json"
    with pytest.raises(UserError, match=r"mine\.json: cannot read the scenario: No such file"):
        read_scenario(path)
    path.write_text("{")
    with pytest.raises(UserError, match=r"mine\.json: not JSON: Expecting property name"):
        read_scenario(path)
    path.write_text('{"traits": [{"knd": "guests"}]}')
    with pytest.raises(UserError, match=r"mine\.json: traits\[0\]: unknown key 'knd'"):
        read_scenario(path)


def test_a_file_is_read(tmp_path):
    path = tmp_path / "mine.json"
    event = {"kind": "same_item", "hours": 5, "where": {"surface": "email"}, "params": {"share": 0.5}}
    path.write_text(json.dumps({"shop": {"items": 700}, "gap_hours": [3, 4], "incidents": [event]}))
    expected = EventSpec("same_item", 5, None, {"surface": "email"}, {"share": 0.5})
    assert read_scenario(path) == Scenario(shop=ShopSpec(items=700), gap_hours=(3, 4), incidents=(expected,))


INCIDENTS = [{"kind": kind, "hours": 5} for kind in ("same_item", "bots", "click_drop", "score_nan")]


def test_incidents_follow_each_other_with_gaps_in_an_order_the_seed_draws():
    orders = set()
    for seed in range(6):
        events = sorted(
            plan_of({"quiet_days": 2, "gap_hours": [7, 9], "incidents": INCIDENTS}, seed).events,
            key=lambda e: e.start_hour,
        )
        ends = [48, *(e.start_hour + e.hours for e in events)]
        assert all(7 <= e.start_hour - end <= 9 for e, end in zip(events, ends, strict=False))
        orders.add(tuple(e.kind.name for e in events))
    assert len(orders) > 3


def test_a_start_hour_or_clock_that_is_given_is_kept():
    given = [
        {"kind": "bots", "hours": 3, "start_hour": 17},
        {"kind": "score_nan", "hours": 3, "params": {"at_clock": 2}},
    ]
    bots, nan = plan_of({"quiet_days": 1, "incidents": given}).events
    assert bots.start_hour == 17
    assert nan.start_hour % 24 == 2


def test_items_are_drawn_that_nothing_else_explains():
    simulation = Simulation(parse_scenario({"incidents": [{"kind": "same_item", "hours": 5}] * 30}), 4)
    items = [event["item"] for event in simulation.plan.events]
    shop = simulation.shop
    assert len(set(items)) > 20
    assert (shop.created_hour[items] < 0).all()
    assert not shop.blocked[items].any()


def test_labels_hold_what_a_scorer_reads():
    data = {
        "days": 20,
        "harmless": [{"kind": "flash_sale", "start_hour": 30, "hours": 4}],
        "incidents": [
            {
                "kind": "same_item",
                "hours": 5,
                "start_hour": 250,
                "where": {"surface": "email"},
                "params": {"deadline_hours": 4},
            },
            {"kind": "short_lists", "hours": 5, "start_hour": 300},
            {"kind": "bad_canary", "hours": 5, "start_hour": 350, "params": {"place": {"country": "US"}}},
        ],
    }
    told = labels(Simulation(parse_scenario({"shop": SMALL, **data}), 1), ["the item"] * SMALL["items"])
    start = datetime.fromisoformat(told["start"])
    assert datetime.fromisoformat(told["end"]) - start == timedelta(days=20)
    sale, same, short, canary = told["events"]
    assert sale["incident"] is False
    assert (same["kind"], same["where"], same["place"]) == (
        "same_item",
        {"surface": "email"},
        {"surface": "email"},
    )
    assert (same["deadline_hours"], same["severity"], same["item"]) == (4, "page", "the item")
    assert datetime.fromisoformat(same["start"]) - start == timedelta(hours=250)
    assert datetime.fromisoformat(same["end"]) - start == timedelta(hours=255)
    assert (same["effect"], short["effect"], canary["effect"]) == (1, 0.3, 0.1)
    assert same["requests_there"] == pytest.approx(20 * 0.06, rel=0.9)  # a twentieth is e-mail
    assert (same["visible"], "visible" in sale) == (False, False)
    assert (short["severity"], "item" in short) == ("ticket", False)
    assert (canary["place"], canary["to"]) == ({"country": "US"}, "v2-canary")


@pytest.mark.parametrize(("depth", "visible"), [(0.5, False), (0.9, True)])
def test_what_comes_by_and_by_is_as_large_as_it_is_by_its_deadline(depth, visible):
    """48 of 96 hours: half of what it becomes, and more than 30 % is asked."""
    creeping = {"kind": "creeping_collapse", "hours": 96, "start_hour": 12, "params": {"depth": depth}}
    data = {"shop": {**SMALL, "requests_per_hour": 500}, "incidents": [creeping]}
    [told] = labels(Simulation(parse_scenario(data), 1), ["an item"] * SMALL["items"])["events"]
    assert (told["effect"], told["visible"]) == (depth, visible)


@pytest.mark.parametrize(("users", "visible"), [(True, True), (False, False)])
def test_what_can_be_seen_depends_on_what_the_log_has(users, visible):
    data = {
        "shop": {**SMALL, "requests_per_hour": 500},
        "log": {"users": users},
        "incidents": [{"kind": "impersonal", "hours": 9, "start_hour": 12, "params": {"share": 0.5}}],
    }
    [told] = labels(Simulation(parse_scenario(data), 1), ["an item"] * SMALL["items"])["events"]
    assert told["visible"] is visible


def test_the_built_in_scenarios_lay_out_and_name_every_incident():
    scenarios = [*SCENARIOS.values(), *(draw(seed) for draw in DRAWN.values() for seed in range(20))]
    for scenario in SCENARIOS.values():
        plan = Simulation(scenario, 1).plan
        assert plan.hours >= max(e.start_hour + e.hours for e in plan.events if e.hours < 1_000)
    named = {
        spec.kind
        for scenario in scenarios
        for spec in (*scenario.incidents, *scenario.harmless, *scenario.traits)
    }
    assert named == set(KINDS)


def test_the_command_writes_a_log(tmp_path, capsys):
    path = tmp_path / "s.json"
    path.write_text(
        json.dumps({"days": 1, "incidents": [{"kind": "log_stops", "hours": 20, "start_hour": 4}]})
    )
    options = [
        "--requests-per-hour",
        "20",
        "--items",
        "500",
        "--users",
        "90",
        "--slots",
        "4",
        "--layout",
        "list",
    ]
    assert (
        main([str(tmp_path / "out"), "--scenario", str(path), "--seed", "3", *options, "--without", "users"])
        == 0
    )
    files = sorted(p.parent.name for p in (tmp_path / "out/log").rglob("*.parquet"))
    assert files == ["hour=00", "hour=01", "hour=02", "hour=03"]
    assert re.fullmatch(r"[\d,]+ rows of 24 hours in .*out\n", capsys.readouterr().out)


def test_the_command_refuses_with_a_sentence(tmp_path, capsys):
    assert main([str(tmp_path / "out"), "--scenario", str(tmp_path / "none.json")]) == 2
    assert "none.json: cannot read the scenario: No such file or directory" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
