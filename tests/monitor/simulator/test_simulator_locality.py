"""An event changes nothing outside its time and place; the same seed gives the same log."""

from dataclasses import replace
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from monitor.simulator.incidents import KINDS
from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import EventSpec, LogSpec, Scenario, ShopSpec
from monitor.simulator.simulation import Simulation

SHOP = ShopSpec(items=1_000, users=800, slots=6, requests_per_hour=200)
HEALTHY = Scenario(shop=SHOP, days=3)
START, HOURS = 26, 2
LASTING = {"rollout", "catalog_refresh"}  # what they bring in stays
SHOPWIDE = {"holiday", "nightly_batch", "catalog_refresh"}  # have no place


def rows(scenario, number, seed=3):
    """What is logged of an hour, without the column that only some logs have."""
    writer = LogWriter(Simulation(scenario, seed))
    tables = [file.table for file in writer.files(number)]
    table = pa.concat_tables(tables) if tables else pa.table({})
    return table.drop_columns(["context_item_id"]) if "context_item_id" in table.column_names else table


@cache
def healthy(number):
    return rows(HEALTHY, number)


def same(left, right):
    """Equal to the bit; compared as text because NaN is not equal to itself."""
    return left.to_pydict() == right.to_pydict()


def with_event(kind, where=None):
    return replace(HEALTHY, incidents=(EventSpec(kind, HOURS, START, where or {}),))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nothing_changes_outside_its_time(kind):
    for hour in (0, START - 1, START + HOURS, 70):
        if kind not in LASTING or hour < START:
            assert same(rows(with_event(kind), hour), healthy(hour))


@pytest.mark.parametrize("kind", sorted(set(KINDS) - SHOPWIDE))
def test_nothing_changes_outside_its_place(kind):
    changed = 0
    for hour in range(START, START + HOURS):
        story, before = rows(with_event(kind, {"surface": "home"}), hour), healthy(hour)
        elsewhere = [table.filter(pc.field("surface") != "home") for table in (story, before)]
        assert same(*elsewhere)
        changed += not same(story, before)
    assert changed > 0


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_changes_something_in_its_time(kind):
    changed = [not same(rows(with_event(kind), hour), healthy(hour)) for hour in range(START, START + HOURS)]
    assert any(changed)


def test_two_events_in_different_places_do_not_disturb_each_other():
    email = EventSpec("impersonal", HOURS, START, {"surface": "email"})
    both = replace(HEALTHY, incidents=(email, EventSpec("impersonal", HOURS, START, {"surface": "home"})))
    alone = replace(HEALTHY, incidents=(email,))
    at_email = [rows(scenario, START).filter(pc.field("surface") == "email") for scenario in (both, alone)]
    assert same(*at_email)


def test_the_seed_decides():
    assert same(rows(HEALTHY, 5, seed=3), rows(HEALTHY, 5, seed=3))
    assert not same(rows(HEALTHY, 5, seed=3), rows(HEALTHY, 5, seed=4))


def test_hours_can_be_made_in_any_order():
    scenario = replace(with_event("stuck_lists"), harmless=(EventSpec("catalog_refresh", 1, 30),))
    forwards, backwards = Simulation(scenario, 3), Simulation(scenario, 3)
    lists = [forwards.hour(number).lists for number in range(60)]
    for number in reversed(range(60)):
        assert (backwards.hour(number).lists == lists[number]).all()


def test_a_longer_simulation_begins_like_a_shorter_one():
    assert same(rows(replace(HEALTHY, days=30), 40), rows(HEALTHY, 40))


def test_leaving_columns_out_changes_none_of_the_others():
    full = rows(HEALTHY, 9)
    bare = rows(replace(HEALTHY, log=LogSpec(requests=False, users=False, scores=False, clicks="none")), 9)
    assert bare.column_names == ["timestamp", "country", "surface", "model_version", "item_id", "position"]
    assert same(bare, full.select(bare.column_names))
