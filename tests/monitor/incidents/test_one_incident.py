"""One trouble, one incident, in stories: what opens it, what belongs to it, what gets out beside it, what follows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from breaches import (
    FIRST,
    HOUR,
    REQUESTS,
    SETTLE,
    START,
    Book,
    breach,
    decided,
    healthy,
    place_of,
    strong,
    stuck,
    ticket,
    weak,
)

from detectors.core.verdict import Severity, Verdict
from monitor.findings import Findings
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident, Resolution

EVERY_PLACE = "same_item.any_place_share"
USERS = "same_item.users_share"
SILENCE = breach(REQUESTS, value=0, expected=900)


def drop(slice: str = "all", part: float = 0.75, requests: float = 200.0) -> Breach:
    """Far less traffic than history allows."""
    return strong(breach(REQUESTS, slice, (1 - part) * requests, expected=requests))


def ids(told: Sequence[Incident]) -> list[str]:
    return [i.id for i in told if i.open]


# What opens it


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


# What belongs to it


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


# What gets out beside it


def test_another_stuck_item_gets_out_wherever_it_is() -> None:
    for second in (
        stuck("b", "surface=home"),
        breach(EVERY_PLACE, value=0.9, evidence={"item": "b", "position": 3}),
    ):
        book = Book()
        [one] = book.see([stuck("a", "surface=email")])
        for _ in range(3):
            book.see([stuck("a", "surface=email")])
        told = book.see([stuck("a", "surface=email"), second])
        assert [i.culprit["item"] for i in told] == ["a", "b"]
        assert told[0].id == one.id
        again = book.see([stuck("a", "surface=email"), second])
        assert ids(again) == ids(told)


def test_two_that_begin_in_one_window_are_two() -> None:
    book = Book()
    told = book.see([stuck("a", "surface=email"), stuck("b", "surface=home"), ticket("diversity.overlap")])
    assert sorted(i.culprit["item"] for i in told) == ["a", "b"]
    assert len(book.see([stuck("a", "surface=email"), stuck("b", "surface=home")])) == 2


def test_a_slice_beside_it_that_is_hit_alone_is_trouble_of_its_own() -> None:
    book = Book()
    book.see([drop("country=DE")])
    for _ in range(3):
        book.see([drop("country=DE"), drop(requests=1000, part=0.15)])
    told = book.see([drop("country=DE"), drop("country=FR"), drop(requests=1000, part=0.3)])
    assert [place_of(i) for i in told] == ["country=DE", "country=FR"]


def test_a_log_that_stops_gets_out_during_a_stuck_item_and_both_go_on() -> None:
    book = Book()
    [one] = book.see([stuck()])
    for _ in range(3):
        book.see([stuck()])
    told = book.see([SILENCE])
    assert [(i.detector, i.onset_at) for i in told] == [
        ("same_item", START),
        ("traffic", START + 4 * HOUR),
    ]
    for _ in range(5):
        assert ids(book.see([SILENCE])) == ids(told)
    back = book.see(
        [stuck()], decided((FIRST, "all", 0.95, Verdict.BREACH), (REQUESTS, "all", 900, Verdict.OK))
    )
    assert ids(back) == ids(told)
    assert one.id in ids(back)


def test_a_log_that_stops_in_the_hour_after_gets_out_too() -> None:
    """In a window without rows nothing shows that the stuck item explains it."""
    book = Book()
    book.see([stuck()])
    assert [i.detector for i in book.see([SILENCE])] == ["same_item", "traffic"]


def test_a_log_that_stops_after_a_part_of_it_did_gets_out() -> None:
    book = Book()
    book.see([drop("country=DE")])
    for _ in range(3):
        book.see([drop("country=DE")])
    told = book.see([SILENCE, breach(REQUESTS, "country=DE", 0, expected=200)])
    assert [place_of(i) for i in told] == ["country=DE", "all"]


def test_a_log_that_stops_in_the_middle_of_a_window_is_told_once() -> None:
    book = Book()
    [one] = book.see([drop(requests=900, part=0.6), drop("country=DE", 0.6)])
    for _ in range(3):
        assert ids(book.see([SILENCE])) == [one.id]


def test_a_page_of_another_kind_gets_out_when_it_comes_later() -> None:
    book = Book()
    book.see([stuck()])
    for _ in range(3):
        book.see([stuck()])
    told = book.see([stuck(), drop(requests=1000)])
    assert [i.detector for i in told] == ["same_item", "traffic"]


def alike(slice: str = "all", item: str = "sku-1") -> Breach:
    """One list for many."""
    return breach("same_item.identical_list_share", slice, 0.6, evidence={"item": item})


def test_what_follows_from_whole_lists_being_alike_is_part_of_it_however_late() -> None:
    fallback = breach("fallback.learned_share", value=0.6)
    book = Book()
    for _ in range(6):
        book.see([fallback])
    [same] = book.see([fallback, alike("country=DE", "sku-2"), stuck("sku-3", "surface=home")])
    assert same.detector == "fallback"
    told = book.see([fallback, alike("country=DE"), drop(requests=1000)])
    assert [i.detector for i in told] == ["fallback", "traffic"]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (alike("surface=home"), ["same_item"]),
        (breach("fallback.shared_share", "surface=home", 0.6), ["fallback"]),
        (stuck(slice="surface=home"), ["same_item", "personalization"]),
    ],
)
def test_lists_that_are_alike_cannot_depend_on_the_user_and_a_stuck_item_is_no_excuse(
    trouble: Breach, told: list[str]
) -> None:
    impersonal = breach("personalization.dependence", value=0.2, expected=0.9, evidence={})
    book = Book()
    for _ in range(6):
        book.see([trouble])
    assert [i.detector for i in book.see([trouble, impersonal])] == told


def test_what_once_was_part_of_it_stays_so_however_many_symptoms_there_are() -> None:
    many = [ticket("diversity.overlap", f"surface=s{i}") for i in range(60)]
    known = breach("fallback.learned_share", value=0.6)
    book = Book()
    book.see([alike(), *many])
    for _ in range(6):
        [same] = book.see([alike(), *many, known])
        assert len(same.symptoms) == 50


def test_whole_lists_that_are_alike_in_one_place_explain_nothing_elsewhere() -> None:
    fallback = breach("fallback.learned_share", "surface=home", 0.6)
    book = Book()
    for _ in range(6):
        book.see([fallback])
    told = book.see([fallback, stuck("sku-3", "surface=email"), stuck("sku-3")])
    assert [i.detector for i in told] == ["fallback", "same_item"]


def lost(slice: str = "all") -> Breach:
    """Half the clicks are gone."""
    return strong(breach("outcome.click_rate", slice, 0.015, expected=0.03))


def test_clicks_that_a_broken_list_costs_are_part_of_it_however_late() -> None:
    book = Book()
    for _ in range(6):
        book.see([stuck(slice="surface=email")])
    [same] = book.see([stuck(slice="surface=email"), lost("country=DE,surface=email")])
    assert "outcome.click_rate" in {s.measure for s in same.symptoms}
    told = book.see([stuck(slice="surface=email"), lost("surface=home")])  # where lists are as ever
    assert [i.detector for i in told] == ["same_item", "outcome"]


def test_clicks_lost_everywhere_are_not_explained_by_one_place_nor_by_less_traffic() -> None:
    for trouble in (stuck(slice="surface=email"), drop()):
        book = Book()
        for _ in range(6):
            book.see([trouble])
        assert [i.detector for i in book.see([trouble, lost()])] == [trouble.detector, "outcome"]


@pytest.mark.parametrize(
    ("slice", "sure", "pages"),
    [("all", False, 1), ("country=DE", False, 1), ("all", True, 2)],
)
def test_why_clicks_are_lost_may_show_for_sure_much_later(slice: str, sure: bool, pages: int) -> None:
    """Lists dealt to the wrong users need two windows with many users who were there before."""
    book, why = Book(), breach("personalization.dependence", slice, 0.02, expected=0.75)
    for _ in range(6):
        book.see([lost()])
    for _ in range(2):
        told = book.see([lost(), strong(why) if sure else weak(why)])
    assert len(told) == pages
    assert "personalization.dependence" in {s.measure for i in told for s in i.symptoms} or pages == 2


def test_a_stuck_item_that_begins_after_clicks_are_lost_is_a_page_of_its_own() -> None:
    book = Book()
    for _ in range(6):
        book.see([lost()])
    assert [i.detector for i in book.see([lost(), stuck()])] == ["outcome", "same_item"]


def test_a_page_that_a_ticket_announced_goes_on_with_it() -> None:
    book = Book()
    [small] = book.see([ticket(FIRST, value=0.2, evidence={"item": "a"}), ticket("diversity.overlap")])
    over, page = book.see([strong(breach("diversity.overlap", value=0.3))])
    assert (over.id, over.resolution, over.escalated_to) == (small.id, Resolution.ESCALATED, page.id)
    assert (page.detector, page.onset_at) == ("diversity", START)


def test_a_ticket_that_becomes_worth_a_page_is_paged_and_goes_on_in_the_page() -> None:
    book = Book()
    [small] = book.see([ticket(FIRST, value=0.2, evidence={"item": "a"})])
    book.see([ticket(FIRST, value=0.25, evidence={"item": "a"})])
    over, page = book.see([stuck("a")])
    assert (over.id, over.open, over.resolution) == (small.id, False, Resolution.ESCALATED)
    assert over.resolved_at == START + 3 * HOUR + SETTLE
    assert (page.severity, page.onset_at, page.opened_at) == (
        Severity.PAGE,
        START,
        START + 3 * HOUR + SETTLE,
    )
    assert (over.escalated_to, page.escalated_from) == (page.id, over.id)
    assert over.severity is Severity.TICKET  # what it was labelled with stays
    [still] = book.see([ticket(FIRST, value=0.2, evidence={"item": "a"})])  # less bad again: the page goes on
    assert still.id == page.id
    book.see(findings=healthy())
    [closed] = book.see(findings=healthy())
    assert not closed.open


def test_an_old_ticket_of_another_kind_is_no_part_of_a_page() -> None:
    book = Book()
    [old] = book.see([ticket("diversity.overlap")])
    for _ in range(20):
        book.see([ticket("diversity.overlap")])
    told = book.see([ticket("diversity.overlap"), stuck("a")])
    assert [(i.id == old.id, i.open) for i in told] == [(True, True), (False, True)]
    assert told[1].escalated_from is None


def test_what_announced_itself_by_a_ticket_is_one_trouble() -> None:
    book = Book()
    book.see([ticket("diversity.overlap")])
    over, page = book.see([ticket("diversity.overlap"), stuck("a")])
    assert over.resolution is Resolution.RECOVERED or over.open  # the ticket claims its own breach first
    assert page.detector == "same_item"


# What comes after


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


def test_a_ticket_of_its_own_kind_does() -> None:
    """When many come for a few hours, fewer come after."""
    book = Book()
    many = replace(drop(requests=1000), severity=Severity.TICKET, value=3000.0)
    for _ in range(3):
        book.see([many])
    for _ in range(2):
        book.see(findings=healthy(REQUESTS))
    assert book.see([drop(requests=1000)]) == ()


@pytest.mark.parametrize("certain", [[stuck("b")], [strong(SILENCE)]], ids=["a floor", "no traffic"])
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


# Trouble of two places


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
        book.see([SILENCE])
    [stopped] = book.see([SILENCE, strong(breach("outcome.logged", value=0, expected=47))])
    assert [s.measure for s in stopped.symptoms] == ["outcome.logged"]


def test_a_ticket_that_comes_and_goes_for_days_hides_no_other_ticket() -> None:
    book, flapping = Book(), strong(ticket("diversity.overlap"))
    for _ in range(10):
        book.see([flapping])
        book.see(findings=healthy("diversity.overlap"))
    told = book.see([strong(ticket("lists.short_share"))])
    assert [(i.detector, i.open) for i in told] == [("diversity", True), ("lists", True)]
