"""Slow erosion is told after days; noise, days that differ, single bad days and daily rhythms are not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from detectors.core.measurement import Measure, Measurement, Unit
from detectors.core.verdict import Verdict
from detectors.judgement.judge import Judge
from detectors.judgement.judged import kind_of
from detectors.judgement.series import Series
from detectors.judgement.spec import History
from detectors.trend import Trend
from tests.detectors.remembering import remember

HOUR = 3_600_000_000
MONDAY = 20_514 * 24 * HOUR
WATCHED = "d.m"
SLICES = ("all", "country=DE", "country=DE,surface=home", "country=US")
Level = Callable[[int], float]


def told(
    level: Level, days: int, *, unit: Unit = Unit.SCORE, noise: float = 0.05, wander: float = 0.0,
    direction: str = "down", seed: int = 1, told_at_once: float = 0.5,
) -> list[tuple[int, str]]:  # fmt: skip
    """Hours and slices in which the trend breaches, of a series with a daily rhythm and this level."""
    rng = np.random.default_rng(seed)
    trend = Trend(watch={WATCHED: direction})  # type: ignore[dict-item]  # a parametrised text
    measure = Measure("m", unit, "A measure.", (History("both", change=told_at_once, relative=True),))
    [changed] = trend.measures()
    judge, out = Judge(), []
    day_off = rng.normal(0, wander, (days, len(SLICES)))
    for hour in range(days * 24):
        at = MONDAY + hour * HOUR
        rhythm = 1 + 0.3 * math.sin(math.tau * hour / 24)
        error = np.full(len(SLICES), noise * rhythm)
        value = level(hour) * rhythm * (1 + day_off[hour // 24]) + error * rng.normal(size=len(SLICES))
        n = np.full(len(SLICES), 1000.0)
        [judged] = judge.judge(at, SLICES, [(WATCHED, measure, Measurement("m", value, error, n))])
        series = Series(at, HOUR, SLICES, {WATCHED: judged}, judge.past, judge.budget)
        for followed in trend.follow(series):
            [verdict] = judge.judge(at, SLICES, [("trend.d_m", changed, followed)])
            out += [(hour, SLICES[s]) for s in np.flatnonzero(verdict.verdict == Verdict.BREACH)]
        excluded = judged.verdict == Verdict.BREACH
        remember(judge, at, {(WATCHED, kind_of(measure)): (SLICES, value, error, excluded, judged.expected)})
    return out


def eroding(begin: int, per_day: float) -> Level:
    return lambda hour: 1.0 - per_day * max(0, hour - begin * 24) / 24


@pytest.mark.parametrize("unit", [Unit.SCORE, Unit.ITEMS, Unit.RATIO])
def test_erosion_by_a_tenth_a_day_is_told_before_a_third_is_gone(unit: Unit) -> None:
    scale = 1000.0 if unit is Unit.ITEMS else 0.5 if unit is Unit.RATIO else 1.0
    hours = [
        hour
        for hour, s in told(lambda h: scale * eroding(12, 0.1)(h), 16, unit=unit, noise=0.03 * scale)
        if s == "all"
    ]
    assert hours, "never told"
    assert 12 * 24 < hours[0] <= 15.5 * 24


def test_a_rise_is_told_only_where_it_is_trouble() -> None:
    rising: Level = lambda h: 1.0 + 0.12 * max(0, h - 12 * 24) / 24  # noqa: E731  # a level, as the others
    assert told(rising, 17, direction="down") == []
    assert told(rising, 17, direction="up") != []


@pytest.mark.parametrize("seed", range(3))
def test_days_that_differ_from_one_another_are_no_trend(seed: int) -> None:
    assert told(lambda h: 1.0, 28, wander=0.05, seed=seed) == []


def test_one_bad_day_is_no_trend() -> None:
    assert told(lambda h: 0.7 if 15 * 24 <= h < 16 * 24 else 1.0, 20) == []


@pytest.mark.parametrize("begin", [8, 18])
def test_hours_of_trouble_that_nobody_was_told_of_are_no_trend(begin: int) -> None:
    def bursts(hour: int) -> float:
        day, clock = divmod(hour - begin, 24)
        return 2.5 if day in (14, 15) and clock < 9 else 1.0

    assert told(bursts, 18, direction="up", told_at_once=2.0) == []


def test_too_few_days_say_nothing() -> None:
    assert told(eroding(1, 0.1), 6) == []


def test_pairs_of_values_are_not_looked_at() -> None:
    assert {s for _, s in told(eroding(12, 0.1), 16)} == {"all", "country=DE", "country=US"}


def test_what_was_always_nought_has_no_trend() -> None:
    """Without a level there is no part of it that could be gone; numpy has nothing to warn of either."""
    assert told(lambda h: 0.0, 14, noise=0.0) == []
