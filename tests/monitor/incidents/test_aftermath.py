"""What comes after an incident, and how it ends."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from breaches import (
    FIRST,
    HOUR,
    REQUESTS,
    Book,
    breach,
    decided,
    drop,
    healthy,
    place_of,
    silence,
    strong,
    stuck,
    ticket,
)

from detectors.core.verdict import Severity, Verdict
from monitor.findings import Findings
from monitor.incidents.breach import Breach


def over(book: Book) -> None:
    """A stuck item for six windows that is over."""
    for _ in range(6):
        book.see([stuck()])
    for _ in range(2):
        book.see(findings=healthy())
    assert book.open == ()


def test_what_an_incident_leaves_behind_opens_no_other() -> None:
    book = Book()
    over(book)
    for _ in range(12):
        assert book.see([ticket("diversity.overlap"), ticket("lists.short_share", "surface=home")]) == ()


def test_what_does_not_pass_is_told_when_that_time_is_over() -> None:
    book = Book()
    over(book)
    told = [book.see([ticket("diversity.overlap")]) for _ in range(14)]
    assert [len(t) for t in told] == [0] * 12 + [1] * 2


def test_days_that_hold_some_of_it_are_no_erosion_of_their_own() -> None:
    erosion = ticket("trend.diversity_list_overlap", value=0.5, expected=0.0)
    book = Book()
    over(book)
    told = [book.see([erosion]) for _ in range(62)]
    assert [len(t) for t in told] == [0] * (12 + 48) + [1] * 2


def test_a_ticket_that_shows_more_of_itself_within_half_a_day_is_one() -> None:
    book, less = Book(), strong(ticket("diversity.items", value=500.0, expected=1000.0))
    more = strong(ticket("same_item.family_anywhere_share", value=0.26))
    for _ in range(8):
        book.see([less])
    assert len(book.see([less, more])) == 1
    book = Book()
    for _ in range(14):
        book.see([less])
    assert len(book.see([less, more])) == 2


def test_tickets_elsewhere_are_told_at_once() -> None:
    book = Book()
    for _ in range(6):
        book.see([stuck(slice="surface=email")])
    for _ in range(2):
        book.see(findings=healthy(slice="surface=email"))
    assert book.see([ticket("diversity.overlap", "surface=email")]) == ()
    [told] = book.see([ticket("lists.short_share", "surface=home")])
    assert place_of(told) == "surface=home"


def test_a_page_that_history_alone_makes_is_seen_twice_before_it_gets_out() -> None:
    book = Book()
    over(book)
    assert book.see([drop(requests=1000)]) == ()
    [page] = book.see([drop(requests=1000)])
    assert page.severity is Severity.PAGE


@pytest.mark.parametrize("quiet", [1, 2], ids=["while it recovers", "when it is over"])
def test_a_ticket_of_another_kind_keeps_no_page_waiting(quiet: int) -> None:
    book = Book()
    for _ in range(3):
        book.see([ticket("lists.short_share")])
    for _ in range(quiet):
        book.see(findings=healthy("lists.short_share"))
    told = book.see([drop(requests=1000)])
    assert [i.detector for i in told if i.severity is Severity.PAGE and i.open] == ["traffic"]


@pytest.mark.parametrize(
    ("breach", "waits"),
    [
        (ticket("lists.short_share"), False),
        (strong(ticket("lists.short_share")), True),  # held against what was, so what was may be the reason
        (ticket("diversity.overlap"), True),
    ],
    ids=["beyond a limit", "by history", "its own kind"],
)
def test_a_ticket_of_another_kind_keeps_no_ticket_waiting_that_is_beyond_a_limit(
    breach: Breach, waits: bool
) -> None:
    book = Book()
    for _ in range(3):
        book.see([ticket("diversity.overlap")])
    for _ in range(2):
        book.see(findings=healthy("diversity.overlap"))
    assert len(book.see([breach])) == (not waits)


@pytest.mark.parametrize(("item", "told"), [("sku-1", 0), ("sku-2", 1)])
def test_what_is_known_of_an_item_is_told_once_whoever_sees_it_next(item: str, told: int) -> None:
    """An item that was pushed is soon not cold any more; in how many lists it is was another matter a day before."""
    book, pushed = Book(), strong(ticket("manipulation.cold_item_share", evidence={"item": "sku-1"}))
    for _ in range(3):
        book.see([pushed])
    for _ in range(2):
        book.see(findings=healthy(pushed.name))
    assert len(book.see([ticket(FIRST, value=0.2, evidence={"item": item})])) == told


def test_a_ticket_of_its_own_kind_does() -> None:
    """When many come for a few hours, fewer come after."""
    book = Book()
    many = replace(drop(requests=1000), severity=Severity.TICKET, value=3000.0)
    for _ in range(3):
        book.see([many])
    for _ in range(2):
        book.see(findings=healthy(REQUESTS))
    assert book.see([drop(requests=1000)]) == ()


@pytest.mark.parametrize("certain", [[stuck("b")], [strong(silence())]], ids=["a floor", "no traffic"])
def test_what_is_certain_gets_out_at_once(certain: list[Breach]) -> None:
    book = Book()
    over(book)
    [page] = book.see(certain)
    assert page.severity is Severity.PAGE


def test_symptoms_that_stay_do_not_keep_it_open() -> None:
    book = Book()
    for _ in range(3):
        book.see([stuck(), ticket("diversity.overlap")])
    well = decided((FIRST, "all", 0.03, Verdict.OK), ("diversity.overlap", "all", 0.5, Verdict.BREACH))
    [quiet] = book.see([ticket("diversity.overlap")], well)
    assert quiet.quiet_windows == 1
    [closed] = book.see([ticket("diversity.overlap")], well)
    assert not closed.open


def test_a_floor_without_history_closes_when_it_is_kept_again() -> None:
    """Nothing is known of what was usual: it is enough that the floor holds, whichever side it is on."""
    for found, well in ((0.95, 0.2), (0.05, 0.9)):
        book = Book()
        book.see([breach("diversity.overlap", value=found, expected=math.nan)])
        for _ in range(2):
            told = book.see(findings=healthy("diversity.overlap", value=well))
        assert [i.open for i in told] == [False]


def test_after_days_it_asks_whether_the_new_level_is_meant() -> None:
    book = Book()
    asked = [book.see([stuck()])[0].asks for _ in range(75)]
    assert asked == [False] * 71 + [True] * 4
    early = Book(ask_after=HOUR)
    assert [early.see([stuck()])[0].asks for _ in range(2)] == [False, True]


def test_an_incident_of_nothing_decided_stays_as_it_is() -> None:
    book = Book()
    [one] = book.see([stuck()])
    for _ in range(100):
        [still] = book.see(findings=Findings())
    assert (still.open, still.id, still.asks) == (True, one.id, True)
