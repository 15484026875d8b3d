"""What the same hours of earlier days make likely: with a clock, robustly, and important as well as significant."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from watched_series import (
    BOTH,
    DAY,
    DOWN,
    HOUR,
    TRAFFIC,
    UP,
    Point,
    Watch,
    a_count,
    a_measure,
    a_share,
    verdict,
    verdicts,
)

from detectors.core.measurement import Unit
from detectors.core.verdict import Verdict
from detectors.judgement.spec import History
from detectors.judgement.usual import LEAST_POINTS

OK, BREACH, TOO_FEW = Verdict.OK, Verdict.BREACH, Verdict.TOO_FEW


def noisy_share(seed: int, p: float | Callable[[int], float] = 0.2, n: int = 1000) -> Callable[[int], Point]:
    """Shares that are drawn from the stated sample, by window."""
    rng = np.random.default_rng(seed)
    return lambda k: a_share(rng.binomial(n, p(k) if callable(p) else p), n)


def usual(watch: Watch, days: int, point: Callable[[int], Point]) -> None:
    """Some days of history, in which nothing is told."""
    windows = days * DAY // watch.step
    told = verdicts([watch.see(point(k)) for k in range(windows)])
    assert BREACH not in told


@pytest.mark.parametrize(
    ("step", "first_decided"),
    [(HOUR // 4, DAY), (HOUR, 2 * DAY), (6 * HOUR, LEAST_POINTS * DAY), (DAY, LEAST_POINTS * DAY)],
    ids=["15m", "1h", "6h", "1d"],
)
def test_there_is_no_verdict_before_there_is_history(step: int, first_decided: int) -> None:
    watch = Watch(a_measure(Unit.RATIO, UP), step=step)
    point = noisy_share(1)
    start = watch.at
    told = {}
    for k in range(9 * DAY // step):
        told[watch.at - start] = watch.see(point(k))
    early = [j for age, j in told.items() if age < first_decided - HOUR]
    late = [j for age, j in told.items() if age >= first_decided + HOUR]
    assert {verdict(j) for j in early} == {TOO_FEW}
    assert {verdict(j) for j in late} == {OK}
    assert all(np.isnan(j.expected[0]) for j in early)
    assert all(abs(j.expected[0] - 0.2) < 0.05 and j.low[0] < j.expected[0] < j.high[0] for j in late)


def test_a_daily_cycle_is_expected_and_its_value_at_another_hour_is_not() -> None:
    def by_night(k: int) -> float:
        return 0.5 if k % 24 < 6 else 0.1

    watch = Watch(a_measure(Unit.RATIO, UP))
    # The first hour of the night lies between a day and a night: neither side of it is expected for sure.
    point = noisy_share(2, by_night)
    settled = 5 * 24
    told = [watch.see(point(k)) for k in range(8 * 24)]
    assert BREACH not in verdicts(told[settled:])
    watch.miss(12)
    assert verdict(watch.see(a_share(500, 1000))) is BREACH
    watch.miss(13)
    assert verdict(watch.see(a_share(500, 1000))) is OK


def test_a_smooth_daily_cycle_of_counts_raises_nothing() -> None:
    rng = np.random.default_rng(3)
    watch = Watch(a_measure(Unit.REQUESTS, *TRAFFIC))
    usual(watch, 14, lambda k: a_count(rng.poisson(800 * (1.1 + math.sin(k * math.tau / 24)))))
    assert watch.at % DAY == 0


@pytest.mark.parametrize("odd", [0.9, 0.0])
def test_one_odd_day_does_not_move_what_is_expected(odd: float) -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    point = noisy_share(4)
    usual(watch, 5, point)
    watch.see_all([a_share(odd * 1000, 1000)] * 24)
    told = [watch.see(point(k)) for k in range(48)]
    assert verdicts(told) == [OK] * 48
    assert all(abs(j.expected[0] - 0.2) < 0.03 for j in told)
    assert verdict(watch.see(a_share(500, 1000))) is BREACH


def test_an_outage_of_18_days_stays_a_breach_in_every_window() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    point = noisy_share(5)
    usual(watch, 7, point)
    told = [watch.see(a_share(950, 1000)) for _ in range(18 * 24)]
    assert set(verdicts(told)) == {BREACH}
    assert all(j.expected[0] == pytest.approx(0.2, abs=0.03) for j in told)
    assert verdict(watch.see(point(0))) is OK


def test_an_outage_does_not_hide_another_slice_or_measure() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    home, email = noisy_share(6), noisy_share(7, n=300)
    for k in range(5 * 24):
        watch.see({"all": home(k), "surface=email": email(k)})
    for k in range(72):
        judged = watch.see({"all": home(k), "surface=email": a_share(290, 300)})
        assert (verdict(judged), verdict(judged, "surface=email")) == (OK, BREACH)
        assert judged.expected[1] == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize(
    ("judgement", "up", "down"), [(UP, BREACH, OK), (DOWN, OK, BREACH), (BOTH, BREACH, BREACH)]
)
def test_the_direction(judgement: History, up: Verdict, down: Verdict) -> None:
    for value, expected in ((900, up), (20, down)):
        watch = Watch(a_measure(Unit.RATIO, judgement))
        usual(watch, 4, noisy_share(8, p=0.4))
        assert verdict(watch.see(a_share(value, 1000))) is expected


@pytest.mark.parametrize("n", [1000, 10_000, 1_000_000])
def test_more_rows_do_not_make_a_small_change_important(n: int) -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    usual(watch, 4, noisy_share(9, n=n))
    assert verdict(watch.see(a_share(round(0.21 * n), n))) is OK
    assert verdict(watch.see(a_share(round(0.6 * n), n))) is BREACH


@pytest.mark.parametrize("n", [10, 30, 100, 1000])
def test_a_large_change_of_few_is_not_significant(n: int) -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    usual(watch, 4, noisy_share(10, n=n))
    judged = watch.see(a_share(round(0.5 * n), n))
    assert verdict(judged) is (BREACH if n >= 100 else OK)


def test_an_unsteady_history_is_given_more_room() -> None:
    rng = np.random.default_rng(11)
    steady, unsteady = Watch(a_measure(Unit.RATIO, UP)), Watch(a_measure(Unit.RATIO, UP))
    usual(steady, 6, noisy_share(12))
    wandering = {k: float(rng.normal(0.3, 0.06)) for k in range(6 * 24)}
    usual(unsteady, 6, noisy_share(12, lambda k: wandering[k]))
    a, b = steady.see(a_share(550, 1000)), unsteady.see(a_share(550, 1000))
    assert (verdict(a), verdict(b)) == (BREACH, OK)
    assert b.high[0] - b.expected[0] > 2 * (a.high[0] - a.expected[0])


def test_windows_that_are_missing_are_no_history() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    point = noisy_share(13)
    told = []
    for k in range(40):
        told.append(watch.see(point(k)))
        watch.miss(23)  # one hour a day is there
    assert verdicts(told[:LEAST_POINTS]) == [TOO_FEW] * LEAST_POINTS
    assert set(verdicts(told[LEAST_POINTS:])) == {OK}


def test_history_that_has_aged_out_is_too_little() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    point = noisy_share(14)
    usual(watch, 5, point)
    watch.miss(20 * 24)
    assert verdict(watch.see(a_share(900, 1000))) is TOO_FEW


def test_values_that_were_not_there_are_left_out() -> None:
    watch = Watch(a_measure(Unit.RATIO, UP))
    point = noisy_share(15)
    for k in range(6 * 24):
        nothing = k % 3 == 0
        judged = watch.see((math.nan, math.nan, 0.0) if nothing else point(k))
        assert (verdict(judged) is Verdict.NO_DATA) == nothing
    assert verdict(watch.see(point(0))) is OK
    assert verdict(watch.see(a_share(900, 1000))) is BREACH


def test_an_infinite_value_is_an_error_and_no_history() -> None:
    watch = Watch(a_measure(Unit.SCORE, BOTH))
    rng = np.random.default_rng(16)
    usual(watch, 3, lambda k: (float(rng.normal(5, 0.02)), 0.02, 1000.0))
    assert verdict(watch.see((math.inf, 0.02, 1000.0))) is Verdict.ERROR
    assert verdict(watch.see((5.0, 0.02, 1000.0))) is OK
    assert verdict(watch.see((6.0, 0.02, 1000.0))) is BREACH


@pytest.mark.parametrize(
    ("unit", "value", "error"),
    [(Unit.SCORE, 5.0, 0.02), (Unit.SECONDS, 240.0, 20.0), (Unit.ITEMS, 900.0, 15.0)],
)
def test_levels_and_sizes(unit: Unit, value: float, error: float) -> None:
    rng = np.random.default_rng(17)
    watch = Watch(a_measure(unit, History("both", change=0.15, relative=True)))
    usual(watch, 5, lambda k: (float(rng.normal(value, error)), error, 1000.0))
    assert verdict(watch.see((value * 2, error * 2, 1000.0))) is BREACH
    assert verdict(watch.see((value / 2, error / 2, 1000.0))) is BREACH
    assert verdict(watch.see((value * 1.01, error, 1000.0))) is OK


@pytest.mark.parametrize("windows", [1, 2])
def test_what_two_windows_show_together_needs_no_second_look(windows: int) -> None:
    watch = Watch(replace(a_measure(Unit.REQUESTS, *TRAFFIC), windows=windows))
    watch.see_all([a_count(40)] * 96)
    judged = [watch.see(a_count(n)) for n in (13, 1)]
    assert [v.name for v in verdicts(judged)] == ["BREACH", "BREACH"]
    assert [bool(j.conclusive[0]) for j in judged] == [windows == 2, True]


def test_an_hour_in_which_a_country_wakes_up_is_expected_at_its_own_level() -> None:
    """Its neighbours have 70 and 130 requests, it has 45, and whole days are busier than others."""
    rng = np.random.default_rng(4)
    watch = Watch(a_measure(Unit.REQUESTS, *TRAFFIC))
    expected = []
    for day in range(14):
        level = np.exp(0.35 * rng.normal())
        for hour in range(24):
            mean = {0: 70, 1: 45, 2: 130}.get(hour, 130)
            judged = watch.see(a_count(rng.poisson(mean * level)))
            if hour == 1 and day >= 6:
                expected.append(judged.expected[0])
    assert max(expected) < 70  # the median of the three hours is nearly twice what it has
    assert np.median(expected) == pytest.approx(45, rel=0.25)
