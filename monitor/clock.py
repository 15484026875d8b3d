"""The daemon's idea of what time it is: the system's, or one that runs faster for a demonstration."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and waiting by it. Deadlines of processes are real time and do not ask it."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        ...

    def real(self, duration: timedelta) -> float:
        """How many seconds really pass while this clock goes on by `duration`."""
        ...

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        """Wait until the event is set, at most `duration` by this clock; whether it is set."""
        ...


class SystemClock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def real(self, duration: timedelta) -> float:
        return duration.total_seconds()

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        return event.wait(self.real(duration))


class FastForward:
    """A clock that starts at a stated moment and runs `speed` times as fast as real time.

    Parameters
    ----------
    start : datetime
        What `now()` says at first; with a time zone.
    speed : float
        Seconds of this clock in one real second, above 0.

    >>> clock = FastForward(datetime(2026, 3, 2, tzinfo=UTC), speed=3600)
    >>> clock.real(timedelta(hours=1))
    1.0
    """

    def __init__(self, start: datetime, speed: float) -> None:
        if start.tzinfo is None or speed <= 0:
            raise ValueError("FastForward needs a start with a time zone and a speed above 0")
        self.speed = speed
        self._start = start
        self._origin = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=(time.monotonic() - self._origin) * self.speed)

    def real(self, duration: timedelta) -> float:
        return duration.total_seconds() / self.speed

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        return event.wait(self.real(duration))
