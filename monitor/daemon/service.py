"""The daemon's control loop: one thread that ticks, evaluates, commits, reloads and prunes.

What is due follows from the store and the clock alone, so nothing is remembered here that a restart could lose.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from monitor.clock import Clock
from monitor.config.models import Config, RecommenderConfig
from monitor.control.commands import Command, Drill, perform
from monitor.daemon.drilling import DRILL, Drilling
from monitor.daemon.faults import Fault, Kind
from monitor.daemon.messages import Inspection
from monitor.daemon.once import INSPECT, VALUES
from monitor.daemon.pool import Limits
from monitor.daemon.process import CYCLE, WorkerProcess
from monitor.daemon.publisher import Publisher
from monitor.daemon.splits import Splits
from monitor.daemon.supervisor import Supervisor
from monitor.daemon.ticker import Ticker
from monitor.daemon.wake import Wake
from monitor.drill.drills import Drills
from monitor.errors import RecwatchError, StoreError, UserError
from monitor.evaluation import Evaluation
from monitor.logging_setup import logger
from monitor.store.rows import WindowState
from monitor.store.store import Store

LOOP_SECONDS = 1.0
PRUNE_SECONDS = 3600.0
COMMAND_SECONDS = 30.0  # for the loop to get to a command
DRILL_SECONDS = 600.0  # for a window to be read and judged
CONFIGURATION = "configuration"  # who asks for an inspection
INSPECTION_DEADLINE = timedelta(minutes=2)

NextDue = Callable[[RecommenderConfig, Sequence[WindowState], datetime], bool]


@dataclass(frozen=True)
class Seams:
    """What workers run, as `module:function`."""

    cycle: str = CYCLE
    values: str = VALUES
    inspect: str = INSPECT
    drill: str = DRILL


class Service:
    """Runs the daemon until it is stopped.

    Parameters
    ----------
    path : Path
        The configuration file; read again on `reload`.
    config : Config
        As it was read for the start; its detectors are still to be checked.
    next_due : callable
        Whether anything is due for a recommender, from what the store knows of its windows.
    drills : Drills
        Those that go on; shown beside what the store has.
    """

    def __init__(
        self,
        path: Path,
        config: Config,
        store: Store,
        publisher: Publisher,
        clock: Clock,
        next_due: NextDue,
        *,
        drills: Drills,
        seams: Seams = Seams(),
        started: Sequence[WorkerProcess] = (),
    ) -> None:
        assert store.path is not None
        self._path, self._config, self._store = path, config, store
        self._publisher, self._clock, self._next_due, self._seams = publisher, clock, next_due, seams
        self._folder = store.path.parent
        self._splits = Splits(self._folder)
        self._supervisor = Supervisor(
            store,
            self,
            limits=Limits.of(config.daemon, len(config.recommenders)),
            clock=clock,
            cycle=seams.cycle,
            started=started,
        )
        self._drilling = Drilling(drills, self._supervisor, publisher, clock, self._folder, seams.drill)
        self._ticker = Ticker(clock.real(config.daemon.tick), self._on_tick, self._on_jump)
        self._inspection: Inspection | None = None
        self._states: dict[str, list[WindowState]] = {}  # as the store has them; this process alone writes
        self._wake = Wake()
        self._commands: queue.SimpleQueue[tuple[Command, str, Future[list[str]]]] = queue.SimpleQueue()
        self._stopping, self._ticked, self._reload = threading.Event(), threading.Event(), threading.Event()
        self._reloading = False
        self._prune_at = 0.0
        self._log = logger("daemon")

    # Asked for by other threads

    @property
    def config(self) -> Config:
        """As it is in force."""
        return self._config

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Read the configuration again; several requests at a time are one."""
        self._reload.set()
        self._wake.set()

    def ask(self, command: Command, who: str) -> list[str]:
        """Have the control loop, which alone writes the store, carry a command out; returns what it did.

        Raises
        ------
        RecwatchError
            When it makes no sense, the store cannot be used, or the loop has no time.
        """
        answer: Future[list[str]] = Future()
        self._commands.put((command, who, answer))
        self._wake.set()
        try:
            return answer.result(DRILL_SECONDS if isinstance(command, Drill) else COMMAND_SECONDS)
        except TimeoutError:
            answer.cancel()
            raise RecwatchError("the daemon is too busy for commands; try again") from None

    def kill_workers(self) -> None:
        """The end that does not wait for the control loop."""
        self._supervisor.kill()

    # The loop

    def run(self) -> None:
        """Work until `stop`.

        Raises
        ------
        RecwatchError
            When the configuration is wrong at the start, down to its detectors, or cannot be checked.
        """
        self._reload.set()
        try:
            while not self._stopping.is_set():
                self._turn()
        finally:
            self._ticker.stop()
            self._supervisor.stop()

    def _turn(self) -> None:
        if self._reload.is_set() and not self._reloading:
            path = str(self._path)
            if self._supervisor.call(CONFIGURATION, INSPECTION_DEADLINE, self._seams.inspect, path):
                self._reload.clear()
                self._reloading = True
        self._supervisor.step(LOOP_SECONDS, also=[self._wake])
        self._wake.clear()
        self._carry_out()
        self._drilling.end_due()
        if self._inspection is not None:
            self._ticker.check()
            if self._ticked.is_set():
                self._ticked.clear()
                self._tick()
            self._publisher.flush()
        self._publisher.health.workers_busy(self._supervisor.running)

    def _carry_out(self) -> None:
        """Commands that came meanwhile, in the order in which they came."""
        while True:
            try:
                command, who, answer = self._commands.get_nowait()
            except queue.Empty:
                return
            if not answer.set_running_or_notify_cancel():  # nobody waits for it any more
                continue
            if isinstance(command, Drill):
                self._drilling.begin(command, answer)
                continue
            try:
                lines = self._drilling.end(command) or perform(self._store, command, who, self._clock.now())
            except Exception as error:
                answer.set_exception(error)
            else:
                answer.set_result(lines)
                self._publisher.refresh()

    def _on_tick(self) -> None:
        self._ticked.set()
        self._wake.set()

    def _on_jump(self, seconds: float) -> None:
        self._publisher.health.clock_jumped()

    def _tick(self) -> None:
        now = self._clock.now()
        self._publisher.health.tick(now)
        for recommender in self._splits.to_ask(self._config, now):
            deadline = recommender.window.deadline
            self._supervisor.call(recommender.name, deadline, self._seams.values, recommender, now)
        for recommender in self._publisher.recommenders:
            try:
                due = self._next_due(recommender, self._known(recommender.name), now)
            except StoreError as error:
                self._store_failed(error)
                continue
            if due:
                self._supervisor.submit(recommender, now)
        if time.monotonic() >= self._prune_at:
            self._prune_at = time.monotonic() + PRUNE_SECONDS
            self._prune(now)

    def _known(self, name: str) -> list[WindowState]:
        if name not in self._states:
            self._states[name] = self._store.states(name)
        return self._states[name]

    def _prune(self, now: datetime) -> None:
        try:
            removed = self._store.prune(now, self._config.daemon.retention)
            forgotten = self._store.forget_lists(now, self._config.daemon.examples)
        except StoreError as error:
            self._store_failed(error)
            return
        if removed:
            self._states.clear()
            self._log.info("old evaluations removed", rows=removed)
        if forgotten:
            self._log.info("example lists of old incidents removed", incidents=forgotten)

    def _store_failed(self, error: StoreError) -> None:
        self._publisher.health.store_failed()
        self._log.error("the store cannot be used", reason=str(error))

    # What the workers say

    def evaluated(self, evaluation: Evaluation) -> None:
        self._states.pop(evaluation.recommender, None)
        self._publisher.evaluated(evaluation)
        self._log.info(
            "window evaluated",
            recommender=evaluation.recommender,
            window=evaluation.window.start,
            status=evaluation.status.value,
            rows=evaluation.read.rows,
            failures=len(evaluation.failures),
        )

    def failed(self, fault: Fault) -> None:
        if fault.function == self._seams.inspect:
            self._configuration_failed(fault)
        if fault.function == self._seams.drill:
            self._drilling.failed(fault)
        self._publisher.failed(fault)

    def returned(self, name: str, function: str, value: Any) -> None:
        if function == self._seams.inspect:
            self._configure(value)
            return
        if function == self._seams.drill:
            self._drilling.found(name, value)
            return
        now = self._clock.now()
        recommender = next((r for r in self._config.recommenders if r.name == name), None)
        if recommender is None:  # gone with a reload meanwhile
            return
        try:
            self._splits.learn(recommender, value, now)
        except StoreError as error:
            self._store_failed(error)
        self._watch()

    # Configuration

    def _configure(self, inspection: Inspection) -> None:
        """Everything in it is right: from now on this is the configuration."""
        first, self._reloading = self._inspection is None, False
        self._inspection, self._config = inspection, inspection.config
        daemon = inspection.config.daemon
        self._publisher.configure(inspection.catalogue, daemon.series_per_recommender)
        self._publisher.describe(inspection.described, inspection.limits)
        self._publisher.health.config_loaded(True, self._clock.now())
        self._publisher.health.ticks_every(daemon.tick)
        self._states.clear()
        self._watch()
        if first:
            self._publisher.flush(at_once=True)
            self._publisher.health.ready = True
            self._ticker.start()
        else:
            self._supervisor.forgive()
            self._ticker.reschedule(self._clock.real(daemon.tick))
        self._log.info("configuration loaded", recommenders=len(self._publisher.recommenders))
        self._on_tick()

    def _configuration_failed(self, fault: Fault) -> None:
        self._reloading = False
        self._supervisor.forgive()  # the next reload is not to wait
        if self._inspection is None:
            raise UserError(fault.reason) if fault.kind is Kind.REFUSED else RecwatchError(fault.reason)
        self._publisher.health.config_loaded(False, self._clock.now())
        self._log.error("the configuration is wrong, the one before stays", reason=fault.reason)

    def _watch(self) -> None:
        """The recommenders that there are, those of split logs with the values known now."""
        assert self._inspection is not None
        recommenders = self._splits.expanded(self._config)
        self._supervisor.limits = Limits.of(self._config.daemon, len(recommenders))
        self._publisher.watch(recommenders, self._detectors(recommenders, self._inspection.detectors))

    @staticmethod
    def _detectors(
        recommenders: Sequence[RecommenderConfig], of_configured: Mapping[str, Sequence[str]]
    ) -> dict[str, Sequence[str]]:
        """Detectors by recommender; one made from a split has those of the whole."""
        return {
            r.name: of_configured.get(r.name)
            or next((d for name, d in of_configured.items() if r.name.startswith(f"{name}/")), ())
            for r in recommenders
        }
