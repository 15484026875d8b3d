"""One call in a worker that does nothing else, waited for."""

from __future__ import annotations

import time
from typing import Any

from monitor.config.models import DaemonConfig
from monitor.config.units import format_bytes
from monitor.daemon.messages import Call, Finished, Raised, Ready, Returned
from monitor.daemon.pool import START_SECONDS
from monitor.daemon.process import WorkerProcess
from monitor.errors import RecwatchError, UserError

MEMORY = DaemonConfig().worker_memory  # a configuration that would say another limit has not been read yet
POLL_SECONDS = 0.25


def called(
    worker: WorkerProcess,
    what: str,
    function: str,
    *arguments: Any,
    seconds: float = START_SECONDS,
    memory: int = MEMORY,
) -> Any:
    """What `module:function` returns; the worker is free afterwards.

    Parameters
    ----------
    what : str
        That is not done when the worker cannot do it: `the configuration could not be checked`.
    seconds : float
        To wait for each of its messages.
    memory : int
        Resident bytes that it may take.

    Raises
    ------
    UserError
        What the function says is wrong.
    RecwatchError
        When the worker cannot do it.
    """
    worker.send(Call(function, arguments))
    value: Any = None
    while _speaks(worker, what, time.monotonic() + seconds, memory):
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            raise RecwatchError(f"{what}: the worker {worker.close()}") from None
        match message:
            case Ready():
                worker.ready = True
            case Returned(value=value):
                pass
            case Finished():
                return value
            case Raised(reason=reason, expected=expected):
                raise UserError(reason) if expected and worker.ready else RecwatchError(reason)
    place = worker.where()
    raise RecwatchError(f"{what}: the worker hangs{f' at {place}' if place else ''}")


def _speaks(worker: WorkerProcess, what: str, end: float, memory: int) -> bool:
    """Wait for a message; False when the time is over. One that takes too much memory is stopped."""
    while time.monotonic() < end:
        if worker.connection.poll(POLL_SECONDS):
            return True
        if worker.resident_bytes() > memory:
            place = worker.where()
            worker.kill()
            at = f" at {place}" if place else ""
            raise RecwatchError(
                f"{what}: the worker was stopped at more than {format_bytes(memory)} of memory{at}"
            )
    return False
