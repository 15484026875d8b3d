"""Absolute limits hold from the first window on, for sure, and unknown is never ok."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from watched_series import FLOOR, UP, Watch, a_measure, a_share, verdict

from detectors.core.intervals import wilson
from detectors.core.measurement import Unit
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.judged import FLOOR_Z
from detectors.judgement.spec import Floor


@given(n=st.integers(1, 5000), share=st.floats(0, 1), z=st.floats(0.5, 6))
def test_wilson_is_that_of_scipy(n: int, share: float, z: float) -> None:
    hits = round(share * n)
    low, high = wilson(hits / n, n, z)
    oracle = binomtest(hits, n).proportion_ci(1 - 2 * _upper_tail(z), "wilson")
    assert (float(low), float(high)) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def _upper_tail(z: float) -> float:
    return math.erfc(z / math.sqrt(2)) / 2


@given(n=st.integers(10, 3000), hits=st.integers(0, 3000))
def test_a_share_is_above_its_floor_when_its_whole_interval_is(n: int, hits: int) -> None:
    hits = min(hits, n)
    judged = Watch(a_measure(Unit.RATIO, FLOOR)).see(a_share(hits, n))
    surely = bool(binomtest(hits, n).proportion_ci(1 - 2 * _upper_tail(FLOOR_Z), "wilson").low > 0.3)
    assert verdict(judged) is (Verdict.BREACH if surely else Verdict.OK)
    assert bool(judged.page[0]) is surely
    assert judged.strength[0] == (math.inf if surely else 0)


@pytest.mark.parametrize(
    ("hits", "n", "expected"),
    [
        (950, 1000, Verdict.BREACH),  # stuck from before anybody watched
        (290, 1000, Verdict.OK),
        (330, 1000, Verdict.OK),  # above, but not for sure
        (400, 1000, Verdict.BREACH),
        (9, 9, Verdict.TOO_FEW),
        (10, 10, Verdict.BREACH),  # ten of ten
        (6, 10, Verdict.OK),
    ],
)
def test_the_first_window(hits: int, n: int, expected: Verdict) -> None:
    assert verdict(Watch(a_measure(Unit.RATIO, FLOOR)).see(a_share(hits, n))) is expected


def test_a_floor_from_below_and_a_severity() -> None:
    watch = Watch(a_measure(Unit.RATIO, Floor(below=0.5)))
    low, enough = watch.see_all([a_share(300, 1000), a_share(480, 1000)])
    assert (verdict(low), bool(low.page[0])) == (Verdict.BREACH, False)
    assert verdict(enough) is Verdict.OK
    assert Floor(below=0.5).severity is Severity.TICKET


@pytest.mark.parametrize("unit", [Unit.ITEMS, Unit.SECONDS, Unit.SCORE, Unit.REQUESTS])
def test_a_floor_of_what_is_no_share_takes_the_stated_error_off(unit: Unit) -> None:
    watch = Watch(a_measure(unit, Floor(above=100)))
    assert verdict(watch.see((100 + 3.9 * 5, 5.0, 1000))) is Verdict.OK
    assert verdict(watch.see((100 + 4.1 * 5, 5.0, 1000))) is Verdict.BREACH
    assert verdict(watch.see((101.0, 0.0, 1000))) is Verdict.BREACH


@pytest.mark.parametrize("judge", [(FLOOR,), (UP,), (FLOOR, UP), ()])
@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((math.nan, math.nan, 0.0), Verdict.NO_DATA),
        ((math.nan, 0.1, 1000.0), Verdict.NO_DATA),
        ((math.inf, 0.1, 1000.0), Verdict.ERROR),
        ((-math.inf, 0.1, 1000.0), Verdict.ERROR),
        ((0.9, 0.1, 9.0), Verdict.TOO_FEW),
        ((0.9, 0.1, math.nan), Verdict.TOO_FEW),
        ((0.9, 0.1, 0.0), Verdict.TOO_FEW),
    ],
)
def test_unknown_is_never_ok(
    judge: tuple[Floor, ...], point: tuple[float, float, float], expected: Verdict
) -> None:
    watch = Watch(a_measure(Unit.RATIO, *judge))
    for _ in range(80):  # history of it or not
        judged = watch.see({"all": point, "surface=home": (0.1, 0.01, 1000.0)})
        assert verdict(judged) is expected
        assert not judged.page[0]


@pytest.mark.parametrize("unit", [*Unit])
@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_a_value_whose_error_is_unknown_says_too_little(unit: Unit, error: float) -> None:
    watch = Watch(a_measure(unit, Floor(above=100), UP))
    for value in (*np.full(80, 5.0), 500.0):
        assert verdict(watch.see((float(value), error, 1000.0))) is Verdict.TOO_FEW


def test_what_is_only_measured_is_ok() -> None:
    assert verdict(Watch(a_measure(Unit.SCORE)).see((5.0, 0.1, 100))) is Verdict.OK


def test_the_louder_of_two_breaches_counts() -> None:
    watch = Watch(a_measure(Unit.RATIO, Floor(above=0.2), Floor(above=0.5, severity=Severity.PAGE)))
    assert [bool(j.page[0]) for j in watch.see_all([a_share(400, 1000), a_share(900, 1000)])] == [False, True]


def test_slices_are_judged_apart() -> None:
    found = {"all": a_share(280, 2000), "surface=email": a_share(270, 300), "surface=home": a_share(10, 1700)}
    judged = Watch(a_measure(Unit.RATIO, FLOOR)).see(found)
    assert judged.slices == ("all", "surface=email", "surface=home")
    assert judged.verdict.tolist() == [Verdict.OK, Verdict.BREACH, Verdict.OK]
    assert np.isnan(judged.expected).all()
