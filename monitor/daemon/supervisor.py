"""Evaluations in worker processes: one job per recommender at a time, a deadline for each window.

One thread calls `step` again and again; it hears the workers, commits what they evaluated, kills what hangs.
When a worker ends early, the detector that was running is left out and the window tried again; when none was,
the window is recorded as failed; and the windows after it go on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from multiprocessing.connection import wait
from typing import Any

from monitor.clock import Clock, SystemClock
from monitor.config.models import RecommenderConfig
from monitor.daemon import faults
from monitor.daemon.faults import BackOff, Fault, Kind, Strikes
from monitor.daemon.hooks import Hooks
from monitor.daemon.messages import (
    Call,
    Committed,
    Evaluated,
    Finished,
    Job,
    Raised,
    Ready,
    Returned,
    Working,
)
from monitor.daemon.pool import Limits, Run, Worker
from monitor.daemon.process import CYCLE, Death, WorkerProcess
from monitor.errors import StoreError
from monitor.evaluation import Evaluation
from monitor.logging_setup import logger
from monitor.store.store import Store

POLL_SECONDS = 0.25  # between looks at deadlines and memory while something runs
MOST_ATTEMPTS = 3  # workers that one window may take along


class Supervisor:
    """Runs jobs in worker processes and commits what they find.

    Parameters
    ----------
    store : Store
        In a file; written by nobody else.
    cycle : str
        What evaluates what is due, as `module:function`.
    started : sequence of WorkerProcess
        Workers that were started earlier, to save time.
    """

    def __init__(
        self,
        store: Store,
        hooks: Hooks,
        *,
        limits: Limits | None = None,
        clock: Clock | None = None,
        cycle: str = CYCLE,
        started: Sequence[WorkerProcess] = (),
    ) -> None:
        if store.path is None:
            raise ValueError("workers cannot read a store in memory")
        self.limits = limits or Limits()
        self.strikes = Strikes()
        self._store, self._folder, self._hooks = store, store.path.parent, hooks
        self._clock: Clock = clock or SystemClock()
        self._cycle = cycle
        self._workers = [Worker(process) for process in started]
        self._queue: deque[Run] = deque()
        self._back_off = BackOff(self._clock)
        self._log = logger("supervisor")

    @property
    def busy(self) -> bool:
        """Whether anything runs or waits to."""
        return bool(self._queue) or self.running > 0

    @property
    def running(self) -> int:
        """Workers that have a job."""
        return sum(worker.run is not None for worker in self._workers)

    @property
    def processes(self) -> int:
        """Workers there are, idle ones too."""
        return len(self._workers)

    def prestart(self, count: int = 1) -> None:
        """Have that many workers import what they need, before there is a job."""
        while len(self._workers) < min(count, self.limits.slots):
            self._workers.append(self._start())

    def submit(self, recommender: RecommenderConfig, now: datetime, **more: Any) -> bool:
        """Have everything evaluated that is due for a recommender as of `now`; `more` is for the cycle.

        Returns
        -------
        bool
            False when it is on its way already, or failed so recently that it has to wait.
        """
        job = Job(recommender, self._folder, now, more=more)
        return self._enqueue(Run(recommender.name, job, recommender.window.deadline))

    def call(self, name: str, deadline: timedelta, function: str, *arguments: Any) -> bool:
        """Have `module:function` called in a worker; the answer goes to the hooks under `name`.

        Returns
        -------
        bool
            As `submit`.
        """
        return self._enqueue(Run(name, Call(function, arguments), deadline))

    def _enqueue(self, run: Run) -> bool:
        under_way = [r.key for r in self._queue] + [w.run.key for w in self._workers if w.run]
        if run.key in under_way or self._back_off.waits(run.key):
            return False
        if isinstance(run.job, Call):
            self._queue.appendleft(run)
        else:
            self._queue.append(run)
        return True

    def forgive(self) -> None:
        """Give everything that failed a new chance at once: the configuration changed."""
        self.strikes = Strikes()
        self._back_off = BackOff(self._clock)

    def step(self, timeout: float, also: Sequence[Any] = ()) -> None:
        """Hear and do what there is; wait for it at most `timeout` seconds, or until `also` can be read."""
        self._assign()
        timeout = min(timeout, POLL_SECONDS) if self.busy else timeout
        by_connection = {w.process.connection: w for w in self._workers}
        heard = wait([*by_connection, *also], timeout)
        for worker in [by_connection[c] for c in heard if c in by_connection]:
            self._hear(worker)
        for worker in list(self._workers):
            self._look_after(worker)
        self._assign()

    def stop(self) -> None:
        """Kill what runs. What is not committed is not lost: it stays due."""
        self._queue.clear()
        for worker in self._workers:
            worker.process.kill()
        self._workers.clear()

    def kill(self) -> None:
        """Kill all workers without waiting; for the end of the process, and from any thread."""
        for worker in list(self._workers):
            worker.process.kill_group()

    # Workers come and go

    def _start(self) -> Worker:
        return Worker(WorkerProcess(self._cycle, self.limits.threads))

    def _assign(self) -> None:
        """Give what waits to free workers, and to new ones while there may be more."""
        while self._queue:
            run = self._queue[0]
            worker = next((w for w in self._workers if w.run is None), None)
            slots = self.limits.slots + isinstance(run.job, Call)  # a reload must not wait for evaluations
            if worker is None and len(self._workers) >= slots:
                return
            self._queue.popleft()
            if worker is None:
                try:
                    worker = self._start()
                except OSError as error:
                    reason = f"no worker process could be started: {error.strerror}"
                    self._drop(run, self._fault(run, Kind.START, reason))
                    continue
                self._workers.append(worker)
            run.working = None
            run.leave_out(replace(run.left_out, always=self.strikes.resting(run.name)))
            worker.take(run)

    def _look_after(self, worker: Worker) -> None:
        """See whether it is alive and within its limits."""
        if worker not in self._workers:
            return
        if not worker.process.alive:
            self._hear(worker)  # the pipe may still be open in a process that a detector started
            if worker in self._workers:
                self._lost(worker, worker.process.close())
        elif worker.run is None:
            if worker.done_for(self.limits) or len(self._workers) > self.limits.slots:
                self._workers.remove(worker)
                worker.process.close()
        elif broken := worker.overstepped(self.limits):
            kind, reason = broken
            place = worker.process.where()
            self._lost(worker, worker.process.kill(), kind, f"{reason} at {place}" if place else reason)

    def _lost(self, worker: Worker, death: Death, kind: Kind = Kind.DIED, reason: str = "") -> None:
        """A worker is gone; go on with what it did."""
        self._workers.remove(worker)
        run = worker.run
        if run is None:
            self._log.warning("idle worker ended", how=str(death))
            return
        if death.from_outside and run.lost[run.window] < MOST_ATTEMPTS:
            run.lost[run.window] += 1
            self._queue.appendleft(run)
        else:
            self._answer(run, self._fault(run, kind, reason or f"the worker {death}"))

    # What workers say

    def _hear(self, worker: Worker) -> None:
        while worker in self._workers:
            try:
                if not worker.process.connection.poll():
                    return
                message = worker.process.connection.recv()
            except (EOFError, OSError):
                self._lost(worker, worker.process.close())
                return
            except Exception as error:  # half a message, or one that cannot be read here
                reason = f"the worker's message could not be read ({type(error).__name__})"
                self._lost(worker, worker.process.kill(), Kind.DIED, reason)
                return
            self._take(worker, message)

    def _take(self, worker: Worker, message: Any) -> None:
        run = worker.run
        match message:
            case Ready():
                worker.process.ready = True
                worker.touch()
                if run:
                    worker.take(run)
            case Raised(reason=reason) if not worker.ready:
                self._log.error("worker cannot start", reason=reason)
                self._lost(worker, worker.process.kill(), Kind.START, reason)
            case Working(window=window, stage=stage) if run:
                run.working = message
                if stage == "read":
                    worker.touch()
                    if window in run.given_up:
                        reason = "the window is due again although it was recorded as failed"
                        self._lost(worker, worker.process.kill(), Kind.REFUSED, reason)
            case Evaluated(evaluation=evaluation) if run:
                stored = self._is_current(evaluation) and self._commit(run, self._explained(run, evaluation))
                run.working = None
                worker.touch()
                worker.process.send(Committed(stored))
            case Returned(value=value) if run:
                self._hooks.returned(*run.key, value)
            case Finished() if run:
                if not run.dropped:
                    self._back_off.passed(run.key)
                worker.free()
            case Raised(reason=reason, expected=expected) if run:
                worker.free()
                kind = Kind.REFUSED if expected else Kind.RAISED
                self._answer(run, self._fault(run, kind, reason))
            case _:
                self._lost(worker, worker.process.kill(), Kind.DIED, "the worker spoke out of turn")

    def _explained(self, run: Run, evaluation: Evaluation) -> Evaluation:
        """With the reasons why detectors were left out, if any ran: not when it was only judged again."""
        if evaluation.window != run.window:
            return evaluation
        left_out = run.left_out[evaluation.window]
        self.strikes.clear(evaluation, left_out)
        return self.strikes.explained(evaluation, left_out)

    def _is_current(self, evaluation: Evaluation) -> bool:
        """Whether it was judged by all that is meant; if not it stays due, and nothing is stored."""
        try:
            return evaluation.rebaselines >= self._store.count_rebaselines(evaluation.recommender)
        except StoreError:
            return True  # committing it says what is wrong

    def _commit(self, run: Run, evaluation: Evaluation) -> bool:
        try:
            self._store.record(evaluation, keep_summaries=self.limits.keep_summaries)
        except StoreError as error:
            self._drop(run, self._fault(run, Kind.STORE, str(error)))
            return False
        self._hooks.evaluated(evaluation)
        return True

    # What follows from a fault

    def _fault(self, run: Run, kind: Kind, reason: str) -> Fault:
        return Fault(run.name, kind, run.working, reason, run.key[1])

    def _answer(self, run: Run, fault: Fault) -> None:
        """Try again without the detector, or record the failure and go on, or give the job up for now."""
        window = fault.window
        if window is None or not fault.blames_window:
            self._drop(run, fault)
            return
        run.lost[window] += 1
        if fault.detector:
            self.strikes.blame(fault)
        if fault.detector and run.lost[window] < MOST_ATTEMPTS:
            run.leave_out(faults.leave_out_too(run.left_out, window, fault.detector))
            self._report(fault, "detector left out, window tried again")
        elif isinstance(run.job, Job) and self._record_failure(run, run.job.recommender, fault):
            run.given_up.add(window)
            self._report(fault, "window failed")
        else:
            return
        self._queue.appendleft(run)

    def _record_failure(self, run: Run, recommender: RecommenderConfig, fault: Fault) -> bool:
        try:
            failed = faults.failed_evaluation(recommender, fault, self._store, self._clock.now())
        except StoreError as error:
            self._drop(run, replace(fault, kind=Kind.STORE, reason=str(error)))
            return False
        return self._commit(run, failed)

    def _drop(self, run: Run, fault: Fault) -> None:
        """Nothing was recorded: it stays due, and is taken up again after a while, longer each time."""
        run.dropped = True
        self._back_off.failed(run.key)
        self._report(fault, "job given up for now")

    def _report(self, fault: Fault, what: str) -> None:
        self._log.error(
            what,
            recommender=fault.recommender,
            window=fault.window.start if fault.window else None,
            kind=fault.kind.value,
            reason=str(fault),
        )
        self._hooks.failed(fault)
