"""Laws of the book of incidents, whatever happens: it looks at nothing that comes later, forgets nothing that is open,
tells everything once, and lets other trouble out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from breaches import FIRST, FROZEN, REQUESTS, Book, breach, decided, strong, stuck, ticket, weak
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.verdict import Severity, Verdict
from monitor.findings import Findings
from monitor.incidents.belonging import TOGETHER
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident

PLACES = ("all", "country=DE", "surface=home", "country=DE,surface=home")
MEASURES = (
    FIRST,
    "same_item.users_share",
    REQUESTS,
    "fallback.learned_share",
    "diversity.overlap",
    "lists.short_share",
)
UNDECIDED = (Verdict.NO_DATA, Verdict.TOO_FEW, Verdict.ERROR)
HOW = {"beyond a floor": lambda b: b, "far beyond history": strong, "hardly beyond history": weak}


@dataclass(frozen=True)
class Shown:
    """What one window shows: breaches, and what else was decided or not."""

    breaches: tuple[Breach, ...]
    rest: tuple[tuple[str, str, float, Verdict], ...] = ()

    @property
    def findings(self) -> Findings:
        return decided(*((b.name, b.slice, b.value, Verdict.BREACH) for b in self.breaches), *self.rest)


@st.composite
def a_breach(draw: st.DrawFn, name: str, place: str, severities: Sequence[Severity]) -> Breach:
    counts = name == REQUESTS
    value = draw(st.sampled_from([0.0, 12.0] if counts else [0.2, 0.6, 0.95]))
    evidence = {"item": draw(st.sampled_from(["a", "b", "c"]))} if name.startswith("same_item") else {}
    made = breach(
        name,
        place,
        value,
        severity=draw(st.sampled_from(severities)),
        expected=900.0 if counts else 0.03,
        requests=1000.0 / (1 + place.count("=")),
        evidence=evidence,
    )
    return HOW[draw(st.sampled_from(sorted(HOW)))](made)


@st.composite
def a_window(
    draw: st.DrawFn, measures: Sequence[str] = MEASURES, severities: Sequence[Severity] = tuple(Severity)
) -> Shown:
    breaches, rest = [], []
    for name in measures:
        for place in PLACES:
            what = draw(st.sampled_from(["breach", "fine", "fine", "unknown", "not there"]))
            if what == "breach":
                breaches.append(draw(a_breach(name, place, severities)))
            elif what == "fine":
                rest.append((name, place, 900.0 if name == REQUESTS else 0.03, Verdict.OK))
            elif what == "unknown":
                rest.append((name, place, np.nan, draw(st.sampled_from(UNDECIDED))))
    return Shown(tuple(breaches), tuple(rest))


courses = st.lists(a_window(), min_size=1, max_size=8)


def told(course: Sequence[Shown], book: Book | None = None) -> list[tuple[Incident, ...]]:
    """What the book holds after each window."""
    book = Book() if book is None else book
    return [book.see(list(window.breaches), window.findings) for window in course]


def opened(held: Sequence[tuple[Incident, ...]]) -> list[Incident]:
    """Each incident as it was first told."""
    first: dict[str, Incident] = {}
    for incidents in held:
        for incident in incidents:
            first.setdefault(incident.id, incident)
    return list(first.values())


def comparable(incident: Incident) -> tuple[Incident, frozenset[str]]:
    """Without the order of its symptoms and of what is added up."""
    affected = {name: None if n is None else round(n) for name, n in incident.affected.items()}
    return replace(incident, symptoms=(), affected=affected), frozenset(str(s) for s in incident.symptoms)


@given(courses, st.integers(1, 8))
def test_what_comes_later_changes_nothing_that_was_told(course: list[Shown], cut: int) -> None:
    assert told(course)[:cut] == told(course[:cut])


@given(courses)
def test_a_book_that_is_read_back_from_the_store_goes_on_as_if_nothing_had_been(course: list[Shown]) -> None:
    class ReadBack(Book):
        def see(self, *args: Any, **more: Any) -> tuple[Incident, ...]:
            self.open = tuple(Incident.from_json(json.loads(json.dumps(i.to_json()))) for i in self.open)
            return super().see(*args, **more)

    assert told(course, ReadBack()) == told(course)


@given(courses, st.randoms(use_true_random=False))
def test_the_order_of_slices_and_measures_does_not_matter(course: list[Shown], random: Any) -> None:
    def shuffled(window: Shown) -> Shown:
        breaches, rest = list(window.breaches), list(window.rest)
        random.shuffle(breaches)
        random.shuffle(rest)
        return Shown(tuple(breaches), tuple(rest))

    one, other = told(course), told([shuffled(window) for window in course])
    assert [Counter(map(comparable_key, held)) for held in one] == [
        Counter(map(comparable_key, held)) for held in other
    ]


def comparable_key(incident: Incident) -> str:
    bare, symptoms = comparable(incident)
    return f"{bare.to_json()} {sorted(symptoms)}"


@given(courses)
def test_an_incident_is_told_once_and_what_it_is_labelled_with_stays(course: list[Shown]) -> None:
    held = told(course)
    for first in opened(held):
        stays = [i for incidents in held for i in incidents if i.id == first.id]
        assert all(getattr(i, name) == getattr(first, name) for i in stays for name in FROZEN)
        windows = [n for n, incidents in enumerate(held) if any(i.id == first.id for i in incidents)]
        assert windows == list(range(windows[0], windows[-1] + 1))  # it does not come back under its id
        assert all(i.open for i in stays[:-1])
    for incidents in held:
        assert len({i.id for i in incidents}) == len(incidents)
        same = Counter((i.measure, json.dumps(i.slice), json.dumps(i.culprit)) for i in incidents if i.open)
        assert max(same.values(), default=1) == 1


@given(courses, st.lists(st.sets(st.tuples(st.sampled_from(MEASURES), st.sampled_from(PLACES))), max_size=8))
def test_nothing_closes_for_lack_of_data(course: list[Shown], gaps: list[set[tuple[str, str]]]) -> None:
    book = Book()
    told(course, book)
    before = {i.id for i in book.open}
    for n, gap in enumerate(gaps):
        unknown = [(name, place, np.nan, UNDECIDED[n % 3]) for name, place in sorted(gap)]
        book.see([], decided(*unknown))
        assert {i.id for i in book.open} == before


TICKETS = ("diversity.overlap", "lists.short_share")
calm = st.lists(a_window(TICKETS, (Severity.TICKET,)), max_size=5)


@given(
    calm, st.lists(a_window(TICKETS, (Severity.TICKET,)), min_size=TOGETHER, max_size=5), a_window(TICKETS)
)
def test_a_second_different_page_gets_out_whatever_else_goes_on(
    before: list[Shown], during: list[Shown], last: Shown
) -> None:
    """One item is stuck all the time; another gets stuck in a part of it, or the log stops."""
    for second in (stuck("z", "surface=home", 0.9), breach(REQUESTS, value=0.0, expected=900.0)):
        book = Book()
        told(before, book)
        for window in during:
            with_it = replace(window, breaches=(*window.breaches, stuck("a")))
            book.see(list(with_it.breaches), with_it.findings)
        known = {i.id for i in book.open}
        tickets = [b for b in last.breaches if b.severity is Severity.TICKET]
        now = [*tickets, stuck("a"), second]
        new = [i for i in book.see(now) if i.id not in known and i.severity is Severity.PAGE]
        assert [(i.measure, i.culprit.get("item")) for i in new] == [(second.name, second.item)]


@given(calm)
def test_a_ticket_is_no_page(course: list[Shown]) -> None:
    assert all(i.severity is Severity.TICKET for held in told(course) for i in held)


def test_the_courses_hold_what_the_laws_are_about() -> None:
    """Else they would hold of nothing: some incidents open, close, and are two at a time."""
    course = [
        Shown((stuck("a"), ticket("diversity.overlap"))),
        *[Shown((stuck("a"),))] * TOGETHER,
        Shown((stuck("a"), stuck("z", "surface=home", 0.9))),
        *[Shown((), tuple((FIRST, place, 0.03, Verdict.OK) for place in PLACES))] * 2,
    ]
    held = told(course)
    assert len(opened(held)) == 2
    assert [len([i for i in incidents if i.open]) for incidents in held] == [1, 1, 1, 2, 2, 0]
