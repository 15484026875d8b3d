"""Clocks: the system's, and one that runs faster."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from monitor.clock import FastForward, SystemClock

START = datetime(2019, 11, 24, tzinfo=UTC)


def test_the_system_clock_is_utc() -> None:
    with time_machine.travel(datetime(2026, 3, 29, 1, 30, tzinfo=UTC), tick=False):
        assert SystemClock().now() == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert SystemClock().real(timedelta(minutes=1)) == 60


def test_fast_forward_starts_where_it_is_told_and_never_goes_back() -> None:
    clock = FastForward(START, speed=3600)
    seen = [clock.now() for _ in range(100)]
    assert seen == sorted(seen)
    assert seen[0] >= START
    event = threading.Event()
    assert not clock.wait(event, timedelta(minutes=1))
    assert clock.now() - START >= timedelta(minutes=1)
    event.set()
    assert clock.wait(event, timedelta(days=365))


@pytest.mark.parametrize(("start", "speed"), [(datetime(2026, 1, 1), 1.0), (START, 0.0), (START, -1.0)])
def test_what_it_refuses(start: datetime, speed: float) -> None:
    with pytest.raises(ValueError, match="a start with a time zone and a speed above 0"):
        FastForward(start, speed)
