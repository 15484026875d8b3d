"""Diversity against quadratic formulas and against distributions whose diversity is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, permutations
from math import exp, log
from typing import Any

import numpy as np
import pytest

from detectors import Batch, Catalog, Context, Floor, Measurement, Summary
from detectors.core.catalog import UNKNOWN_TIME
from detectors.core.detector import Earlier
from detectors.core.verdict import Verdict
from detectors.diversity import Diversity
from detectors.judgement.judge import Judge
from detectors.judgement.judged import kind_of
from detectors.measures.abundance import Abundances
from detectors.measures.entropy import chao_wang_jost_entropy
from detectors.measures.rarefaction import distinct_items
from tests.detectors.batches import HOUR, ROLES, START, WINDOW, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling, sample
from tests.detectors.remembering import remember

DETECTOR = Diversity()
ALL = ["list_overlap", "effective_items_q1", "effective_items_q2", "distinct_items"]


def values(batch: Batch, detector: Diversity = DETECTOR) -> dict[str, float]:
    return {name: float(m.value[0]) for name, m in measure(detector, batch).items()}


def even(n: int, length: int, items: int, seed: int = 0) -> list[list[str]]:
    rng = np.random.default_rng(seed)
    return [[f"i{i}" for i in rng.choice(items, length, replace=False)] for _ in range(n)]


def by_pairs(lists: list[set[str]], users: list[str]) -> tuple[float, float]:
    """Overlap and order 2 from every pair of lists of two users."""
    pairs = [(a, b) for a, b in permutations(range(len(lists)), 2) if users[a] != users[b]]
    shared = sum(len(lists[a] & lists[b]) for a, b in pairs)
    of_rows = sum(len(lists[a]) * len(lists[b]) for a, b in pairs)
    width = sum(map(len, lists)) / len(lists)
    return shared / len(pairs) / width, of_rows / shared


@pytest.mark.parametrize("seed", range(6))
def test_overlap_and_order_2_are_what_all_pairs_of_users_give(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=80, users=60, items=30, longest=6)
    bounds = list(zip(batch.offsets[:-1].tolist(), batch.offsets[1:].tolist(), strict=True))
    lists = [{str(i) for i in batch.item[o:e].tolist()} for o, e in bounds]
    if any(len(shown) < e - o for shown, (o, e) in zip(lists, bounds, strict=True)):
        # Lengths are counted with repeated items: take lists without.
        batch = of_lists([sorted(shown) for shown in lists], users=[str(u) for u in batch.user.tolist()])
    made = [(shown, str(u)) for shown, u in zip(lists, batch.user.tolist(), strict=True) if shown]
    overlap, q2 = by_pairs([shown for shown, _ in made], [u for _, u in made])
    empty = len(made) < len(lists)
    found = values(batch)
    # Users' empty lists are scaled away on average, not one by one.
    assert found["list_overlap"] == pytest.approx(overlap, rel=0.03 if empty else 1e-9)
    assert found["effective_items_q2"] == pytest.approx(q2, rel=0.03 if empty else 1e-9)


def test_pairs_of_one_user_do_not_count() -> None:
    lists = [["a", "b"], ["a", "b"], ["c", "d"], ["c", "d"], ["a", "d"]]
    users = ["u", "u", "v", "v", "w"]
    overlap, q2 = by_pairs([set(shown) for shown in lists], users)
    found = values(of_lists(lists, users=users))
    assert found["list_overlap"] == pytest.approx(overlap)
    assert found["effective_items_q2"] == pytest.approx(q2)


@pytest.mark.parametrize("items", [50, 300])
def test_items_shown_equally_often_are_all_effective(items: int) -> None:
    found = measure(DETECTOR, of_lists(even(2000, 5, items)))
    for name in ("effective_items_q1", "effective_items_q2"):
        assert found[name].value[0] == pytest.approx(items, abs=4 * found[name].error[0] + 0.01 * items)
    assert found["list_overlap"].value[0] == pytest.approx(5 / items, rel=0.05)


def test_hill_numbers_of_a_known_distribution() -> None:
    p = np.array([0.5, 0.25, 0.125, 0.0625, 0.0625])
    rng = np.random.default_rng(3)
    batch = of_lists([[f"i{i}"] for i in rng.choice(5, 20_000, p=p)], has=ROLES - {"request", "user"})
    found = measure(DETECTOR, batch)
    q1, q2 = exp(-sum(x * log(x) for x in p)), 1 / sum(x * x for x in p)
    assert found["effective_items_q1"].value[0] == pytest.approx(
        q1, abs=4 * found["effective_items_q1"].error[0]
    )
    assert found["effective_items_q2"].value[0] == pytest.approx(
        q2, abs=4 * found["effective_items_q2"].error[0]
    )


def test_identical_lists_overlap_wholly() -> None:
    found = values(of_lists([["a", "b", "c"]] * 40))
    assert found["list_overlap"] == pytest.approx(1)
    assert found["effective_items_q1"] == pytest.approx(3, rel=0.02)
    assert found["effective_items_q2"] == pytest.approx(3)


def test_lists_without_a_common_item_do_not_overlap() -> None:
    found = measure(DETECTOR, of_lists([[f"a{r}", f"b{r}"] for r in range(200)]))
    assert found["list_overlap"].value[0] == 0
    assert 0 < found["list_overlap"].error[0] < 0.001
    assert np.isnan(found["effective_items_q2"].value[0])  # there is no estimate of "more than we can tell"


def test_one_user_says_nothing_of_overlap_between_users() -> None:
    found = values(of_lists([["a", "b"]] * 30, users=["u"] * 30))
    assert np.isnan(found["list_overlap"])
    assert np.isnan(found["effective_items_q2"])


@pytest.mark.parametrize("n", [3, 10, 40, 200, 1500])
@pytest.mark.parametrize("doubles", [0, 1, 2])
def test_entropy_is_the_formula_summed_out(n: int, doubles: int) -> None:
    """Chao, Wang and Jost's equation, its infinite sum added up term by term."""
    counts = np.array([1.0] * (n // 3 + 1) + [2.0] * doubles + [5.0] * (n // 5))
    total, f1, f2 = counts.sum(), float((counts == 1).sum()), float(doubles)
    observed = sum(c / total * sum(1 / k for k in range(int(c), int(total))) for c in counts)
    a = 2 * f2 / ((total - 1) * f1 + 2 * f2) if f2 else 2 / ((total - 1) * (f1 - 1) + 2)
    k = np.arange(int(40 / a) + 1)
    tail = float(((1 - a) ** (k + 1) / (total + k)).sum())
    assert chao_wang_jost_entropy(counts) == pytest.approx(observed + f1 / total * tail, rel=1e-5)


def test_entropy_with_many_doubles_is_finite_and_right() -> None:
    counts = np.array([1.0] + [2.0] * 300)
    assert log(301) - 0.05 < chao_wang_jost_entropy(counts) < log(301) + 0.5


@pytest.mark.parametrize("counts", [[2, 1], [5, 3, 1], [4, 4, 1, 1], [9, 1]])
def test_rarefied_is_the_mean_over_all_samples(counts: list[int]) -> None:
    rows = [i for i, c in enumerate(counts) for _ in range(c)]
    for to in range(1, len(rows) + 1):
        samples = [len(set(chosen)) for chosen in combinations(rows, to)]
        found, _ = distinct_items(Abundances.of(np.array(counts, float)), np.array([float(len(rows))]), to)
        assert found.tolist() == pytest.approx([np.mean(samples)])


def test_coverage_is_of_the_catalogue_that_is_configured() -> None:
    batch = of_lists(even(500, 5, 100))
    without = measure(DETECTOR, batch)
    assert "coverage" not in without
    found = measure(DETECTOR, batch, type(WINDOW)(catalog=Catalog.of([f"i{i}" for i in range(1000)])))
    assert found["coverage"].value[0] == pytest.approx(without["distinct_items"].value[0] / 1000)
    assert found["coverage"].error[0] == pytest.approx(without["distinct_items"].error[0] / 1000)


def test_too_few_rows_have_no_distinct_items_at_a_fixed_sample() -> None:
    assert np.isnan(values(of_lists(even(80, 5, 100)))["distinct_items"])
    assert values(of_lists(even(80, 5, 100)), Diversity(rarefied_to=100))["distinct_items"] < 100


@pytest.mark.parametrize(
    "shop",
    [
        Shop(),
        Shop(visits=3),
        Shop(visits=3, loyal=False),
        Shop(stuck=0.3, broken=0.2, visits=2),
        Shop(items=500, tilt=0.8),
    ],
    ids=[
        "one visit",
        "the same list each visit",
        "a new list each visit",
        "short and stuck lists",
        "long tail",
    ],
)
def test_stated_errors_hold_and_values_do_not_move_with_the_sample(shop: Shop) -> None:
    check_sampling(DETECTOR, shop, ALL)


def test_in_a_thin_slice_the_error_of_overlap_is_that_of_the_few_items_that_lists_share() -> None:
    few = sample(DETECTOR, Shop(items=2_000, tilt=0.3), 40, 100)["list_overlap"]
    many = sample(DETECTOR, Shop(items=2_000, tilt=0.3), 2_000, 5)["list_overlap"]
    assert few.covers(many.value.mean()) > 0.85  # of some twenty shared items normal limits are rough
    assert 0.8 < few.width < 1.5


def test_a_collapse_shows_in_every_measure() -> None:
    users = [f"u{r}" for r in range(400)]
    before, after = (
        values(of_lists(even(400, 5, 200), users=users)),
        values(of_lists(even(400, 5, 6), users=users)),
    )
    floor = next(
        j.above
        for m in DETECTOR.measures()
        for j in m.judge
        if m.name == "list_overlap" and isinstance(j, Floor)
    )
    assert floor is not None
    assert before["list_overlap"] < floor < after["list_overlap"]
    for name in ALL[1:]:
        assert after[name] < before[name] * (1 - DETECTOR.fall)


def test_one_stuck_item_hardly_moves_list_level_overlap() -> None:
    """Why `same_item` looks at every place by itself: the share of one place in a list is one over its length."""
    lists = even(400, 10, 500)
    before = values(of_lists(lists))["list_overlap"]
    after = values(of_lists([["STUCK", *shown[1:]] for shown in lists]))["list_overlap"]
    assert after - before == pytest.approx(0.1, abs=0.01)


def test_what_a_log_lacks_is_not_measured() -> None:
    batch = random_batch(np.random.default_rng(0), has=frozenset({"user"}))
    assert set(measure(DETECTOR, batch)) == {*ALL, "average_popularity", "novelty"} - {"list_overlap"}


ITEMS = 200
WITH_CATALOGUE = [
    "category_distance", "coverage", "gini", "average_popularity", "novelty", "long_tail_share", "new_items_share"
]  # fmt: skip
DAY = 24 * HOUR


def catalogue(items: int = ITEMS, **columns: Any) -> Catalog:
    """Ten categories; every seventh item is of yesterday."""
    fields: dict[str, Any] = {
        "category": [f"category-{i % 10}" for i in range(items)],
        "provider": [f"provider-{i % 3}" for i in range(items)],
        "created_us": np.where(np.arange(items) % 7 == 0, START - DAY, START - 400 * DAY),
        **columns,
    }
    return Catalog.of([str(i) for i in range(items)], **fields)


def day_before(shop: Shop, requests: int = 4000) -> list[Earlier]:
    return [Earlier(START - DAY, Summary.of(shop(np.random.default_rng(77), requests), DETECTOR.statistics))]


def with_catalogue(shop: Shop, **columns: Any) -> Context:
    before = day_before(shop)
    return replace(WINDOW, catalog=catalogue(**columns), earlier=lambda: before)


@pytest.mark.parametrize(
    "shop",
    [Shop(), Shop(visits=3), Shop(visits=3, loyal=False), Shop(stuck=0.3, broken=0.2, visits=2)],
    ids=["one visit", "the same list each visit", "a new list each visit", "short and stuck lists"],
)
def test_what_a_catalogue_says_does_not_move_with_the_sample_either(shop: Shop) -> None:
    check_sampling(Diversity(gini_rows=200), shop, WITH_CATALOGUE, context=with_catalogue(Shop()))


def test_coverage_and_gini_are_of_items_that_may_be_shown_and_are_in_the_catalogue() -> None:
    batch = Shop()(np.random.default_rng(0), 800)
    plain = measure(DETECTOR, batch, replace(WINDOW, catalog=catalogue()))
    half = measure(DETECTOR, batch, replace(WINDOW, catalog=catalogue(100)))
    blocked = measure(DETECTOR, batch, replace(WINDOW, catalog=catalogue(blocked=np.arange(ITEMS) >= 150)))
    assert plain["coverage"].value[0] == pytest.approx(plain["distinct_items"].value[0] / ITEMS)
    assert half["coverage"].value[0] > plain["coverage"].value[0]  # of the more popular items
    rest = measure(DETECTOR, batch, replace(WINDOW, catalog=catalogue(150)))
    for name in ("coverage", "gini"):
        assert blocked[name].value[0] == pytest.approx(rest[name].value[0])
    counts = np.bincount(batch.item, minlength=ITEMS)[:100]  # what is left of the popular ones is more even
    x = np.sort(counts).astype(float)
    assert half["gini"].value[0] > (2 * np.arange(1, 101) - 101) @ x / (
        100 * x.sum()
    )  # of all rows, not of 2,000
    assert half["gini"].value[0] < plain["gini"].value[0]


def test_share_of_new_items_is_counted() -> None:
    batch = Shop()(np.random.default_rng(0), 400)
    context = replace(WINDOW, catalog=catalogue())
    assert measure(DETECTOR, batch, context)["new_items_share"].value[0] == pytest.approx(
        (batch.item % 7 == 0).mean()
    )
    assert measure(Diversity(new_days=0.5), batch, context)["new_items_share"].value[0] != 0


@pytest.mark.parametrize(
    "created",
    [np.full(ITEMS, START - 400 * DAY), np.full(ITEMS, UNKNOWN_TIME), np.full(ITEMS, START + 2 * HOUR)],
    ids=["old", "not said", "to come"],
)
def test_a_catalogue_without_new_items_says_nothing_of_them(created: Any) -> None:
    found = measure(
        DETECTOR,
        Shop()(np.random.default_rng(0), 100),
        replace(WINDOW, catalog=catalogue(created_us=created)),
    )
    assert np.isnan(found["new_items_share"].value).all()


def now_and_usual(change: Callable[[Batch], Batch]) -> tuple[dict[str, Measurement], dict[str, Measurement]]:
    shop = Shop(tilt=0.4)
    batch, context = shop(np.random.default_rng(5), 1500), with_catalogue(shop)
    return measure(DETECTOR, change(batch), context), measure(DETECTOR, batch, context)


def same_category(batch: Batch) -> Batch:
    """Each list from the category of its first item: 20 items, of which the list's places take other ones."""
    first = batch.item[batch.offsets[:-1]][batch.row_request]
    return replace(batch, item=((first + 10 * (batch.position - 1)) % ITEMS).astype(np.int32))


def without_new(batch: Batch) -> Batch:
    return replace(
        batch, item=np.where(batch.item % 7 == 0, batch.item + 1, batch.item).astype(np.int32) % ITEMS
    )


def only_popular(batch: Batch) -> Batch:
    return replace(batch, item=(batch.item % 30).astype(np.int32))


@pytest.mark.parametrize(
    ("broken", "measure_", "direction", "least"),
    [
        (same_category, "category_distance", -1, 0.3),
        (without_new, "new_items_share", -1, 0.5),
        (only_popular, "average_popularity", 1, 0.5),
        (only_popular, "long_tail_share", -1, 0.3),
    ],
)
def test_what_it_is_there_for_shows_and_taken_out_does_not(
    broken: Callable[[Batch], Batch], measure_: str, direction: int, least: float
) -> None:
    now, usual = (found[measure_] for found in now_and_usual(broken))
    change = (now.value[0] - usual.value[0]) / usual.value[0]
    assert direction * change > least
    assert abs(now.value[0] - usual.value[0]) > 8 * np.hypot(now.error[0], usual.error[0])
    again, as_before = (found[measure_] for found in now_and_usual(lambda batch: batch))
    assert again.value[0] == as_before.value[0]


def test_popular_items_are_no_news() -> None:
    now, usual = (found["novelty"] for found in now_and_usual(only_popular))
    assert usual.value[0] - now.value[0] > DETECTOR.novelty_fall


def test_lists_from_one_category_are_told_in_the_first_window() -> None:
    """After ten days of hours with 60 requests, as a small slice has them."""
    shop, judge = Shop(tilt=0.4), Judge()
    name, declared = "diversity.category_distance", DETECTOR.measures()[0]
    assert declared.name == "category_distance"
    context = replace(WINDOW, catalog=catalogue())

    def distance(batch: Batch) -> Measurement:
        return measure(DETECTOR, batch, context)["category_distance"]

    for hour in range(240):
        found = distance(shop(np.random.default_rng(hour), 60))
        row = (("all",), found.value, found.error, np.zeros(1, bool), np.full(1, np.nan))
        remember(judge, START + hour * HOUR, {(name, kind_of(declared)): row})
    last = shop(np.random.default_rng(999), 60)
    for batch, verdict in ((same_category(last), Verdict.BREACH), (last, Verdict.OK)):
        [said] = judge.judge(START + 240 * HOUR, ("all",), [(name, declared, distance(batch))])
        assert said.verdict.tolist() == [verdict]
