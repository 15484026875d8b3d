"""What holds in every healthy hour, whatever the size of the shop; and that traffic looks like traffic."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.simulator.log import LogWriter
from monitor.simulator.scenario import EventSpec, Scenario, ShopSpec
from monitor.simulator.shop import COUNTRIES
from monitor.simulator.simulation import EXPLORE, Simulation
from monitor.simulator.tables import clicked
from monitor.simulator.wide import wide

SHOPS = st.builds(
    lambda items, share, users, rate, fashion: ShopSpec(
        items=items,
        users=users,
        slots=max(3, min(50, int(items * share))),
        requests_per_hour=rate,
        fashion=fashion,
    ),
    items=st.integers(500, 5_000),
    share=st.floats(0.001, 0.1),
    users=st.integers(50, 5_000),
    rate=st.sampled_from([20.0, 200.0]),
    fashion=st.sampled_from([0.0, 0.3]),
)
QUIET = Simulation(Scenario(days=14), 2)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(shop=SHOPS, seed=st.integers(0, 10_000), number=st.integers(0, 71))
def test_lists_are_sound(shop, seed, number):
    simulation = Simulation(Scenario(shop=shop, days=3), seed)
    hour = simulation.hour(number)
    assert hour.lists.shape == (len(hour), shop.slots)
    in_order = np.sort(hour.lists, axis=1)
    assert (in_order[:, 1:] != in_order[:, :-1]).all()
    assert simulation.shop.available(number)[hour.lists].all()
    assert (np.diff(hour.scores, axis=1) <= 0).all()
    assert ((hour.scores > 0) & (hour.scores < 1)).all()
    assert (np.diff(hour.offset) >= 0).all()
    assert len(np.unique(hour.request)) == len(hour)
    assert (simulation.shop.country[hour.user] == hour.country).all()


def by_user(hour):
    return {(u, s): set(items) for u, s, items in zip(hour.user, hour.surface, hour.lists, strict=True)}


def kept(before, after):
    """Mean share of a user's list that is still there."""
    one, other = by_user(before), by_user(after)
    return np.mean([len(one[key] & other[key]) / len(one[key]) for key in one.keys() & other.keys()])


def test_users_keep_most_of_their_lists_and_lose_it_slowly():
    start = QUIET.hour(108)  # noon of the fifth day
    hour, day, week = (kept(start, QUIET.hour(108 + later)) for later in (1, 24, 168))
    assert hour == pytest.approx((1 - EXPLORE) ** 2, abs=0.04)
    assert hour > day > week
    assert day == pytest.approx(hour * 0.88, abs=0.06)
    assert 0.1 < week < 0.4


def test_users_of_a_new_version_get_as_much_by_chance_as_before():
    new_version = EventSpec("rollout", 24, 24, params={"to": "v2"})
    simulation = Simulation(Scenario(days=3, harmless=(new_version,)), 2)
    assert kept(simulation.hour(20), simulation.hour(21)) == pytest.approx((1 - EXPLORE) ** 2, abs=0.04)
    assert kept(simulation.hour(60), simulation.hour(61)) == pytest.approx((1 - EXPLORE) ** 2, abs=0.04)


def test_lists_of_different_users_have_little_in_common():
    lists = QUIET.hour(108).lists
    pairs = np.random.default_rng(0).integers(0, len(lists), (3_000, 2))
    common = np.mean([len(np.intersect1d(lists[a], lists[b])) for a, b in pairs if a != b])
    assert 0.004 < common / lists.shape[1] < 0.05


def test_popularity_falls_like_a_power_of_the_rank():
    shown = np.concatenate([QUIET.hour(number).lists.ravel() for number in range(96, 120)])
    count = np.sort(np.bincount(shown))[::-1]
    rank = np.arange(20, 2_000)
    slope = np.polyfit(np.log(rank), np.log(count[rank]), 1)[0]
    assert slope == pytest.approx(-2 / 3, abs=0.15)
    assert count[0] / len(shown) < 0.03


def test_no_item_is_first_for_many():
    first = QUIET.hour(110).lists[:, 0]
    assert np.bincount(first).max() / len(first) < 0.03


def expected(days, per_hour=1_500.0):
    """Expected requests by hour, in total."""
    simulation = Simulation(Scenario(shop=ShopSpec(requests_per_hour=per_hour), days=days), 6)
    return np.array([simulation.traffic.demand(hour).requests.sum() for hour in range(days * 24)])


def test_requests_per_hour_is_what_the_shop_was_asked_for():
    assert expected(28).mean() == pytest.approx(1_500, rel=0.1)


def test_traffic_has_a_day_a_week_and_noise_that_lasts():
    by_hour = expected(56).reshape(8, 7, 24)
    by_clock = by_hour.mean(axis=(0, 1))
    assert by_clock.max() / by_clock.min() > 1.8
    by_weekday = by_hour.mean(axis=(0, 2))
    assert by_weekday[5:].min() > by_weekday[:5].max()
    noise = np.log(by_hour / by_hour.mean(axis=0)).ravel()
    assert 0.02 < noise.std() < 0.15
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] > 0.7


def test_each_country_has_its_own_day():
    simulation = Simulation(Scenario(days=7), 1)
    demand = np.array([simulation.traffic.demand(hour).requests.sum(axis=1) for hour in range(7 * 24)])
    peak = dict(zip(COUNTRIES, demand.reshape(7, 24, -1).mean(axis=0).argmax(axis=0), strict=True))
    assert (peak["US"] - peak["DE"]) % 24 in (6, 7, 8)
    assert demand.sum(axis=0)[COUNTRIES.index("IS")] / demand.sum() < 0.006


def test_few_users_ask_often_but_none_too_often():
    users = np.concatenate([QUIET.hour(number).user for number in range(96, 120)])
    count = np.sort(np.bincount(users))[::-1]
    assert count[0] / len(users) < 0.01
    assert count[: len(count) // 10].sum() / len(users) > 0.25


def test_people_click_less_further_down():
    clicks = np.concatenate([clicked(QUIET.hour(number)) for number in range(96, 120)])
    rate = clicks.mean(axis=0)
    assert rate[0] == pytest.approx(0.053, abs=0.006)
    assert rate[-1] / rate[0] == pytest.approx(0.85**9, abs=0.05)


def test_new_items_come_into_circulation():
    shown = np.unique(np.concatenate([QUIET.hour(number).lists.ravel() for number in range(300, 312)]))
    new = QUIET.shop.created_hour[shown] > 200
    assert new.sum() > 5


def test_lists_of_different_lengths():
    simulation = Simulation(Scenario(shop=ShopSpec(slots=12, shortest=4), days=1), 3)
    length = simulation.hour(12).length
    assert set(length) == set(range(4, 13))
    assert np.bincount(length)[4:].min() / len(length) > 0.06
    assert set(QUIET.hour(12).length) == {10}


def shown_by_category(simulation, day):
    """Share of the places that each category has at noon."""
    lists = simulation.hour(24 * day + 12).lists
    count = np.bincount(simulation.shop.category[lists.ravel()], minlength=simulation.shop.categories)
    return count / count.sum()


def moved(shares, others):
    """Half the sum of the differences: the part of the places that changed category."""
    return np.abs(shares - others).sum() / 2


def test_fashion_moves_over_weeks_and_hardly_from_day_to_day():
    shop = ShopSpec(requests_per_hour=3_000)
    steady, moody = (
        Simulation(Scenario(shop=replace(shop, fashion=fashion), days=60), 4) for fashion in (0.0, 0.4)
    )
    by_day = {
        simulation: [shown_by_category(simulation, day) for day in (5, 6, 26, 50)]
        for simulation in (steady, moody)
    }
    start, next_day, *weeks = by_day[moody]
    by_chance = [moved(by_day[steady][0], later) for later in by_day[steady][1:]]
    assert min(moved(start, later) for later in weeks) > 2 * max(moved(start, next_day), *by_chance)


@pytest.mark.parametrize(("wander", "gusts"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.1)])
def test_traffic_wanders_as_much_as_it_was_told(wander, gusts):
    def by_country(**noise):
        shop = ShopSpec(items=100, users=50, **noise)
        shops = (Simulation(Scenario(shop=shop, days=1), seed) for seed in range(300))
        return np.array([simulation.demand(5).requests.sum(axis=1) for simulation in shops])

    noisy = np.log(by_country(wander=wander, gusts=gusts) / by_country(wander=0.0, gusts=0.0))
    assert noisy.std(axis=0) == pytest.approx(np.full(len(COUNTRIES), np.hypot(wander, gusts)), rel=0.2)
    together = np.corrcoef(noisy.T)[0, 1] if wander or gusts else 0
    assert together == pytest.approx(1 if wander else 0, abs=0.2)


@pytest.mark.parametrize("seed", range(8))
def test_drawn_shops_are_within_their_bounds_and_their_logs_can_be_written(seed):
    scenario = wide(seed)
    shop, log = scenario.shop, scenario.log
    assert 200 <= shop.requests_per_hour <= 20_000
    assert 500 <= shop.items <= 200_000
    assert 3 <= shop.slots <= 50
    assert 6 <= len(scenario.incidents) <= 10
    small = replace(shop, requests_per_hour=40, users=500, items=min(shop.items, 3_000))
    writer = LogWriter(Simulation(replace(scenario, shop=small), seed))
    at = sorted(event.start_hour for event in writer.simulation.plan.events if not event.kind.harmless)
    for hour in (100, *at):
        for file in writer.files(hour):
            columns = set(file.table.column_names)
            if file.path.startswith("log/"):
                assert ("request_id" in columns, "user_id" in columns) == (log.requests, log.users)


def test_drawn_shops_differ_and_a_seed_repeats_its_own():
    drawn = [wide(seed) for seed in range(60)]
    assert wide(7) == drawn[7]
    rates = sorted(scenario.shop.requests_per_hour for scenario in drawn)
    assert rates[0] < 400
    assert rates[-1] > 8_000
    for name, values in {
        "layout": {"long", "list"},
        "clicks": {"column", "log", "none"},
        "users": {True, False},
        "catalogue": {True, False},
    }.items():
        assert {getattr(scenario.log, name) for scenario in drawn} == values
