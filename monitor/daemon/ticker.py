"""The tick: APScheduler, kept from what it does badly.

Its own interval trigger lists every tick that a jump of the clock forward left out, and sleeps through a jump
backward; an exception in its thread ends it without a word. So the trigger here never looks back, and `check`,
called about once a second by the thread that is ticked, sees jumps and a scheduler that went silent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from monitor.logging_setup import logger

JUMP_SECONDS = 2.0  # the clock may be off by this between two checks before it counts as a jump
SILENT_TICKS = 3  # ticks that may be missing before the scheduler is started anew
SHORTEST_SECONDS = 0.05


class Every(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Fires after each interval, counted from now when it is late."""

    def __init__(self, seconds: float) -> None:
        self.interval = timedelta(seconds=max(seconds, SHORTEST_SECONDS))

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        following = now if previous is None else previous + self.interval
        return following if following > now else now + self.interval


class Ticker:
    """Calls `tick` now and after each interval, from a thread of its own.

    Parameters
    ----------
    seconds : float
        The interval in real time.
    jumped : callable
        Called by `check` with the seconds by which the clock jumped, negative when backward.
    wall, monotonic : callable
        Seconds.
    """

    def __init__(
        self,
        seconds: float,
        tick: Callable[[], None],
        jumped: Callable[[float], None] = lambda seconds: None,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds, self._tick, self._jumped = seconds, tick, jumped
        self._wall, self._monotonic = wall, monotonic
        self._scheduler: BackgroundScheduler | None = None
        self._log = logger("ticker")

    def start(self) -> None:
        self._seen = (self._wall(), self._monotonic())
        self._last = self._monotonic()
        self._scheduler = BackgroundScheduler(timezone=UTC)
        self._scheduler.add_job(
            self._run,
            Every(self._seconds),
            id="tick",
            next_run_time=datetime.now(UTC),
            misfire_grace_time=None,  # a late tick is better than none
            coalesce=True,
            max_instances=1,
        )
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler is not None and self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        self._scheduler = None

    def reschedule(self, seconds: float) -> None:
        """Tick in another interval from now on."""
        if seconds != self._seconds and self._scheduler is not None:
            self._seconds = seconds
            self._scheduler.reschedule_job("tick", trigger=Every(seconds))

    def check(self) -> None:
        """See whether the clock jumped or the scheduler fell silent, and put it right."""
        wall, monotonic = self._wall(), self._monotonic()
        jump = (wall - self._seen[0]) - (monotonic - self._seen[1])
        self._seen = (wall, monotonic)
        if abs(jump) > JUMP_SECONDS:
            self._log.warning("the clock jumped", seconds=round(jump, 3))
            self._jumped(jump)
            self._tick_now()
        elif monotonic - self._last > SILENT_TICKS * max(self._seconds, 1.0):
            self._log.error("the scheduler fell silent and is started anew")
            self.stop()
            self.start()

    def _tick_now(self) -> None:
        if self._scheduler is not None:
            self._scheduler.modify_job("tick", next_run_time=datetime.now(UTC))

    def _run(self) -> None:
        self._last = self._monotonic()
        self._tick()
