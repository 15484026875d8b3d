"""Counts are judged as counts: thin traffic is quiet, a stop is found, and what vanished was counted, as zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from watched_series import TRAFFIC, Watch, a_count, a_measure, a_share, verdict, verdicts

from detectors.core.measurement import Unit
from detectors.core.verdict import Verdict
from detectors.judgement.spec import History

OK, BREACH, TOO_FEW = Verdict.OK, Verdict.BREACH, Verdict.TOO_FEW
VOLUME = a_measure(Unit.REQUESTS, *TRAFFIC)


def watched(mean: float, days: int, seed: int = 1, together: float = 1.0) -> Watch:
    """Days of Poisson traffic, so many requests together, in which nothing is told."""
    rng = np.random.default_rng(seed)
    watch = Watch(VOLUME)
    told = [watch.see(a_count(rng.poisson(mean / together) * together, together)) for _ in range(days * 24)]
    assert BREACH not in verdicts(told)
    return watch


@pytest.mark.parametrize("mean", [0.2, 1, 3, 8])
def test_thin_traffic_is_quiet_even_when_there_is_none(mean: float) -> None:
    watch = watched(mean, 7)
    for n in (0, 1, round(3 * mean)):
        assert verdict(watch.see(a_count(n))) is OK


@pytest.mark.parametrize("mean", [25, 100, 2000])
def test_a_stop_is_found_in_its_first_window_and_pages(mean: float) -> None:
    judged = watched(mean, 4).see(a_count(0))
    assert (verdict(judged), bool(judged.page[0])) == (BREACH, True)
    assert judged.expected[0] == pytest.approx(mean, rel=0.25)


def test_requests_that_come_together_say_less() -> None:
    watch = watched(100, 6, together=20)
    for n, together in ((20, 20.0), (3, 1.0), (0, 1.0)):  # as the window itself shows it
        assert verdict(watch.see(a_count(n, together))) is OK  # one user, or none, instead of five
    assert verdict(watched(100, 6).see(a_count(20))) is BREACH


def test_a_rise_is_a_ticket_and_a_fall_by_a_third_nothing() -> None:
    judged = watched(500, 4).see(a_count(2000))
    assert (verdict(judged), bool(judged.page[0])) == (BREACH, False)
    assert verdict(watched(500, 4).see(a_count(330))) is OK


def test_a_stop_in_its_second_day_is_compared_with_the_day_before_it() -> None:
    watch = watched(400, 5)
    told = [watch.see(a_count(0)) for _ in range(3 * 24)]
    assert set(verdicts(told)) == {BREACH}
    assert all(j.expected[0] == pytest.approx(400, rel=0.1) for j in told)


def test_a_slice_that_vanished_is_judged_as_zero() -> None:
    rng = np.random.default_rng(2)
    watch = Watch(VOLUME)
    for _ in range(4 * 24):
        watch.see({"all": a_count(rng.poisson(600)), "country=DE": a_count(rng.poisson(200))})
    judged = watch.see({"all": a_count(600)})
    assert judged.slices == ("all", "country=DE")
    assert (judged.value.tolist(), judged.n[1]) == ([600.0, 0.0], 0.0)
    assert judged.verdict.tolist() == [OK, BREACH]
    assert bool(judged.page[1])


def test_what_counts_the_window_before_too_is_no_zero_when_this_one_lacks_the_slice() -> None:
    watch = Watch(replace(VOLUME, windows=2))
    watch.see_all([{"all": a_count(400), "country=DE": a_count(24)}] * 96)
    assert watch.see({"all": a_count(400)}).slices == ("all",)


def test_a_slice_that_comes_now_and_then_is_not_missed() -> None:
    rng = np.random.default_rng(3)
    watch = Watch(VOLUME)
    told = []
    for k in range(6 * 24):
        found = {"all": a_count(rng.poisson(600))}
        if k % 5 == 0:
            found["country=LU"] = a_count(rng.poisson(2) + 1)
        told.append(watch.see(found))
    assert not any((j.verdict == BREACH).any() for j in told)


def test_a_large_slice_that_stays_away_stays_a_breach() -> None:
    watch = Watch(VOLUME)
    watch.see_all([{"all": a_count(600), "country=DE": a_count(200)}] * 48)
    told = [watch.see({"all": a_count(600)}) for _ in range(18 * 24)]
    assert set(verdicts(told, "country=DE")) == {BREACH}


def test_a_thin_slice_that_stays_away_is_forgotten() -> None:
    watch = Watch(VOLUME)
    watch.see_all([{"all": a_count(600), "country=LU": a_count(2)}] * 48)
    told = [watch.see({"all": a_count(600)}) for _ in range(11 * 24)]
    assert not any((j.verdict == BREACH).any() for j in told)
    assert told[-1].slices == ("all",)


@pytest.mark.parametrize("unit", [Unit.RATIO, Unit.SCORE, Unit.ITEMS, Unit.SECONDS, Unit.USERS])
def test_what_does_not_add_up_is_no_zero_when_it_is_gone(unit: Unit) -> None:
    watch = Watch(a_measure(unit, History("down", change=0.15)))
    watch.see_all([{"all": a_share(600, 1000), "country=DE": a_share(600, 1000)}] * 96)
    assert watch.see({"all": a_share(600, 1000)}).slices == ("all",)


@pytest.mark.parametrize("size", [60, 300, 3000])
@pytest.mark.parametrize("between", [0, 5])
def test_a_nightly_batch_is_no_silence_by_day_and_missed_by_night(size: int, between: int) -> None:
    rng = np.random.default_rng(size + between)
    watch = Watch(VOLUME)
    told = [watch.see(a_count(rng.poisson(size if k % 24 == 2 else between))) for k in range(14 * 24)]
    assert BREACH not in verdicts(told)
    watch.miss(2)
    judged = watch.see(a_count(between))
    assert (verdict(judged), bool(judged.page[0])) == (BREACH, True)
    assert judged.expected[0] == pytest.approx(size, rel=0.2)


def test_a_slice_that_is_there_once_a_night_is_missed_by_night_alone() -> None:
    """At other hours it is not there at all, not even as a nought."""
    rng = np.random.default_rng(5)
    watch = Watch(VOLUME)
    told = []
    for k in range(25 * 24):
        found = {"all": a_count(rng.poisson(600))}
        if k % 24 == 3:
            found["surface=email"] = a_count(rng.poisson(300))
        told.append(watch.see(found))
    assert not any((j.verdict == BREACH).any() for j in told)
    watch.miss(3)
    assert verdict(watch.see({"all": a_count(600)}), "surface=email") is BREACH
