"""One trouble, one incident: what belongs to it, here and in other places."""

from __future__ import annotations

import math

from breaches import (
    EVERY_PLACE,
    FIRST,
    USERS,
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


def test_an_item_that_changes_every_hour_is_one_incident() -> None:
    book = Book()
    told = [book.see([stuck(f"sku-{k}"), stuck(f"sku-{k}", "surface=home")]) for k in range(30)]
    assert len({i.id for incidents in told for i in incidents}) == 1
    [last] = told[-1]
    assert last.culprit == {"item": "sku-0"}
    assert last.items == ("sku-0", *(f"sku-{k}" for k in range(20, 30)))
    assert "item sku-29 is at position 1" in last.summary


def test_an_item_that_changes_where_it_shows_less_is_still_the_same() -> None:
    """The place of the incident is quiet for an hour, its item gone, another one in a part of it."""
    book = Book()
    [one] = book.see([stuck("a")])
    book.see([stuck("a")])
    book.see([stuck("a")])
    [still] = book.see([stuck("b", "surface=home")], healthy())
    assert (still.id, still.items) == (one.id, ("a", "b"))


def test_two_items_that_share_the_top_are_one_incident() -> None:
    book = Book()
    both = [stuck("a", value=0.48), stuck("b", "surface=home", 0.5), stuck("a", "surface=cart", 0.5)]
    other_way = [stuck("b", value=0.48), stuck("a", "surface=home", 0.5), stuck("b", "surface=cart", 0.5)]
    told = [book.see(both if k % 3 else other_way) for k in range(12)]
    assert {len(incidents) for incidents in told} == {1}


def test_it_widens_and_narrows_as_one() -> None:
    book = Book()
    [one] = book.see([stuck(slice="surface=email")])
    for slices in (
        ["surface=email"],
        ["all", "surface=email", "surface=home"],
        ["surface=home"],
        ["surface=email"],
    ):
        for _ in range(3):
            [incident] = book.see([stuck(slice=s) for s in slices])
            assert incident.id == one.id
    assert place_of(incident) == "surface=email"


def test_traffic_that_is_gone_everywhere_after_a_part_is_the_same_trouble_grown() -> None:
    book = Book()
    [one] = book.see([drop("country=DE")])
    for _ in range(3):
        book.see([drop("country=DE")])
    wider = [drop(requests=1000), drop("country=DE"), drop("country=FR"), drop("country=US", requests=500)]
    [incident] = book.see(wider)
    assert incident.id == one.id


def test_users_are_those_who_got_it_or_as_many_as_requests_are_off() -> None:
    counted = decided((FIRST, "all", 0.95, Verdict.BREACH), ("traffic.users", "all", 400, Verdict.OK))
    [incident] = Book().see([stuck()], counted)
    assert incident.affected == {"requests": 920, "users": 368}
    [incident] = Book().see([stuck(), breach(USERS, evidence={"item": "sku-1", "users": 371})], counted)
    assert incident.affected == {"requests": 920, "users": 371}


def test_what_a_stuck_item_moves_by_arithmetic_is_part_of_it_however_late_it_shows() -> None:
    book, home = Book(), stuck(slice="surface=home")
    book.see([home])
    for _ in range(5):
        book.see([home])
    overlap = strong(breach("diversity.list_overlap", "surface=home", 0.12))
    wider = strong(breach("diversity.list_overlap", value=0.06))
    [incident] = book.see([home, overlap, wider])
    assert {(s.measure, s.severity) for s in incident.symptoms} == {("diversity.list_overlap", Severity.PAGE)}


def test_the_same_where_no_item_is_stuck_gets_out() -> None:
    book, email = Book(), stuck(slice="surface=email")
    for _ in range(6):
        book.see([email])
    told = book.see([email, strong(breach("diversity.list_overlap", "surface=home", 0.12))])
    assert {(i.detector, place_of(i)) for i in told} == {
        ("same_item", "surface=email"),
        ("diversity", "surface=home"),
    }


def test_a_symptom_of_the_whole_claims_no_part_that_the_incident_does_not_have() -> None:
    """Lists became alike everywhere because of e-mail; that they do at home, a day later, is another matter."""
    book, email = Book(), stuck(slice="surface=email")
    book.see([email, breach("diversity.overlap", value=0.2)])
    for _ in range(6):
        book.see([email])
    told = book.see([email, strong(breach("diversity.overlap", "surface=home", 0.3))])
    assert {(i.detector, place_of(i)) for i in told} == {
        ("same_item", "surface=email"),
        ("diversity", "surface=home"),
    }


def test_an_incident_that_waits_for_its_nightly_batch_does_not_take_on_what_happens_by_day() -> None:
    """The item on top of the whole is that of home: nothing is known of e-mail until the next batch."""
    book = Book()
    [email] = book.see([stuck("sku-1", "surface=email")])
    nothing = decided((FIRST, "surface=email", math.nan, Verdict.NO_DATA))
    for _ in range(8):
        book.see(findings=nothing)
    by_day = [stuck("sku-2", "surface=home"), stuck("sku-2", value=0.45), breach(EVERY_PLACE, value=0.45)]
    told = book.see(by_day)
    assert [(place_of(i), i.culprit, i.last_seen_at == email.last_seen_at) for i in told] == [
        ("surface=email", {"item": "sku-1"}, True),
        ("surface=home", {"item": "sku-2"}, False),
    ]


def test_a_ticket_that_waits_for_data_hides_no_other_ticket() -> None:
    """One quiet window and then none that decides: it stays open."""
    book = Book()
    book.see([strong(ticket("diversity.overlap"))])
    book.see(findings=healthy("diversity.overlap"))
    nothing = decided(("diversity.overlap", "all", math.nan, Verdict.NO_DATA))
    short = strong(ticket("lists.short_share"))
    for _ in range(12):
        book.see(findings=nothing)
    told = book.see([short])
    assert [(i.detector, i.open) for i in told] == [("diversity", True), ("lists", True)]


def test_where_nothing_is_shown_nobody_clicks_and_that_is_no_second_page() -> None:
    book = Book()
    for _ in range(3):
        book.see([silence()])
    [stopped] = book.see([silence(), strong(breach("outcome.logged", value=0, expected=47))])
    assert [s.measure for s in stopped.symptoms] == ["outcome.logged"]


def test_a_ticket_that_comes_and_goes_for_days_hides_no_other_ticket() -> None:
    book, flapping = Book(), strong(ticket("diversity.overlap"))
    for _ in range(10):
        book.see([flapping])
        book.see(findings=healthy("diversity.overlap"))
    told = book.see([strong(ticket("lists.short_share"))])
    assert [(i.detector, i.open) for i in told] == [("diversity", True), ("lists", True)]
