"""What goes wrong in a worker, and what follows from it: who is left out, and what is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from monitor.clock import Clock
from monitor.config.models import RecommenderConfig
from monitor.daemon.messages import LeaveOut, Working
from monitor.evaluation import Evaluation, Status
from monitor.store.store import Store
from monitor.windows import Window

STRIKES = 2  # windows in a row in which a detector took its worker along
REST = timedelta(hours=1)  # for which it is then left out everywhere
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=1)

WHERE = {"read": "while reading", "judge": "while judging"}


class Kind(StrEnum):
    """How a job failed."""

    HUNG = "hung"  # over its deadline
    DIED = "died"  # the process ended
    MEMORY = "memory"  # over its limit
    RAISED = "raised"  # an exception that nobody expected
    REFUSED = "refused"  # an error about the store, the configuration or the log as a whole
    START = "start"  # no worker could be started
    STORE = "store"  # the evaluation could not be written


@dataclass(frozen=True)
class Fault:
    """A job that did not come to its end.

    Parameters
    ----------
    working : Working or None
        What the worker was doing; None before the first window.
    reason : str
        For people; names no user.
    """

    recommender: str
    kind: Kind
    working: Working | None
    reason: str
    function: str = ""  # of a call that failed

    @property
    def window(self) -> Window | None:
        return self.working.window if self.working else None

    @property
    def detector(self) -> str:
        """The detector to blame; empty when it was not one of them."""
        return self.working.detector if self.working and self.working.stage in ("count", "measure") else ""

    @property
    def blames_window(self) -> bool:
        """Whether the window is to blame, rather than the store or the disk."""
        return self.working is not None and self.kind not in (Kind.REFUSED, Kind.START, Kind.STORE)

    def __str__(self) -> str:
        if self.working is None:
            return self.reason
        where = (
            f"in detector {self.detector}"
            if self.detector
            else WHERE.get(self.working.stage, "while reading")
        )
        return f"{self.reason}, {where}"


class Strikes:
    """Which detectors took their worker along: not every window shall cost another deadline."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._count: dict[tuple[str, str], int] = {}
        self._rests_until: dict[tuple[str, str], float] = {}
        self._reasons: dict[tuple[str, str], str] = {}

    def blame(self, fault: Fault) -> None:
        key = (fault.recommender, fault.detector)
        self._reasons[key] = str(fault)
        self._count[key] = self._count.get(key, 0) + 1
        if self._count[key] >= STRIKES:
            self._rests_until[key] = self._monotonic() + REST.total_seconds()

    def resting(self, recommender: str) -> frozenset[str]:
        """Detectors that are left out of every window for now; each gets one new try after its rest."""
        now = self._monotonic()
        return frozenset(d for (r, d), until in self._rests_until.items() if r == recommender and now < until)

    def explained(self, evaluation: Evaluation, left_out: frozenset[str]) -> Evaluation:
        """The evaluation with the reasons why detectors were left out of it."""
        name = evaluation.recommender
        known = {d: self._reasons[name, d] for d in sorted(left_out) if (name, d) in self._reasons}
        return replace(evaluation, failures={**evaluation.failures, **known}) if known else evaluation

    def clear(self, evaluation: Evaluation, left_out: frozenset[str]) -> None:
        """A window went well: whoever was in it starts afresh."""
        for key in [k for k in self._count if k[0] == evaluation.recommender and k[1] not in left_out]:
            del self._count[key], self._reasons[key]
            self._rests_until.pop(key, None)


class BackOff:
    """What failed without leaving a trace in the store is tried again after a while, longer each time."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._monotonic = clock, monotonic
        self._pauses: dict[tuple[str, str], tuple[float, timedelta]] = {}  # until when, and how long

    def waits(self, key: tuple[str, str]) -> bool:
        return key in self._pauses and self._monotonic() < self._pauses[key][0]

    def failed(self, key: tuple[str, str]) -> None:
        pause = min(2 * self._pauses[key][1], LONGEST_PAUSE) if key in self._pauses else FIRST_PAUSE
        self._pauses[key] = (self._monotonic() + self._clock.real(pause), pause)

    def passed(self, key: tuple[str, str]) -> None:
        self._pauses.pop(key, None)


def leave_out_too(leave_out: LeaveOut, window: Window, detector: str) -> LeaveOut:
    """The same, and this detector in this window."""
    known = leave_out.by_window.get(window, frozenset())
    return replace(leave_out, by_window={**leave_out.by_window, window: known | {detector}})


def failed_evaluation(
    recommender: RecommenderConfig, fault: Fault, store: Store, now: datetime
) -> Evaluation:
    """What is recorded of a window that nobody could evaluate.

    Incidents stay as open as they were. An evaluation that is there already is not lost to a second look that
    failed: it stays, with the reason.

    Raises
    ------
    StoreError
        When the store cannot be read.
    """
    assert fault.window is not None
    window, name = fault.window, recommender.name
    earlier = store.evaluation(name, window)
    if earlier is not None and earlier.status is Status.EVALUATED:
        reason = f"looked at again without success: {fault}"
        return replace(earlier, attempt=earlier.attempt + 1, evaluated_at=now, reason=reason)
    before = store.evaluations(name, until=window.start, limit=1, newest_first=True, with_findings=False)
    return Evaluation(
        recommender=name,
        window=window,
        status=Status.FAILED,
        told_at=window.end + recommender.window.settle,
        evaluated_at=now,
        reason=str(fault),
        attempt=earlier.attempt + 1 if earlier else 1,
        open_incidents=tuple(i for e in before for i in e.open_incidents if i.open),
    )
