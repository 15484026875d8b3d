"""Diversity against quadratic formulas and against distributions whose diversity is known."""

from __future__ import annotations

from itertools import combinations, permutations
from math import exp, log

import numpy as np
import pytest

from detectors import Batch, Catalog, Floor
from detectors.diversity import Diversity
from detectors.measures.entropy import chao_wang_jost_entropy
from detectors.measures.rarefaction import distinct_items
from tests.detectors.batches import ROLES, WINDOW, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling

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
        sizes, times = np.unique(np.array(counts, float), return_counts=True)
        assert distinct_items(sizes, times, len(rows), to).value == pytest.approx(np.mean(samples))


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
