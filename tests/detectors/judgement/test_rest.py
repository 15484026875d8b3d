"""What moves the whole shop alike is no trouble of one slice, and does not hide one; what one slice does alone is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_series import TRAFFIC, Watch, a_count, a_measure, verdict

from detectors.core.measurement import Unit
from detectors.core.verdict import Verdict
from detectors.judgement.past import Expectation
from detectors.judgement.rest import LEAST, MOST, beside_the_rest
from detectors.judgement.scales import COUNT, LEVEL, SHARE

OK, BREACH = Verdict.OK, Verdict.BREACH
WHOLE = np.zeros(2, np.int64)  # of the slice and of itself


def expecting(whole: float, part: float, spread: float, together: float = 1.0) -> Expectation:
    """Counts that history makes likely of the whole and of a part of it."""
    ones = np.ones(2)
    centre = np.log(np.array([whole, part]) + 0.5)
    return Expectation(centre, ones * spread, 20 * ones, ones * together, ones > 0, 0 * ones, 0 * ones)


def moved(past: Expectation, whole: float, part: float, kind: int = COUNT) -> np.ndarray:
    """By which factor each is expected otherwise than by history alone."""
    after = beside_the_rest(np.full(2, kind, np.int8), past, np.array([whole, part]), WHOLE)
    return np.exp(after.centre - past.centre)


def days_of(spread: float, mean: float, part: float, days: int = 10) -> Watch:
    """A shop whose traffic strays as a whole from hour to hour."""
    rng = np.random.default_rng(3)
    watch = Watch(a_measure(Unit.REQUESTS, *TRAFFIC))
    for _ in range(days * 24):
        level = mean * np.exp(spread * rng.normal())
        here, rest = rng.poisson(part * level), rng.poisson((1 - part) * level)
        judged = watch.see({"all": a_count(here + rest), "country=DE": a_count(here)})
        assert BREACH not in judged.verdict
    return watch


def test_a_fall_of_one_slice_is_told_in_an_unsteady_shop() -> None:
    watch = days_of(spread=0.3, mean=600, part=0.2)
    judged = watch.see({"all": a_count(480 + 35), "country=DE": a_count(35)})  # usually 120
    assert (verdict(judged), verdict(judged, "country=DE")) == (OK, BREACH)
    assert bool(judged.page[1])


def test_a_slice_that_falls_with_all_others_is_no_trouble_of_its_own() -> None:
    watch = days_of(spread=0.3, mean=600, part=0.2)
    judged = watch.see({"all": a_count(300), "country=DE": a_count(58)})
    assert (verdict(judged), verdict(judged, "country=DE")) == (OK, OK)


@pytest.mark.parametrize("times", [3, 10])
def test_a_campaign_elsewhere_is_no_fall_here(times: int) -> None:
    watch = days_of(spread=0.3, mean=600, part=0.2)
    judged = watch.see({"all": a_count(480 * times + 100), "country=DE": a_count(100)})
    assert verdict(judged, "country=DE") is OK


def test_a_log_that_stops_is_a_page_of_every_slice() -> None:
    judged = days_of(spread=0.1, mean=600, part=0.2).see({"all": a_count(0), "country=DE": a_count(0)})
    assert (judged.verdict.tolist(), judged.page.tolist()) == ([BREACH, BREACH], [True, True])


def test_what_the_rest_tells_is_the_best_linear_prediction_of_what_all_have_in_common() -> None:
    """The oracle: least squares over simulated windows, of the common factor on what the rest shows."""
    rng = np.random.default_rng(5)
    spread, rest, together = 0.15, 80.0, 3.0
    common = spread * rng.normal(size=200_000)
    found = together * rng.poisson(rest / together * np.exp(common))
    off = np.log((found + 0.5) / (rest + 0.5))
    slope = np.polyfit(off, common, 1)[0]
    small = 0.1
    past = expecting(100.0, 20.0, spread, together)
    factor = moved(past, 20.0 + (rest + 0.5) * np.exp(small) - 0.5, 20.0)
    assert np.log(factor[1]) / small == pytest.approx(slope, rel=0.05)


@given(
    whole=st.floats(0, 1e6),
    share=st.floats(0, 1),
    found=st.floats(0, 1e6),
    part=st.floats(0, 1),
    spread=st.floats(0, 2),
)
def test_it_is_bounded_goes_the_way_of_the_rest_and_leaves_the_whole(
    whole: float, share: float, found: float, part: float, spread: float
) -> None:
    past = expecting(whole, share * whole, spread)
    factor = moved(past, found, part * found)
    assert factor[0] == 1
    assert np.exp(LEAST) - 1e-9 <= factor[1] <= np.exp(MOST) + 1e-9
    rest, usual = (1 - part) * found, (1 - share) * whole
    assert (factor[1] - 1) * (rest - usual) >= -1e-6 * max(rest, usual, 1.0)


@pytest.mark.parametrize(
    ("whole", "part", "found"),
    [
        (np.nan, 20.0, 90.0),
        (100.0, np.nan, 90.0),
        (100.0, 20.0, np.nan),
        (100.0, 20.0, np.inf),
        (20.0, 20.0, 90.0),
    ],
)
def test_of_a_rest_that_is_not_known_nothing_is_said(whole: float, part: float, found: float) -> None:
    past = expecting(whole, part, 0.2)
    after = beside_the_rest(np.full(2, COUNT, np.int8), past, np.array([found, 10.0]), WHOLE)
    assert np.array_equal(after.centre, past.centre, equal_nan=True)


@pytest.mark.parametrize("kind", [SHARE, LEVEL])
def test_only_counts_add_up(kind: int) -> None:
    past = expecting(100.0, 20.0, 0.2)
    after = beside_the_rest(np.full(2, kind, np.int8), past, np.array([60.0, 20.0]), WHOLE)
    assert np.array_equal(after.centre, past.centre)
