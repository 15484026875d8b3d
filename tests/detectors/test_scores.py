"""Scores against numpy and counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Floor
from detectors.scores import Scores
from detectors.statistics.score_histogram import bin_of, middle_of
from tests.detectors.batches import ROLES, measure, of_lists, random_batch
from tests.detectors.recommender import Shop, check_sampling

DETECTOR = Scores()
FLOOR = {m.name: m.judge[0].above for m in DETECTOR.measures() if isinstance(m.judge[0], Floor)}
NAN, INF = float("nan"), float("inf")


def values(scores: list[list[float]], **columns: object) -> dict[str, float]:
    lists = [[f"i{i}" for i in range(len(row))] for row in scores]
    found = measure(DETECTOR, of_lists(lists, scores=scores, **columns))
    return {name: float(m.value[0]) for name, m in found.items()}


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_what_counting_by_hand_gives(seed: int) -> None:
    batch = random_batch(np.random.default_rng(seed), requests=200)
    assert batch.score is not None
    rows = [batch.score[o:e] for o, e in zip(batch.offsets[:-1], batch.offsets[1:], strict=True)]
    lists = [row for row in rows if len(row) >= 2 and np.isfinite(row).all()]
    found = {name: m.value[0] for name, m in measure(DETECTOR, batch).items()}
    finite = batch.score[np.isfinite(batch.score)]
    assert found["nan_share"] == pytest.approx(np.isnan(batch.score).mean())
    assert found["infinite_share"] == pytest.approx(np.isinf(batch.score).mean())
    assert found["constant_share"] == pytest.approx(np.mean([len(set(row.tolist())) == 1 for row in lists]))
    assert found["tied_share"] == pytest.approx(np.mean([(np.diff(row) == 0).any() for row in lists]))
    assert found["unordered_share"] == pytest.approx(np.mean([(np.diff(row) > 0).any() for row in lists]))
    low, middle, high = np.quantile(finite, [0.25, 0.5, 0.75], method="inverted_cdf")
    assert found["median"] == pytest.approx(middle, rel=0.016, abs=1e-30)
    assert found["spread"] == pytest.approx(high - low, abs=0.016 * (abs(low) + abs(high)))


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("nan_share", [[NAN, 0.5, 0.4]] * 10),
        ("infinite_share", [[INF, 0.5, 0.4]] * 10),
        ("constant_share", [[0.5, 0.5, 0.5]] * 10),
    ],
)
def test_an_incident_is_above_its_floor(name: str, scores: list[list[float]]) -> None:
    healthy = [[0.9, 0.5, 0.4]] * 10
    assert not [n for n, value in values(healthy).items() if n in FLOOR and value > FLOOR[n]]
    assert [n for n, value in values(scores).items() if n in FLOOR and value > FLOOR[n]] == [name]


def test_order_and_ties() -> None:
    found = values([[3, 2, 1], [1, 2, 3], [2, 2, 1], [1, 1, 1], [5], [NAN, 1, 2]])
    assert found["unordered_share"] == 0.25  # of the four lists that have an order
    assert found["tied_share"] == 0.5
    assert found["constant_share"] == 0.25


def test_lists_in_reverse_are_those_of_three_or_more_that_rise_all_the_way() -> None:
    found = values(
        [[1, 2, 3], [0.5, 0.6, 0.7, 0.8], [1, 2, 3, 3], [1, 3, 2], [3, 2, 1], [1, 2], [2], [1, 2, NAN]]
    )
    assert found["reversed_share"] == 0.4  # of five: two items say little of an order, NaN says nothing
    assert np.isnan(values([[1, 2], [2, 1]])["reversed_share"])


def test_scores_that_turn_round_wake_somebody_and_lists_that_are_ranked_again_do_not() -> None:
    judged = {m.name: m.judge for m in DETECTOR.measures()}
    rng = np.random.default_rng(3)
    for scores, told in (
        (np.sort(rng.random((300, 5)), axis=1), {"unordered_share": 1, "reversed_share": 1}),
        (rng.random((300, 5)), {"unordered_share": 1 - 1 / 120, "reversed_share": 1 / 120}),
    ):
        found = values(scores.tolist())
        assert {name: found[name] for name in told} == pytest.approx(told, abs=0.03)
    assert {spec.severity for spec in judged["unordered_share"]} == {"ticket"}
    assert [(s.severity, s.change) for s in judged["reversed_share"]] == [("page", 0.1)]
    assert max(s.change for s in judged["nan_share"][1:] if s.severity == "page") == 0.1


def test_empty_lists_between_do_not_join_their_neighbours() -> None:
    found = values([[], [3, 2], [], [2, 1], [1, 5], [], []])
    assert found["unordered_share"] == pytest.approx(1 / 3)
    assert found["tied_share"] == 0


def test_a_shifted_scale_moves_median_and_spread() -> None:
    rng = np.random.default_rng(0)
    scores = np.sort(rng.normal(5, 1, (200, 5)))[:, ::-1]
    lists = [["a", "b", "c", "d", "e"]] * 200
    before, after = (measure(DETECTOR, of_lists(lists, scores=s.tolist())) for s in (scores, scores * 100))
    for name, truth in (("median", 5.0), ("spread", 1.349)):
        assert before[name].value[0] == pytest.approx(truth, abs=3 * before[name].error[0])
        assert after[name].value[0] == pytest.approx(100 * truth, abs=3 * after[name].error[0])


def test_negative_zero_and_positive_zero_are_one_score() -> None:
    assert (bin_of(np.array([-0.0])) == bin_of(np.array([0.0]))).all()
    assert values([[0.0, -0.0]] * 5)["constant_share"] == 1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2))
def test_bins_are_ordered_and_narrow(scores: list[float]) -> None:
    ordered = np.sort(np.array(scores))
    bins = bin_of(ordered)
    assert (np.diff(bins) >= 0).all()
    normal = (np.abs(ordered) > 1e-30) & (np.abs(ordered) < 1e38)
    assert middle_of(bins.astype(np.uint64))[normal] == pytest.approx(ordered[normal], rel=0.016)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_scores_of_any_width_fall_into_the_same_bins(kind: type[np.floating]) -> None:
    scores = np.array([-2.5, 0.0, 0.125, 1024.0])
    assert (bin_of(scores.astype(kind)) == bin_of(scores)).all()


def test_what_a_log_lacks_is_not_measured() -> None:
    rng = np.random.default_rng(0)
    assert measure(DETECTOR, random_batch(rng, has=ROLES - {"score"})) == {}
    rows_only = measure(DETECTOR, random_batch(rng, requests=300, has=ROLES - {"request", "user"}))
    assert set(rows_only) == {"nan_share", "infinite_share", "median", "spread"}
    assert rows_only["nan_share"].n[0] == 300  # every row stands for itself
    assert rows_only["median"].error[0] < 0.3


def test_rows_that_are_odd_together_count_as_one() -> None:
    together = [[NAN] * 10 if r % 5 == 0 else [0.5] * 10 for r in range(100)]
    apart = [[NAN if (r + i) % 5 == 0 else 0.5 for i in range(10)] for r in range(100)]
    for scores, n in ((together, 100), (apart, 1000)):
        found = measure(DETECTOR, of_lists([[f"i{i}" for i in range(10)]] * 100, scores=scores))["nan_share"]
        assert found.value[0] == pytest.approx(0.2)
        assert found.n[0] == pytest.approx(n)


@pytest.mark.parametrize("visits", [1, 2])
def test_stated_errors_hold(visits: int) -> None:
    check_sampling(DETECTOR, Shop(broken=0.3, visits=visits), ["nan_share", "median", "spread"])


def test_stated_errors_hold_for_ties() -> None:
    check_sampling(DETECTOR, _rounded, ["tied_share", "constant_share", "unordered_share"])


def _rounded(rng: np.random.Generator, requests: int):
    batch = random_batch(
        rng, requests=requests, longest=4, countries=1, surfaces=1, users=10 * requests, has=ROLES
    )
    rare = np.arange(batch.n_requests, dtype=np.uint64)  # every request of a user of its own
    return type(batch)(
        **{**batch.__dict__, "user": rare * np.uint64(2**40), "repeated": np.zeros(1, np.int64)}
    )
