"""Cadence, windows, lateness, landing and guests, from numbers alone."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.inspect.rhythm import Landing, guests, landing, lateness, traffic

HOUR = timedelta(hours=1)
HOUR_US = 3_600_000_000


@pytest.mark.parametrize(
    ("per_hour", "hours"), [(60, 1), (30, 1), (29, 3), (10, 3), (9, 6), (5, 6), (4, 24), (1.3, 24), (0.5, 24)]
)
def test_windows_grow_until_they_have_thirty(per_hour: float, hours: int) -> None:
    found = traffic(dict.fromkeys(range(100), per_hour))
    assert found.length == hours * HOUR
    assert found.per_window == pytest.approx(per_hour * hours)
    assert found.cadence is None


def test_hours_cut_off_at_the_ends_do_not_count() -> None:
    found = traffic({0: 1.0, **dict.fromkeys(range(1, 30), 50.0), 30: 2.0})
    assert (found.median, found.low, found.high) == (50, 50, 50)


def test_quiet_nights_are_no_batch() -> None:
    found = traffic({hour: 0.0 if hour % 24 < 6 else 100.0 for hour in range(24 * 10)})
    assert found.cadence is None
    assert found.length == HOUR


def test_a_weekly_mail() -> None:
    found = traffic({hour: 5000.0 if hour % 168 == 8 else 0.0 for hour in range(24 * 40)})
    assert found.cadence == timedelta(days=7)
    assert found.per_window == 5000


def test_one_burst_is_no_cadence() -> None:
    assert traffic({hour: 100.0 if hour < 5 else 0.0 for hour in range(24 * 10)}).cadence is None


@given(st.dictionaries(st.integers(0, 500), st.floats(0, 1e6), min_size=1))
@settings(derandomize=True, deadline=None)
def test_any_traffic_gives_a_window_that_fits_a_day(requests: dict[int, float]) -> None:
    found = traffic(requests)
    assert timedelta(days=1) % found.length == timedelta(0)
    assert 0 <= found.with_data <= found.hours
    assert found.low <= found.median <= found.high


def test_rows_in_their_partition() -> None:
    at = np.arange(0, HOUR_US, 1_000_000)
    found = lateness(at, np.zeros(len(at), int), np.full(len(at), HOUR_US))
    assert found is not None
    assert (found.inside, found.by_arrival, found.after) == (1.0, False, 0.0)


def test_late_rows_make_partitions_of_arrival() -> None:
    at = np.arange(0, HOUR_US, 1_000_000)
    at[::10] -= 2 * HOUR_US
    found = lateness(at, np.zeros(len(at), int), np.full(len(at), HOUR_US))
    assert found is not None
    assert found.by_arrival
    assert timedelta(hours=1) < found.latest <= timedelta(hours=2)
    assert found.allowed == timedelta(hours=4)


def test_a_few_wrong_clocks_do_not() -> None:
    at = np.arange(0, HOUR_US, 1_000_000)
    at[:2] -= 500 * HOUR_US
    found = lateness(at, np.zeros(len(at), int), np.full(len(at), HOUR_US))
    assert found is not None
    assert not found.by_arrival


def folders(hours: int, length: int = HOUR_US) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows a minute apart, each with the start and the end of its folder."""
    at = np.arange(0, hours * HOUR_US, 60_000_000)
    start = at // length * length
    return at, start, start + length


@pytest.mark.parametrize(("of_folders", "counts"), [(4, False), (20, True)])
def test_clocks_ahead_for_some_hours_are_no_other_time_zone(of_folders: int, counts: bool) -> None:
    at, start, end = folders(24)
    wrong = (start < of_folders * HOUR_US) & (np.arange(len(at)) % 3 == 0)
    found = lateness(at + wrong * 2 * HOUR_US, start, end)
    assert found is not None
    assert found.after == pytest.approx(wrong.mean() if counts else 0.0)


@pytest.mark.parametrize(("of_folders", "late"), [(4, False), (20, True)])
def test_clocks_behind_for_some_hours_are_no_late_rows(of_folders: int, late: bool) -> None:
    at, start, end = folders(24)
    wrong = (start < of_folders * HOUR_US) & (np.arange(len(at)) % 3 == 0)
    found = lateness(at - wrong * 2 * HOUR_US, start, end)
    assert found is not None
    assert found.by_arrival is late


@pytest.mark.parametrize("length", [HOUR_US, 24 * HOUR_US])
def test_another_time_zone_is_seen_in_folders_of_hours_and_of_days(length: int) -> None:
    at, start, end = folders(72, length)
    found = lateness(at + HOUR_US, start, end)
    assert found is not None
    assert found.after == pytest.approx(HOUR_US / length)


def test_nothing_to_compare() -> None:
    nothing = np.zeros(0, int)
    assert lateness(nothing, nothing, nothing) is None


def test_files_that_land_late_are_waited_for() -> None:
    newest = [hour * HOUR_US for hour in range(20)]
    assert landing(newest, [t + 240_000_000 for t in newest]) == Landing(timedelta(minutes=4), 20)
    slow = landing(newest, [t + 1_500_000_000 for t in newest])
    assert slow.settle == timedelta(minutes=30)
    assert landing(newest, [t + 240_000_000 for t in newest]).settle == timedelta(minutes=10)


def test_a_copy_says_nothing_of_landing() -> None:
    newest = [hour * HOUR_US for hour in range(20)]
    assert landing(newest, [10**15 + i for i in range(20)]) == Landing(None)
    assert landing(newest[:3], newest[:3]) == Landing(None)


def test_guests_stand_out() -> None:
    users = [f"u{n}" for n in range(100)] + ["shared"]
    counts = np.array([2] * 100 + [60])
    assert [guest.user for guest in guests(users, counts)] == ["shared"]
    assert guests(users, np.array([2] * 100 + [30])) == ()
    assert guests([], np.zeros(0, int)) == ()
    few = guests(["a", "b"], np.array([100, 1]))
    assert few == (), "a log of two users has no guests"


def test_words_for_nobody() -> None:
    assert [g.user for g in guests(["anna", "ben", " Anonymous"], np.array([40, 40, 20]))] == [" Anonymous"]
