"""One call in a worker that does nothing else, waited for."""

from __future__ import annotations

from typing import Any

from monitor.daemon.messages import Call, Finished, Raised, Ready, Returned
from monitor.daemon.pool import START_SECONDS
from monitor.daemon.process import WorkerProcess
from monitor.errors import RecwatchError, UserError


def called(
    worker: WorkerProcess, what: str, function: str, *arguments: Any, seconds: float = START_SECONDS
) -> Any:
    """What `module:function` returns; the worker is free afterwards.

    Parameters
    ----------
    what : str
        That is not done when the worker cannot do it: `the configuration could not be checked`.
    seconds : float
        To wait for each of its messages.

    Raises
    ------
    UserError
        What the function says is wrong.
    RecwatchError
        When the worker cannot do it.
    """
    worker.send(Call(function, arguments))
    value: Any = None
    while worker.connection.poll(seconds):
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
    raise RecwatchError(f"{what}: the worker hangs")
