"""The scorer of the incident bench, on cases worked out by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.simulator.incidents import KINDS
from tests.incident_bench.report import by_kind, curves, in_all, shortfalls, told_wrongly
from tests.incident_bench.scorer import SPEAKS_OF, score
from tests.incident_bench.story import Story

START = datetime(2026, 3, 2, tzinfo=UTC)


def at(hours):
    return (START + timedelta(hours=hours)).isoformat()


def event(kind="same_item", start=240, hours=10, incident=True, **more):
    return {
        "kind": kind,
        "incident": incident,
        "where": {},
        "start": at(start),
        "end": at(start + hours),
        "deadline_hours": 1,
        "severity": "page",
        **more,
    }


def report(hours, severity="page", detector="same_item", place=None, item=None):
    return {
        "opened_at": at(hours).replace("+00:00", "Z"),
        "severity": severity,
        "detector": detector,
        "slice": place or {},
        "culprit": {"item": item} if item else {},
        "summary": "text",
    }


def scored(events, reports, days=30):
    return score({"start": at(0), "end": at(days * 24), "events": events}, reports)


def test_found_in_time_and_told_right():
    (held,) = scored([event(item="sku-1")], [report(241.2, item="sku-1")]).held
    assert (held.found, held.in_time, held.extra_pages, held.reports) == (True, True, 0, 1)
    assert (held.right_detector, held.right_place, held.right_item) == (True, True, True)
    assert held.hours == pytest.approx(1.2)


@pytest.mark.parametrize(
    ("opened", "in_time"), [(241.25, True), (241.26, False), (240.0, False), (251.25, False)]
)
def test_the_deadline_has_a_quarter_of_an_hour_of_grace(opened, in_time):
    assert scored([event()], [report(opened)]).held[0].in_time is in_time


def test_a_page_is_due_and_only_a_ticket_came():
    (held,) = scored([event()], [report(241, "ticket")]).held
    assert (held.found, held.in_time) == (True, False)


def test_a_ticket_was_due_and_a_page_came():
    (held,) = scored([event("short_lists", severity="ticket")], [report(241, "page", "lists")]).held
    assert (held.in_time, held.extra_pages, held.right_detector) == (True, 1, True)


def test_the_first_report_is_the_one_that_is_held():
    reports = [
        report(243, item="sku-1"),
        report(241, detector="drift", place={"country": "DE"}, item="sku-2"),
    ]
    (held,) = scored([event(item="sku-1")], reports).held
    assert (held.right_detector, held.right_place, held.right_item) == (False, False, False)
    assert (held.extra_pages, held.reports, held.told_by) == (1, 2, ("drift", "same_item"))


def test_a_place_of_its_own_goes_before_where():
    told = scored(
        [event("bad_canary", place={"model_version": "v2"})], [report(241, place={"model_version": "v2"})]
    )
    assert told.held[0].right_place


def test_missed():
    (held,) = scored([event(item="sku-1")], []).held
    assert (held.found, held.in_time, held.hours, held.right_item) == (False, False, None, False)


def test_recovery_may_show_for_twelve_hours_and_then_a_report_is_false():
    assert scored([event()], [report(250 + 1.25 + 12)]).false == ()
    late = scored([event()], [report(250 + 1.25 + 12.1)])
    assert (len(late.false), late.false_pages) == (1, 1)


def test_a_ticket_at_a_harmless_event_is_a_remark_and_a_page_is_false():
    sale = event("flash_sale", start=100, hours=5, incident=False)
    told = scored([sale], [report(102, "ticket"), report(103, "page"), report(130, "ticket")])
    assert ([r.opened_at for r in told.remarks], len(told.false), told.false_pages) == (
        [START + timedelta(hours=102)],
        2,
        1,
    )


def test_how_a_shop_always_is_excuses_nothing():
    guests = event("guests", start=0, hours=100_000, incident=False)
    assert len(scored([guests], [report(100, "ticket")]).false) == 1


def test_days_outside_leave_out_incidents_and_their_aftermath():
    assert scored([event()], []).days_outside == pytest.approx(30 - (10 + 1.25 + 12) / 24)


def test_every_kind_of_incident_has_detectors_that_speak_of_it():
    assert set(SPEAKS_OF) == {kind.name for kind in KINDS.values() if not kind.harmless}


def test_the_report_counts_what_the_scores_say():
    events = [event(item="sku-1"), event("log_stops", start=300)]
    story = Story("log-1", scored(events, [report(241, item="sku-1"), report(500)]), 300.0, 100, 1.0)
    table = by_kind([story]).splitlines()
    cells = {
        line.split("|")[1].strip(): [cell.strip() for cell in line.split("|")[3:-1]] for line in table[2:]
    }
    assert cells["same_item"] == ["1", "1/1", "1/1", "1.0", "1/1", "1/1", "1/1", "0", "at most 1"]
    assert cells["log_stops"] == ["1", "0/1", "0/1", "-", "0/1", "0/1", "-", "0", "at most 0"]
    assert next(in_all([story])) == "2 incidents: 1 found, 1 in time"
    assert list(told_wrongly([story])) == [
        "log-1: missed: log_stops at all from 14 March 12:00",
        "log-1: false page: same_item at all 22 March 20:00: text",
    ]


def test_curves_have_a_row_for_each_size_and_a_column_for_each_volume():
    def story(rate, reports):
        events = [
            event(effect=0.4, visible=True),
            event(start=300, effect=0.05, visible=False),
            event(start=400, effect=0.4, visible=True, where={"country": "DE"}),
        ]
        return Story(f"curves-{rate}-1", scored(events, reports), rate, 100, 1.0)

    table = curves([story(300.0, [report(245)]), story(1500.0, [report(241)]), story(1500.0, [])])
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert rows[0] == ["incident", "share hit", "300 requests an hour", "1,500 requests an hour"]
    assert rows[2:] == [
        ["same_item", "5 %", "0/1 (below sight)", "0/2 (below sight)"],
        ["same_item", "40 %", "0/1 + 1 late", "1/2"],
    ]


def test_nothing_falls_short_of_a_log_that_is_told_right():
    story = Story("log-1-1", scored([event(item="sku-1")], [report(241, item="sku-1")]), 300.0, 100, 1.0)
    assert list(shortfalls([story])) == []


def test_where_it_falls_short_is_said_by_kind_and_what_nobody_could_see_is_left_out():
    events = [
        event(item="sku-1"),
        event("log_stops", start=300),
        event("log_stops", start=400),
        event(start=500, visible=False),
    ]
    reports = [report(hours, detector="drift") for hours in (241, 242, 243, 301)] + [report(100)]
    story = Story("log-1-1", scored(events, reports), 300.0, 100, 1.0)
    assert list(shortfalls([story])) == [
        "in time 67 %, at least 95 % is the aim; not: log_stops 1 of 2",
        "detector right in 0 %, at least 95 % is the aim",
        "place right in 67 %, at least 95 % is the aim",
        "item right in 0 %, at least 95 % is the aim",
        "extra pages at same_item; none is the aim",
        "more than 2 reports for one incident: same_item",
        "1.15 false pages a month; at most 0.1 is the aim",
        "1.15 false reports a month; at most 1.0 is the aim",
    ]
