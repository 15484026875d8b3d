"""Detectors that somebody else wrote: what one does wrong is named, and the others go on."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from detectors import Context, Detector, Expected, Measure, Measurement, Summary, Unit
from detectors.statistics.traffic_tally import TrafficTally
from monitor.engine.measure import measure
from monitor.engine.summarise import WindowSummary
from monitor.evaluation import ReadReport
from tests.detectors.batches import of_lists

SUMMARY = Summary.of(of_lists([["a"], ["b"]], users=["u", "v"], surfaces=["home", "cart"]), [TrafficTally])
SLICES = len(SUMMARY.slices)


def measurement(name: str = "requests", value: Any = 2.0) -> Measurement:
    return Measurement(name, np.full(SLICES, value), np.full(SLICES, 0.1), np.full(SLICES, 2.0))


class Own(Detector):
    """Does what the test says."""

    name = "own"
    statistics = (TrafficTally,)

    def __init__(self, does: Callable[[Summary], Iterable[Any]], needs: frozenset[str] = frozenset()) -> None:
        self.does, self.needs = does, needs

    def measures(self) -> tuple[Measure, ...]:
        return tuple(Measure(name, Unit.REQUESTS, "", needs=self.needs) for name in ("requests", "rows"))

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield from self.does(summary)


def healthy() -> Own:
    return Own(lambda summary: [measurement()])


def outcome(
    does: Callable[[Summary], Iterable[Any]] | Detector,
    leave_out: Sequence[str] = (),
    has: Sequence[str] = (),
) -> tuple[list[str], dict[str, str]]:
    """Names of what was measured, and failures, of a detector between two healthy ones."""
    own = does if isinstance(does, Detector) else Own(does)
    found, failures = measure(
        WindowSummary(SUMMARY, ReadReport()),
        {"before": healthy(), "own": own, "after": healthy()},
        Context(),
        has,
        leave_out,
        lambda name: None,
    )
    names = [name for name, _ in found]
    assert names[0] == "before.requests"
    assert names[-1] == "after.requests"
    return names[1:-1], failures


def line_of(mark: str) -> int:
    with open(__file__, encoding="utf-8") as lines:
        return next(i for i, text in enumerate(lines, 1) if text.rstrip().endswith(f"# {mark}"))


def test_each_is_announced_before_it_runs() -> None:
    said: list[str] = []

    def does(summary: Summary) -> Iterator[Measurement]:
        said.append("runs")
        yield measurement()

    measure(
        WindowSummary(SUMMARY, ReadReport()), {"a": Own(does), "b": Own(does)}, Context(), (), (), said.append
    )
    assert said == ["a", "runs", "b", "runs"]


def test_one_that_raises_is_named_with_its_own_line() -> None:
    def does(summary: Summary) -> Iterator[Measurement]:
        yield measurement()
        np.stack([])  # raises

    found, failures = outcome(does)
    assert found == []
    assert failures == {
        "own": f"ValueError: need at least one array to stack ({__file__}:{line_of('raises')})"
    }


def test_one_that_ends_the_process_is_named_with_its_own_line() -> None:
    def does(summary: Summary) -> Iterator[Measurement]:
        yield measurement()
        sys.exit(3)  # ends

    assert outcome(does) == ([], {"own": f"SystemExit: 3 ({__file__}:{line_of('ends')})"})


def test_one_that_raises_before_it_measures_is_named_too() -> None:
    class Broken(Own):
        def measures(self) -> tuple[Measure, ...]:
            raise KeyError("top")  # raises at once

    found, failures = outcome(Broken(lambda summary: []))
    assert (found, failures) == ([], {"own": f"KeyError: 'top' ({__file__}:{line_of('raises at once')})"})


def test_one_that_writes_into_the_summary_is_named_and_misleads_nobody() -> None:
    def does(summary: Summary) -> Iterator[Measurement]:
        summary[TrafficTally].counts[:] = 0  # writes
        yield measurement()

    before = SUMMARY[TrafficTally].counts.tolist()
    found, failures = outcome(does)
    assert found == []
    assert failures == {
        "own": f"ValueError: assignment destination is read-only ({__file__}:{line_of('writes')})"
    }
    assert SUMMARY[TrafficTally].counts.tolist() == before


@pytest.mark.parametrize(
    "of",
    [
        lambda s: s.slices.members,
        lambda s: s.cells.keys,
        lambda s: s.clustering,
        lambda s: s[TrafficTally].groups,
    ],
)
def test_nothing_of_a_summary_can_be_written(of: Callable[[Summary], np.ndarray]) -> None:
    outcome(lambda summary: [])
    assert not of(SUMMARY).flags.writeable


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (
            [Measurement("requests", np.zeros(SLICES + 1), np.zeros(SLICES), np.zeros(SLICES))],
            "TypeError: measurement requests: value must be 3 numbers, one for each slice, "
            "not an array of shape (4,) and type float64",
        ),
        (
            [Measurement("requests", np.zeros(SLICES), np.float64(0), np.zeros(SLICES))],  # wrong on purpose
            "TypeError: measurement requests: error must be 3 numbers, one for each slice, "
            "not an array of shape () and type float64",
        ),
        (
            [Measurement("requests", np.zeros(SLICES), np.zeros(SLICES), np.array(["1", "2", "3"]))],
            "TypeError: measurement requests: n must be 3 numbers, one for each slice, "
            "not an array of shape (3,) and type <U1",
        ),
        (
            [measurement("request")],
            "ValueError: measurement request is not among those that measures() declares",
        ),
        ([measurement(), measurement()], "ValueError: measurement requests was made twice"),
        ([("requests", 1.0)], "TypeError: measure() must yield measurements, not tuple"),
        (None, "TypeError: 'NoneType' object is not iterable"),
    ],
)
def test_what_is_no_measurement_is_refused(made: Any, message: str) -> None:
    found, failures = outcome(lambda summary: made)
    assert found == []
    assert failures["own"].startswith(f"{message} ({__file__}")


def test_lists_and_integers_are_numbers() -> None:
    made = Measurement("requests", [1, 2, 3], np.array([1, 2, 3]), np.array([True] * 3))  # wrong on purpose
    own = Own(lambda summary: [made])
    found, failures = measure(
        WindowSummary(SUMMARY, ReadReport()), {"own": own}, Context(), (), (), lambda _: None
    )
    assert failures == {}
    assert {getattr(found[0][1], c).dtype for c in ("value", "error", "n")} == {np.dtype(float)}


def test_nan_and_infinity_are_left_to_the_judge() -> None:
    own = Own(lambda summary: [measurement("requests", np.nan), measurement("rows", np.inf)])
    found, failures = measure(
        WindowSummary(SUMMARY, ReadReport()), {"own": own}, Context(), (), (), lambda _: None
    )
    assert failures == {}
    assert [str(m.value[0]) for _, m in found] == ["nan", "inf"]


def test_one_that_hung_before_is_left_out() -> None:
    ran: list[str] = []
    own = Own(lambda summary: ran.append("own") or [measurement()])  # type: ignore[func-returns-value]  # for its effect
    found, failures = outcome(own, leave_out=["own"])
    assert (found, ran) == ([], [])
    assert failures == {"own": "stopped: it ran out of time or ended the worker before"}


def test_what_the_log_does_not_allow_is_not_measured() -> None:
    own = Own(lambda summary: [measurement("rows")], needs=frozenset({"request", "user"}))
    assert outcome(own, has=["request"]) == ([], {})
    assert outcome(own, has=["request", "user"]) == (["own.rows"], {})


def test_evidence_that_raises_says_so_and_ends_nothing() -> None:
    def evidence(s: int) -> dict[str, Any]:
        return {"slice": [{"a": 1}][s]}

    made = measurement()
    own = Own(lambda summary: [Measurement(made.measure, made.value, made.error, made.n, evidence)])
    found, _ = measure(WindowSummary(SUMMARY, ReadReport()), {"own": own}, Context(), (), (), lambda _: None)
    told = found[0][1].evidence
    assert told is not None
    assert [told(0), told(1)] == [{"slice": {"a": 1}}, {"error": "IndexError: list index out of range"}]


class Alike(Detector):
    """Counts requests twice: as a measure of sameness, and as one of traffic."""

    name = "alike"
    statistics = (TrafficTally,)

    def measures(self) -> tuple[Measure, ...]:
        return (
            Measure("same", Unit.REQUESTS, "", of_sameness=True),
            Measure("requests", Unit.REQUESTS, ""),
        )

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        tally = summary[TrafficTally]
        n = tally.by_slice(summary.members(tally))["requests"].astype(float)
        for measure_ in ("same", "requests"):
            yield Measurement(measure_, n, n * 0, n, lambda s: {"n": float(n[s])})


def alike(expected: Expected, requests: int = 3) -> dict[str, dict[str, float]]:
    """Values by measure and slice."""
    batch = of_lists([["a"]] * requests, surfaces=(["home", "cart", "cart"] * requests)[:requests])
    summary = Summary.of(batch, [TrafficTally], expected=expected)
    window = WindowSummary(summary, ReadReport())
    found, failures = measure(
        window, {"alike": Alike()}, Context(expected=expected), (), (), lambda name: None
    )
    assert failures == {}
    return {name: dict(zip(summary.slices.texts, m.value.tolist(), strict=True)) for name, m in found}


def test_where_the_same_for_everyone_is_meant_nothing_is_said_of_sameness() -> None:
    found = alike(Expected(kinds=(({"surface": "cart"}, "popular"),)))
    assert found["alike.requests"] == {"all": 3, "surface=cart": 2, "surface=home": 1}
    assert found["alike.same"] == {
        "all": 1,
        "surface=cart": pytest.approx(np.nan, nan_ok=True),
        "surface=home": 1,
    }


def test_elsewhere_the_kind_changes_nothing() -> None:
    plain = alike(Expected())
    assert plain["alike.same"] == plain["alike.requests"] == {"all": 3, "surface=cart": 2, "surface=home": 1}
    assert alike(Expected(kinds=(({"surface": "cart"}, "contextual"),))) == plain


def test_a_recommender_that_is_popular_as_a_whole_has_no_measure_of_sameness() -> None:
    assert set(alike(Expected("popular"))) == {"alike.requests"}
    part = alike(Expected("popular", kinds=(({"surface": "cart"}, "personalised"),)))
    assert part["alike.same"]["all"] == part["alike.same"]["surface=cart"] == 2
