"""What cannot be read is said, tried again, and stops nobody else; what is over budget is refused."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from small_shop import (
    HOUR,
    LONG_AGO,
    PLACES,
    REQUESTS,
    assert_tells_the_same,
    cycle,
    due_at,
    history,
    hour,
    shop,
    write_hour,
    write_hours,
)

from detectors import discover
from detectors.core.verdict import Verdict
from monitor.config.models import BudgetConfig, CatalogConfig
from monitor.evaluation import Status
from monitor.schedule import FIRST_RETRY
from monitor.store import Store


def test_a_missing_partition_is_no_data_and_a_fall_of_traffic(tmp_path: Path) -> None:
    write_hours(tmp_path, range(60))
    told = history(shop(tmp_path), 61)
    last = told[-1]
    assert (last.status, last.reason) == (Status.NO_DATA, "no rows: no partition date=2026-03-04/hour=12")
    by_measure = {f.measure: f for f in last.findings if f.slice == "all"}
    rows = by_measure["traffic.rows"]
    assert (rows.verdict, rows.value) == (Verdict.BREACH, 0)
    assert rows.expected == pytest.approx(REQUESTS * PLACES, rel=0.05)
    fine = {f.measure for f in last.findings if f.verdict is Verdict.OK}
    assert fine <= {"traffic.recent_rows"}  # half of what it counts was there
    [incident] = last.open_incidents
    assert (incident.detector, incident.severity, incident.opened_at) == ("traffic", "page", due_at(60))
    assert incident.summary == "shop: no requests in the window, usually 50."


def test_a_stop_is_told_for_as_long_as_it_lasts_and_ends_with_the_rows(tmp_path: Path) -> None:
    write_hours(tmp_path, [*range(60), *range(64, 68)])
    told = history(shop(tmp_path), 68)
    assert [len(e.open_incidents) for e in told[58:]] == [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]
    assert len({i.id for e in told for i in e.open_incidents}) == 1
    assert told[65].open_incidents[0].resolved_at == due_at(65)


def test_a_log_that_is_away_fails_and_is_tried_again_and_is_found_when_it_is_back(tmp_path: Path) -> None:
    root, away = tmp_path / "log", tmp_path / "away"
    write_hours(root, range(8))
    with Store.in_memory() as store:
        cycle(shop(root), store, due_at(3))
        root.rename(away)
        [failed] = cycle(shop(root), store, due_at(4))
        assert (failed.window, failed.status, failed.attempt) == (hour(4), Status.FAILED, 1)
        assert len(failed.findings) == 0
        [again] = cycle(shop(root), store, due_at(4) + FIRST_RETRY)
        assert (again.window, again.status, again.attempt) == (hour(4), Status.FAILED, 2)
        assert cycle(shop(root), store, due_at(4) + 2 * FIRST_RETRY) == []  # the gap grows
        both = cycle(shop(root), store, due_at(5))
        assert [(e.window, e.status, e.attempt) for e in both] == [
            (hour(4), Status.FAILED, 3), (hour(5), Status.FAILED, 1)
        ]  # fmt: skip
        away.rename(root)
        back = cycle(shop(root), store, due_at(5) + 8 * FIRST_RETRY)
        assert [(e.window, e.status, e.attempt) for e in back] == [
            (hour(4), Status.EVALUATED, 4), (hour(5), Status.EVALUATED, 2)
        ]  # fmt: skip
        assert [e.read.rows_late for e in back] == [0, 0]
        assert_tells_the_same(store.evaluations("shop"), history(shop(root), 6))


def test_a_log_that_is_missing_from_the_beginning_fails_with_what_to_do(tmp_path: Path) -> None:
    with Store.in_memory() as store:
        told = cycle(shop(tmp_path / "nowhere", window={"replay": HOUR}), store, due_at(0))
        assert [(e.status, e.reason) for e in told] == [
            (Status.FAILED, f"{tmp_path / 'nowhere'}: does not exist: check `log.path`")
        ]


def test_a_window_over_budget_is_refused_and_says_so(tmp_path: Path) -> None:
    write_hours(tmp_path, range(3))
    tight = shop(tmp_path, budget=BudgetConfig(bytes_per_evaluation=1))
    with Store.in_memory() as store:
        told = cycle(tight, store, due_at(2))
        assert [e.status for e in told] == [Status.REFUSED] * 3
        assert {len(e.findings) for e in told} == {0}
        assert {e.read.bytes_read for e in told} == {0}
        assert told[0].reason.startswith("over budget: the window needs ")
        assert told[0].reason.endswith(
            "and budget.bytes_per_evaluation is 1B: raise it, or write smaller row groups"
        )
        assert cycle(tight, store, due_at(2) + HOUR / 2) == []  # refused once, not every minute


def test_the_days_budget_ends_with_the_day_on_which_it_was_spent(tmp_path: Path) -> None:
    write_hours(tmp_path, range(28))
    one = history(shop(tmp_path), 1)[0].read.bytes_read
    day = shop(tmp_path, budget=BudgetConfig(bytes_per_day=int(3.5 * one)))
    with Store.in_memory() as store:
        statuses = [cycle(day, store, due_at(k))[-1].status for k in range(28)]
        refused = [s is Status.REFUSED for s in statuses]
        assert refused[:3] == [False] * 3
        assert refused[4:23] == [True] * 19
        assert refused[23:26] == [False] * 3  # read after midnight
        reasons = [e.reason for e in store.evaluations("shop") if e.status is Status.REFUSED]
        assert all(r.startswith("the day's budget is used up: ") for r in reasons)


def test_a_detector_that_raises_is_an_error_for_its_measures_and_the_others_go_on(tmp_path: Path) -> None:
    write_hours(tmp_path, range(2))
    broken = "tests.monitor.cycle.broken_detectors:Divides"
    told = history(shop(tmp_path, detectors={broken: {}}), 2)
    plain = history(shop(tmp_path), 2)
    for found, expected in zip(told, plain, strict=True):
        assert found.status is Status.EVALUATED
        assert set(found.failures) == {"divides"}
        assert found.failures["divides"].startswith("ZeroDivisionError: division by zero (")
        assert "broken_detectors.py:" in found.failures["divides"]
        verdicts = {f.measure: f.verdict for f in found.findings if f.detector == "divides"}
        assert verdicts == {"divides.one": Verdict.ERROR, "divides.two": Verdict.ERROR}
        others = [f for f in found.findings if f.detector != "divides"]
        assert repr(others) == repr(list(expected.findings))


@pytest.mark.parametrize(
    ("detector", "reason"),
    [
        (
            "Shapeless",
            "TypeError: measurement one: value must be 1 numbers, one for each slice, not an array of shape",
        ),
        ("Exits", "SystemExit"),
    ],
)
def test_detectors_that_misbehave(tmp_path: Path, detector: str, reason: str) -> None:
    write_hours(tmp_path, [0])
    config = shop(tmp_path, detectors={f"tests.monitor.cycle.broken_detectors:{detector}": {}})
    [found] = history(config, 1)
    assert found.failures[detector.lower()].startswith(reason)


def test_a_detector_that_is_left_out_is_an_error_too(tmp_path: Path) -> None:
    write_hours(tmp_path, [0])
    with Store.in_memory() as store:
        [found] = cycle(
            shop(tmp_path, window={"replay": HOUR}),
            store,
            due_at(0),
            leave_out={hour(0): frozenset({"scores"})},
        )
    assert found.failures == {"scores": "stopped: it ran out of time or ended the worker before"}
    assert {f.verdict for f in found.findings if f.detector == "scores"} == {Verdict.ERROR}


def test_a_detector_whose_values_are_not_numbers_is_never_ok(tmp_path: Path) -> None:
    write_hours(tmp_path, range(60))
    told = history(shop(tmp_path, detectors={"tests.monitor.cycle.broken_detectors:Odd": {}}), 60)
    odd = {f.measure: f.verdict for f in told[-1].findings if f.detector == "odd"}
    assert odd == {"odd.nan": Verdict.NO_DATA, "odd.infinite": Verdict.ERROR}
    assert not any(e.open_incidents for e in told)


@pytest.mark.parametrize("content", [None, b"", b"not parquet"], ids=["missing", "empty", "text"])
def test_a_catalogue_that_cannot_be_read_costs_only_what_needs_it(
    tmp_path: Path, content: bytes | None
) -> None:
    write_hours(tmp_path / "log", [0])
    path = tmp_path / "items.parquet"
    if content is not None:
        path.write_bytes(content)
    [found] = history(shop(tmp_path / "log", catalog=CatalogConfig(path=str(path))), 1)
    assert found.status is Status.EVALUATED
    assert "diversity.coverage" not in found.findings.measures
    why = {c.measure: c.why for c in found.cannot_measure}
    assert why["diversity.coverage"].startswith(f"catalogue {path}: ")
    assert len(found.findings) == len(history(shop(tmp_path / "log"), 1)[0].findings)


def test_what_is_being_done_is_announced(tmp_path: Path) -> None:
    write_hours(tmp_path, [0])
    said: list[tuple[str, str]] = []
    with Store.in_memory() as store:
        cycle(
            shop(tmp_path, window={"replay": HOUR}), store, due_at(0),
            announce=lambda p: said.append((p.stage, p.detector)),
        )  # fmt: skip
    assert said == [("read", ""), *(("measure", d) for d in sorted(discover())), ("judge", "")]


def test_a_window_that_never_ends_well_is_given_up(tmp_path: Path) -> None:
    nowhere = shop(tmp_path / "nowhere", window={"replay": HOUR})
    with Store.in_memory() as store:
        now, attempts = due_at(0), []
        for _ in range(600):
            attempts += [e.attempt for e in cycle(nowhere, store, now) if e.window == hour(0)]
            now += timedelta(minutes=1)
            if now >= due_at(1):
                break
        assert attempts == [1, 2, 3, 4, 5, 6]


def test_one_bad_file_never_stops_the_window(tmp_path: Path) -> None:
    write_hours(tmp_path, [0])
    bad = write_hour(tmp_path, 0, part=1)
    bad.write_bytes(b"")
    os.utime(bad, (LONG_AGO, LONG_AGO))
    [found] = history(shop(tmp_path), 1)
    assert (found.status, found.read.rows) == (Status.EVALUATED, REQUESTS * PLACES)
    assert [(q.path, q.reason) for q in found.read.quarantined] == [(str(bad), "is empty (0 bytes)")]
