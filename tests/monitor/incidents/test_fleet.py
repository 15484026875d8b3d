"""The same trouble in three recommenders in one window is one incident of the fleet, with theirs as its parts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.verdict import Severity
from monitor.incidents.fleet import FLEET, TOGETHER, course, step
from monitor.incidents.incident import Incident, Part, Resolution
from tests.monitor.factories import HOUR, NOON, incident

MINUTE = timedelta(minutes=1)


def found(name: str, hours: float = 0, **fields: Any) -> Incident:
    """What a recommender's window that ends so long after noon showed."""
    end = NOON + hours * HOUR
    opened = {"id": f"{name}-{hours:g}", "summary": f"{name}: item i-7 is first.", "items": ("i-7",)}
    return incident(name, end, item="i-7", **{**opened, **fields})


def over(one: Incident, after: float, why: Resolution = Resolution.RECOVERED) -> Incident:
    return replace(one, resolved_at=one.opened_at + after * HOUR, resolution=why)


def told(arriving: Iterable[Incident], known: Sequence[Incident] = ()) -> tuple[Incident, ...]:
    """Incidents of the fleet after these came one by one, as recommenders are evaluated."""
    seen: dict[str, Incident] = {}
    fleet = {one.id: one for one in known}
    for one in arriving:
        seen[one.id] = one
        fleet |= {f.id: f for f in step([f for f in fleet.values() if f.open], seen.values())}
    return tuple(fleet.values())


def names(one: Incident) -> list[str]:
    return [part.recommender for part in one.parts]


def test_the_third_makes_it_and_the_two_before_are_its_parts() -> None:
    a, b, c = found("cart"), found("home"), found("search")
    assert told([a, b]) == ()
    [one] = told([a, b, c])
    assert one.parts == tuple(Part(i.recommender, i.id, i.opened_at) for i in (a, b, c))
    assert (one.recommender, one.open, one.severity) == (FLEET, True, Severity.PAGE)
    assert (one.detector, one.measure) == ("same_item", "same_item.first_place_share")
    assert (one.onset_at, one.opened_at) == (a.onset_at, a.opened_at)
    assert one.labels == {"team": "discovery"}
    assert (one.culprit, one.items, one.slice) == ({"item": "i-7"}, ("i-7",), {})
    assert one.affected == {"requests": 3 * 1523.0}
    assert one.summary == (
        "3 recommenders have the same trouble (same_item): cart, home and search. cart: item i-7 is first."
    )
    assert Incident.from_json(one.to_json()) == one


def test_rows_of_all_parts_are_rows_and_with_requests_of_another_they_are_called_requests() -> None:
    parts = [found(name, counts="rows") for name in ("cart", "home", "search")]
    assert told(parts)[0].counts == "rows"
    assert told([*parts[:2], found("search")])[0].counts == "requests"


def test_labels_place_and_item_are_those_that_all_parts_have() -> None:
    parts = [
        found("cart", labels={"team": "shop", "tier": "1"}, slice={"surface": "email"}),
        found("home", labels={"team": "discovery", "tier": "1"}, slice={"surface": "email"}),
        found("search", labels={"tier": "1"}, slice={}, culprit={"item": "i-9"}, measure="same_item.other"),
    ]
    [one] = told(parts)
    assert (one.labels, one.slice, one.culprit, one.measure) == ({"tier": "1"}, {}, {}, "")
    [one] = told([*parts[:2], replace(parts[2], slice={"surface": "email"})])
    assert one.slice == {"surface": "email"}


@pytest.mark.parametrize(
    "third",
    [
        found("search", detector="traffic"),
        found("search", 2),  # two windows later
        found("search", silent=True),
        over(found("search"), 2),
        found("home", slice={"surface": "email"}, id="home-2"),  # of a recommender that is one of the two
    ],
    ids=["another detector", "another window", "replayed", "over", "the same recommender"],
)
def test_two_and_something_else_are_no_incident_of_the_fleet(third: Incident) -> None:
    assert told([found("cart"), found("home"), third]) == ()


def test_windows_that_end_within_one_window_of_each_other_are_one() -> None:
    [one] = told([found("cart"), found("home", 0.25), found("search", 1)])
    assert names(one) == ["cart", "home", "search"]
    assert one.opened_at == found("search", 1).opened_at
    day = found("mail", 11, onset_at=NOON - 13 * HOUR)  # a window of a day, evaluated when it is over
    [one] = told([found("cart"), found("home"), day])
    assert names(one) == ["cart", "home", "mail"]


def test_what_spreads_joins_and_what_was_long_before_or_comes_long_after_does_not() -> None:
    three = [found("cart"), found("home"), found("search")]
    long_ago = found("old", -48)
    [one] = told([long_ago, *three, found("mail", 20), found("app", 44), found("tv", 70)])
    assert names(one) == ["cart", "home", "search", "mail", "app"]
    assert one.summary.startswith("5 recommenders have the same trouble (same_item): cart, home, search, ")
    assert one.opened_at == three[0].opened_at


def test_it_is_open_until_its_last_part_is_over() -> None:
    a, b, c, d = found("cart"), found("home"), found("search"), found("mail", 2)
    gone = [over(a, 3), over(b, 4), over(c, 5)]
    [one] = told([a, b, c, d, *gone])
    assert one.open
    assert ", over in cart, home and search. mail: item i-7 is first." in one.summary
    [one] = told([a, b, c, d, *gone, over(d, 6)])
    assert (one.resolution, one.resolved_at) == (Resolution.RECOVERED, over(d, 6).resolved_at)
    assert len(one.parts) == 4
    assert step([], [*gone, over(d, 6)]) == ()


def test_what_breaks_again_within_a_day_is_a_part_again_and_later_it_is_told_by_itself() -> None:
    a, b, c = found("cart"), found("home"), found("search")
    again = found("cart", 20)
    [one] = told([a, b, c, over(a, 3), again])
    assert names(one) == ["cart", "home", "search", "cart"]
    assert "3 recommenders" in one.summary
    [one] = told([a, b, c, over(a, 3), again, over(again, 3), found("cart", 60)])
    assert len(one.parts) == 4


def test_a_part_that_is_known_no_more_is_over() -> None:
    a, b, c = found("cart"), found("home"), found("search")
    [one] = told([a, b, c])
    assert step([one], [a]) == (replace(one, summary=step([one], [a])[0].summary, affected=a_third(one)),)
    [end] = step([one], [])
    assert (end.open, end.resolved_at, end.resolution) == (False, one.opened_at, Resolution.RECOVERED)


def a_third(one: Incident) -> dict[str, float | None]:
    requests = one.affected["requests"]
    assert requests is not None
    return {"requests": requests / 3}


@pytest.mark.parametrize("why", [Resolution.INTENDED, Resolution.RETRACTED])
def test_it_ends_as_all_its_parts_did(why: Resolution) -> None:
    three = [found("cart"), found("home"), found("search")]
    [one] = told([*three, *(over(i, 3, why) for i in three)])
    assert one.resolution is why
    [one] = told([*three, over(three[0], 3), *(over(i, 3, why) for i in three[1:])])
    assert one.resolution is Resolution.RECOVERED


def test_a_louder_part_makes_a_page_of_it() -> None:
    tickets = [found(name, severity=Severity.TICKET) for name in ("cart", "home", "search")]
    [ticket] = told(tickets)
    assert ticket.severity is Severity.TICKET
    loud = found("mail", 1)
    before, page = told([*tickets, loud])
    assert (before.id, before.resolution, before.escalated_to) == (ticket.id, Resolution.ESCALATED, page.id)
    assert (page.severity, page.escalated_from) == (Severity.PAGE, ticket.id)
    assert names(page) == ["cart", "home", "search", "mail"]
    quiet = found("app", 2, severity=Severity.TICKET)
    *_, page = told([*tickets, loud, quiet])
    assert (names(page)[-1], page.severity) == ("app", Severity.PAGE)


def test_what_is_there_at_once_is_as_loud_as_its_loudest() -> None:
    tickets = [found(name, severity=Severity.TICKET) for name in ("cart", "home", "search")]
    [one] = step((), [*tickets, found("mail", 5)])  # as when replayed history ends
    assert (one.severity, one.open, len(one.parts)) == (Severity.PAGE, True, 4)


def test_two_kinds_of_trouble_are_two() -> None:
    kinds = [found(n, detector=d, id=f"{n}-{d}") for n in "abc" for d in ("same_item", "traffic")]
    one, other = told(kinds)
    assert {one.detector, other.detector} == {"same_item", "traffic"}
    assert one.id != other.id


def test_over_history_it_is_told_when_the_daemon_would_have_told_it() -> None:
    three = [found("cart"), found("home", 0.5), found("search", 1)]
    history = [over(three[0], 3), three[1], over(three[2], 3), found("mail", detector="traffic")]
    after = dict(course(history))
    assert [len(fleet) for _, fleet in course(history)] == [0, 0, 1, 1, 1]
    [at_first] = after[three[2].opened_at]
    assert (at_first, at_first.opened_at) == (told(three)[0], three[2].opened_at)
    [at_last] = list(after.values())[-1]
    assert (at_last.id, at_last.open) == (at_first.id, True)
    assert list(course([])) == []


# Laws.

ticks = st.lists(
    st.builds(
        found,
        st.sampled_from("abcdef"),
        st.sampled_from([0, 1, 2, 5, 30]),
        severity=st.sampled_from(Severity),
        detector=st.sampled_from(["same_item", "traffic"]),
    ),
    max_size=10,
    unique_by=lambda i: (i.recommender, i.opened_at, i.detector),
).map(lambda many: [replace(i, id=f"{i.recommender}-{i.detector}-{i.opened_at:%d%H}") for i in many])


@given(st.data())
def test_the_order_of_recommenders_in_one_window_does_not_matter(data: st.DataObject) -> None:
    severities = st.sampled_from(Severity)
    tick = [found(name, severity=data.draw(severities)) for name in "abcde"[: data.draw(st.integers(0, 5))]]

    def open_ones(arriving: Sequence[Incident]) -> set[Any]:
        fleet = [f for f in told(arriving) if f.open]
        return {(f.id, f.severity, f.onset_at, f.opened_at, f.summary, frozenset(f.parts)) for f in fleet}

    assert open_ones(tick) == open_ones(data.draw(st.permutations(tick)))


@given(ticks)
def test_never_fewer_than_three_recommenders_and_never_twice_in_open_ones(incidents: list[Incident]) -> None:
    fleet: tuple[Incident, ...] = ()
    seen: list[Incident] = []
    for one in sorted(incidents, key=lambda i: i.opened_at):
        seen.append(one)
        after = step(fleet, seen)
        for new in after:
            assert len({p.recommender for p in new.parts}) >= TOGETHER
            assert {i.detector for i in seen if i.id in {p.incident for p in new.parts}} == {new.detector}
            assert new.opened_at <= one.opened_at  # nothing looks ahead
            assert not new.open or new.severity is worst(new, seen)
        fleet = tuple(f for f in after if f.open)
        parts = [p.incident for f in fleet for p in f.parts]
        assert len(parts) == len(set(parts))
        assert step(fleet, seen) == fleet  # again is as once
        for new in step((), seen):  # all at once
            assert len({p.recommender for p in new.parts}) >= TOGETHER
            assert new.severity is worst(new, seen)


def worst(one: Incident, seen: Sequence[Incident]) -> Severity:
    mine = {i.severity for i in seen if i.id in {p.incident for p in one.parts}}
    return Severity.PAGE if Severity.PAGE in mine else Severity.TICKET


@given(ticks, st.data())
def test_all_of_them_end_with_their_last_part_and_never_before(
    incidents: list[Incident], data: st.DataObject
) -> None:
    seen = {i.id: i for i in sorted(incidents, key=lambda i: i.opened_at)}
    fleet = told(seen.values())
    for id in data.draw(st.permutations(list(seen))):
        seen[id] = over(seen[id], 3)
        fleet = step([f for f in fleet if f.open], seen.values())
        for one in fleet:
            assert one.open == any(seen[p.incident].open for p in one.parts)
    assert not any(f.open for f in fleet)


@given(ticks)
def test_labels_id_and_opening_stay(incidents: list[Incident]) -> None:
    first: dict[str, Incident] = {}
    seen: list[Incident] = []
    fleet: tuple[Incident, ...] = ()
    for one in incidents:
        seen.append(one)
        fleet = step([f for f in fleet if f.open], seen)
        for f in fleet:
            frozen = first.setdefault(f.id, f)
            for name in ("labels", "severity", "detector", "slice", "culprit", "opened_at"):
                assert getattr(f, name) == getattr(frozen, name)
