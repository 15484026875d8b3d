"""A tick of several recommenders is measured beside single evaluations, and a failed one is no measurement."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.bench import twelve
from tests.bench.figures import CouldNotMeasure


def test_a_tick_and_single_evaluations_are_timed_in_the_pool(tmp_path: Path) -> None:
    figures = twelve.measure(2, 2_000, 1, tmp_path, tmp_path)
    ratio, tick, single = (figure.value for figure in figures)
    assert ratio == pytest.approx(tick / single / 2)
    cores = [float(part.split()[0]) for part in figures[0].note.split(", ")]
    assert all(
        0 < used <= 1.1 * len(os.sched_getaffinity(0)) for used in cores
    )  # what starting took is left out
    assert figures[0].name.startswith("2 recommenders, 0.002 million rows each: ")


def test_a_window_that_could_not_be_read_is_no_measurement(tmp_path: Path) -> None:
    (tmp_path / "plain-2000.parquet").mkdir()
    with pytest.raises(CouldNotMeasure, match=r"^a tick of 2 recommenders: "):
        twelve.measure(2, 2_000, 1, tmp_path, tmp_path)
