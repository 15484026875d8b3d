"""What is reason enough to tell somebody: one window, or two of three."""

from __future__ import annotations

import math

import pytest
from breaches import (
    FIRST,
    HOUR,
    REQUESTS,
    SETTLE,
    START,
    USERS,
    Book,
    breach,
    decided,
    healthy,
    strong,
    stuck,
    ticket,
    weak,
)

from detectors.core.verdict import Verdict
from monitor.incidents.breach import Breach


def test_one_window_is_enough_when_it_is_conclusive() -> None:
    for one in (stuck(), strong(stuck()), strong(ticket("diversity.overlap"))):
        [incident] = Book().see([one])
        assert incident.onset_at == START


@pytest.mark.parametrize("kind", [stuck, ticket])
@pytest.mark.parametrize("between", [0, 1])
def test_what_is_not_conclusive_waits_for_a_second_within_three_windows(kind, between: int) -> None:  # type: ignore[no-untyped-def]
    hardly = weak(kind() if kind is stuck else ticket("diversity.overlap"))
    book = Book()
    assert book.see([hardly]) == ()
    for _ in range(between):
        assert book.see(findings=decided((hardly.name, "all", 0.03, Verdict.OK))) == ()
    [incident] = book.see([hardly])
    assert incident.onset_at == START
    assert incident.opened_at == START + (between + 2) * HOUR + SETTLE


def test_a_third_window_is_too_late() -> None:
    book = Book()
    for _ in range(4):
        assert book.see([weak(stuck())]) == ()
        for _ in range(2):
            assert book.see(findings=healthy()) == ()


@pytest.mark.parametrize(
    ("shown", "done", "told"),
    [
        (weak(breach("personalization.dependence", value=0.1, expected=0.8)), "all", "personalization"),
        (weak(breach("personalization.dependence", value=0.1, expected=0.8)), "country=DE", "outcome"),
        (weak(ticket("diversity.overlap")), "all", "outcome"),
        (weak(breach(REQUESTS, value=400.0, expected=1000.0)), "all", "outcome"),
    ],
)
def test_what_users_do_seconds_what_they_are_shown(shown: Breach, done: str, told: str) -> None:
    """Lists that do not depend on the user wait for a second window, but not where users turn away in the first."""
    fewer_clicks = strong(breach("outcome.click_rate", done, 0.01, expected=0.03))
    [incident] = Book().see([shown, fewer_clicks])
    assert incident.detector == told
    assert Book().see([shown]) == ()
    assert [i.detector for i in Book().see([shown, weak(fewer_clicks)])] == []


def test_windows_that_decide_nothing_are_none_of_the_three() -> None:
    book = Book()
    book.see([weak(stuck())])
    for _ in range(20):
        assert book.see(findings=decided((FIRST, "all", math.nan, Verdict.NO_DATA))) == ()
    [incident] = book.see([weak(stuck())])
    assert incident.onset_at == START


def test_it_is_seconded_by_its_detector_at_a_place_around_it_or_in_it_alone() -> None:
    for other, seconds in (
        (ticket(USERS, "surface=email"), True),
        (ticket(FIRST, "country=DE,surface=email"), True),
        (ticket(FIRST), True),
        (ticket(FIRST, "surface=home"), False),
        (ticket("diversity.overlap", "surface=email"), False),
    ):
        book = Book()
        book.see([weak(other)])
        assert bool(book.see([weak(stuck(slice="surface=email"))])) is seconds, other.name
