"""How a recommender stands, in one word: trouble first, and what is not known is never fine."""

from dataclasses import replace
from datetime import timedelta

import pytest

from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Mode, WindowConfig
from monitor.evaluation import CatalogSeen, Evaluation, Quarantined, Status
from monitor.incidents.incident import Incident
from monitor.web.states import TONES, State, evaluation_state, notes, recommender_state
from tests.monitor.factories import (
    HOUR,
    NAN,
    NOON,
    config,
    evaluation,
    failed_evaluation,
    finding,
    findings,
    incident,
    read_report,
    stuck_evaluation,
)

SOON = NOON + timedelta(minutes=20)


def state(latest: Evaluation | None, *incidents: Incident, now: object = SOON, **fields: object) -> State:
    newest = latest.read.newest_event if latest else None
    return recommender_state(config(**fields), latest, incidents, newest, now)  # type: ignore[arg-type]  # for short


def test_a_healthy_window_is_ok() -> None:
    assert state(evaluation()) == State("ok", "good", "4 measurements are as expected.")


def test_the_loudest_incident_is_the_state() -> None:
    ticket, page = incident(severity=Severity.TICKET, summary="Quieter."), incident(summary="Stuck.")
    assert state(stuck_evaluation(), ticket, page) == State("page", "bad", "Stuck.")
    assert state(stuck_evaluation(), ticket) == State("ticket", "warn", "Quieter.")


@pytest.mark.parametrize(
    ("latest", "word"),
    [
        (None, "not evaluated yet"),
        (failed_evaluation(), "failed"),
        (evaluation(status=Status.REFUSED), "refused"),
        (evaluation(status=Status.SKIPPED), "skipped"),
        (evaluation(status=Status.NO_DATA), "no data"),
        (evaluation(findings=findings([])), "no data"),
        (evaluation(findings=findings([finding("x.a", NAN, Verdict.NO_DATA)])), "no data"),
        (evaluation(findings=findings([finding("x.a", NAN, Verdict.TOO_FEW)])), "too few"),
        (evaluation(findings=findings([finding("x.a", 1), finding("x.b", NAN, Verdict.ERROR)])), "error"),
        (evaluation(failures={"scores": "raised"}), "error"),
        (evaluation(findings=findings([finding("x.a", 1, slice="a=b")])), "no data"),
        (stuck_evaluation(), "breach"),
    ],
)
def test_what_is_not_known_is_never_fine(latest: Evaluation | None, word: str) -> None:
    found = state(latest)
    assert (found.word, found.tone == "good") == (word, False)


def test_some_undecided_measurements_are_said() -> None:
    rows = findings([finding("x.a", 1), finding("x.b", NAN, Verdict.TOO_FEW)])
    assert state(evaluation(findings=rows)).why == "1 measurement is as expected, 1 cannot be judged."


def test_a_breach_in_a_slice_alone_is_said() -> None:
    rows = findings([finding("x.a", 1), finding("x.a", 9, Verdict.BREACH, slice="a=b")])
    assert state(evaluation(findings=rows)).why == (
        "1 measurement is as expected; 1 in slices not as expected, not conclusive enough for an incident, "
        "or only observed."
    )


def test_no_news_for_two_periods_is_overdue() -> None:
    due = NOON + HOUR + timedelta(minutes=10)
    assert state(evaluation(), now=due + HOUR).word == "ok"
    late = state(evaluation(), now=due + HOUR + timedelta(seconds=1))
    assert (late.word, late.tone) == ("overdue", "warn")
    assert late.why.replace("\u00a0", " ") == (
        "The window after 2026-03-14 12:00 UTC should have been evaluated at 2026-03-14 13:10 UTC."
    )


def test_older_windows_that_are_being_evaluated_say_nothing_of_now() -> None:
    due, long_ago = NOON + HOUR + timedelta(minutes=10), NOON - 50 * HOUR
    now = due + 2 * HOUR
    at_work = replace(evaluation(end=long_ago), evaluated_at=now - timedelta(minutes=10))
    found = state(at_work, now=now)
    assert (found.word, found.tone) == ("catching up", "mute")
    assert found.why.replace("\u00a0", " ") == (
        "Older windows are being evaluated, by now up to 2026-03-12 10:00 UTC."
    )
    assert state(at_work, now=now + timedelta(seconds=1)).word == "overdue"


def test_between_two_nightly_batches_a_log_waits() -> None:
    nightly = WindowConfig(cadence=timedelta(days=1))
    empty = evaluation(end=NOON + 20 * HOUR, status=Status.NO_DATA, read=read_report(rows=0))
    assert state(empty, now=NOON + 21 * HOUR, window=nightly).word == "waiting"
    empty = evaluation(end=NOON + 30 * HOUR, status=Status.NO_DATA, read=read_report(rows=0))
    assert state(empty, now=NOON + 31 * HOUR, window=nightly).word == "no data"


def test_an_observed_breach_says_that_nobody_is_told() -> None:
    found = state(stuck_evaluation(), incident(), mode=Mode.OBSERVE)
    assert found == State(
        "breach", "warn", "3 measurements are not as expected; nobody is told, as configured."
    )


def test_a_blind_incident_says_so() -> None:
    latest, current = failed_evaluation(), State("page", "bad")
    assert notes(config(), latest, current, SOON)[0] == (
        "The last window was not evaluated: no file of the window could be read. The incident stays open."
    )


def test_notes_name_what_was_left_out() -> None:
    bad = [Quarantined(f"part-{n}", "truncated", 0) for n in range(5)]
    read = read_report(quarantined=tuple(bad), waiting=("a.tmp",), rows_future=1200, rows_past=3)
    latest = evaluation(read=read, failures={"scores": "took longer than 10 min"})
    assert notes(config(mode=Mode.OBSERVE), latest, State("ok", "good"), SOON) == (
        "Observed only: nobody is told of what is found here.",
        "Detector scores failed: took longer than 10 min",
        "Quarantined: part-0: truncated",
        "Quarantined: part-1: truncated",
        "Quarantined: part-2: truncated",
        "… and 2 more quarantined.",
        "1 files are still being written and wait.",
        "1,200 rows are later than the clock allows and were left out.",
        "3 rows are implausibly old and were left out.",
    )


def test_notes_say_what_is_odd_about_the_catalogue() -> None:
    seen = CatalogSeen(8000, 3, None, ("3 rows are left out: their ids came before",))
    latest = evaluation(read=read_report(catalog=seen))
    assert notes(config(), latest, State("ok", "good"), SOON) == (
        "Catalogue: 3 rows are left out: their ids came before.",
    )


def test_a_window_inside_an_incident_shows_it() -> None:
    stuck = incident(last_seen_at=NOON)
    words = [evaluation_state(evaluation(end=NOON + n * HOUR), [stuck]).word for n in (-1, 0, 1)]
    assert words == ["evaluated", "incident", "evaluated"]


def test_tones_are_ordered_from_worst_to_best() -> None:
    assert TONES == ("bad", "warn", "mute", "good")
