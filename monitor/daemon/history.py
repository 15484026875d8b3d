"""History gone through without a daemon, contained as the daemon contains what it runs: by a deadline and a limit of
memory, in a worker process that is replaced when a detector takes it along.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from monitor.config.models import DaemonConfig, RecommenderConfig
from monitor.daemon.faults import Fault, Kind
from monitor.daemon.once import VALUES, WAIT_SECONDS
from monitor.daemon.pool import Limits
from monitor.daemon.process import HISTORY, WorkerProcess
from monitor.daemon.supervisor import Supervisor
from monitor.errors import RecwatchError, UserError
from monitor.evaluation import Evaluation
from monitor.incidents.rebaseline import Rebaseline
from monitor.store.store import Store
from monitor.windows import Window

WINDOWS = "monitor.history:windows_of_history"


class Historian:
    """Has history evaluated in a worker process. What it finds is kept in a folder that goes with it.

    Parameters
    ----------
    config : DaemonConfig
        Its limits.
    cycle : str
        What evaluates, as `module:function`.
    started : sequence of WorkerProcess
        Workers that were started before, with the same `cycle`; they end with it.
    """

    def __init__(
        self, config: DaemonConfig, *, cycle: str = HISTORY, started: Sequence[WorkerProcess] = ()
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="recwatch-history-")
        self._store = Store.open(Path(self._folder.name))
        self._supervisor = Supervisor(
            self._store, self, limits=Limits.of(config, 1), cycle=cycle, started=started
        )
        self._found: deque[Evaluation] = deque()
        self._faults: list[Fault] = []
        self._value: Any = None

    def __enter__(self) -> Historian:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._supervisor.stop()
        self._store.close()
        self._folder.cleanup()

    def windows(
        self, recommender: RecommenderConfig, begin: datetime | None, end: datetime | None
    ) -> tuple[Window, ...]:
        """The windows between two moments, else from the log's first event to its last.

        Raises
        ------
        UserError
            When the log does not say them.
        """
        found: tuple[Window, ...] = self._call(WINDOWS, recommender, begin, end)
        return found

    def values(self, recommender: RecommenderConfig, now: datetime) -> tuple[str, ...]:
        """The values of the column by which the log is split."""
        found: tuple[str, ...] = self._call(VALUES, recommender, now)
        return found

    def evaluations(
        self,
        recommender: RecommenderConfig,
        windows: Sequence[Window],
        rebaselines: Sequence[Rebaseline] = (),
    ) -> Iterator[Evaluation]:
        """Each window in order, judged as it would have been when it was due.

        A detector that takes its worker along is in `failures` of the windows that it is left out of.

        Raises
        ------
        RecwatchError
            When it cannot go on.
        """
        self._faults.clear()
        self._supervisor.submit(
            recommender, datetime.now(UTC), windows=tuple(windows), rebaselines=tuple(rebaselines)
        )
        while self._supervisor.busy or self._found:
            while self._found:
                yield self._found.popleft()
            self._supervisor.step(WAIT_SECONDS)
        if lasting := [fault for fault in self._faults if not fault.blames_window]:
            raise RecwatchError(f"{recommender.name}: {lasting[0]}")

    def _call(self, function: str, recommender: RecommenderConfig, *more: Any) -> Any:
        self._faults.clear()
        self._supervisor.call(recommender.name, recommender.window.deadline, function, recommender, *more)
        while self._supervisor.busy:
            self._supervisor.step(WAIT_SECONDS)
        if self._faults:
            fault = self._faults[0]
            raise UserError(str(fault)) if fault.kind is Kind.REFUSED else RecwatchError(str(fault))
        return self._value

    # What the supervisor says

    def evaluated(self, evaluation: Evaluation) -> None:
        self._found.append(evaluation)

    def failed(self, fault: Fault) -> None:
        self._faults.append(fault)

    def returned(self, name: str, function: str, value: Any) -> None:
        self._value = value
