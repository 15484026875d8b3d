"""What is part of an open incident, and what gets out beside it as one of its own."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from breaches import (
    EVERY_PLACE,
    FIRST,
    HOUR,
    REQUESTS,
    SETTLE,
    START,
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
    weak,
)

from detectors.core.verdict import Severity, Verdict
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident, Resolution


def ids(told: Sequence[Incident]) -> list[str]:
    return [i.id for i in told if i.open]


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
    told = book.see([silence()])
    assert [(i.detector, i.onset_at) for i in told] == [
        ("same_item", START),
        ("traffic", START + 4 * HOUR),
    ]
    for _ in range(5):
        assert ids(book.see([silence()])) == ids(told)
    back = book.see(
        [stuck()], decided((FIRST, "all", 0.95, Verdict.BREACH), (REQUESTS, "all", 900, Verdict.OK))
    )
    assert ids(back) == ids(told)
    assert one.id in ids(back)


def test_a_log_that_stops_in_the_hour_after_gets_out_too() -> None:
    """In a window without rows nothing shows that the stuck item explains it."""
    book = Book()
    book.see([stuck()])
    assert [i.detector for i in book.see([silence()])] == ["same_item", "traffic"]


def test_a_log_that_stops_after_a_part_of_it_did_gets_out() -> None:
    book = Book()
    book.see([drop("country=DE")])
    for _ in range(3):
        book.see([drop("country=DE")])
    told = book.see([silence(), breach(REQUESTS, "country=DE", 0, expected=200)])
    assert [place_of(i) for i in told] == ["country=DE", "all"]


def test_a_log_that_stops_in_the_middle_of_a_window_is_told_once() -> None:
    book = Book()
    [one] = book.see([drop(requests=900, part=0.6), drop("country=DE", 0.6)])
    for _ in range(3):
        assert ids(book.see([silence()])) == [one.id]


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


@pytest.mark.parametrize(
    ("value", "verdict", "told"),
    [
        (float("nan"), Verdict.TOO_FEW, ["personalization"]),
        (0.3, Verdict.OK, ["personalization"]),  # too uncertain to breach
        (0.78, Verdict.OK, ["personalization", "diversity"]),
    ],
)
def test_a_window_that_cannot_say_that_it_is_over_explains_what_follows_from_it(
    value: float, verdict: Verdict, told: list[str]
) -> None:
    """At night hardly anybody comes back: whether lists depend on the user is not known, that they are alike is."""
    dependence, overlap = "personalization.dependence", "diversity.list_overlap"
    impersonal = breach(dependence, value=0.0, expected=0.8, evidence={})
    alike_lists = breach(overlap, value=0.055, expected=0.013, evidence={})
    book = Book()
    for _ in range(3):
        book.see([impersonal])
    night = decided((dependence, "all", value, verdict), (overlap, "all", 0.055, Verdict.BREACH))
    assert [i.detector for i in book.see([alike_lists], night)] == told


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
