"""From the `detectors` section to detectors."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from detectors import (
    Floor,
    History,
    Severity,
    discover,
)
from detectors.fallback import Fallback
from detectors.judgement.spec import OtherSlice, Reference
from detectors.same_item import SameItem
from monitor.config.models import Mode
from monitor.detector_settings import build, mistakes
from monitor.errors import UserError
from monitor.own.columns import of_log
from tests.monitor.own_detectors import Freshness

HERE = "tests.monitor.own_detectors"
FILE = inspect.getfile(Freshness)
LINE = inspect.getsourcelines(Freshness)[1]


def test_all_installed_detectors_with_their_defaults() -> None:
    made = build({})
    assert list(made) == list(discover())
    assert all(d.detector == discover()[name]() for name, d in made.items())
    assert {d.mode for d in made.values()} == {Mode.PAGE}
    assert all(d.measures() == d.detector.measures() for d in made.values())


def test_settings_modes_and_switching_off() -> None:
    made = build({"same_item": {"rise": 1, "mode": "ticket"}, "scores": {"enabled": False}})
    assert made["same_item"].detector == SameItem(rise=1.0)
    assert made["same_item"].mode is Mode.TICKET
    assert "scores" not in made


def test_a_limit_is_tuned_and_the_rest_stays() -> None:
    configured = build({"same_item": {"judge": {"first_place_share": {"above": 0.5, "change": 0.25}}}})[
        "same_item"
    ]
    floor, history = configured.judge["first_place_share"]
    assert floor == Floor(above=0.5, severity=Severity.PAGE)
    assert history == History("up", change=0.25)
    by_name = {m.name: m for m in configured.measures()}
    assert by_name["first_place_share"].judge == (floor, history)
    assert list(configured.judge) == ["first_place_share"]


def test_severity_is_set_for_every_judgement() -> None:
    judge = build({"same_item": {"judge": {"users_share": {"severity": "ticket"}}}})["same_item"].judge[
        "users_share"
    ]
    assert {judgement.severity for judgement in judge} == {Severity.TICKET}


def test_a_judgement_is_added() -> None:
    silence = build({"traffic": {"judge": {"silence": {"above": 900, "severity": "page"}}}})["traffic"].judge[
        "silence"
    ]
    assert silence[0] == Floor(above=900, severity=Severity.PAGE)
    assert isinstance(silence[1], History)


def test_a_detector_of_ones_own() -> None:
    made = build({f"{HERE}:Freshness": {"items": ["a", "b"], "kind": "page", "mode": "observe"}})
    assert made["freshness"].detector == Freshness(("a", "b"), kind=Severity.PAGE)
    assert made["freshness"].mode is Mode.OBSERVE


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, [("items",), "required, and not given; add it"]),
        ({"items": "a"}, [("items",), '"a": Input should be a valid array']),
        ({"items": [], "most": 0.5}, [("most",), '"0.5" is not a whole number']),
        ({"items": [], "most": -1},
         [(), f"cannot be made with these settings: most must not be negative ({FILE}:{LINE})"]),
        ({"items": [], "judge": {"age": {"change": 3}}},
         [("judge", "age"), "is not compared with history yet; that takes both direction and change"]),
        ({"items": [], "judge": {"age": {"above": "x"}}}, [("judge", "age", "above"), '"x" is not a number']),
        ({"items": [], "judge": {"age": {"severity": "loud"}}},
         [("judge", "age", "severity"), '"loud" is not known here; use one of "ticket", "page"']),
        ({"items": [], "judge": {"age": {"above": 1, "direction": "left"}}},
         [("judge", "age", "direction"), '"left" is not known here; use one of "up", "down", "both"']),
    ],
)  # fmt: skip
def test_mistakes_of_ones_own(settings: dict[str, object], told: list[object]) -> None:
    key = f"{HERE}:Freshness"
    keys, what = told
    assert list(mistakes({key: settings})) == [((key, *keys), what)]  # type: ignore[misc]  # a tuple of keys


def test_a_whole_judgement_replaces_is_added_or_taken_away() -> None:
    configured = build({"same_item": {"judge": {
        "first_place_share": {"history": {"direction": "both", "change": 0.3, "severity": "page"}},
        "users_share": {"floor": False, "reference": {"direction": "up", "change": 0.1, "back_hours": 24}},
        "anywhere_share": {"other_slice": {"direction": "up", "change": 0.2, "slice": "surface=home"}, "above": 0.9},
    }}})["same_item"].judge  # fmt: skip
    floor, history = configured["first_place_share"]
    assert isinstance(floor, Floor)
    assert history == History("both", change=0.3, severity=Severity.PAGE)
    kept, reference = configured["users_share"]
    assert isinstance(kept, History)
    assert reference == Reference("up", change=0.1, back_hours=24)
    floor, history, other = configured["anywhere_share"]
    assert (floor.above, type(history)) == (0.9, History)  # type: ignore[union-attr]  # a floor by its place
    assert other == OtherSlice("up", change=0.2, slice="surface=home")


@pytest.mark.parametrize(
    ("limits", "keys", "what"),
    [
        ({"history": {"change": 1}}, ("history",), "needs direction; add it"),
        (
            {"reference": True},
            ("reference",),
            'must be a mapping of limits, or false to take it away, not "True"',
        ),
        ({"floor": {"abov": 1}}, ("floor", "abov"), 'unknown limit; did you mean "above"?'),
        (
            {"other_slice": {"direction": "up", "change": "x"}},
            ("other_slice", "change"),
            '"x" is not a number',
        ),
    ],
)
def test_mistakes_in_a_whole_judgement(limits: Any, keys: tuple[str, ...], what: str) -> None:
    told = list(mistakes({"same_item": {"judge": {"users_share": limits}}}))
    assert told == [(("same_item", "judge", "users_share", *keys), what)]


def test_columns_that_drift_is_told_to_watch_are_read() -> None:
    made = build({"drift": {"numbers": ["price", "user.age"], "texts": ["segment"]}})
    asked = {("price", float), ("user.age", float), ("segment", str)}
    assert set(of_log([made["drift"].detector])) == asked
    needs = {m.name: m.needs for m in made["drift"].measures() if "feature" in m.name}
    assert needs["numeric_feature_distance"] == {"column price", "column user.age"}
    assert needs["categorical_feature_jump"] == {"column segment"}
    assert needs["feature_null_rise"] == {"column price", "column user.age", "column segment"}


def test_fallback_lists_are_lists_of_ids() -> None:
    detector = build({"fallback": {"lists": [["a", "b"], ["c"]]}})["fallback"].detector
    assert isinstance(detector, Fallback)
    assert detector.lists == (("a", "b"), ("c",))
    assert [keys for keys, _ in mistakes({"fallback": {"lists": ["a"]}})] == [("fallback", "lists")]


def test_two_detectors_of_one_name() -> None:
    key = f"{HERE}:SecondScores"
    assert list(mistakes({key: {}})) == [((key,), 'is called "scores", as scores is; give it another name')]


def test_no_detector() -> None:
    ((_, what),) = mistakes({f"{HERE}:NAME": {}})
    assert what == "is not a detector: write a class that derives from detectors.Detector"


def test_build_refuses_what_was_not_checked() -> None:
    with pytest.raises(
        UserError, match=r'^detectors\.same_item\.risse: unknown setting; did you mean "rise"\?$'
    ):
        build({"same_item": {"risse": 1}})
