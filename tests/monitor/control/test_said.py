"""What people say to recwatch: what it does, and the exact words of the answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from detectors.core.verdict import Verdict
from monitor.control.commands import Ack, Rebase, perform
from monitor.errors import UserError
from monitor.evaluation import Evaluation
from monitor.findings import Findings
from monitor.incidents.incident import Incident, Resolution
from monitor.store import Store
from tests.monitor.factories import HOUR, NOON, evaluation, finding, findings, incident

ANN = "ann@ops"
FIVE_PAST = NOON + timedelta(minutes=65)  # the window that ended at noon was evaluated at ten past
SLICES = ("all", "surface=email", "country=DE,surface=email")


def seen() -> Findings:
    rows = [finding("same_item.first_place_share", 0.03, Verdict.OK, slice=s) for s in SLICES]
    return findings([*rows, finding("traffic.requests", 1571)])


def shop(*incidents: Incident, **fields: Any) -> Store:
    store = Store.in_memory()
    store.record(evaluation(findings=seen(), open_incidents=incidents, **fields))
    return store


def wrong(store: Store, command: Ack | Rebase) -> str:
    with pytest.raises(UserError) as told:
        perform(store, command, ANN, FIVE_PAST)
    return str(told.value)


def rebase(**fields: Any) -> Rebase:
    base: dict[str, Any] = {
        "recommender": "home", "slice": None, "detector": None, "start": NOON - HOUR, "end": None, "why": "new model",
    }  # fmt: skip
    return Rebase(**{**base, **fields})


def test_an_incident_is_acknowledged_with_who_and_why() -> None:
    store = shop(incident())
    assert perform(store, Ack("home-same_item-3f9c1a", " rolling \n back "), ANN, FIVE_PAST) == [
        "acknowledged by ann@ops: home-same_item-3f9c1a: sku-007065 is on top of 97 % of the lists "
        "(1,523 of 1,571 requests); 3 % is usual."
    ]
    perform(store, Ack("home-same_item-3f9c1a", "still at it"), "bob@ops", FIVE_PAST + HOUR)
    assert [(a.incident_id, a.at, a.who, a.why) for a in store.acknowledgements()] == [
        ("home-same_item-3f9c1a", FIVE_PAST, ANN, "rolling back"),
        ("home-same_item-3f9c1a", FIVE_PAST + HOUR, "bob@ops", "still at it"),
    ]
    assert store.acknowledgements(["another"]) == []
    assert store.incidents(open_only=True) == [incident()]  # it stays as it is


def test_what_cannot_be_acknowledged() -> None:
    closed = incident(resolved_at=NOON)
    assert wrong(shop(closed), Ack(closed.id, "x")) == (
        "home-same_item-3f9c1a is over since 2026-03-14 12:00 UTC: nobody is to be reminded of it"
    )
    assert wrong(shop(), Ack("a1", "x")) == 'there is no incident "a1"; none is open'
    assert wrong(shop(incident()), Ack("a1", "x")) == (
        'there is no incident "a1"; open: home-same_item-3f9c1a'
    )
    many = shop(*(incident(id=f"i{k}") for k in range(7)))
    assert wrong(many, Ack("a1", "x")) == 'there is no incident "a1"; open: i0, i1, i2, i3, i4 and 2 more'
    assert wrong(shop(incident()), Ack("a1", " ")) == (
        "--why: say why in a few words; it is kept with your name"
    )
    assert wrong(shop(), Ack("a1", "x" * 1001)) == "--why: 1001 characters are too many; 1000 are kept"


def test_a_change_that_is_meant_closes_what_is_open_at_once() -> None:
    store = shop(incident(slice={"surface": "email"}))
    [said, closed] = perform(store, rebase(), ANN, FIVE_PAST)
    assert said == "home: everything anew from 2026-03-14 11:00 UTC"
    assert closed.startswith("closed, it is intended: home-same_item-3f9c1a: sku-007065 is on top")
    [kept] = store.incidents()
    assert (kept.resolution, kept.resolved_at) == (Resolution.INTENDED, FIVE_PAST)
    assert [t.what for t in store.told()] == ["opened", "resolved"]
    latest = store.latest("home")
    assert latest
    assert latest.open_incidents == (kept,)  # nothing is open for the next window
    [rebaseline] = store.rebaselines("home")
    assert (rebaseline.why, rebaseline.who, rebaseline.at) == ("new model", ANN, FIVE_PAST)
    assert (rebaseline.start, rebaseline.end, rebaseline.judged) == (NOON - HOUR, None, NOON - HOUR)
    assert store.rebaselines("other") == []


@pytest.mark.parametrize(
    ("said", "where", "detector", "closes"),
    [
        ({"slice": "surface=email"}, {"surface": "email"}, "same_item", True),
        ({"slice": "surface=email"}, {"country": "DE", "surface": "email"}, "same_item", True),
        ({"slice": "surface=email"}, {}, "same_item", False),
        ({"slice": "all"}, {"surface": "email"}, "same_item", True),
        ({"detector": "same_item"}, {}, "same_item", True),
        ({"detector": "traffic"}, {}, "same_item", False),
        ({"start": NOON - 100 * HOUR}, {}, "same_item", True),
        ({"start": NOON - 9 * HOUR, "end": NOON - HOUR}, {}, "same_item", False),
        ({"start": NOON - 9 * HOUR, "end": NOON + HOUR}, {}, "same_item", True),
    ],
)
def test_what_it_closes_is_at_its_place_of_its_detector_and_in_its_time(
    said: dict[str, Any], where: dict[str, str], detector: str, closes: bool
) -> None:
    store = shop(incident(slice=where, detector=detector))
    perform(store, rebase(**said), ANN, FIVE_PAST)
    assert (not store.incidents(open_only=True)) is closes


def test_an_absolute_limit_stays_and_says_what_to_do() -> None:
    store = shop(incident(judged_by="floor"))
    assert perform(store, rebase(), ANN, FIVE_PAST)[1:] == [
        "still open: home-same_item-3f9c1a: sku-007065 is on top of 97 % of the lists (1,523 of 1,571 requests); "
        "3 % is usual. It is beyond an absolute limit, which no history moves: raise it under detectors.same_item, "
        "or say under `expected` what is meant."
    ]
    assert store.incidents(open_only=True) == [incident(judged_by="floor")]


def test_a_change_that_is_to_come_closes_nothing_yet() -> None:
    store = shop(incident())
    told = perform(
        store, rebase(start=NOON + 5 * HOUR, end=NOON + 9 * HOUR, slice="surface=email"), ANN, FIVE_PAST
    )
    assert told == ["home: everything at surface=email anew from 2026-03-14 17:00 until 2026-03-14 21:00 UTC"]
    [first, second] = perform(store, rebase(start=NOON + 5 * HOUR, detector="same_item"), ANN, FIVE_PAST)
    assert first == "home: same_item anew from 2026-03-14 17:00 UTC"
    assert second.startswith("still open until 2026-03-14 17:00 UTC: home-same_item-3f9c1a: ")
    assert store.incidents(open_only=True) == [incident()]


def test_slices_are_said_in_any_order() -> None:
    store = shop()
    perform(store, rebase(slice="surface=email,country=DE"), ANN, FIVE_PAST)
    assert [r.slice for r in store.rebaselines()] == ["country=DE,surface=email"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"recommender": "hom"}, 'nothing is known of a recommender "hom"; did you mean "home"?'),
        (
            {"slice": "surface=emial"},
            '--slice "surface=emial": there was no such slice lately; did you mean ',
        ),
        (
            {"detector": "trafic"},
            '--detector "trafic": no such detector measured anything lately; did you mean "traffic"?',
        ),
        ({"end": NOON - HOUR}, "--until 2026-03-14 11:00 UTC is not after --from 2026-03-14 11:00 UTC"),
        ({"why": ""}, "--why: say why in a few words; it is kept with your name"),
    ],
)
def test_what_makes_no_sense_changes_nothing(said: dict[str, Any], why: str) -> None:
    store = shop(incident())
    assert wrong(store, rebase(**said)).startswith(why)
    assert store.rebaselines() == []
    assert store.incidents(open_only=True) == [incident()]


def test_many_slices_are_not_all_listed() -> None:
    store = Store.in_memory()
    many = [finding("traffic.requests", 1, slice=f"c=v{k}") for k in range(50)]
    store.record(evaluation(findings=findings(many)))
    assert wrong(store, rebase(slice="x=y")) == (
        '--slice "x=y": there was no such slice lately; use one of "all", "c=v0", "c=v1", "c=v10", "c=v11" or 46 more'
    )


def test_before_anything_was_evaluated() -> None:
    assert wrong(Store.in_memory(), rebase()) == (
        'nothing is known of a recommender "home"; nothing was evaluated yet'
    )


def test_hostile_words_stay_in_one_line() -> None:
    store = shop(incident(summary="a\nb\x1b[31m" + "x" * 5000))
    [line] = perform(store, Ack("home-same_item-3f9c1a", "x"), "x", datetime(2026, 3, 15, tzinfo=UTC))
    assert line.isprintable()
    assert len(line) < 300


def test_the_newest_window_is_what_had_been_judged() -> None:
    store = shop(incident())
    store.record(Evaluation(**{**vars(evaluation(end=NOON + HOUR)), "open_incidents": (incident(),)}))
    perform(store, rebase(), ANN, FIVE_PAST + HOUR)
    assert [r.judged for r in store.rebaselines()] == [NOON]
    assert store.count_rebaselines("home") == 1
    assert store.count_rebaselines("other") == 0
