"""How far items are apart, against all pairs of rows, and for samples of any size."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.comparing.turnover import Rows, distance, largest_jumps

ITEMS, LENGTH = 60, 5


def lists(rng: np.random.Generator, n: int, turned: int = 0, tilt: float = 0.8) -> np.ndarray:
    """Shape (n, LENGTH): different items in each, the popular ones more often; popularity turned by some items."""
    appeal = -tilt * np.log(np.arange(1, ITEMS + 1)) + rng.gumbel(size=(n, ITEMS))
    return (np.argsort(-appeal, axis=1)[:, :LENGTH] + turned) % ITEMS


def rows(shown: np.ndarray) -> Rows:
    return of_counts(np.bincount(shown.ravel(), minlength=ITEMS), len(shown))


def of_counts(counts: np.ndarray, requests: int) -> Rows:
    return Rows(counts[None, :].astype(float), np.array([float(requests)]), np.ones(1))


def test_the_distance_is_what_all_pairs_of_lists_give() -> None:
    rng = np.random.default_rng(0)
    now, before = lists(rng, 40), lists(rng, 50, turned=3)

    def alike(pairs: list[tuple[np.ndarray, np.ndarray]]) -> float:
        return float(np.mean([len({*a.tolist()} & {*b.tolist()}) for a, b in pairs])) / LENGTH**2

    within = [alike(list(permutations(shown, 2))) for shown in (now, before)]
    between = alike([(a, b) for a in now for b in before])
    found = distance(rows(now), rows(before), np.ones(1))
    assert found.value[0] == pytest.approx(1 - 2 * between / sum(within))


@pytest.mark.parametrize("turned", [0, 2, 20])
def test_it_does_not_follow_from_the_number_of_lists(turned: int) -> None:
    rng = np.random.default_rng(turned)
    large = [(rows(lists(rng, 20_000)), rows(lists(rng, 20_000, turned))) for _ in range(4)]
    truth = np.mean([distance(now, before, np.ones(1)).value[0] for now, before in large])
    for n in (60, 600):
        found = [distance(rows(lists(rng, n)), rows(lists(rng, n, turned)), np.ones(1)) for _ in range(80)]
        value, error = np.array([(f.value[0], f.error[0]) for f in found]).T
        assert (np.abs(value - truth) <= 2 * error).mean() >= 0.9
        assert np.abs(value.mean() - truth) <= 0.5 * error.mean()
        assert error.mean() <= 2.5 * value.std() if turned else value.max() <= 4 * error.mean()


def test_many_slices_at_once_are_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rows(lists(rng, 50)), rows(lists(rng, 70, k))) for k in range(4)]
    at_once = [
        Rows(
            np.concatenate([p[i].count for p in pairs]),
            np.concatenate([p[i].requests for p in pairs]),
            np.ones(4),
        )
        for i in range(2)
    ]
    both, jumps = distance(at_once[0], at_once[1], np.ones(4)), largest_jumps(at_once[0], at_once[1], 3.0)
    for k, (now, before) in enumerate(pairs):
        alone, jump = distance(now, before, np.ones(1)), largest_jumps(now, before, 3.0)
        assert [x[k] for x in both] == pytest.approx([x[0] for x in alone])
        assert [x[k] for x in jumps] == pytest.approx([x[0] for x in jump])


def test_lists_of_one_user_are_one() -> None:
    """Every user comes four times with one list: a quarter of the lists says as much."""
    rng = np.random.default_rng(2)
    few = lists(rng, 80)
    again = Rows(rows(np.repeat(few, 4, axis=0)).count, np.array([320.0]), np.array([4.0]), again=LENGTH)
    before = rows(lists(rng, 500, 2))
    once, often = (distance(r, before, np.ones(1)).value[0] for r in (rows(few), again))
    assert often == pytest.approx(once, abs=1e-9)


def test_the_largest_jump_is_named_when_chance_does_not_explain_it() -> None:
    before = np.full(ITEMS, 20.0)
    now = before.copy()
    now[7], now[9] = 220, 0
    found = largest_jumps(of_counts(now, 1000), of_counts(before, 1000), 6.0)
    assert (found.item[0], found.value[0], found.share[0], found.before[0]) == (
        7,
        pytest.approx(0.2),
        0.22,
        0.02,
    )
    assert found.error[0] == pytest.approx(np.sqrt(0.22 * 0.78 / 1000 + 0.02 * 0.98 / 1000), rel=0.05)
    back = largest_jumps(of_counts(before, 1000), of_counts(now, 1000), 6.0)
    assert back.value[0] == 0  # what falls is no jump, and the one that rises is within chance
    some = of_counts(np.where(np.arange(ITEMS) == 3, 3.0, 0.0), 20)
    none = largest_jumps(some, of_counts(before, 1000), 6.0)
    assert none.value[0] == 0  # three of twenty requests: it may be chance


def test_without_rows_there_is_nothing_to_say() -> None:
    nothing = Rows(np.zeros((1, ITEMS)), np.zeros(1), np.ones(1))
    assert np.isnan(distance(nothing, rows(lists(np.random.default_rng(0), 5)), np.ones(1)).value[0])


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 40), st.sampled_from([0.5, 3.0, 6.0]))
def test_largest_jumps_are_those_among_all_items(seed: int, slices: int, items: int, sure: float) -> None:
    """What is not worth a look is never the item that jumped, nor the most frequent one."""
    rng = np.random.default_rng(seed)

    def drawn() -> Rows:
        requests = rng.integers(1, 3000, slices).astype(float)
        share = rng.beta(0.2, 2, (slices, items)) * rng.integers(0, 2, (slices, items))
        return Rows(
            rng.binomial(requests[:, None].astype(int), share).astype(float),
            requests,
            rng.uniform(1, 3, slices),
        )

    now, before = drawn(), drawn()
    jumps = largest_jumps(now, before, sure)
    for s in range(slices):
        p, q = now.count[s] / now.requests[s], before.count[s] / before.requests[s]
        n, m = now.independent[s], before.independent[s]
        both = (p * n + q * m) / (n + m)
        rise = np.round(p - q, 12)
        rise[rise <= sure * np.sqrt(np.maximum(both * (1 - both), 0) * (1 / n + 1 / m))] = 0
        best = np.argmax(rise if rise.any() else np.round(both, 12))
        assert (jumps.item[s], jumps.value[s], jumps.share[s], jumps.before[s]) == (
            best,
            rise[best],
            p[best],
            q[best],
        )
