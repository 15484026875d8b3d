"""The budget of false alarms: what is granted is never exceeded, and the whole keeps its share of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_series import DAY, HOUR, MONDAY, a_measure, remembered

from detectors.core.measurement import Measurement, Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.budget import LEAST, MOST, Budget
from detectors.judgement.judge import Judge
from detectors.judgement.spec import History, OtherSlice, Reference
from tests.detectors.remembering import remember


@given(
    days=st.floats(1, 1000), recommenders=st.integers(1, 50), measures=st.integers(1, 200),
    slices=st.integers(1, 500), window=st.sampled_from([HOUR // 12, HOUR, DAY]),
)  # fmt: skip
def test_all_tests_of_all_windows_together_stay_within_it(
    days: float, recommenders: int, measures: int, slices: int, window: int
) -> None:
    budget = Budget(days_per_page=days, recommenders=recommenders)
    chance = budget.chance(Severity.PAGE, measures=measures, slices=slices, window_us=window)
    assert chance.shape == (slices,)
    assert ((chance >= LEAST) & (chance <= MOST)).all()
    granted = chance[chance > LEAST].sum() * measures * recommenders * days * DAY / window
    assert granted <= 1 + 1e-9


def test_three_hundred_slices_take_nothing_from_the_whole() -> None:
    few, many = (Budget().chance(Severity.TICKET, measures=50, slices=n, window_us=HOUR) for n in (2, 301))
    assert few[0] == many[0]
    assert few[1] == pytest.approx(300 * many[1], rel=1e-9) or few[1] == MOST


def test_a_page_is_allowed_less_often_than_a_ticket() -> None:
    page, ticket = (
        Budget().chance(s, measures=50, slices=5, window_us=HOUR) for s in (Severity.PAGE, Severity.TICKET)
    )
    assert (page < ticket).all()


def judged_after_days(spec: History | Reference | OtherSlice, now: tuple[float, float]) -> list[Verdict]:
    """Two slices, nine quiet days, then these values; the verdict of each."""
    judge, rng = Judge(), np.random.default_rng(5)
    measure = a_measure(Unit.RATIO, spec)
    slices, error, n = ("all", "surface=home"), np.full(2, 0.01), np.full(2, 2500.0)
    for hour in range(9 * 24 + 1):
        value = 0.3 + 0.01 * rng.normal(size=2) if hour < 9 * 24 else np.array(now)
        [judged] = judge.judge(
            MONDAY + hour * HOUR, slices, [("d.m", measure, Measurement("m", value, error, n))]
        )
        remember(judge, MONDAY + hour * HOUR, remembered([("d.m", judged)]))
    return [Verdict(int(v)) for v in judged.verdict]


def test_compared_with_one_earlier_window() -> None:
    spec = Reference("up", change=0.1, back_hours=48)
    assert judged_after_days(spec, (0.31, 0.5)) == [Verdict.OK, Verdict.BREACH]
    assert judged_after_days(spec, (0.31, 0.35)) == [Verdict.OK, Verdict.OK]  # sure, but not enough
    assert judged_after_days(spec, (0.1, 0.1)) == [Verdict.OK, Verdict.OK]  # the other way


def test_a_window_that_is_not_known_decides_nothing() -> None:
    spec = Reference("up", change=0.1, back_hours=20 * 24)
    assert judged_after_days(spec, (0.9, 0.9)) == [Verdict.TOO_FEW, Verdict.TOO_FEW]


def test_compared_with_another_slice_of_the_same_window() -> None:
    spec = OtherSlice("both", change=0.1, slice="all")
    assert judged_after_days(spec, (0.5, 0.3)) == [Verdict.OK, Verdict.BREACH]
    assert judged_after_days(spec, (0.5, 0.45)) == [Verdict.OK, Verdict.OK]
    gone = OtherSlice("both", change=0.1, slice="surface=email")
    assert judged_after_days(gone, (0.5, 0.1)) == [Verdict.TOO_FEW, Verdict.TOO_FEW]
