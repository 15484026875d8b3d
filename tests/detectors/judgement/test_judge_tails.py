"""How unlikely a value is, against scipy's distributions at whole numbers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, nbinom, norm, poisson, t
from watched_series import HOUR, Watch, a_count, a_measure, a_share

from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from detectors.judgement.budget import Budget
from detectors.judgement.judged import Judged
from detectors.judgement.past import Expectation
from detectors.judgement.scales import SHARE
from detectors.judgement.spec import History
from detectors.judgement.tails import Found, limits_of, tails

CHANCE = float(Budget().chance(Severity.TICKET, measures=1, slices=1, window_us=HOUR)[0])
Z = float(norm.isf(CHANCE))
EITHER = History("both", change=0.0)


def surprise(judged: Judged) -> float:
    return float(judged.strength[0]) if judged.verdict[0] == 1 else 0.0


def minus_log10(chance: float) -> float:
    return -math.log10(max(chance, 1e-300)) if chance < CHANCE else 0.0


@given(mean=st.integers(1, 400), found=st.integers(0, 900))
def test_a_steady_count_is_poisson(mean: int, found: int) -> None:
    watch = Watch(a_measure(Unit.REQUESTS, EITHER))
    watch.see_all([a_count(mean)] * 72)
    judged = watch.see(a_count(found))
    assert judged.expected[0] == pytest.approx(mean)
    chance = poisson.sf(found - 1, mean) if found > mean else poisson.cdf(found, mean)
    assert surprise(judged) == pytest.approx(minus_log10(float(chance)), rel=1e-3, abs=0.02)


@given(
    mean=st.integers(30, 300), spread=st.floats(0.1, 0.4), found=st.integers(0, 2500), seed=st.integers(0, 99)
)
def test_an_unsteady_count_is_negative_binomial(mean: int, spread: float, found: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    watch = Watch(a_measure(Unit.REQUESTS, EITHER))
    watch.see_all([a_count(n) for n in rng.poisson(mean * rng.lognormal(0, spread, 96))])
    judged = watch.see(a_count(found))
    expected = float(judged.expected[0])
    # The band says the predictive variance of the logarithm: chance (1/expected) and what history spreads beyond it.
    variance = (math.log((judged.high[0] + 0.5) / (expected + 0.5)) / Z) ** 2
    shape = 1 / (variance - 1 / expected)
    law = nbinom(shape, shape / (shape + expected))
    assert law.mean() == pytest.approx(expected)
    chance = law.sf(found - 1) if found > expected else law.cdf(found)
    assert surprise(judged) == pytest.approx(minus_log10(float(chance)), rel=1e-3, abs=0.02)


@given(percent=st.integers(1, 99), n=st.sampled_from([100, 200, 1000]), found=st.floats(0, 1))
def test_a_steady_share_is_binomial(percent: int, n: int, found: float) -> None:
    """The error is stated as that of the expectation, so that only the tail is in question."""
    p = percent / 100
    error = math.sqrt(p * (1 - p) / n)
    watch = Watch(a_measure(Unit.RATIO, EITHER))
    watch.see_all([(p, error, float(n))] * 72)
    hits = round(found * n)
    own = math.sqrt(hits / n * (1 - hits / n) / n)
    judged = watch.see((hits / n, own, float(n)))
    chance = binom.sf(hits - 1, n, p) if hits > p * n else binom.cdf(hits, n, p)
    assert surprise(judged) == pytest.approx(minus_log10(float(chance)), rel=1e-3, abs=0.02)


@pytest.mark.parametrize("n", [50.0, 100.0, 1000.0])
def test_a_mean_of_shares_is_known_by_its_error_and_not_by_how_many_made_it(n: float) -> None:
    """What any two lists share, 1.5 % with an error of 0.1 %, doubles: of `n` answers of yes or no that would be 15
    errors of nothing. As few as made it, Student's t is that much wider."""
    usual, error = 0.015, 0.001
    measure = a_measure(Unit.RATIO, EITHER)
    found = {}
    for averaged in (False, True):
        watch = Watch(replace(measure, averaged=averaged))
        watch.see_all([(usual, error, n)] * 72)
        found[averaged] = watch.see((2 * usual, 2 * error, n))
    centre = (2 * usual * n + 2) / (n + 4)
    at_usual = 2 * error * math.sqrt(usual * (1 - usual) / (centre * (1 - centre)))
    half = at_usual * float(t.isf(CHANCE, n - 1))
    assert found[True].high[0] - usual == pytest.approx(half, rel=1e-3)
    assert found[False].high[0] - usual == pytest.approx(Z * math.sqrt(usual * (1 - usual) / n), rel=1e-3)
    assert surprise(found[True]) > surprise(found[False])


def test_a_mean_of_shares_that_has_no_error_is_as_a_share() -> None:
    """All alike may be chance: of a few, no error is none that is known."""
    watch = Watch(replace(a_measure(Unit.RATIO, EITHER), averaged=True))
    watch.see_all([(0.1, 0.0, 20.0)] * 72)
    assert surprise(watch.see((0.2, 0.0, 20.0))) == 0


@given(off=st.floats(-20, 20), error=st.floats(0.01, 2))
def test_a_steady_level_is_normal(off: float, error: float) -> None:
    watch = Watch(a_measure(Unit.SCORE, EITHER))
    watch.see_all([(5.0, error, 1000.0)] * 72)
    judged = watch.see((5.0 + off * error, error, 1000.0))
    assert surprise(judged) == pytest.approx(minus_log10(float(norm.sf(abs(off)))), rel=1e-3, abs=0.02)


def test_a_share_that_was_always_nought_may_have_been_a_little_more() -> None:
    watch = Watch(a_measure(Unit.RATIO, EITHER))
    watch.see_all([(0.0, 0.01, 200.0)] * 96)
    assert surprise(watch.see((0.005, 0.01, 200.0))) == 0
    assert surprise(watch.see((0.5, 0.035, 200.0))) > 50


def test_strength_is_bounded() -> None:
    watch = Watch(a_measure(Unit.REQUESTS, EITHER))
    watch.see_all([a_count(10_000)] * 72)
    assert surprise(watch.see(a_count(0))) == 300


@given(
    n=st.integers(20, 2000),
    now=st.integers(20, 2000),
    odd=st.sampled_from([0, 1, 2, 5]),
    found=st.integers(1, 40),
    usual=st.sampled_from([0.0, 1.0]),
)
def test_a_share_that_was_mostly_nought_or_all_is_as_sure_as_the_answers_it_was_learned_from(
    n: int, now: int, odd: int, found: int, usual: float
) -> None:
    """Of answers before, and Jeffreys' prior, follows a rate; the next odd ones are Poisson at that rate."""
    watch = Watch(a_measure(Unit.RATIO, EITHER))
    days, hours = 4, 24 * 4
    at = {24 * day + 6 for day in range(days)} | {24 * day + 7 for day in range(days)}
    chosen = sorted(at)[:odd]
    for hour in range(hours + 6):
        hits = 1 if hour in chosen else 0
        watch.see(a_share(hits if usual == 0 else n - hits, n))
    found = min(found, now)
    judged = watch.see(a_share(found if usual == 0 else now - found, now))
    assert judged.expected[0] == usual
    before = nbinom(odd + 0.5, 12 * n / (12 * n + now))  # three hours of each of four days
    chance = float(before.sf(found - 1))
    plain = binom.sf(found - 1, now, min((odd + 0.5) / (12 * n), 0.5))
    assert surprise(judged) == pytest.approx(minus_log10(max(chance, float(plain))), rel=0.03, abs=0.3)


def test_odd_answers_that_come_together_are_one() -> None:
    def surprise_of(found: float, before: float) -> float:
        watch = Watch(a_measure(Unit.RATIO, EITHER))
        for hour in range(24 * 8):
            watch.see(a_share(before if hour % 47 == 0 else 0.0, 200))
        return surprise(watch.see(a_share(found, 200)))

    assert surprise_of(5, before=0) > 6
    assert surprise_of(10, before=5) == 0


def test_odd_answers_are_no_news_where_windows_differ_as_much() -> None:
    """Nought as a rule, and 9 % now: of 2,400 answers before without one that is news, unless levels stray by 5 %."""

    def chance_of(spread: float) -> float:
        one = np.ones(1)
        past = Expectation(0 * one, spread * one, 100 * one, one, one > 0, 2400 * one, 0 * one)
        found = Found(0.09 * one, 0.03 * one, 100 * one, np.zeros(1, np.int64), one > 1)
        limits = limits_of(SHARE, 0 * one, past, found, CHANCE * one)
        return float(tails(SHARE, found.value, 0 * one, limits, found.n)[0][0])

    assert chance_of(0.0) < 1e-12
    assert chance_of(0.05) > 1e-4
