"""Why this page, and why no page: what is said of a window, word for word, and the limits that are shown."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Mode
from monitor.errors import UserError
from monitor.evaluation import Evaluation, Status
from monitor.reading.explanation import Explanation, Settings, explain, line_of
from monitor.store import Store
from monitor.store.said import Acknowledgement
from tests.monitor.factories import (
    HOUR,
    NAN,
    NOON,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    stuck_evaluation,
)

THEN = NOON - timedelta(minutes=30)
SURE = Settings(above={"same_item.first_place_share": 0.5})


def explained(*kept: Evaluation, **asked: object) -> Explanation:
    with Store.in_memory() as store:
        for one in kept:
            store.record(one)
        return explain(store, "home", **{"at": THEN, **asked})  # type: ignore[arg-type]


def test_why_this_page() -> None:
    said = Acknowledgement("home-same_item-3f9c1a", NOON + HOUR, "ann@ops", "rolling back")
    with Store.in_memory() as store:
        store.record(stuck_evaluation())
        store.acknowledge(said)
        found = explain(store, "home", THEN, settings=SURE)
    assert found.judged
    assert found.answer == (
        "A page opened in this window: home-same_item-3f9c1a: sku-007065 is on top of 97 % of the lists (1,523 of "
        "1,571 requests); 3 % is usual. It began at 2026-03-14 11:00 UTC, was told at 2026-03-14 12:10 UTC, and was "
        "judged by what was usual of same_item.first_place_share.",
        "home-same_item-3f9c1a is acknowledged by ann@ops since 2026-03-14 13:00 UTC: rolling back",
        "Not judged: 1 measurement had too little traffic or history.",
    )
    first = found.lines[0]
    assert (first.finding.measure, first.finding.slice) == (
        "same_item.identical_list_share",
        "all",
    )  # 20 times its limit
    assert first.limit_of == "history"
    assert (first.limit, first.margin) == (pytest.approx(0.02), pytest.approx(0.02 - 0.41))
    assert found.to_json()["acknowledgements"][0]["who"] == "ann@ops"


def test_why_no_page_when_all_is_well_names_what_was_nearest_to_its_limit() -> None:
    found = explained(evaluation())
    assert found.answer == (
        "No page: 6 measurements were as expected; nearest to its limit: traffic.requests of surface=email.",
        "Not judged: 1 measurement had too little traffic or history.",
    )


@pytest.mark.parametrize(
    ("row", "settings", "excluded", "why"),
    [
        ({}, Settings(), False, "not conclusive in one window, so that a second one among the next two was waited for;"
         " or an incident at this place had just closed; or the detector or recommender only observes (`mode`)."),
        ({}, Settings(modes={"same_item": Mode.OBSERVE}), False, "same_item only observes (`mode: observe`)."),
        ({}, Settings(), True, "all of this window is left out of history, as in a stretch of maintenance,"
         " when nobody is told."),
    ],
)  # fmt: skip
def test_why_no_page_although_something_was_found(
    row: dict[str, object], settings: Settings, excluded: bool, why: str
) -> None:
    found = findings([finding("same_item.share", 0.2, Verdict.BREACH, high=0.1, excluded=excluded)])
    assert explained(evaluation(findings=found), settings=settings).answer == (
        f"No page, although 1 measurement was not as expected (same_item.share of all traffic): {why}",
    )


def test_a_ticket_is_no_page_and_says_so() -> None:
    ticket = incident(severity=Severity.TICKET, judged_by="floor")
    found = stuck_evaluation(open_incidents=(ticket,))
    first, second, *_ = explained(found).answer
    assert first.startswith("A ticket opened in this window: home-same_item-3f9c1a: ")
    assert "judged by an absolute limit of same_item.first_place_share" in first
    assert second == (
        "No page, although 4 measurements were not as expected (same_item.identical_list_share of all traffic, "
        "same_item.first_place_share of all traffic, same_item.first_place_share of surface=email and 1 more): "
        "what was found is worth a ticket, and no page."
    )


def test_replayed_history_was_told_to_nobody() -> None:
    first, *others = explained(stuck_evaluation(open_incidents=(incident(silent=True),))).answer
    assert first.startswith(
        "A page opened in this window; it is replayed history, of which nobody is told: home-same"
    )
    assert not any(sentence.startswith("No page") for sentence in others)


def test_what_was_not_judged_is_not_said_to_be_well() -> None:
    found = explained(failed_evaluation())
    assert found.answer == ("No page: nothing was judged (failed: no file of the window could be read).",)
    assert not found.judged
    nothing = findings([finding("a.b", NAN, Verdict.NO_DATA), finding("a.c", NAN, Verdict.ERROR)])
    found = explained(evaluation(findings=nothing, failures={"own": "ValueError: no"}))
    assert found.answer == (
        "No page: nothing could be judged, which does not mean that all was well.",
        "Not judged: 1 measurement had nothing to measure.",
        "Not judged: 1 measurement could not be computed.",
        "Not judged: detector own failed: ValueError: no",
    )


@pytest.mark.parametrize(
    ("at", "why"),
    [
        (NOON - 3 * HOUR, "Nothing is kept of 2026-03-14 09:00 UTC: the oldest window that is begins at"
         " 2026-03-14 11:00 UTC (`daemon.retention` says how long windows are kept)."),
        (NOON, "The window of 2026-03-14 12:00 UTC has not been evaluated: the newest one ends at 2026-03-14 12:00 UTC,"
         " and this one is due at 2026-03-14 13:10 UTC."),
        (NOON + 3.5 * HOUR, "The window of 2026-03-14 15:30 UTC has not been evaluated: the newest one ends at"
         " 2026-03-14 12:00 UTC, and this one is due at 2026-03-14 16:10 UTC."),
    ],
)  # fmt: skip
def test_a_moment_without_a_window(at: object, why: str) -> None:
    found = explained(evaluation(), at=at)
    assert found.answer == (why,)
    assert found.to_json()["window"] is None
    assert not found.judged


def test_a_gap_between_windows() -> None:
    found = explained(evaluation(), evaluation(end=NOON + 3 * HOUR), at=NOON + HOUR)
    assert found.answer == (
        "No window of 2026-03-14 13:00 UTC has been evaluated, although windows before and after it have.",
    )


def test_the_window_that_begins_at_the_moment_is_the_one() -> None:
    kept = evaluation(), evaluation(end=NOON + HOUR)
    for at, end in ((NOON - HOUR, NOON), (NOON, NOON + HOUR), (NOON - timedelta(microseconds=1), NOON)):
        found = explained(*kept, at=at).evaluation
        assert found is not None
        assert found.window.end == end


def test_only_a_slice_or_a_detector() -> None:
    found = explained(stuck_evaluation(), slice="surface=email")
    assert [line.finding.slice for line in found.lines] == ["surface=email"]
    found = explained(stuck_evaluation(), slice="all", detector="same_item")
    assert {line.finding.measure for line in found.lines} == {
        "same_item.first_place_share",
        "same_item.identical_list_share",
    }
    assert found.answer[-1] == "Cannot be measured: same_item.users: the log has no user column"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"slice": "surface=emial"}, '--slice "surface=emial": there was no such slice then; '
         'did you mean "surface=email"?'),
        ({"slice": "email"}, '--slice "email": write COLUMN=VALUE, or two with a comma between'),
        ({"detector": "same_itme"}, '--detector "same_itme": no such detector measured anything then; '
         'did you mean "same_item"?'),
    ],
)  # fmt: skip
def test_mistakes(asked: dict[str, str], why: str) -> None:
    with pytest.raises(UserError) as told:
        explained(evaluation(), **asked)
    assert str(told.value) == why


def test_an_unknown_recommender() -> None:
    with Store.in_memory() as store, pytest.raises(UserError) as told:
        explain(store, "home", THEN)
    assert str(told.value) == 'nothing is known of a recommender "home"; nothing was evaluated yet'


@given(
    value=st.floats(-10, 10),
    low=st.floats(-10, 10) | st.just(NAN) | st.just(-math.inf),
    high=st.floats(-10, 10) | st.just(NAN) | st.just(math.inf),
    above=st.none() | st.floats(-10, 10),
    below=st.none() | st.floats(-10, 10),
)
def test_the_margin_is_negative_exactly_when_some_limit_is_passed(
    value: float, low: float, high: float, above: float | None, below: float | None
) -> None:
    settings = Settings({} if above is None else {"a.b": above}, {} if below is None else {"a.b": below})
    line = line_of(finding("a.b", value, low=low, high=high), settings)
    over = [b for b in (high, above) if b is not None and math.isfinite(b)]
    under = [b for b in (low, below) if b is not None and math.isfinite(b)]
    if line.margin is None or line.limit is None:
        assert not over
        assert not under
        return
    assert (line.margin < 0) == (any(value > b for b in over) or any(value < b for b in under))
    assert line.limit in over + under
    assert abs(line.margin) == pytest.approx(abs(line.limit - value))


def test_a_limit_that_cannot_be_passed_is_none() -> None:
    row = finding("a.share", 0.0, low=0.0, high=1.0)
    assert line_of(row, Settings(units={"a.share": "ratio"})).limit is None
    assert line_of(row).limit == 0.0  # without a unit it may be negative


def test_json_has_what_the_document_promises_and_no_numbers_that_json_lacks() -> None:
    document = explained(stuck_evaluation()).to_json()
    json.dumps(document, allow_nan=False)
    assert list(document) == [
        "schema_version",
        "recommender",
        "at",
        "window",
        "status",
        "reason",
        "told_at",
        "evaluated_at",
        "attempt",
        "answer",
        "judged",
        "failures",
        "cannot_measure",
        "incidents",
        "acknowledgements",
        "rebaselines",
    ]
    assert list(document["judged"][0]) == [
        "slice",
        "detector",
        "measure",
        "value",
        "error",
        "n",
        "expected",
        "low",
        "high",
        "limit",
        "limit_of",
        "margin",
        "verdict",
        "excluded",
        "evidence",
    ]
    assert document["status"] == Status.EVALUATED.value
    assert document["incidents"][0]["id"] == "home-same_item-3f9c1a"
    thin = next(row for row in document["judged"] if row["verdict"] == "too_few")
    assert (thin["value"], thin["slice"]) == (None, {"country": "LU", "surface": "email"})
