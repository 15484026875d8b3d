"""The same item for everyone: shares against counting by hand, and the places that are meant to be the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from detectors import Batch, Expected, Floor, Summary
from detectors.core.expected import NOTHING_EXPECTED
from detectors.core.hashing import hash_texts
from detectors.same_item import SameItem
from tests.detectors.batches import ROLES, WINDOW, in_slices, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling

DETECTOR = SameItem()
FIRST_PLACES = {"first_place_share", "top_two_share", "first_place_rise"}
FLOOR = {m.name: m.judge[0].above for m in DETECTOR.measures() if isinstance(m.judge[0], Floor)}


def healthy(n: int = 300, seed: int = 0) -> list[list[str]]:
    """Lists of five of a hundred items."""
    rng = np.random.default_rng(seed)
    return [[f"i{i}" for i in rng.choice(100, 5, replace=False)] for _ in range(n)]


def stuck_first(lists: list[list[str]]) -> list[list[str]]:
    return [["STUCK", *shown[1:]] if r % 10 else shown for r, shown in enumerate(lists)]


def stuck_third(lists: list[list[str]]) -> list[list[str]]:
    return [[*shown[:2], "STUCK", *shown[3:]] if r % 10 else shown for r, shown in enumerate(lists)]


def stuck_anywhere(lists: list[list[str]]) -> list[list[str]]:
    return [[*shown[: r % 5], "STUCK", *shown[r % 5 + 1 :]] for r, shown in enumerate(lists)]


def stuck_list(lists: list[list[str]]) -> list[list[str]]:
    return [["STUCK", "a", "b", "c"] if r % 3 == 0 else shown for r, shown in enumerate(lists)]


def item(*names: str, **where: str) -> Expected:
    return Expected(items=tuple((where, frozenset(hash_texts([name]).tolist())) for name in names))


def pinned(*positions: int, **where: str) -> Expected:
    return Expected(positions=tuple((where, position) for position in positions))


def values(batch: Batch, expected: Expected = NOTHING_EXPECTED) -> dict[str, float]:
    found = measure(DETECTOR, batch, replace(WINDOW, expected=expected))
    return {name: float(m.value[0]) for name, m in found.items()}


def culprits(batch: Batch, expected: Expected = NOTHING_EXPECTED) -> dict[str, object]:
    found = measure(DETECTOR, batch, replace(WINDOW, expected=expected))
    return {name: dict(m.evidence(0)).get("item") for name, m in found.items() if m.evidence}


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_what_counting_by_hand_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = random_batch(rng, requests=200, users=150, items=12, longest=5)
    length = batch.length
    lists = [
        list(zip(batch.item[o:e].tolist(), batch.position[o:e].tolist(), strict=True))
        for o, e in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)
    ]
    firsts = Counter(item for shown in lists for item, place in shown if place == 1)
    anywhere = Counter(item for shown in lists for item in {item for item, _ in shown})
    long_ones = Counter(tuple(shown) for shown in lists if len(shown) >= 2)
    at_place: dict[int, Counter[int]] = {}
    having = Counter(p for shown in lists if shown for p in range(1, shown[-1][1] + 1))
    for shown in lists:
        for item, place in shown:
            at_place.setdefault(place, Counter())[item] += 1
    best = max(
        max(items.values()) / having[place]
        for place, items in at_place.items()
        if having[place] >= having[1] / 2
    )
    top = min((-n, int(batch.item_hash[i]), i) for i, n in firsts.items())[2]
    known = {int(u) for u, k in zip(batch.user, batch.user_known, strict=True) if k}
    got = {
        int(u)
        for u, k, shown in zip(batch.user, batch.user_known, lists, strict=True)
        if k and (top, 1) in shown
    }
    found = values(batch)
    assert found["first_place_share"] == pytest.approx(max(firsts.values()) / (length > 0).sum())
    assert found["anywhere_share"] == pytest.approx(max(anywhere.values()) / len(lists))
    assert found["users_share"] == pytest.approx(len(got) / len(known))
    if max(Counter(batch.user.tolist()).values()) <= 32:  # more lists of a user are not kept
        assert found["identical_list_share"] == pytest.approx(
            max(long_ones.values()) / sum(long_ones.values())
        )
        assert found["any_place_share"] == pytest.approx(best)


@pytest.mark.parametrize(
    ("incident", "measures"),
    [
        (stuck_first, {"first_place_share", "any_place_share", "anywhere_share", "users_share"}),
        (stuck_third, {"any_place_share", "anywhere_share"}),
        (stuck_anywhere, {"anywhere_share"}),
        (stuck_list, {"identical_list_share"}),
    ],
)
def test_an_incident_is_above_its_floor_and_named(
    incident: Callable[[list[list[str]]], list[list[str]]], measures: set[str]
) -> None:
    users = [f"u{r}" for r in range(300)]
    before, after = of_lists(healthy(), users=users), of_lists(incident(healthy()), users=users)
    assert not [name for name, value in values(before).items() if value > FLOOR.get(name, np.inf)]
    assert {name for name, value in values(after).items() if value > FLOOR.get(name, np.inf)} >= measures
    for name in measures:
        assert culprits(after)[name] == "STUCK"
    above = {name for name, value in values(after).items() if value > FLOOR.get(name, np.inf)}
    assert above - measures <= {
        "any_place_share", "anywhere_share", "first_place_share", "top_two_share", "users_share",
    }  # fmt: skip


def test_evidence_says_the_place_the_list_and_the_runners_up() -> None:
    third = measure(DETECTOR, of_lists(stuck_third(healthy())))
    assert dict(third["any_place_share"].evidence(0)) == {"position": 3, "item": "STUCK"}
    same = measure(DETECTOR, of_lists(stuck_list(healthy())))
    assert dict(same["identical_list_share"].evidence(0))["list"] == ["STUCK", "a", "b", "c"]
    top = dict(measure(DETECTOR, of_lists(stuck_first(healthy())))["first_place_share"].evidence(0))[
        "top_items"
    ]
    assert [t["requests"] for t in top] == sorted((t["requests"] for t in top), reverse=True)
    assert top[0]["item"] == "STUCK"
    assert top[0]["share"] == 0.9
    assert top[0]["low"] < 0.9 < top[0]["high"]


def test_a_slice_is_stuck_by_itself() -> None:
    lists = healthy()
    surfaces = ["email" if r % 5 == 0 else "home" for r in range(300)]
    lists = [
        ["STUCK", *shown[1:]] if s == "email" else shown for shown, s in zip(lists, surfaces, strict=True)
    ]
    batch = of_lists(lists, surfaces=surfaces)
    found = measure(DETECTOR, batch)["first_place_share"]
    shares = in_slices(batch, found)
    assert shares["surface=email"] == 1.0
    assert shares["all"] == pytest.approx(0.2)
    assert shares["surface=home"] < 0.1


def test_an_expected_item_is_left_out_and_what_hides_behind_it_is_not() -> None:
    lists = [["PROMOTED", *shown[:4]] for shown in healthy()]
    assert values(of_lists(lists))["first_place_share"] == 1.0
    promoted = item("PROMOTED")
    calm = values(of_lists(lists, users=[f"u{r}" for r in range(300)]), promoted)
    assert not [name for name, value in calm.items() if value > FLOOR.get(name, np.inf)]
    lists = [[shown[0], "SECOND", *shown[2:]] for shown in lists]
    stuck = values(of_lists(lists), promoted)
    assert stuck["first_place_share"] == stuck["any_place_share"] == 1.0
    for measure_ in ("first_place_share", "any_place_share", "anywhere_share"):
        assert culprits(of_lists(lists), promoted)[measure_] == "SECOND"


def test_only_expected_items_in_first_place_are_nobody_s_fault() -> None:
    batch = of_lists([["PROMOTED"] for _ in range(100)], users=[f"u{r}" for r in range(100)])
    found = values(batch, item("PROMOTED"))
    assert np.isnan(found["first_place_share"])
    assert found["users_share"] == found["anywhere_share"] == 0.0
    assert culprits(batch, item("PROMOTED"))["users_share"] is None


@pytest.mark.parametrize("place", [1, 4])
def test_a_pinned_place_is_left_out_and_a_second_stuck_place_is_not(place: int) -> None:
    lists = healthy()
    for shown in lists:
        shown[place - 1] = "SPONSORED"
    users = [f"u{r}" for r in range(300)]
    calm = values(of_lists(lists, users=users), pinned(place))
    assert not [name for name, value in calm.items() if value > FLOOR.get(name, np.inf)]
    for shown in lists:
        shown[1] = "STUCK"
    stuck = of_lists(lists, users=users)
    found = values(stuck, pinned(place))
    assert found["any_place_share"] == found["anywhere_share"] == 1.0
    assert culprits(stuck, pinned(place))["any_place_share"] == "STUCK"
    assert culprits(stuck, pinned(place))["anywhere_share"] == "STUCK"
    # Behind an editorial first place the second one is the first that counts.
    assert (found["first_place_share"] == 1.0) == (found["users_share"] == 1.0) == (place == 1)


def test_a_place_is_pinned_where_it_is_said_to_be() -> None:
    lists = [["SPONSORED", *shown[1:]] for shown in healthy()]
    surfaces = ["email" if r % 5 == 0 else "home" for r in range(300)]
    batch = of_lists(lists, surfaces=surfaces)
    expected = pinned(1, surface="email")
    found = measure(DETECTOR, batch, replace(WINDOW, expected=expected))["first_place_share"]
    shares = in_slices(batch, found)
    assert shares["surface=home"] == 1.0
    assert shares["surface=email"] < 0.1
    assert shares["all"] == pytest.approx(0.8)


def test_changing_sponsors_do_not_hide_identical_lists() -> None:
    batch = of_lists([[f"sponsor-{r}", "a", "b", "c"] for r in range(100)])
    assert values(batch)["identical_list_share"] == 0.01
    assert values(batch, pinned(1))["identical_list_share"] == 1.0
    assert culprits(batch, pinned(1))["identical_list_share"] == "a"


def test_one_busy_user_is_not_everybody() -> None:
    lists = healthy(200) + [["BOT", "x", "y"]] * 200
    users = [f"u{r}" for r in range(200)] + ["bot"] * 200
    batch = of_lists(lists, users=users)
    found = measure(DETECTOR, batch)
    assert found["first_place_share"].value[0] == 0.5
    assert found["first_place_share"].n[0] < 5  # what one user does says little about the rest
    assert found["users_share"].value[0] < 0.01
    assert found["identical_list_share"].value[0] == pytest.approx(32 / 232)


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        (
            "request",
            {"identical_list_share", "any_place_share", "users_share", *FIRST_PLACES},
        ),
        ("user", {"users_share"}),
        ("position", {"any_place_share", "users_share", *FIRST_PLACES}),
    ],
)
def test_what_a_log_lacks_is_not_measured(missing: str, gone: set[str]) -> None:
    everything = {m.name for m in DETECTOR.measures() if "catalog" not in m.needs}
    batch = random_batch(np.random.default_rng(0), has=ROLES - {missing})
    assert set(measure(DETECTOR, batch)) == everything - gone
    assert all(missing in m.needs for m in DETECTOR.measures() if m.name in gone)


def test_without_requests_every_row_stands_for_itself() -> None:
    items = ["a"] * 30 + [f"i{i}" for i in range(70)]
    batch = of_lists(
        [[i] for i in items], positions=[[1 + r % 3] for r in range(100)], has=ROLES - {"request", "user"}
    )
    assert values(batch) == {"anywhere_share": 0.3}


def test_absurd_positions_do_no_harm() -> None:
    lists = [["a", "b", "c"]] * 20
    batch = of_lists(lists, positions=[[-5, 1, 2**31 - 1]] * 20)
    found = values(batch)
    assert found["any_place_share"] == 1.0
    assert culprits(batch)["any_place_share"] == "b"


def test_an_item_twice_in_a_list_counts_once() -> None:
    assert values(of_lists([["a", "b", "a"], ["c", "d", "e"]]))["anywhere_share"] == 0.5


@pytest.mark.parametrize("visits", [1, 2])
def test_stated_errors_hold(visits: int) -> None:
    check_sampling(
        DETECTOR,
        Shop(stuck=0.3, visits=visits),
        ["first_place_share", "any_place_share", "anywhere_share", "users_share"],
    )


def test_shares_do_not_move_with_the_sample() -> None:
    batch = Shop(stuck=0.4)(np.random.default_rng(1), 20_000)
    few, whole = (measure(DETECTOR, batch, rate=rate) for rate in (0.05, 1.0))
    for name in ("first_place_share", "any_place_share", "anywhere_share", "users_share"):
        assert few[name].value[0] == pytest.approx(whole[name].value[0], abs=3 * few[name].error[0])
        assert few[name].error[0] > 2 * whole[name].error[0] or "place" in name or name == "users_share"


def test_nothing_is_stuck_in_an_empty_window() -> None:
    assert np.isnan([m.value[0] for m in DETECTOR.measure(Summary(has=ROLES), WINDOW)]).all()
