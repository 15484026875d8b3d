"""The worker process: takes a job, runs the cycle, hands over one evaluation at a time.

Only here are the heavy libraries imported. The worker reads the store and never writes it; what it evaluated
is committed by the parent, and the worker goes on when it hears so. It does not log: what goes wrong is a
message.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Protocol

from monitor.config.models import RecommenderConfig
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
from monitor.errors import RecwatchError, describe
from monitor.evaluation import Evaluation
from monitor.store.store import Store
from monitor.windows import Window

WATCHDOG_MARGIN = timedelta(minutes=1)  # the parent kills at the deadline; this is for when it is gone


class Progress(Protocol):
    """What the cycle announces."""

    @property
    def window(self) -> Window: ...
    @property
    def stage(self) -> str: ...
    @property
    def detector(self) -> str: ...


class Cycle(Protocol):
    """`monitor.cycle.run_cycle`, `monitor.history.run_history`."""

    def __call__(
        self,
        recommender: RecommenderConfig,
        store: Store,
        now: datetime,
        *,
        announce: Callable[[Progress], None],
        leave_out: Mapping[Window, frozenset[str]],
        **more: Any,
    ) -> Iterator[Evaluation]: ...


class ParentGone(BaseException):
    """The pipe to the parent broke; unlike EOFError and OSError no detector can raise it."""


class Parent:
    """The worker's end of the pipe."""

    def __init__(self, fd: int) -> None:
        self._connection = Connection(fd)

    def send(self, message: Any) -> None:
        try:
            self._connection.send(message)
        except OSError as error:
            raise ParentGone from error

    def receive(self) -> Any:
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise ParentGone from error


def main(connection_fd: int, lifeline_fd: int, notes_fd: int, cycle: str) -> None:
    """Serve jobs until the parent hangs up. Never returns.

    Parameters
    ----------
    connection_fd : int
        Jobs come in and messages go out here.
    lifeline_fd : int
        Its end of file means that the parent is gone, whatever the worker is doing.
    notes_fd : int
        Where tracebacks of crashes go; all else that is printed goes nowhere.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a signal to the whole service is the parent's business
    faulthandler.enable(notes_fd, all_threads=False)
    faulthandler.register(signal.SIGUSR1, notes_fd, all_threads=True)
    threading.Thread(target=_end_with_parent, args=(lifeline_fd,), daemon=True).start()
    _be_killed_first()
    try:
        _serve(Parent(connection_fd), notes_fd, cycle)
    finally:
        # Not a normal exit: Arrow's S3 threads are known to block that for ever.
        os._exit(0)


def _serve(parent: Parent, notes_fd: int, cycle: str) -> None:
    try:
        run_cycle: Cycle = _import(cycle)
    except BaseException as error:
        why = f"the worker cannot start: {type(error).__name__}: {error}"
        parent.send(Raised(why, expected=True))
        return
    _silence()
    parent.send(Ready())
    while True:
        job = parent.receive()
        try:
            if isinstance(job, Call):
                parent.send(Returned(_import(job.function)(*job.arguments)))
            else:
                _evaluate(parent, notes_fd, run_cycle, job)
        except ParentGone:
            return
        except RecwatchError as error:
            parent.send(Raised(str(error), expected=True))
        except BaseException as error:  # sys.exit in a detector, too
            parent.send(Raised(describe(error), expected=False))
        else:
            parent.send(Finished())
        finally:
            faulthandler.cancel_dump_traceback_later()


def _evaluate(parent: Parent, notes_fd: int, run_cycle: Cycle, job: Job) -> None:
    watchdog = (job.recommender.window.deadline + WATCHDOG_MARGIN).total_seconds()

    def announce(progress: Progress) -> None:
        if progress.stage == "read":
            faulthandler.dump_traceback_later(watchdog, exit=True, file=notes_fd)
        parent.send(Working(progress.window, progress.stage, progress.detector))

    store = Store.open(job.store, read_only=True)
    try:
        due = run_cycle(
            job.recommender, store, job.now, announce=announce, leave_out=job.leave_out, **job.more
        )
        for evaluation in due:
            parent.send(Evaluated(evaluation))
            answer: Committed = parent.receive()
            if not answer.stored:
                break
    finally:
        store.close()


def _import(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _end_with_parent(lifeline_fd: int) -> None:
    os.read(lifeline_fd, 1)
    os._exit(0)


def _silence() -> None:
    """What detectors print must not disturb anybody: it is nobody's output, and it may name users."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8", errors="replace")  # noqa: SIM115 (for good)


def _be_killed_first() -> None:
    """When the machine runs out of memory, a worker is the better loss."""
    try:
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    except OSError:
        return
