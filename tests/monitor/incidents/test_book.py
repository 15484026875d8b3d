"""One trouble, one incident: told once, followed, closed when it is over, and never hiding another one."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from breaches import (
    FIRST,
    FROZEN,
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
from hypothesis import given
from hypothesis import strategies as st

from detectors.core.verdict import Severity, Verdict
from monitor.findings import Findings
from monitor.incidents.book import SYMPTOMS
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident, Resolution

COLLAPSE = [
    ticket("diversity.items", value=6, expected=812),
    breach(REQUESTS, "country=IS", 0, expected=40),
    stuck("sku-1", "surface=home", 0.951, requests=700),
    stuck("sku-1", "all", 0.95),
    breach("same_item.users_share", value=0.93, evidence={"item": "sku-1", "users": 800}),
    ticket("lists.short_share", "surface=home"),
]


def test_everything_that_breaks_at_one_time_is_one_incident_with_the_most_telling_first() -> None:
    [incident] = Book(labels={"team": "home"}).see(COLLAPSE)
    assert (incident.detector, incident.measure, incident.slice) == ("same_item", FIRST, {})
    assert (incident.culprit, incident.severity, incident.labels) == (
        {"item": "sku-1"},
        Severity.PAGE,
        {"team": "home"},
    )
    assert incident.onset_at == START
    assert incident.opened_at == START + HOUR + SETTLE
    assert incident.before == {"value": 0.03}
    assert incident.after == {"value": 0.95}
    assert incident.affected == {"requests": 920, "users": 800}
    assert incident.evidence == {"item": "sku-1"}
    assert {(s.measure, place_of_symptom(s.slice)) for s in incident.symptoms} == {
        (b.name, b.slice) for b in COLLAPSE if (b.name, b.slice) != (FIRST, "all")
    }
    assert incident.summary == (
        "shop: item sku-1 is at position 1 in 95 % of requests; the top item usually has 3.0 %."
    )
    assert (incident.open, incident.silent, incident.last_seen_at) == (True, False, START + HOUR)


def place_of_symptom(where: dict[str, str]) -> str:
    return ",".join(f"{c}={v}" for c, v in where.items()) or "all"


@pytest.mark.parametrize("order", range(len(COLLAPSE)))
def test_the_order_of_breaches_does_not_matter(order: int) -> None:
    [one] = Book().see(COLLAPSE)
    [other] = Book().see(COLLAPSE[order:] + COLLAPSE[:order])
    assert replace(other, symptoms=()) == replace(one, symptoms=())
    assert {s.summary for s in other.symptoms} == {s.summary for s in one.symptoms}


def test_a_page_is_primary_over_a_more_telling_ticket() -> None:
    [incident] = Book().see([ticket(FIRST, value=0.2), breach(REQUESTS, value=0, expected=900)])
    assert (incident.detector, incident.severity) == ("traffic", Severity.PAGE)


COLD = ticket("manipulation.cold_item_few_users", evidence={"item": "sku-9"})
HEAVY = strong(ticket("traffic.heavy_users_share", value=0.4, evidence={"who": "5 users"}))


@pytest.mark.parametrize(
    "heavy", [HEAVY, weak(HEAVY), replace(HEAVY, slice="country=US", where={"country": "US"})]
)
def test_who_asks_very_often_is_primary_over_what_they_are_shown(heavy: Breach) -> None:
    """Their items need no history to be told, they themselves do: also where one window is not enough for that."""
    book = Book()
    [incident] = book.see([COLD, heavy])
    assert (incident.detector, incident.culprit) == ("traffic", {})
    assert incident.summary.startswith("shop: 5 users made 40 % of the requests")
    assert [s.measure for s in incident.symptoms] == [COLD.name]
    [later] = book.see([COLD, heavy])
    assert later.id == incident.id


def test_an_item_pushed_through_few_users_is_primary_where_nobody_asks_more_than_usual() -> None:
    elsewhere = replace(HEAVY, slice="country=US", where={"country": "US"})
    for breaches in ([COLD], [replace(COLD, slice="country=DE", where={"country": "DE"}), elsewhere]):
        incident = Book().see(breaches)[0]
        assert (incident.detector, incident.culprit) == ("manipulation", {"item": "sku-9"})


@pytest.mark.parametrize(("request_id", "counts"), [("r", "requests"), (None, "rows")])
def test_an_incident_says_what_its_log_counts(request_id: str | None, counts: str) -> None:
    [incident] = Book(request=request_id).see([stuck()])
    assert incident.counts == counts
    assert f"95 % of {counts}" in incident.summary


def test_the_place_is_the_slice_to_blame() -> None:
    everywhere, email = (
        stuck(value=0.11, requests=2000),
        stuck(slice="surface=email", value=0.97, requests=170),
    )
    [incident] = Book().see([everywhere, email, ticket("diversity.overlap")])
    assert place_of(incident) == "surface=email"
    assert incident.summary.endswith("(surface email).")
    assert [s.slice for s in incident.symptoms] == [{}, {}]


def test_it_is_followed_with_what_it_is_labelled_with_frozen() -> None:
    book = Book()
    [first] = book.see([stuck(slice="surface=email", value=0.6), breach(REQUESTS, value=10, expected=900)])
    [later] = book.see(
        [stuck("sku-1", "surface=email", 0.9), stuck("sku-1", "all", 0.8), ticket("lists.short_share")]
    )
    assert [getattr(later, f) for f in FROZEN] == [getattr(first, f) for f in FROZEN]
    assert later.after == {"value": 0.9}
    assert "90 %" in later.summary
    assert later.last_seen_at == START + 2 * HOUR
    assert later.affected["requests"] == first.affected["requests"] + 870
    assert {s.measure for s in later.symptoms} == {REQUESTS, FIRST, "lists.short_share"}


def test_the_users_affected_are_the_most_of_one_window() -> None:
    book = Book()
    for users in (500, 800, 300):
        [incident] = book.see([breach("same_item.users_share", evidence={"item": "a", "users": users})])
    assert incident.affected["users"] == 800
    [unknown] = Book().see([stuck()])
    assert unknown.affected["users"] is None


def test_symptoms_are_bounded_and_the_latest_of_each() -> None:
    book = Book()
    many = [ticket("diversity.overlap", f"c={i}", 0.3) for i in range(80)]
    [incident] = book.see([stuck(), *many])
    assert len(incident.symptoms) == SYMPTOMS
    [later] = book.see([stuck(), ticket("diversity.overlap", "c=0", 0.9)])
    assert [s.value for s in later.symptoms if s.slice == {"c": "0"}] == [0.9]


def test_it_closes_after_two_quiet_windows_and_says_when() -> None:
    book = Book()
    book.see([stuck()])
    [quiet] = book.see(findings=healthy())
    assert (quiet.open, quiet.quiet_windows) == (True, 1)
    [closed] = book.see(findings=healthy())
    assert closed.resolved_at == START + 3 * HOUR + SETTLE
    assert book.see(findings=healthy()) == ()


UNDECIDED = [
    decided((FIRST, "all", math.nan, Verdict.NO_DATA)),
    decided((FIRST, "all", 0.03, Verdict.TOO_FEW)),
    decided((FIRST, "all", math.nan, Verdict.ERROR)),
    decided((REQUESTS, "all", 1000, Verdict.OK)),  # the measure is not there
    decided((FIRST, "surface=home", 0.03, Verdict.OK)),  # another place
    Findings(),
]


@pytest.mark.parametrize(
    "unknown", UNDECIDED, ids=["no data", "too few", "error", "no measure", "no slice", "nothing"]
)
def test_it_never_closes_for_lack_of_data(unknown: Findings) -> None:
    book = Book()
    book.see([stuck()])
    for _ in range(50):
        [incident] = book.see(findings=unknown)
        assert incident.open
    book.see(findings=healthy())
    book.see(findings=unknown)  # between two quiet windows, too
    [closed] = book.see(findings=healthy())
    assert not closed.open


def traffic(**requests: float) -> Findings:
    """Requests by version on the home page, as v2="12"; of the whole as `whole`."""
    rows = [("all", requests.pop("whole", 100.0))]
    for name, n in requests.items():
        version = "(none)" if name == "none" else name
        rows += [(f"model_version={version}", n), (f"model_version={version},surface=home", n)]
    return decided(*((REQUESTS, text, n, Verdict.OK) for text, n in rows))


@pytest.mark.parametrize("place", ["model_version=v2", "model_version=v2,surface=home"])
@pytest.mark.parametrize("rest", [{"v2": 0.0}, {}], ids=["none of it", "no word of it"])
def test_a_version_that_was_taken_back_is_over(place: str, rest: dict[str, float]) -> None:
    book = Book(version="model_version", slices=("surface", "model_version"))
    book.see([stuck(slice=place)])
    [quiet] = book.see(findings=traffic(v1=100, **rest))
    assert (quiet.open, quiet.quiet_windows) == (True, 1)
    [closed] = book.see(findings=traffic(v1=100, **rest))
    assert closed.resolution is Resolution.RECOVERED


NOT_TAKEN_BACK = {
    "it answers": traffic(v1=90, v2=10),
    "the log stopped": traffic(whole=0, v1=0, v2=0),
    "no other answers": traffic(v2=0),
    "versions are no longer logged": traffic(none=100, v2=0),
    "others answer elsewhere": decided(
        (REQUESTS, "all", 100, Verdict.OK), (REQUESTS, "model_version=v1,surface=email", 100, Verdict.OK)
    ),
    "traffic is not counted": healthy(slice="model_version=v1"),
}


@pytest.mark.parametrize("findings", NOT_TAKEN_BACK.values(), ids=NOT_TAKEN_BACK.keys())
@pytest.mark.parametrize("version", ["model_version", None])
def test_a_version_is_not_taken_back_by_lack_of_data(findings: Findings, version: str | None) -> None:
    book = Book(version=version, slices=("surface", "model_version"))
    book.see([stuck(slice="model_version=v2,surface=home")])
    for _ in range(9):
        [incident] = book.see(findings=findings)
        assert incident.open


def test_a_slice_that_stops_is_no_version_that_was_taken_back() -> None:
    book = Book(version="model_version", slices=("surface", "model_version"))
    book.see([stuck(slice="surface=home")])
    gone = [(REQUESTS, text, n, Verdict.OK) for text, n in (("surface=home", 0), ("surface=email", 100))]
    for _ in range(9):
        [incident] = book.see(findings=decided(*gone))
        assert incident.open


def test_a_value_that_is_hardly_better_does_not_close_it() -> None:
    book = Book()
    book.see([stuck(value=0.9)])
    for _ in range(5):
        [still] = book.see(findings=healthy(value=0.6))  # too few requests at night to be sure
        assert (still.open, still.quiet_windows) == (True, 0)
    book.see(findings=healthy(value=0.2))
    [closed] = book.see(findings=healthy(value=0.05))
    assert not closed.open


def test_what_was_too_much_of_a_new_version_has_to_fall_by_half() -> None:
    """Beside a canary's history there is none; hour by hour it is a little over or under what can be told for sure."""
    book = Book()
    book.see([breach("diversity.overlap", "model=v2", 0.04, expected=math.nan)])
    for value in (0.03, 0.022) * 3:
        [still] = book.see(findings=healthy("diversity.overlap", "model=v2", value))
        assert (still.open, still.quiet_windows) == (True, 0)
    for _ in range(2):
        [closed] = book.see(findings=healthy("diversity.overlap", "model=v2", 0.004))
    assert not closed.open


def test_one_that_keeps_coming_back_takes_longer_to_be_over() -> None:
    book = Book()
    for quiet in (False, True, False, True, True):
        [incident] = book.see([] if quiet else [stuck()], healthy() if quiet else None)
        assert incident.open
    assert incident.relapses == 1
    [closed] = book.see(findings=healthy())
    assert not closed.open
    assert closed.resolution is Resolution.RECOVERED
    [again] = book.see([stuck()])  # a short while later: the same trouble, told again, and watched for longer
    assert (again.id != closed.id, again.relapses) == (True, 2)
    for _ in range(3):
        [incident] = book.see(findings=healthy())
        assert incident.open
    [closed] = book.see(findings=healthy())
    assert not closed.open


def test_it_lasts_for_18_days_as_one() -> None:
    book = Book()
    ids = {book.see([stuck()])[0].id for _ in range(18 * 24)}
    assert len(ids) == 1
    assert book.open[0].affected["requests"] == 18 * 24 * 920


def test_after_it_closed_the_same_trouble_is_a_new_incident() -> None:
    book = Book()
    [first] = book.see([stuck()])
    for _ in range(3):
        book.see(findings=healthy())
    [second] = book.see([stuck()])
    assert second.id != first.id
    assert second.onset_at == START + 4 * HOUR


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([stuck("sku-1")], [stuck("sku-2")]),  # another item in the same place
        ([stuck("sku-1")], [breach(REQUESTS, value=0, expected=900)]),  # the log stops in the middle of it
        ([ticket("diversity.overlap")], [stuck("sku-1")]),  # louder
        ([breach(REQUESTS, "country=DE", 0, expected=200)], [stuck("sku-1")]),
    ],
    ids=["another item", "the log stops", "louder", "elsewhere"],
)
def test_a_second_different_one_still_gets_out(first: list, second: list) -> None:  # type: ignore[type-arg]
    book = Book()
    [one] = book.see(first)
    for _ in range(3):
        book.see(first)
    told = book.see([*first, *second])
    assert [i.id for i in told][:1] == [one.id]
    [other] = told[1:]
    assert other.severity is Severity.PAGE
    assert other.onset_at == START + 4 * HOUR
    assert len({i.id for i in book.see([*first, *second])}) == 2


@pytest.mark.parametrize(
    "later",
    [
        [stuck("sku-1", "surface=home", 0.9)],
        [breach("same_item.users_share", value=0.9, evidence={"item": "sku-1"})],
        [ticket("diversity.overlap", "country=DE")],
        [ticket("lists.short_share")],
    ],
)
def test_what_belongs_to_it_makes_no_second_one_however_late(later: list) -> None:  # type: ignore[type-arg]
    book = Book()
    [one] = book.see([stuck("sku-1")])
    for _ in range(10):
        book.see([stuck("sku-1")])
    [incident] = book.see([stuck("sku-1"), *later])
    assert incident.id == one.id


def test_other_pages_that_come_at_once_belong_to_it() -> None:
    book = Book()
    book.see([stuck("sku-1")])
    [incident] = book.see([stuck("sku-1"), breach(REQUESTS, value=10, expected=900)])
    assert REQUESTS in {s.measure for s in incident.symptoms}


def test_history_that_is_replayed_is_silent_and_what_is_open_at_its_end_is_told_once() -> None:
    book = Book()
    [past] = book.see([stuck()], silent=True)
    assert (past.silent, past.open) == (True, True)
    [told] = book.see([stuck()])
    assert told == replace(past, silent=False, last_seen_at=told.last_seen_at, affected=told.affected)
    [still] = book.see([stuck()])
    assert not still.silent


def test_what_was_over_in_history_stays_silent() -> None:
    book = Book()
    book.see([stuck()], silent=True)
    book.see(findings=healthy(), silent=True)
    [closed] = book.see(findings=healthy(), silent=True)
    assert (closed.silent, closed.open) == (True, False)


def test_ids_say_what_it_is_about_and_are_the_same_whenever_it_runs() -> None:
    [one], [same] = Book().see([stuck()]), Book().see([stuck()])
    assert one.id == same.id == "20260302T0500Z-same-item-" + one.id.rpartition("-")[2]
    others = [
        Book("other shop").see([stuck()]),
        Book().see([stuck("sku-2")]),
        Book().see([stuck(slice="surface=email")]),
        Book().see([breach(REQUESTS, value=0)]),
    ]
    late = Book()
    late.see(findings=healthy())
    others.append(late.see([stuck()]))
    assert len({one.id, *(told[0].id for told in others)}) == 6


@given(item=st.text(st.characters(exclude_categories=()), min_size=1))
def test_any_item_makes_an_id_for_a_path_and_json_for_the_store(item: str) -> None:
    [incident] = Book().see([stuck(item)])
    assert incident.id.isascii()
    assert incident.id.replace("-", "").isalnum()
    read = Incident.from_json(json.loads(json.dumps(incident.to_json())))
    if not any("\ud800" <= c <= "\udfff" for c in item):
        assert read == incident
    assert read.summary == incident.summary


def test_json_round_trip_with_everything_in_it() -> None:
    book = Book(labels={"team": "home"})
    book.see(COLLAPSE)
    book.see(findings=healthy())
    [closed] = book.see(findings=healthy())
    document = closed.with_url("https://recwatch.example/").to_json()
    assert Incident.from_json(json.loads(json.dumps(document))) == closed.with_url("https://recwatch.example")
    assert document["url"] == f"https://recwatch.example/incidents/{closed.id}"
    assert set(document) == {f.name for f in fields(Incident)} | {"schema_version"}
    assert document["severity"] == "page"
    assert document["opened_at"] == "2026-03-02T06:10:00+00:00"
    assert json.loads(json.dumps(document)) == document


def test_numbers_that_json_does_not_have_are_left_out() -> None:
    [incident] = Book().see(
        [stuck(expected=math.nan), ticket("diversity.items", value=math.inf, expected=math.inf)]
    )
    assert incident.before == {"value": None}
    assert [(s.value, s.expected) for s in incident.symptoms] == [(None, None)]
    json.dumps(incident.to_json(), allow_nan=False)


def test_an_incident_of_a_newer_recwatch_is_refused() -> None:
    [incident] = Book().see([stuck()])
    document = {**incident.to_json(), "schema_version": 2}
    with pytest.raises(ValueError, match=rf"^incident {incident.id} has schema 2, this recwatch reads 1$"):
        Incident.from_json(document)


def test_it_is_told_at_the_end_of_its_window_plus_settle() -> None:
    book = Book()
    book.window = replace(book.window, end=book.window.start + timedelta(minutes=15))
    [incident] = book.see([stuck()])
    assert incident.opened_at - incident.onset_at == timedelta(minutes=15) + SETTLE
