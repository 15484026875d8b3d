"""What the parent and a worker say to each other.

parent:  Job, then Committed after each Evaluated; or Call
worker:  Ready, then for a Job (Working | Evaluated)*, for a Call Returned, and at its end Finished or Raised
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from monitor.config.models import Config, RecommenderConfig
from monitor.evaluation import Evaluation
from monitor.exposition.catalogue import MeasureInfo
from monitor.reading.described import Described
from monitor.reading.explanation import Settings
from monitor.windows import Window


@dataclass(frozen=True)
class LeaveOut(Mapping[Window, frozenset[str]]):
    """Detectors that must not run: in single windows, and for now in every window.

    Looking up any window answers; iteration gives only the windows with detectors of their own.
    """

    by_window: dict[Window, frozenset[str]] = field(default_factory=dict)
    always: frozenset[str] = frozenset()

    def __getitem__(self, window: Window) -> frozenset[str]:
        return self.by_window.get(window, frozenset()) | self.always

    def __iter__(self) -> Iterator[Window]:
        return iter(self.by_window)

    def __len__(self) -> int:
        return len(self.by_window)


@dataclass(frozen=True)
class Job:
    """Evaluate everything that is due for one recommender.

    Parameters
    ----------
    more : mapping of str to object
        What the cycle is told besides, such as windows of history instead of what is due.
    """

    recommender: RecommenderConfig
    store: Path
    now: datetime
    leave_out: LeaveOut = LeaveOut()
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """Call `module:function` where the heavy libraries are, and say what it returns."""

    function: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Committed:
    """Whether the evaluation is in the store; if it is not, the job ends."""

    stored: bool


@dataclass(frozen=True)
class Ready:
    """The worker has imported what it needs."""


@dataclass(frozen=True)
class Working:
    """What the worker does from now on: `read`, `count` or `measure` (with the detector), or `judge`."""

    window: Window
    stage: str
    detector: str = ""


@dataclass(frozen=True)
class Evaluated:
    evaluation: Evaluation


@dataclass(frozen=True)
class Returned:
    value: Any


@dataclass(frozen=True)
class Finished:
    """The job is done, the worker is free."""


@dataclass(frozen=True)
class Raised:
    """The job ended in an exception; the worker lives on.

    `expected` says that recwatch raised it on purpose, about something outside the window: the store, the log
    as a whole.
    """

    reason: str
    expected: bool


@dataclass(frozen=True)
class Inspection:
    """What the call that reads a configuration returns: one that is right down to its detectors.

    Parameters
    ----------
    catalogue : mapping of full measure name to MeasureInfo
        What the detectors measure.
    detectors : mapping of recommender to names of its detectors
    described, limits : mapping of recommender
        What its configuration says of each detector, and which limits hold.
    """

    config: Config
    catalogue: Mapping[str, MeasureInfo]
    detectors: Mapping[str, tuple[str, ...]]
    described: Mapping[str, Mapping[str, Described]] = field(default_factory=dict)
    limits: Mapping[str, Settings] = field(default_factory=dict)
