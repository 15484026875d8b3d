"""Durations, sizes and days: what is written is read back."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.units import (
    format_bytes,
    format_duration,
    parse_bytes,
    parse_day,
    parse_duration,
)

durations = st.integers(0, 10**12).map(lambda ms: timedelta(milliseconds=ms))


@settings(derandomize=True)
@given(durations)
def test_duration_is_read_back(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@settings(derandomize=True)
@given(st.integers(0, 2**62))
def test_size_is_read_back(size: int) -> None:
    assert parse_bytes(format_bytes(size)) == size


@settings(derandomize=True)
@given(st.text())
def test_no_text_is_a_duration_by_accident(text: str) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]* is not a duration; [^\n]*\Z"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2w", 1_209_600),
        ("250ms", 0.25),
        ("0s", 0),
        (" 1d ", 86400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "90", "-1s", "30m1h", "1h1h", "1 h", "h", "1:30", "1e3s", "٣s", "9" * 99 + "d"]
)
def test_not_durations(text: str) -> None:
    with pytest.raises(
        ValueError, match="is not a duration; write numbers with units, such as 90s, 1h30m or 14d"
    ):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"), [("0B", 0), ("1.5MB", 1_500_000), ("8GiB", 2**33), ("1 kB", 1000), ("2TiB", 2**41)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "8", "8G", "8gb", "-1B", "1MMB", "1,5MB", True])
def test_not_sizes(text: object) -> None:
    with pytest.raises(ValueError, match="is not a size; write a number and a unit, such as 500MB or 8GiB"):
        parse_bytes(text)


def test_a_day_is_written_in_one_way_only() -> None:
    assert parse_day("2026-12-24") == date(2026, 12, 24)
    for text in ("20261224", "24.12.2026", "2026-12-24T00:00:00", "1798070400", "2026-02-29"):
        with pytest.raises(ValueError, match="is not a day; write year-month-day, such as 2026-12-24"):
            parse_day(text)
