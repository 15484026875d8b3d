"""One round of evaluations without a daemon: everything that is due as of a moment, then the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.clock import Clock
from monitor.config.models import RecommenderConfig
from monitor.config.split import is_split
from monitor.daemon.calling import called
from monitor.daemon.faults import Fault
from monitor.daemon.messages import Inspection
from monitor.daemon.pool import Limits
from monitor.daemon.process import CYCLE, WorkerProcess
from monitor.daemon.supervisor import Supervisor
from monitor.evaluation import Evaluation
from monitor.store.store import Store

WAIT_SECONDS = 1.0
VALUES = "monitor.split_values:split_values"
INSPECT = "monitor.daemon.inspection:inspect"

Expand = Callable[[Mapping[str, Sequence[str]]], Sequence[RecommenderConfig]]


@dataclass
class Outcome:
    """What a round came to.

    Parameters
    ----------
    evaluations : list of Evaluation
        What was recorded, in the order of recording; of one recommender in window order.
    faults : list of Fault
        Jobs that did not come to their end; where the store failed or no window was begun, nothing is recorded.
    values : dict of recommender to values
        Of the columns that logs are split by.
    """

    evaluations: list[Evaluation] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    on_evaluation: Callable[[Evaluation], None] | None = None

    def evaluated(self, evaluation: Evaluation) -> None:
        self.evaluations.append(evaluation)
        if self.on_evaluation:
            self.on_evaluation(evaluation)

    def failed(self, fault: Fault) -> None:
        self.faults.append(fault)

    def returned(self, name: str, function: str, value: Any) -> None:
        self.values[name] = tuple(value)


def inspected(
    path: Path, worker: WorkerProcess, *, inspect: str = INSPECT
) -> tuple[Inspection, list[WorkerProcess]]:
    """A configuration file read and checked in a worker, detectors included; and the worker, for more work.

    Raises
    ------
    UserError
        When anything in the file is wrong.
    RecwatchError
        When the worker cannot do it.
    """
    found: Inspection = called(worker, "the configuration could not be checked", inspect, str(path))
    return found, [worker]


def run_once(
    recommenders: Sequence[RecommenderConfig],
    store: Store,
    now: datetime,
    *,
    limits: Limits | None = None,
    expand: Expand | None = None,
    on_evaluation: Callable[[Evaluation], None] | None = None,
    clock: Clock | None = None,
    started: Sequence[WorkerProcess] = (),
    cycle: str = CYCLE,
    values: str = VALUES,
) -> Outcome:
    """Evaluate everything that is due as of `now`.

    Parameters
    ----------
    expand : callable, optional
        From values by recommender to recommenders; called first when a log is split by a column.
    on_evaluation : callable
        Called after each evaluation is recorded: for a progress bar.
    started : sequence of WorkerProcess
        Workers that were started before, with the same `cycle`; they end with the round.
    """
    outcome = Outcome(on_evaluation=on_evaluation)
    supervisor = Supervisor(store, outcome, limits=limits, clock=clock, cycle=cycle, started=started)
    try:
        if expand is not None:
            for recommender in recommenders:
                if is_split(recommender):
                    deadline = recommender.window.deadline
                    supervisor.call(recommender.name, deadline, values, recommender, now)
            _work_off(supervisor)
            recommenders = expand(outcome.values)
        for recommender in recommenders:
            supervisor.submit(recommender, now)
        _work_off(supervisor)
    finally:
        supervisor.stop()
    return outcome


def _work_off(supervisor: Supervisor) -> None:
    while supervisor.busy:
        supervisor.step(WAIT_SECONDS)
