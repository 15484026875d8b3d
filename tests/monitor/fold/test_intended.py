"""Changes that are meant, and maintenance: what they end, what they leave alone, and the same however it is found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fold import (
    FIRST,
    REQUESTS,
    SETTLE,
    a_fold,
    assert_same,
    gone_through,
    hour,
    measured,
    random_windows,
    shop,
    usual,
)

from detectors.core.verdict import Verdict
from monitor.config.maintenance import Maintenance
from monitor.evaluation import Evaluation
from monitor.incidents.incident import Incident, Resolution
from monitor.incidents.rebaseline import Rebaseline
from monitor.measured import Measured
from monitor.store import Store

SLICES = ("all", "surface=email", "surface=home")


def meant(
    start: int,
    end: int | None = None,
    *,
    slice: str = "all",
    detector: str | None = None,
    judged: int | None = None,
    id: int = 1,
) -> Rebaseline:
    """A change from an hour on that became known when another one had been judged."""
    last = start - 1 if judged is None else judged
    given = hour(last).end + SETTLE + timedelta(minutes=5)
    until = None if end is None else hour(end).start
    return Rebaseline(
        id, "shop", slice, detector, hour(start).start, until, "why", "ann@ops", given, hour(last).start
    )


def told(windows: Sequence[Measured], *rebaselines: Rebaseline, **fields: Any) -> list[Evaluation]:
    fold = a_fold(shop(**fields))
    fold.learn(rebaselines)
    return gone_through(fold, list(windows))


def incidents(evaluations: Sequence[Evaluation]) -> list[Incident]:
    """As the newest window that names each says."""
    return list({i.id: i for e in evaluations for i in e.open_incidents}.values())


def fewer(k: int, requests: float) -> Measured:
    return usual(k, requests=requests)


DROP = [fewer(k, 1000 if k < 60 else 100) for k in range(130)]


def test_without_it_the_new_level_is_trouble_for_ever() -> None:
    [incident] = incidents(told(DROP))
    assert incident.open


def test_with_it_the_incident_is_over_and_the_level_is_learned() -> None:
    found = told(DROP, meant(60, judged=70))
    [incident] = incidents(found)
    assert (incident.resolution, incident.onset_at) == (Resolution.INTENDED, hour(60).start)
    assert incident.resolved_at == hour(70).end + SETTLE + timedelta(minutes=5)
    assert [k for k, e in enumerate(found) if e.open_incidents] == list(range(60, 71))
    expected = {f.measure: f for f in found[-1].findings}[REQUESTS]
    assert (round(expected.expected), expected.verdict) == (100, Verdict.OK)


def test_trouble_at_the_new_level_is_trouble() -> None:
    again = [*DROP[:120], *(fewer(k, 2) for k in range(120, 124))]
    first, second = incidents(told(again, meant(60, judged=70)))
    assert first.resolution is Resolution.INTENDED
    assert (second.onset_at, second.open) == (hour(120).start, True)


def test_known_before_it_comes_nobody_is_told() -> None:
    assert incidents(told(DROP, meant(60, judged=50))) == []


def test_what_is_to_come_closes_in_the_window_in_which_it_begins() -> None:
    [incident] = incidents(told(DROP, meant(80, judged=70)))
    assert (incident.resolution, incident.resolved_at) == (Resolution.INTENDED, hour(80).end + SETTLE)


def test_for_a_while_it_is_meant_and_then_what_was_before_is_usual_again() -> None:
    windows = [fewer(k, 100 if 60 <= k < 84 else 1000) for k in range(110)]
    assert incidents(told(windows, meant(60, 84, judged=55))) == []
    stays = [fewer(k, 1000 if k < 60 else 100) for k in range(110)]
    [incident] = incidents(told(stays, meant(60, 84, judged=55)))
    assert incident.onset_at == hour(84).start


def test_an_absolute_limit_is_not_moved() -> None:
    stuck = [usual(k, 0.95 if k >= 60 else 0.03) for k in range(90)]
    [incident] = incidents(told(stuck, meant(60, judged=70)))
    assert (incident.judged_by, incident.open) == ("floor", True)


@pytest.mark.parametrize(
    ("fields", "closes"),
    [
        ({"slice": "surface=email"}, True),
        ({"slice": "surface=home"}, False),
        ({"slice": "all"}, True),
        ({"detector": "traffic"}, True),
        ({"detector": "same_item"}, False),
        ({"slice": "surface=email", "detector": "traffic"}, True),
    ],
)
def test_it_concerns_its_place_and_its_detector(fields: dict[str, Any], closes: bool) -> None:
    def at(k: int) -> Measured:
        email = 20 if k >= 60 else 400
        requests = np.array([600 + email, email, 600.0])
        return measured(k, SLICES, traffic__requests=(requests, np.sqrt(requests), requests))

    found = incidents(told([at(k) for k in range(90)], meant(60, judged=65, **fields)))
    assert found[0].slice == {"surface": "email"}
    assert (found[0].resolution is Resolution.INTENDED) is closes
    assert found[0].open is not closes
    assert len(found) == 1  # the whole, which shows it as well, opens no other


def test_a_fold_that_is_read_back_knows_it_as_well() -> None:
    whole = told(DROP, meant(60, judged=70))
    for at in (59, 61, 70, 71, 72, 100):
        resumed = a_fold(shop())
        resumed.learn([meant(60, judged=70)])
        resumed.resume(whole[:at])
        assert_same(gone_through(resumed, DROP[at:]), whole[at:])


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32),
    start=st.integers(30, 80),
    lasts=st.none() | st.integers(1, 30),
    judged=st.integers(20, 90),
    place=st.sampled_from(["all", "country=DE", "country=US"]),
    detector=st.sampled_from([None, "traffic", "same_item", "scores"]),
)
def test_said_while_it_runs_it_is_as_if_it_had_been_known(
    seed: int, start: int, lasts: int | None, judged: int, place: str, detector: str | None
) -> None:
    """The store closes at once what the fold would close; what comes after is the same, and so is judging again."""
    windows = random_windows(seed, 110)
    end = start + lasts if lasts else None
    said = meant(start, end, slice=place, detector=detector, judged=judged, id=0)
    with Store.in_memory() as store:
        fold = a_fold(shop())
        for m in windows[: judged + 1]:
            [evaluation] = gone_through(fold, [m])
            store.record(evaluation)
        kept, closed = store.rebaseline(replace(said, judged=None))
        assert kept == replace(said, id=1)
        live = a_fold(shop())
        live.learn(store.rebaselines("shop"))
        live.resume(store.evaluations("shop"))
        for m in windows[judged + 1 :]:
            [evaluation] = gone_through(live, [m])
            store.record(evaluation)
        found = store.evaluations("shop")
        assert_same(found, told(windows, kept))
        assert {i.id: i for i in store.incidents()} == {i.id: i for i in incidents(found)}
        assert [t.what for t in store.told()].count("resolved") == sum(not i.open for i in store.incidents())
        assert all(i.resolution is Resolution.INTENDED for i in closed)


# Maintenance


def stretch(start: int, end: int) -> tuple[Maintenance, ...]:
    return (Maintenance(**{"from": hour(start).start, "until": hour(end).start}),)


def test_in_maintenance_everything_is_judged_and_nobody_told() -> None:
    windows = [usual(k, 0.95 if 60 <= k < 64 else 0.03) for k in range(80)]
    found = told(windows, maintenance=stretch(60, 64))
    assert incidents(found) == []
    verdicts = [{f.measure: f.verdict for f in e.findings}[FIRST] for e in found]
    assert verdicts[60:64] == [Verdict.BREACH] * 4
    assert all(f.excluded for e in found[60:64] for f in e.findings)
    assert not any(f.excluded for e in (*found[:60], *found[64:]) for f in e.findings)


def test_what_is_still_broken_afterwards_is_told_then() -> None:
    windows = [usual(k, 0.95 if k >= 60 else 0.03) for k in range(70)]
    [incident] = incidents(told(windows, maintenance=stretch(60, 64)))
    assert incident.onset_at == hour(64).start


def test_what_was_open_before_stays_as_it_was() -> None:
    windows = [usual(k, 0.95 if 58 <= k < 60 else 0.03) for k in range(70)]
    found = told(windows, maintenance=stretch(60, 64))
    [incident] = incidents(found)
    assert incident.resolved_at == hour(65).end + SETTLE  # two quiet windows, none of them in maintenance
    assert [e.open_incidents for e in found[60:64]] == [found[59].open_incidents] * 4


def test_it_is_left_out_of_history() -> None:
    """Three days of another level in maintenance: what is usual afterwards is what was before."""
    windows = [fewer(k, 3000 if 72 <= k < 144 else 1000) for k in range(170)]
    found = told(windows, maintenance=stretch(72, 144))
    assert incidents(found) == []
    expected = {f.measure: f.expected for f in found[-1].findings}[REQUESTS]
    assert expected == pytest.approx(1000, rel=0.05)


@settings(max_examples=8)
@given(
    seed=st.integers(0, 2**32), begin=st.integers(30, 90), lasts=st.integers(1, 20), stop=st.floats(0.3, 0.95)
)
def test_a_fold_that_is_read_back_in_maintenance_goes_on_the_same(
    seed: int, begin: int, lasts: int, stop: float
) -> None:
    windows = random_windows(seed, 110)
    config = shop(maintenance=stretch(begin, begin + lasts))
    whole = gone_through(a_fold(config), windows)
    at = int(stop * len(windows))
    resumed = a_fold(config)
    resumed.resume(whole[:at])
    assert_same(gone_through(resumed, windows[at:]), whole[at:])
