"""From the `detectors` section to detectors."""

from __future__ import annotations

import pytest

from detectors import (
    Floor,
    History,
    Severity,
    discover,
)
from detectors.same_item import SameItem
from monitor.config.models import Mode
from monitor.detector_settings import build, mistakes
from monitor.errors import UserError
from tests.monitor.own_detectors import Freshness

HERE = "tests.monitor.own_detectors"


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
        ({"items": [], "most": -1}, [(), "cannot be made with these settings: most must not be negative"]),
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
