"""Workers as the supervisor uses them: what each one does, and when it has to go."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta

from monitor.config.models import DaemonConfig
from monitor.config.units import format_bytes, format_duration
from monitor.daemon.faults import Kind
from monitor.daemon.messages import Call, Job, LeaveOut, Working
from monitor.daemon.process import WorkerProcess
from monitor.windows import Window

START_SECONDS = 120.0  # for a worker to import what it needs


@dataclass(frozen=True)
class Limits:
    """What workers may take.

    Parameters
    ----------
    slots : int
        Workers at one time.
    threads : int or None
        Threads for numerical libraries in each; None leaves it to them.
    idle : timedelta
        An idle worker ends after this, and its memory returns.
    jobs : int
        A worker is replaced after so many jobs.
    memory : int or None
        Resident bytes of one worker; looked at a few times a second.
    keep_summaries : int
        Windows whose statistics are kept, by recommender.
    """

    slots: int = 2
    threads: int | None = None
    idle: timedelta = timedelta(seconds=30)
    jobs: int = 50
    memory: int | None = None
    keep_summaries: int = 48

    @classmethod
    def of(cls, config: DaemonConfig, recommenders: int) -> Limits:
        """Limits for that many recommenders: no more workers than it has use for; they share the cores."""
        slots = max(1, min(config.workers, recommenders))
        cores = len(os.sched_getaffinity(0))
        return cls(
            slots,
            threads=max(1, cores // slots),
            memory=config.worker_memory,
            keep_summaries=config.summaries,
        )


@dataclass
class Run:
    """A job on its way, over as many workers as it takes.

    Parameters
    ----------
    name : str
        Of the recommender, or of who wants the call's answer.
    """

    name: str
    job: Job | Call
    deadline: timedelta
    working: Working | None = None
    lost: Counter[Window | None] = field(default_factory=Counter)  # workers that a window took along
    given_up: set[Window] = field(default_factory=set)
    dropped: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What runs once at a time."""
        return self.name, self.job.function if isinstance(self.job, Call) else ""

    @property
    def left_out(self) -> LeaveOut:
        return self.job.leave_out if isinstance(self.job, Job) else LeaveOut()

    def leave_out(self, leave_out: LeaveOut) -> None:
        if isinstance(self.job, Job):
            self.job = replace(self.job, leave_out=leave_out)

    @property
    def window(self) -> Window | None:
        return self.working.window if self.working else None


@dataclass
class Worker:
    """A worker process and what it does."""

    process: WorkerProcess
    since: float = field(default_factory=time.monotonic)  # begin of what it does now
    run: Run | None = None
    jobs: int = 0

    @property
    def ready(self) -> bool:
        return self.process.ready

    @property
    def seconds(self) -> float:
        """How long it has done what it does now."""
        return time.monotonic() - self.since

    def touch(self) -> None:
        """Something new begins."""
        self.since = time.monotonic()

    def take(self, run: Run) -> None:
        """Give the job to the worker, or keep it until the worker is ready."""
        self.run = run
        self.touch()
        if self.ready:
            self.jobs += 1
            self.process.send(run.job)  # a worker that is gone is noticed by its end of file

    def free(self) -> None:
        self.run = None
        self.touch()

    def done_for(self, limits: Limits) -> bool:
        """Whether a free worker should end: it has done enough, or nothing for long enough."""
        return self.jobs >= limits.jobs or (self.ready and self.seconds > limits.idle.total_seconds())

    def overstepped(self, limits: Limits) -> tuple[Kind, str] | None:
        """Which limit a busy worker broke, with what to say of it."""
        if not self.ready:
            return (Kind.HUNG, "the worker did not start") if self.seconds > START_SECONDS else None
        assert self.run is not None
        if self.seconds > self.run.deadline.total_seconds():
            return Kind.HUNG, f"stopped after {format_duration(self.run.deadline)} (window.deadline)"
        if limits.memory and self.process.resident_bytes() > limits.memory:
            return (
                Kind.MEMORY,
                f"stopped at more than {format_bytes(limits.memory)} of memory (daemon.worker_memory)",
            )
        return None
