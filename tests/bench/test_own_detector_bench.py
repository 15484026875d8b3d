"""The bench of detectors made of functions measures every kind of them."""

from __future__ import annotations

from tests.bench import own_detector


def test_every_door_is_measured_against_a_built_in() -> None:
    figures = own_detector.measure(requests=200, rounds=1)
    assert [figure.target for figure in figures] == [own_detector.MOST] * len(own_detector.PAIRS)
    assert all(figure.value is not None and figure.value > 0 for figure in figures)
    assert {pair.own.measured for pair in own_detector.PAIRS} == {"share", "mean", "quantile", "rows"}
