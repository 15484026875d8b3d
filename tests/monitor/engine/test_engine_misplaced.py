"""Rows with a time that their folder cannot hold: counted by slice, and in nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import Context
from detectors.statistics.missing import Missing
from detectors.traffic import Traffic
from monitor.engine.summarise import WindowSummary
from tests.detectors.batches import measure_summary
from tests.monitor.engine.engine_logs import (
    HOUR,
    Row,
    Seen,
    Shape,
    run,
    set_limits,
    simple_rows,
    told,
    write_log,
)

HOURLY, DAILY = "date=%Y-%m-%d/hour=%H", "date=%Y-%m-%d"
DETECTOR = Traffic()
CONTEXT = Context((HOUR.start_us, HOUR.end_us))


def skewed(requests: int, by: timedelta, every: int = 3) -> list[Row]:
    """Requests, of which some have a clock that is ahead."""
    rows = simple_rows(requests)
    return [
        {**row, "timestamp": row["timestamp"] + by} if int(row["request"][1:]) % every == 0 else row
        for row in rows
    ]


def shares(window: WindowSummary) -> dict[str, float]:
    found = measure_summary(DETECTOR, window.summary, CONTEXT)["misplaced_share"]
    return dict(zip(window.summary.slices.texts, found.value.tolist(), strict=True))


def by_hand(rows: Sequence[Row]) -> dict[str, float]:
    """Of rows that lie in the folder of one hour: those more than five minutes out of it."""
    slack = timedelta(minutes=5)
    out = {}
    for country in (None, *{row["country"] for row in rows}):
        mine = [row for row in rows if country in (None, row["country"])]
        inside = sum(HOUR.start <= row["timestamp"] < HOUR.end for row in mine)
        odd = sum(not HOUR.start - slack <= row["timestamp"] < HOUR.end + slack for row in mine)
        out[f"country={country}" if country else "all"] = odd / (inside + odd) if inside + odd else math.nan
    return out


KINDS = (Seen, *DETECTOR.statistics)


@given(
    st.lists(st.sampled_from([-600, -6, -4, 0, 10, 59, 62, 64, 66, 95, 6000]), min_size=1, max_size=20),
    st.integers(1, 20),
    st.integers(1, 12),
)
def test_counted_as_by_hand_whatever_the_cuts(
    tmp_path_factory: pytest.TempPathFactory, minutes: list[int], row_group: int, batch_rows: int
) -> None:
    rows = [
        {**row, "timestamp": HOUR.start + timedelta(minutes=minutes[int(row["request"][1:])])}
        for row in simple_rows(len(minutes))
    ]
    folder, shape = tmp_path_factory.mktemp("log"), Shape(partitions=HOURLY, row_group=row_group)
    write_log(folder, rows, shape)
    with pytest.MonkeyPatch.context() as patch:
        set_limits(patch, batch_rows)
        found = shares(run(folder, shape, kinds=KINDS))
    expected = by_hand(rows)
    assert found == pytest.approx({text: expected[text] for text in found}, nan_ok=True)
    assert all(math.isnan(expected[text]) for text in expected.keys() - found.keys())


def test_they_are_in_nothing_else(tmp_path: Path) -> None:
    rows, shape = skewed(60, timedelta(minutes=95)), Shape(partitions=HOURLY)
    write_log(tmp_path, rows, shape)
    window = run(tmp_path, shape, kinds=KINDS)
    inside = [row for row in rows if row["timestamp"] < HOUR.end]
    seen = told(window, rows, shape)
    assert seen.inside == len(inside) == 120
    assert {request for _, _, request, _, _ in seen.requests} == {row["request"] for row in inside}
    assert shares(window)["all"] == pytest.approx(1 / 3)


def test_right_clocks_leave_nothing(tmp_path: Path) -> None:
    shape = Shape(partitions=HOURLY)
    write_log(tmp_path, simple_rows(60), shape)
    window = run(tmp_path, shape, kinds=KINDS)
    assert shares(window) == {"all": 0.0, "country=DE": 0.0, "country=LU": 0.0, "country=US": 0.0}
    assert "misplaced" not in window.summary[Missing].columns


def test_a_server_that_writes_a_file_of_its_own_is_seen(tmp_path: Path) -> None:
    """Row groups of which no row is the window's are not read, but for these."""
    rows, shape = simple_rows(60), Shape(partitions=HOURLY, files=2)
    wrong = [
        {**row, "timestamp": row["timestamp"] + timedelta(hours=3), "country": "LU"} for row in rows[90:]
    ]
    write_log(tmp_path, [*rows[:90], *wrong], shape)
    window = run(tmp_path, shape, kinds=KINDS)
    found = shares(window)
    assert found["all"] == pytest.approx(0.5)
    assert found["country=DE"] == 0.0
    assert found["country=LU"] == pytest.approx(90 / (90 + 30))


def test_a_folder_of_a_day_is_shared_out_over_its_hours(tmp_path: Path) -> None:
    shape = Shape(partitions=DAILY)
    write_log(tmp_path, [*simple_rows(1000), *skewed(24_000, timedelta(days=2), every=1)], shape)
    found = shares(run(tmp_path, shape, kinds=KINDS))
    assert found["all"] == pytest.approx(0.5, abs=0.05)


def test_a_log_without_folders_says_nothing_of_clocks(tmp_path: Path) -> None:
    shape = Shape()
    write_log(tmp_path, skewed(60, timedelta(minutes=95)), shape)
    window = run(tmp_path, shape, kinds=KINDS)
    assert "misplaced_share" not in measure_summary(DETECTOR, window.summary, CONTEXT)
