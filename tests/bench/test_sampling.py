"""Errors of a sample: what is inside its error is told from what is not, slice by slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detectors.core.measurement import Measurement
from monitor.measured import Measured
from tests.bench import sampling
from tests.bench.window import HOUR


def _measured(slices: tuple[str, ...], **values: list[float]) -> Measured:
    found = tuple(
        (name, Measurement(name, np.array(v), np.full(len(v), 0.1), np.arange(50.0, 50 - len(v), -1)))
        for name, v in values.items()
    )
    return Measured(HOUR, slices, found)


def test_slices_are_matched_by_name_and_what_is_not_known_or_not_judged_counts_for_nothing() -> None:
    errors = sampling.Errors({"near": 10, "far": 10, "few": 50})
    errors.add(
        _measured(("all", "a=1", "a=2"), near=[1.0, 2.2, np.nan], far=[1.0, 2.21, 9.0], few=[1.0, 9.0, 9.0]),
        _measured(
            ("all", "a=2", "a=1", "a=3"),
            near=[1.1, 5.0, 2.0, 7.0],
            far=[1.0, 9.0, 2.0, 7.0],
            few=[1.0, 1.0, 1.0, 1.0],
        ),
    )
    assert errors.inside == {"near": 2, "far": 2, "few": 1}
    assert errors.of == {"near": 2, "far": 3, "few": 1}
    first, *each = errors.figures("a sample")
    assert (first.value, first.verdict, first.note) == (1, "falls short", "far")
    assert [(f.name.split()[2], f.verdict) for f in each] == [
        ("far", "falls short"),
        ("near", "ok"),
        ("few", "ok"),
    ]


def test_a_sample_of_real_windows_is_measured_against_all_of_their_rows(tmp_path: Path) -> None:
    figures = sampling.measure(20_000, 5_000, 2, 80_000, 10_000, tmp_path, tmp_path)
    by_name = {figure.name: figure for figure in figures}
    exact = by_name["sample of users: traffic.requests inside two standard errors"]  # is not sampled
    assert (exact.value, exact.verdict) == (pytest.approx(100), "ok")
    for name in ("sample of users", "sample of row groups"):
        assert by_name[f"{name}: same_item.first_place_share inside two standard errors"].value > 80
