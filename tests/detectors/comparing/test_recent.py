"""Rows without requests: the last hours against the rest of the day, as all pairs of rows tell it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from detectors import Context, Earlier, Summary
from detectors.comparing.recent import LEAST_ROWS, NAMED, recent_shift
from detectors.comparing.shift import Shift
from detectors.drift import Drift
from tests.detectors.batches import HOUR, START, of_lists

DETECTOR = Drift()
ITEMS = [f"i{k}" for k in range(30)]
Hours = Sequence[Sequence[str]]  # items shown in each hour, the newest first


def summary(shown: Sequence[str]) -> Summary:
    batch = of_lists([[item] for item in shown], has=frozenset({"position"}))
    return Summary.of(replace(batch, user_known=np.zeros(len(shown), bool)), DETECTOR.statistics)


def shift(hours: Hours, troubled: int | None = None) -> Shift:
    now, *before = map(summary, hours)
    earlier = [Earlier(START - (k + 1) * HOUR, s, k == troubled) for k, s in enumerate(before)]
    return recent_shift(now, Context((START, START + HOUR), earlier=lambda: earlier))


def day(rng: np.random.Generator, rows: int = 20, clumps: float = 0.3) -> list[list[str]]:
    """24 hours in which some items are popular, and each hour shows one of them more often, as a bandit does."""
    appeal = 1 / np.arange(1, len(ITEMS) + 1)
    appeal /= appeal.sum()
    out = []
    for _ in range(24):
        mine = appeal * (1 - clumps)
        mine[rng.choice(len(ITEMS), p=appeal)] += clumps
        out.append(rng.choice(ITEMS, rows, p=mine).tolist())
    return out


def alike(pairs: Sequence[tuple[str, str]]) -> float:
    return float(np.mean([a == b for a, b in pairs]))


def apart(now: Sequence[str], rest: Sequence[str]) -> float:
    """One less Morisita's index, over all pairs of rows."""
    within = [alike(list(permutations(shown, 2))) for shown in (now, rest)]
    return max(0.0, 1 - 2 * alike(list(product(now, rest))) / sum(within))


def test_the_value_is_what_all_pairs_of_rows_give() -> None:
    hours = day(np.random.default_rng(0), rows=11)
    hours[0] = ["i25"] * 6 + ["i26"] * 5
    now, *others = [[item for hour in hours[4 * k : 4 * k + 4] for item in hour] for k in range(6)]
    last = apart(now, [item for other in others for item in other])
    usual = [apart(s, [item for o in others if o is not s for item in o]) for s in others]
    found = shift(hours)
    assert found.value[0] == pytest.approx(last - max(usual))
    assert 0 < found.n[0] <= len(now)


def test_other_items_are_told_and_clumps_are_not() -> None:
    limit = DETECTOR.recent_above
    for seed in range(20):
        rng = np.random.default_rng(seed)
        healthy = day(rng, rows=60)
        calm = shift(healthy)
        assert calm.value[0] - 4 * calm.error[0] < limit
        other = [[f"new{item}" for item in hour] for hour in day(rng, rows=60)]
        found = shift([*other[:4], *healthy[4:]])
        assert found.value[0] - 4 * found.error[0] > limit


def test_one_item_that_takes_half_of_the_rows_is_named() -> None:
    healthy = day(np.random.default_rng(1), rows=60)
    broken = [[*hour[:30], *["i29"] * 30] for hour in healthy[:4]]
    found = shift([*broken, *healthy[4:]])
    assert found.value[0] - 4 * found.error[0] > DETECTOR.recent_above
    evidence = found.evidence(0)
    assert (evidence["item"], evidence["items"][0]["item"]) == ("i29", "i29")
    assert evidence["share"] - evidence["share_before"] >= NAMED
    assert len(evidence["items"]) == 5


def test_a_log_whose_items_are_others_every_few_hours_is_used_to_it() -> None:
    rng = np.random.default_rng(2)
    news = [[f"{k // 4}-{item}" for item in hour] for k, hour in enumerate(day(rng, rows=60))]
    assert shift(news).value[0] == pytest.approx(0, abs=0.01)


def test_the_value_does_not_follow_from_the_number_of_rows() -> None:
    values = {}
    for rows in (40, 400):
        found = [shift(day(np.random.default_rng([seed, 7]), rows, clumps=0)) for seed in range(10)]
        values[rows] = np.array([(f.value[0], f.error[0]) for f in found])
    few, many = values[40], values[400]
    assert (np.abs(few[:, 0] - many[:, 0].mean()) <= 2 * few[:, 1]).mean() >= 0.9


def test_a_day_that_is_not_known_well_says_nothing() -> None:
    hours = day(np.random.default_rng(3), rows=LEAST_ROWS // 4)
    assert np.isfinite(shift(hours).value[0])
    assert np.isnan(shift(hours[:20]).value[0])
    few = [*hours[:8], *([hour[:-1] for hour in hours[8:12]]), *hours[12:]]
    assert np.isnan(shift(few).value[0])


def test_troubled_windows_are_no_measure_of_the_day() -> None:
    hours = day(np.random.default_rng(4), rows=LEAST_ROWS)
    odd = [*hours[:8], ["odd"] * LEAST_ROWS, *hours[9:]]
    assert shift(odd, troubled=7).value[0] > shift(odd).value[0]
