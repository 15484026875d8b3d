"""Who wants to know what the workers did."""

from __future__ import annotations

from typing import Any, Protocol

from monitor.daemon.faults import Fault
from monitor.evaluation import Evaluation


class Hooks(Protocol):
    """Who wants to know. Called by the thread that calls `step`."""

    def evaluated(self, evaluation: Evaluation) -> None:
        """An evaluation is in the store."""
        ...

    def failed(self, fault: Fault) -> None:
        """A job did not come to its end; what could be recorded was."""
        ...

    def returned(self, name: str, function: str, value: Any) -> None:
        """A call has its answer."""
        ...
