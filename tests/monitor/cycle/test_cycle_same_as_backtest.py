"""Hour by hour, after outages and crashes, or all at once: the same is found and told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from small_shop import (
    SETTLE,
    assert_tells_the_same,
    cycle,
    due_at,
    history,
    hour,
    shop,
    write_hours,
)

from monitor.config.models import RecommenderConfig
from monitor.cycle import backtest
from monitor.evaluation import Evaluation, Status
from monitor.incidents.incident import Incident
from monitor.store import Store

HOURS = 84
STUCK = range(60, 65)
GONE = (74, 75)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> RecommenderConfig:
    root = tmp_path_factory.mktemp("log")
    write_hours(root, range(HOURS), stuck=STUCK, missing=GONE)
    return shop(root, slices=("surface",), window={"catch_up": 100})


@pytest.fixture(scope="module")
def told(watched: RecommenderConfig) -> list[Evaluation]:
    return history(watched, HOURS)


def incidents(evaluations: Sequence[Evaluation]) -> dict[str, Incident]:
    return {i.id: i for e in evaluations for i in e.open_incidents}


def test_the_backtest_tells_each_trouble_once(told: list[Evaluation]) -> None:
    stuck, gone = incidents(told).values()
    assert (stuck.detector, stuck.culprit, stuck.slice) == ("same_item", {"item": "item-7"}, {})
    assert (stuck.onset_at, stuck.opened_at) == (hour(60).start, hour(60).end + SETTLE)
    assert stuck.resolved_at == hour(66).end + SETTLE
    assert stuck.before["share"] == pytest.approx(1 / 60, abs=0.02)
    assert stuck.after["share"] == 1.0
    assert (gone.detector, gone.culprit, gone.slice) == ("traffic", {}, {})
    assert (gone.onset_at, gone.resolved_at) == (hour(74).start, hour(77).end + SETTLE)
    assert [e.status for e in told if e.window in (hour(74), hour(75))] == [Status.NO_DATA] * 2


def test_hour_by_hour_as_the_backtest(watched: RecommenderConfig, told: list[Evaluation]) -> None:
    with Store.in_memory() as store:
        found = []
        for k in range(HOURS):
            new = cycle(watched, store, due_at(k))
            assert [e.window for e in new] == [hour(k)]
            assert cycle(watched, store, due_at(k)) == []  # a second run
            found += new
        assert_tells_the_same(found, told)
        assert_tells_the_same(store.evaluations("shop"), told)
        assert [(t.incident_id, t.what) for t in store.told()] == [
            (id, what) for id in incidents(told) for what in ("opened", "resolved")
        ]


@pytest.mark.parametrize(
    "runs",
    [
        [(20, None), (62, None), (HOURS - 1, None)],  # outages
        [
            (5, 2),
            (5, None),
            (61, 30),
            (61, 0),
            (61, 1),
            (63, None),
            (66, 1),
            (76, 3),
            (HOURS - 1, 2),
            (HOURS - 1, None),
        ],
    ],
    ids=["outages", "crashes"],
)
def test_outages_and_crashes_change_nothing(
    watched: RecommenderConfig, told: list[Evaluation], runs: list[tuple[int, int | None]]
) -> None:
    with Store.in_memory() as store:
        for k, most in runs:
            cycle(watched, store, due_at(k), most)
        assert_tells_the_same(store.evaluations("shop"), told)
        assert {(t.incident_id, t.what) for t in store.told()} == {
            (id, what) for id in incidents(told) for what in ("opened", "resolved")
        }


def test_a_log_that_is_cut_tells_the_same_until_then(
    watched: RecommenderConfig, told: list[Evaluation]
) -> None:
    at = 62
    assert_tells_the_same(list(backtest(watched, [hour(k) for k in range(at)])), told[:at])


@pytest.mark.parametrize("interrupted", [None, 30], ids=["at once", "interrupted"])
def test_history_is_replayed_in_silence_and_what_is_open_at_its_end_is_told_once(
    watched: RecommenderConfig, told: list[Evaluation], interrupted: int | None
) -> None:
    with Store.in_memory() as store:
        cycle(watched, store, due_at(62), interrupted)
        if interrupted:
            cycle(watched, store, due_at(62))
        replayed = store.evaluations("shop")
        assert [e.window for e in replayed] == [hour(k) for k in range(63)]
        assert [i.silent for e in replayed for i in e.open_incidents] == [True, True, False]
        [(opened, at)] = [((t.incident_id, t.what), t.at) for t in store.told()]
        assert (opened, at) == ((next(iter(incidents(told))), "opened"), due_at(62))
        assert cycle(watched, store, due_at(62)) == []
        for k in range(63, 68):
            cycle(watched, store, due_at(k))
        assert [t.what for t in store.told()] == ["opened", "resolved"]


def test_what_was_over_in_history_is_told_to_nobody(
    watched: RecommenderConfig, told: list[Evaluation]
) -> None:
    with Store.in_memory() as store:
        cycle(watched, store, due_at(70))
        assert store.told() == []
        [past] = store.incidents(include_silent=True)
        assert (past.id, past.silent, past.open) == (next(iter(incidents(told))), True, False)


def test_what_an_outage_was_too_long_for_is_skipped_and_an_open_incident_outlives_it(
    watched: RecommenderConfig,
) -> None:
    bounded = watched.model_copy(update={"window": watched.window.model_copy(update={"catch_up": 2})})
    with Store.in_memory() as store:
        for k in (59, 60):
            cycle(bounded, store, due_at(k))
        [before] = store.incidents(open_only=True)
        cycle(bounded, store, due_at(70), 3)  # ends in the middle of skipping
        assert [i.id for i in store.incidents(open_only=True)] == [before.id]
        cycle(bounded, store, due_at(70))
        after = {e.window: e for e in store.evaluations("shop", since=hour(61).start)}
        assert [after[hour(k)].status for k in range(61, 69)] == [Status.SKIPPED] * 8
        assert after[hour(61)].reason == "left out: the outage was longer than `catch_up`"
        assert {i.id for i in after[hour(68)].open_incidents} == {before.id}
        assert [after[hour(k)].status for k in (69, 70)] == [Status.EVALUATED] * 2
        assert [t.what for t in store.told()] == ["opened", "resolved"]


def test_nothing_is_due_before_a_window_has_settled(watched: RecommenderConfig) -> None:
    with Store.in_memory() as store:
        cycle(watched, store, due_at(3))
        assert cycle(watched, store, due_at(4) - SETTLE) == []
        assert len(cycle(watched, store, due_at(4))) == 1
