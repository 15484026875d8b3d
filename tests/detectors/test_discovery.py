"""Detectors are found through one door, and mistakes at it are told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, dataclass, fields
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from detectors import Context, Detector, Measure, Measurement, Summary, discover, load_detector
from detectors.core import detector as door
from detectors.core.detector import ENTRY_POINTS

HERE = "tests.detectors.test_discovery"


@dataclass(frozen=True)
class Lists(Detector):
    """Another detector with the name of a built-in one."""

    name = "lists"
    statistics = ()

    def measures(self) -> tuple[Measure, ...]:
        return ()

    def measure(self, summary: Summary, context: Context) -> Iterator[Measurement]:
        yield from ()


class Half(Detector):
    """Lacks most of what a detector has."""

    name = "half"

    def measures(self) -> tuple[Measure, ...]:
        return ()


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """What is installed, to be added to."""
    points = [
        EntryPoint(name, f"detectors.{name}:{name.title().replace('_', '')}", ENTRY_POINTS)
        for name in ("lists", "same_item")
    ]
    monkeypatch.setattr(door, "entry_points", lambda group: points if group == ENTRY_POINTS else [])
    discover.cache_clear()
    yield points
    discover.cache_clear()


def test_every_family_has_a_file_of_its_name() -> None:
    folder = Path(door.__file__).parent.parent
    families = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    found = discover()
    assert families == set(found)
    assert list(found) == sorted(found)
    for name, detector in found.items():
        assert detector.name == name
        assert detector.__module__ == f"detectors.{name}"


def test_every_detector_has_defaults_and_cannot_be_changed() -> None:
    for detector in discover().values():
        made = detector()
        assert made == detector()
        for field in fields(made):
            with pytest.raises(FrozenInstanceError):
                setattr(made, field.name, None)


def test_measures_are_named_once_and_described() -> None:
    for detector in discover().values():
        measures = detector().measures()
        names = [m.name for m in measures]
        assert len(set(names)) == len(names)
        for m in measures:
            assert m.help.endswith(".")
            assert m.name == m.name.lower()


def test_settings_reach_the_limits() -> None:
    same_item = discover()["same_item"]
    measures = {m.name: m for m in same_item(first_place_above=0.5).measures()}
    assert measures["first_place_share"].judge[0].above == 0.5


def test_an_installed_detector_is_found(installed: list[EntryPoint]) -> None:
    assert list(discover()) == ["lists", "same_item"]


def test_the_same_detector_twice_is_one(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("again", "detectors.lists:Lists", ENTRY_POINTS))
    assert list(discover()) == ["lists", "same_item"]


def test_two_detectors_of_one_name(installed: list[EntryPoint]) -> None:
    installed.append(EntryPoint("mine", f"{HERE}:Lists", ENTRY_POINTS))
    text = f"two detectors are called lists: detectors.lists:Lists and {HERE}:Lists"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        discover()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nowhere.at_all:X", "nowhere.at_all:X: cannot be loaded: No module named 'nowhere'"),
        (
            "detectors.lists:Nothing",
            "detectors.lists:Nothing: cannot be loaded: module 'detectors.lists' has no attribute 'Nothing'",
        ),
        ("detectors.lists", "detectors.lists: cannot be loaded: module 'detectors.lists' has no attribute ''"),
        (":Lists", ":Lists: cannot be loaded: Empty module name"),
        (
            "detectors.lists:LONGEST",
            "detectors.lists:LONGEST is not a detector: write a class that derives from detectors.Detector",
        ),
        (
            "detectors:Summary",
            "detectors:Summary is not a detector: write a class that derives from detectors.Detector",
        ),
        (f"{HERE}:Half", f"{HERE}:Half is not a complete detector: it lacks measure, statistics"),
    ],
)  # fmt: skip
def test_what_is_no_detector_is_told(path: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        load_detector(path)


def test_a_module_that_fails_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_detector_module.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"^failing_detector_module:X: cannot be loaded: no licence$"):
        load_detector("failing_detector_module:X")
