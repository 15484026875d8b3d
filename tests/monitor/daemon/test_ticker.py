"""The tick under clocks that jump, and a scheduler that dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.daemon.ticker import Every, Ticker

PATIENCE = 60  # seconds; what is waited for comes at once on an idle machine
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@given(MOMENTS, MOMENTS, st.floats(0.1, 1e6))
def test_one_tick_is_due_however_far_the_clock_jumped(last: datetime, now: datetime, seconds: float) -> None:
    trigger = Every(seconds)
    following = trigger.get_next_fire_time(last, now)
    assert following > now or following == last + trigger.interval
    assert now < following <= max(now, last) + trigger.interval


def test_the_first_tick_is_after_one_interval() -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    assert Every(30).get_next_fire_time(None, now) == now + timedelta(seconds=30)


class Times:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.wall, self.monotonic = 1_000_000.0, 5_000.0

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


class Rig:
    def __init__(self, seconds: float) -> None:
        self.times, self.ticked = Times(), threading.Event()
        self.jumps: list[float] = []
        self.ticker = Ticker(
            seconds,
            self.ticked.set,
            self.jumps.append,
            wall=lambda: self.times.wall,
            monotonic=lambda: self.times.monotonic,
        )

    def ticks(self) -> bool:
        came = self.ticked.wait(PATIENCE)
        self.ticked.clear()
        return came


@pytest.fixture
def hourly() -> Iterator[Rig]:
    rig = Rig(3600)
    rig.ticker.start()
    assert rig.ticks()  # the first one comes at once
    yield rig
    rig.ticker.stop()


def test_it_ticks_again_and_again() -> None:
    rig = Rig(0.05)
    rig.ticker.start()
    try:
        assert [rig.ticks() for _ in range(4)] == [True] * 4
    finally:
        rig.ticker.stop()


@pytest.mark.parametrize("jump", [-86_400.0, -3_600.0, 3_600.0, 315_360_000.0])
def test_a_jump_of_the_clock_is_counted_and_ticks_at_once(hourly: Rig, jump: float) -> None:
    hourly.times.go_on(1)
    hourly.times.wall += jump
    hourly.ticker.check()
    assert hourly.jumps == [pytest.approx(jump)]
    assert hourly.ticks()
    hourly.ticker.check()
    assert len(hourly.jumps) == 1


def test_time_that_passes_is_no_jump(hourly: Rig) -> None:
    for seconds in (0.0, 1.0, 3_000.0):
        hourly.times.go_on(seconds)
        hourly.times.wall += 0.5  # slewed by the time service
        hourly.ticker.check()
    assert hourly.jumps == []


def test_a_scheduler_that_fell_silent_is_started_anew(hourly: Rig) -> None:
    hourly.ticker._scheduler.shutdown()
    hourly.times.go_on(3 * 3600)
    hourly.ticker.check()
    assert not hourly.ticked.is_set()
    hourly.times.go_on(1)
    hourly.ticker.check()
    assert hourly.ticks()


def test_another_interval(hourly: Rig) -> None:
    hourly.ticker.reschedule(0.05)
    assert [hourly.ticks() for _ in range(3)] == [True] * 3
