"""Every kind of event does to the written log what its label says; measured on the files with plain counting."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from monitor.simulator.incidents import KINDS
from monitor.simulator.randomness import uniform
from monitor.simulator.scenario import EventSpec, Scenario
from monitor.simulator.simulation import Simulation
from tests.monitor.simulator.broken_log import SHOP, tell


def share(values, value):
    return float(np.mean(np.asarray(values) == value))


def top(values):
    value, count = Counter(values).most_common(1)[0]
    return value, count / len(values)


def repeated(lists):
    return np.mean([len(set(items)) < len(items) for items in lists])


def categories(log, items):
    return [log.catalog[item]["category"] for item in items]


def overlap(left, right):
    """Mean share of common items between the lists of two logs, by user and surface."""

    def by_user(log):
        return dict(
            zip(zip(log.first("user_id"), log.first("surface"), strict=True), log.lists(), strict=True)
        )

    one, other = by_user(left), by_user(right)
    return np.mean(
        [len(set(one[key]) & set(other[key])) / len(one[key]) for key in one.keys() & other.keys()]
    )


@pytest.mark.parametrize("slot", [0, 4])
def test_same_item(tmp_path, slot):
    story = tell(tmp_path, "same_item", share=0.9, slot=slot)
    at_slot = story.broken["item_id"][story.broken["position"] == slot + 1]
    assert share(at_slot, story.label["item"]) == pytest.approx(0.9, abs=0.03)
    assert share(story.healthy["item_id"], story.label["item"]) < 0.005
    assert repeated(story.broken.lists()) == 0


def test_same_item_that_rotates_is_another_one_each_hour(tmp_path):
    story = tell(tmp_path, "same_item", rotate=True)
    hour = story.broken.first("timestamp").astype("datetime64[h]")
    stuck = [top(story.broken.first()[hour == h]) for h in np.unique(hour)]
    assert [part for _, part in stuck] == [1, 1, 1]
    assert len({item for item, _ in stuck}) == 3
    assert "item" not in story.label


def test_hidden_part(tmp_path):
    story = tell(tmp_path, "hidden_part", share=0.3)
    first, user = story.broken.first(), story.broken.first("user_id")
    touched = set(user[first == story.label["item"]])
    assert share([name in touched for name in set(user)], True) == pytest.approx(0.3, abs=0.06)
    assert share(first[np.isin(user, list(touched))], story.label["item"]) == 1
    for column, value in (("country", "US"), ("country", "GB"), ("surface", "home"), ("surface", "cart")):
        here = first[story.broken.first(column) == value]
        assert share(here, story.label["item"]) == pytest.approx(0.3, abs=0.15)


def test_two_items(tmp_path):
    story = tell(tmp_path, "two_items")
    (_, one), (_, other) = Counter(story.broken.first()).most_common(2)
    assert one + other == len(story.broken.first())
    assert one / (one + other) == pytest.approx(0.5, abs=0.05)
    assert repeated(story.broken.lists()) == 0


def test_same_family(tmp_path):
    story = tell(tmp_path, "same_family")
    families = [story.broken.catalog[item]["family"] for item in story.broken.first()]
    assert top(families)[1] == 1
    assert 4 <= len(set(story.broken.first())) <= 30
    assert top(story.broken.first())[1] < 0.4


def test_same_list(tmp_path):
    story = tell(tmp_path, "same_list", share=0.35)
    stuck, part = top(story.broken.lists())
    assert part == pytest.approx(0.35, abs=0.04)
    assert stuck[0] == story.label["item"]
    assert top(story.healthy.lists())[1] < 0.01


def test_fallback(tmp_path):
    story = tell(tmp_path, "fallback", share=0.6, flat_scores=True)
    flat = np.array([len(set(scores)) == 1 for scores in story.broken.lists("score")])
    assert flat.mean() == pytest.approx(0.6, abs=0.06)
    place = zip(story.broken.first("country"), story.broken.first("surface"), strict=True)
    kept = {p: items for p, items, kept in zip(place, story.broken.lists(), flat, strict=True) if kept}
    assert len(set(kept.values())) == len(kept) >= 15
    place = zip(story.broken.first("country"), story.broken.first("surface"), strict=True)
    got = [items == kept[p] for p, items in zip(place, story.broken.lists(), strict=True)]
    assert got == flat.tolist()
    assert np.mean([items in set(kept.values()) for items in story.healthy.lists()]) == 0


def test_usual_fallback_is_the_same_list_as_in_an_incident(tmp_path):
    usual = tell(tmp_path / "usual", "usual_fallback", one_list=True, share=0.05)
    story = tell(tmp_path / "incident", "fallback", one_list=True)
    (kept, part), (again, much) = top(usual.broken.lists()), top(story.broken.lists())
    assert kept == again
    assert (part, much) == (pytest.approx(0.05, abs=0.02), pytest.approx(0.6, abs=0.06))
    assert (usual.label["incident"], story.label["severity"]) == (False, "page")


def test_impersonal(tmp_path):
    story = tell(tmp_path, "impersonal")
    assert len(set(categories(story.broken, story.broken["item_id"]))) == 4
    assert overlap(story.broken, story.healthy) < 0.1


def test_impersonal_can_keep_what_is_shown_in_all(tmp_path):
    story = tell(tmp_path, "impersonal", categories=0)
    before = Counter(categories(story.healthy, story.healthy["item_id"]))
    after = Counter(categories(story.broken, story.broken["item_id"]))
    total = before.total()
    assert all(abs(after[name] - before[name]) / total < 0.04 for name in before)
    assert overlap(story.broken, story.healthy) < 0.1


def test_permuted(tmp_path):
    story = tell(tmp_path, "permuted")
    assert Counter(story.broken.lists()) == Counter(story.healthy.lists())
    for column in ("country", "surface"):
        dealt, own = (
            sorted(zip(log.first(column), log.lists(), strict=True)) for log in (story.broken, story.healthy)
        )
        assert dealt == own
    assert overlap(story.broken, story.healthy) < 0.15


def test_creeping_collapse(tmp_path):
    story = tell(tmp_path, "creeping_collapse", depth=0.9)
    hour = story.broken.first("timestamp").astype("datetime64[h]")
    changed = np.array([a != b for a, b in zip(story.broken.lists(), story.healthy.lists(), strict=True)])
    by_hour = [changed[hour == h].mean() for h in np.unique(hour)]
    assert by_hour == pytest.approx([0.3, 0.6, 0.9], abs=0.05)


def test_stuck_lists(tmp_path):
    story = tell(tmp_path, "stuck_lists")
    seen = {}
    key = zip(story.broken.first("user_id"), story.broken.first("surface"), strict=True)
    for who, items in zip(key, story.broken.lists(), strict=True):
        seen.setdefault(who, set()).add(items)
    assert {len(lists) for lists in seen.values()} == {1}
    assert overlap(story.healthy, story.broken) > 0.85


def test_new_items_blocked(tmp_path):
    story = tell(tmp_path, "new_items_blocked", days=1)

    def newest(log):
        return max(log.catalog[item]["created_at"].isoformat() for item in set(log["item_id"]))

    assert newest(story.broken) <= "2026-03-02T06:00:00+00:00" < newest(story.healthy)


def test_single_category(tmp_path):
    story = tell(tmp_path, "single_category")
    one = [len(set(categories(story.broken, items))) == 1 for items in story.broken.lists()]
    assert np.mean(one) > 0.99
    assert len(set(categories(story.broken, story.broken["item_id"]))) > 5


@pytest.mark.parametrize("through", ["requests", "users"])
def test_item_promotion(tmp_path, through):
    story = tell(tmp_path, "item_promotion", reach=0.2, through=through)
    at = story.broken["item_id"] == story.label["item"]
    assert at.sum() / len(story.broken.first()) == pytest.approx(0.2, abs=0.05)
    assert story.broken["position"][at].min() >= 4
    users = set(story.broken["user_id"][at])
    lists_of_these = np.isin(story.broken.first("user_id"), list(users)).sum()
    assert (at.sum() / lists_of_these > 0.97) == (through == "users")


def test_blocked_items(tmp_path):
    story = tell(tmp_path, "blocked_items", rate=0.15)
    blocked = {item for item, row in story.broken.catalog.items() if row["blocked"]}
    with_one = [bool(blocked & set(items)) for items in story.broken.lists()]
    assert np.mean(with_one) == pytest.approx(0.15, abs=0.03)
    assert not blocked & set(story.healthy["item_id"])


def test_duplicate_items(tmp_path):
    story = tell(tmp_path, "duplicate_items", rate=0.3)
    assert repeated(story.broken.lists()) == pytest.approx(0.3, abs=0.04)
    assert repeated(story.healthy.lists()) == 0


def test_short_lists(tmp_path):
    story = tell(tmp_path, "short_lists", rate=0.3)
    length = Counter(len(items) for items in story.broken.lists())
    assert set(length) == {1, 2, 3, 8}
    assert 1 - length[8] / length.total() == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize(("slots", "lengths"), [(3, {1, 3}), (5, {1, 2, 5}), (30, {1, 2, 3, 30})])
def test_short_lists_have_fewer_than_half_the_items(slots, lengths):
    scenario = Scenario(shop=replace(SHOP, slots=slots), days=1, incidents=(EventSpec("short_lists", 2, 12),))
    assert set(Simulation(scenario, 5).hour(12).length.tolist()) == lengths


def test_empty_lists_leave_no_row_in_the_long_layout(tmp_path):
    story = tell(tmp_path, "empty_lists", rate=0.3)
    assert len(story.broken.first()) / len(story.healthy.first()) == pytest.approx(0.7, abs=0.04)
    assert set(story.broken.lists()) <= set(story.healthy.lists())


def test_score_constant(tmp_path):
    assert set(tell(tmp_path, "score_constant").broken["score"]) == {0.5}


def test_score_nan(tmp_path):
    story = tell(tmp_path, "score_nan", rate=0.3)
    assert np.isnan(story.broken["score"]).mean() == pytest.approx(0.3, abs=0.04)
    assert not np.isnan(story.healthy["score"]).any()


def test_score_shift(tmp_path):
    story = tell(tmp_path, "score_shift", factor=0.6)
    assert story.broken["score"] == pytest.approx(story.healthy["score"] * 0.6, rel=1e-6)


def test_order_reversed(tmp_path):
    story = tell(tmp_path, "order_reversed")
    assert all(a <= b for scores in story.broken.lists("score") for a, b in pairwise(scores))


def test_click_drop(tmp_path):
    story = tell(tmp_path, "click_drop", factor=0.5)
    assert story.broken["clicked"].sum() / story.healthy["clicked"].sum() == pytest.approx(0.5, abs=0.12)
    assert set(np.flatnonzero(story.broken["clicked"])) <= set(np.flatnonzero(story.healthy["clicked"]))


def test_volume_drop(tmp_path):
    story = tell(tmp_path, "volume_drop", {"country": "DE"}, drop=0.75)
    before, after = (Counter(log.first("country")) for log in (story.healthy, story.broken))
    assert after["DE"] / before["DE"] == pytest.approx(0.25, abs=0.06)
    assert after["US"] == before["US"]


def test_log_stops(tmp_path):
    assert tell(tmp_path, "log_stops").broken.rows.num_rows == 0


def test_double_logging(tmp_path):
    story = tell(tmp_path, "double_logging")
    twice = Counter(story.broken.first("request_id"))
    assert set(twice.values()) == {2}
    assert set(twice) == set(story.healthy.first("request_id"))


def test_missing_users(tmp_path):
    story = tell(tmp_path, "missing_users", rate=0.4)
    assert story.broken.rows["user_id"].null_count / story.broken.rows.num_rows == pytest.approx(
        0.4, abs=0.04
    )
    assert story.healthy.rows["user_id"].null_count == 0


def test_clock_skew(tmp_path):
    story = tell(tmp_path, "clock_skew", share=0.3, minutes=95)
    logs = (story.broken, story.healthy)
    skewed, true = (dict(zip(log.first("request_id"), log.first("timestamp"), strict=True)) for log in logs)
    moved = [(skewed[request] - true[request]) / np.timedelta64(1, "m") for request in true]
    assert set(moved) == {0, 95}
    assert np.mean(moved) / 95 == pytest.approx(0.3, abs=0.04)


def test_bots(tmp_path):
    story = tell(tmp_path, "bots", users=3, volume=0.5)
    busy = Counter(story.broken.first("user_id")).most_common(3)
    extra = len(story.broken.first()) - len(story.healthy.first())
    assert extra / len(story.healthy.first()) == pytest.approx(0.5, abs=0.06)
    assert sum(count for _, count in busy) / extra == pytest.approx(1, abs=0.05)
    assert set(story.healthy.first("request_id")) < set(story.broken.first("request_id"))


@pytest.mark.parametrize(("of_what", "column"), [("item", "item_id"), ("user", "user_id")])
def test_id_format(tmp_path, of_what, column):
    story = tell(tmp_path, "id_format", of=of_what)
    assert not set(story.broken[column]) & set(story.healthy[column])

    def numbers(log):
        return [int("".join(filter(str.isdigit, name))) for name in log[column]]

    assert numbers(story.broken) == numbers(story.healthy)


def test_bad_canary(tmp_path):
    story = tell(tmp_path, "bad_canary", canary=0.2, to="v9")
    on_it = story.broken.first("model_version") == "v9"
    users = story.broken.first("user_id")
    assert on_it.mean() == pytest.approx(0.2, abs=0.06)
    assert not set(users[on_it]) & set(users[~on_it])
    changed = np.array([a != b for a, b in zip(story.broken.lists(), story.healthy.lists(), strict=True)])
    assert (changed == on_it).all()
    assert story.label["place"] == {"model_version": "v9"}


def test_rollout(tmp_path):
    story = tell(tmp_path, "rollout", to="v7", first=0.4)
    new = story.broken.first("model_version") == "v7"
    hour = story.broken.first("timestamp").astype("datetime64[h]")
    by_hour = [new[hour == h].mean() for h in np.unique(hour)]
    assert by_hour == pytest.approx([0.6, 0.8, 1], abs=0.06)
    assert overlap(story.broken, story.healthy) < 0.5
    assert len(set(story.broken["item_id"])) == pytest.approx(len(set(story.healthy["item_id"])), rel=0.1)
    assert story.label["incident"] is False


def test_flash_sale(tmp_path):
    story = tell(tmp_path, "flash_sale", {"surface": "home"}, reach=0.12)
    home = story.broken.first("surface") == "home"
    assert share(story.broken.first()[home], story.label["item"]) == pytest.approx(0.12, abs=0.03)


def test_holiday(tmp_path):
    story = tell(tmp_path, "holiday", factor=1.8)
    assert story.broken.rows.num_rows / story.healthy.rows.num_rows == pytest.approx(1.8, abs=0.12)


def test_nightly_batch(tmp_path):
    story = tell(tmp_path, "nightly_batch", clock=7)
    email = story.broken.first("surface") == "email"
    hour = story.broken.first("timestamp").astype("datetime64[h]").astype(int) % 24
    assert set(hour[email]) == {7}
    assert email.sum() / (story.healthy.first("surface") == "email").sum() == pytest.approx(24 / 3, rel=0.35)


def test_catalog_refresh(tmp_path):
    story = tell(tmp_path, "catalog_refresh", churn=0.3)
    changed = np.mean(story.broken["item_id"] != story.healthy["item_id"])
    assert 0.15 < changed < 0.35
    assert repeated(story.broken.lists()) == 0


def test_pinned_slot(tmp_path):
    story = tell(tmp_path, "pinned_slot", {"surface": "home"}, slot=2)
    pinned = story.broken["item_id"][(story.broken["position"] == 3) & (story.broken["surface"] == "home")]
    assert len(set(pinned)) == 1


def test_guests(tmp_path):
    story = tell(tmp_path, "guests", share=0.25)
    assert share(story.broken.first("user_id"), "guest") == pytest.approx(0.25, abs=0.06)
    assert story.broken.lists() == story.healthy.lists()


def test_contextual(tmp_path):
    story = tell(tmp_path, "contextual", {"surface": "product_page"})
    here = story.broken.first("surface") == "product_page"
    context = story.broken.first("context_item_id")
    assert {value is None for value in context[here]} == {False}
    assert {value is None for value in context[~here]} == {True}
    seen = {}
    for item, items, at in zip(context, story.broken.lists(), here, strict=True):
        if at:
            seen.setdefault(item, set()).add(items)
    assert {len(lists) for lists in seen.values()} == {1}
    assert max(Counter(context[here]).values()) > 10


def test_crawlers(tmp_path):
    story = tell(tmp_path, "crawlers", users=2, volume=0.2)
    busy = Counter(story.broken.first("user_id")).most_common(2)
    extra = len(story.broken.first()) - len(story.healthy.first())
    assert extra / len(story.healthy.first()) == pytest.approx(0.2, abs=0.05)
    assert sum(count for _, count in busy) / extra == pytest.approx(1, abs=0.1)
    assert story.label["incident"] is False


@pytest.mark.parametrize(
    ("kind", "params", "size"),
    [
        ("same_item", {"share": 0.4}, 0.4),
        ("blocked_items", {"share": 0.5, "rate": 0.2}, 0.1),
        ("click_drop", {"factor": 0.3}, 0.7),
        ("volume_drop", {"drop": 0.75}, 0.75),
        ("bots", {"volume": 0.25}, 0.2),
    ],
)
def test_labels_say_how_large_it_is(tmp_path, kind, params, size):
    assert tell(tmp_path, kind, **params).label["effect"] == pytest.approx(size)


def test_every_kind_has_a_test():
    tests = [name for name in globals() if name.startswith("test_")]
    assert [kind for kind in KINDS if not any(name.startswith(f"test_{kind}") for name in tests)] == []


def test_hashed_luck_is_uniform():
    luck = uniform(123, np.arange(100_000, dtype=np.uint64))
    assert np.histogram(luck, 20, (0, 1))[0] == pytest.approx(5000, rel=0.06)
