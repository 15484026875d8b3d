"""Outcomes that come late, from both logs to measurements: nothing is told before it could be known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from monitor.cycle import backtest
from monitor.evaluation import Evaluation, OutcomesState
from monitor.evaluator import Evaluator
from monitor.outcomes import lag
from monitor.store import Store
from tests.monitor.cycle.small_shop import assert_tells_the_same, cycle, due_at, hour, rows_of
from tests.monitor.outcomes.clicks_log import (
    counted,
    outcomes_of,
    watched,
    write_lists,
    write_outcomes,
)

HOURS = 8
MEASURES = ("outcome.click_rate", "outcome.conversion_rate", "outcome.value_per_row", "outcome.logged")


def measured(evaluation: Evaluation, slice_: str = "all") -> dict[str, float]:
    return {f.measure: f.value for f in evaluation.findings if f.slice == slice_}


@pytest.fixture
def everything(tmp_path: Path) -> list[dict[str, Any]]:
    """A log of lists and one of outcomes, complete."""
    outcomes = [o for k in range(HOURS) for o in outcomes_of(k)]
    write_lists(tmp_path, range(HOURS))
    write_outcomes(tmp_path, outcomes, range(HOURS + 2))
    return outcomes


def test_a_window_tells_what_came_of_the_requests_whose_delay_has_passed(
    tmp_path: Path, everything: list[dict[str, Any]]
) -> None:
    found = list(backtest(watched(tmp_path), [hour(k) for k in range(1, HOURS)]))
    for k, evaluation in enumerate(found, 1):
        assert evaluation.failures == {}
        value = measured(evaluation)
        by_hand = counted(k - 1, everything)
        assert value["outcome.click_rate"] == pytest.approx(by_hand["outcome.click_rate"]), k
        assert value["outcome.logged"] == by_hand["outcome.logged"]
        assert value["outcome.value_per_row"] == pytest.approx(by_hand["outcome.value_per_row"], rel=0.016)
        seen = evaluation.read.outcomes
        assert seen is not None
        assert (seen.state, seen.start, seen.end) == (OutcomesState.READ, hour(k - 1).start, hour(k - 1).end)
        assert value["traffic.requests"] == 60  # everything else is of the window itself


def test_conversions_are_added_up_over_windows(tmp_path: Path, everything: list[dict[str, Any]]) -> None:
    *_, last = backtest(watched(tmp_path), [hour(k) for k in range(1, HOURS)])
    rates = [counted(k, everything)["outcome.conversion_rate"] for k in range(HOURS - 1)]
    assert measured(last)["outcome.conversion_rate"] == pytest.approx(sum(rates) / len(rates))


def test_nothing_that_happened_later_is_looked_at(tmp_path: Path, everything: list[dict[str, Any]]) -> None:
    """The same findings, whether later hours of both logs are there yet or not."""
    complete = list(backtest(watched(tmp_path), [hour(k) for k in range(1, 6)]))
    cut = tmp_path / "cut"
    write_lists(cut, range(6))
    end = due_at(5)
    write_outcomes(cut, [o for o in everything if o["at"] < end], range(7))
    assert_tells_the_same(list(backtest(watched(cut), [hour(k) for k in range(1, 6)])), complete)


def test_a_cycle_hour_by_hour_tells_what_history_does(
    tmp_path: Path, everything: list[dict[str, Any]]
) -> None:
    recommender = watched(tmp_path)
    told = list(backtest(recommender, [hour(k) for k in range(HOURS)]))
    with Store.open(tmp_path / "state") as store:
        found = [e for k in range(HOURS) for e in cycle(recommender, store, due_at(k))]
        again = cycle(recommender, store, due_at(HOURS - 1))
    assert again == []
    assert_tells_the_same(found, told)


def test_late_outcomes_are_taken_in_when_they_come(tmp_path: Path, everything: list[dict[str, Any]]) -> None:
    recommender = watched(tmp_path)
    late = tmp_path / "late"
    write_lists(late, range(HOURS))
    write_outcomes(late, everything, range(4))
    recommender = watched(late)
    with Store.open(tmp_path / "state") as store:
        for k in range(5):
            cycle(recommender, store, due_at(k))
        before = {e.window: e for e in store.evaluations("shop")}
        assert before[hour(4)].read.outcomes is not None
        assert before[hour(4)].read.outcomes.state is OutcomesState.LATE
        assert "outcome.click_rate" not in measured(before[hour(4)])
        write_outcomes(late, everything, range(4, HOURS))
        cycle(recommender, store, due_at(5))
        after = {e.window: e for e in store.evaluations("shop")}
    assert after[hour(4)].attempt == 2
    by_hand = counted(3, everything)["outcome.click_rate"]
    assert measured(after[hour(4)])["outcome.click_rate"] == pytest.approx(by_hand)
    assert after[hour(3)].attempt == 1  # it had been complete


def why(evaluation: Evaluation, measure: str = "outcome.click_rate") -> str:
    [text] = [c.why for c in evaluation.cannot_measure if c.measure == measure]
    return text


def only(found: Sequence[Evaluation]) -> Evaluation:
    [evaluation] = found
    return evaluation


def test_without_the_outcomes_log_everything_else_goes_on(tmp_path: Path) -> None:
    write_lists(tmp_path, range(3))
    evaluation = only(list(backtest(watched(tmp_path), [hour(2)])))
    assert measured(evaluation)["traffic.requests"] == 60
    path = tmp_path / "clicks"
    assert why(evaluation) == f"outcomes: {path}: does not exist: check `outcomes.path`"
    assert why(evaluation, "outcome.logged") == why(evaluation)
    assert not any(f.measure.startswith("outcome.") for f in evaluation.findings)
    assert evaluation.read.outcomes is not None
    assert evaluation.read.outcomes.state is OutcomesState.MISSING


def test_a_log_that_stopped_is_no_fall_of_clicks(tmp_path: Path, everything: list[dict[str, Any]]) -> None:
    stopped = tmp_path / "stopped"
    write_lists(stopped, range(HOURS))
    moment = hour(3).start + timedelta(minutes=20)
    write_outcomes(stopped, [o for o in everything if o["at"] < moment], range(4))
    found = {e.window: e for e in backtest(watched(stopped), [hour(k) for k in range(1, HOURS)])}
    assert measured(found[hour(2)])["outcome.click_rate"] > 0
    newest = max(o["at"] for o in everything if o["at"] < moment)
    assert why(found[hour(3)]) == (
        f"the outcomes' log ends at {newest:%Y-%m-%d %H:%M} UTC, and is needed up to "
        f"{hour(3).end:%Y-%m-%d %H:%M} UTC: late, or stopped"
    )
    gone = found[hour(5)]
    assert why(gone) == (
        f"the outcomes' log has no rows from {hour(4).start - timedelta(minutes=5):%Y-%m-%d %H:%M} to "
        f"{hour(5).end:%Y-%m-%d %H:%M} UTC; there is no partition date=2026-03-02/hour=05"
    )
    assert measured(gone)["outcome.logged"] == 0  # which is judged: that it stopped is told
    assert not any(f.measure == "outcome.click_rate" for f in gone.findings)


def test_a_budget_that_outcomes_do_not_fit_in_is_said_of_outcomes_alone(
    tmp_path: Path, everything: list[dict[str, Any]]
) -> None:
    recommender = watched(tmp_path)
    spent = 2 * 2**20
    budget = recommender.budget.model_copy(update={"bytes_per_day": spent})
    tight = recommender.model_copy(update={"budget": budget})
    evaluator = Evaluator(tight, lambda progress: None, {})
    whole = evaluator.evaluate(hour(3), due_at(3), 0).evaluation
    assert whole.read.outcomes is not None
    bytes_of_window = whole.read.bytes_read - whole.read.outcomes.bytes_read
    read = evaluator.evaluate(hour(3), due_at(3), spent - bytes_of_window - 1).evaluation
    assert read.read.outcomes is not None
    assert read.read.outcomes.state is OutcomesState.REFUSED
    assert read.read.rows == 180
    assert "the day's budget is used up" in why(read)


@pytest.mark.parametrize(
    ("length", "delay", "settle", "expected"),
    [
        ("1h", "1h", "10m", "1h"),
        ("1h", "10m", "0s", "0s"),
        ("1h", "30m", "10m", "1h"),
        ("15m", "30m", "10m", "30m"),
        ("1d", "1h", "10m", "1h"),
        ("1h", "3d", "1h", "73h"),
        ("1h", "0s", "0s", "0s"),
    ],
)
def test_outcomes_lag_by_whole_windows_or_hours(
    tmp_path: Path, length: str, delay: str, settle: str, expected: str
) -> None:
    recommender = watched(tmp_path, delay=delay, settle=settle)
    window = recommender.window.model_validate({"length": length, "settle": "10m"})
    units = {"s": "seconds", "m": "minutes", "h": "hours"}
    wanted = timedelta(**{units[expected[-1]]: int(expected[:-1])})
    assert lag(recommender.model_copy(update={"window": window})) == wanted


def test_a_delay_that_is_shorter_than_most_clicks_counts_only_those_in_time(
    tmp_path: Path, everything: list[dict[str, Any]]
) -> None:
    recommender = watched(tmp_path, delay=timedelta(minutes=10), settle=timedelta(0))
    assert lag(recommender) == timedelta(0)
    found = only(list(backtest(recommender, [hour(2)])))
    quick = [
        o for o in everything
        if o["at"] - _asked(o) <= timedelta(minutes=10)
    ]  # fmt: skip
    assert measured(found)["outcome.click_rate"] == pytest.approx(counted(2, quick)["outcome.click_rate"])
    assert measured(found)["outcome.click_rate"] < counted(2, everything)["outcome.click_rate"]


def _asked(outcome: dict[str, Any]) -> Any:
    k = int(outcome["request_id"].split("-")[0].removeprefix("r"))
    return next(row["ts"] for row in rows_of(k, 60) if row["request_id"] == outcome["request_id"])
