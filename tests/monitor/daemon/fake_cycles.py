"""Cycles that worker processes run in the tests of the daemon: no log, no detectors, but everything that can go wrong.

What shall happen is written in the recommender's label `behaviour`, as `what` or `what:argument`.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from detectors.core.verdict import Severity
from monitor.config.models import Columns, LogConfig, RecommenderConfig, WindowConfig
from monitor.errors import LogError
from monitor.evaluation import Evaluation, Status
from monitor.incidents.incident import Incident
from monitor.store.rows import WindowState
from monitor.store.store import Store
from monitor.windows import Window, windows_between

HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
DETECTORS = ("first", "second", "third")
SECOND_WINDOW = Window(START + HOUR, START + 2 * HOUR)


@dataclass(frozen=True)
class Progress:
    window: Window
    stage: str
    detector: str = ""


def recommender(behaviour: str = "", name: str = "shop", deadline: float = 60.0) -> RecommenderConfig:
    return RecommenderConfig(
        name=name,
        log=LogConfig(path="none", columns=Columns(timestamp="ts", item="item")),
        labels={"behaviour": behaviour} if behaviour else {},
        window=WindowConfig(settle=timedelta(0), deadline=timedelta(seconds=deadline)),
    )


def hours(count: int) -> list[Window]:
    return list(windows_between(START, START + count * HOUR, HOUR))


def due(config: RecommenderConfig, store: Store, now: datetime) -> list[Window]:
    done = {state.window for state in store.states(config.name)}
    return [w for w in windows_between(START, now - config.window.settle, HOUR) if w not in done]


def run_cycle(
    config: RecommenderConfig,
    store: Store,
    now: datetime,
    *,
    announce: Callable[[Progress], None],
    leave_out: Mapping[Window, frozenset[str]],
) -> Iterator[Evaluation]:
    """Evaluates every hour since START; misbehaves in the second window as the label says."""
    behaviour, _, argument = config.labels.get("behaviour", "").partition(":")
    if behaviour == "no_log":
        raise LogError(f"{argument} does not exist")
    for window in due(config, store, now):
        trouble = behaviour if window == SECOND_WINDOW or behaviour.startswith("always_") else ""
        announce(Progress(window, "read"))
        if trouble.endswith("_reading"):
            misbehave(trouble.removesuffix("_reading").removeprefix("always_"), argument)
        for detector in DETECTORS:
            if detector not in leave_out.get(window, frozenset()):
                announce(Progress(window, "measure", detector))
                in_detector = trouble.partition("_in_")[2]
                if detector in in_detector.split("_and_"):
                    misbehave(trouble.partition("_in_")[0].removeprefix("always_"), argument)
        announce(Progress(window, "judge"))
        yield Evaluation(
            recommender=config.name,
            window=window,
            status=Status.EVALUATED,
            told_at=window.end,
            evaluated_at=now,
            failures=dict.fromkeys(sorted(leave_out.get(window, frozenset())), "left out"),
            open_incidents=(incident(window),) if config.name == "incident" else (),
        )


def incident(window: Window) -> Incident:
    return Incident(
        id="i1",
        recommender="incident",
        labels={},
        severity=Severity.PAGE,
        detector="same_item",
        measure="first_place_share",
        slice={},
        culprit={"item": "B1"},
        summary="B1 is everywhere",
        onset_at=START,
        opened_at=START + HOUR,
        last_seen_at=window.end,
    )


def misbehave(what: str, argument: str) -> None:
    match what:
        case "hang":
            while True:
                time.sleep(0.01)
        case "hang_hard":
            ctypes.PyDLL(None).sleep(3600)  # keeps the interpreter's lock
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "os_exit":
            os._exit(7)
        case "sys_exit":
            sys.exit(3)
        case "raise":
            raise ValueError("user-17 is not a number")
        case "eof":
            raise EOFError("truncated")
        case "eat_memory":
            eaten = []
            while True:
                eaten.append(bytes(range(256)) * 2**16)
        case "terminated_once":
            marker = Path(argument)
            if not marker.exists():
                marker.touch()
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.kill(os.getpid(), signal.SIGTERM)
        case "print":
            print("user-17" * 1000, flush=True)
            print("user-17" * 1000, file=sys.stderr, flush=True)
            os.write(1, b"user-17\n")
            os.write(2, b"user-17\n")
        case "leave_child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], close_fds=False)
            Path(argument).write_text(f"{os.getpid()} {child.pid}")
            os._exit(7)
        case "tell_pid_and_hang":
            Path(argument).write_text(str(os.getpid()))
            while True:
                time.sleep(0.01)


def split_values(config: RecommenderConfig, now: datetime) -> list[str]:
    """The values are written in the label, `values:a,b`, or in the file that it names, `values_in:PATH`."""
    kind, _, values = config.labels["behaviour"].partition(":")
    if kind == "values_in":
        values = Path(values).read_text()
    if kind == "no_log":
        raise LogError(f"{values} does not exist")
    return sorted(filter(None, values.split(",")))


def look_again(
    config: RecommenderConfig,
    store: Store,
    now: datetime,
    *,
    announce: Callable[[Progress], None],
    leave_out: Mapping[Window, frozenset[str]],
) -> Iterator[Evaluation]:
    """Has one window due, again and again: as if rows were late."""
    behaviour = config.labels["behaviour"].removeprefix("always_").removesuffix("_reading")
    announce(Progress(Window(now - HOUR, now), "read"))
    misbehave(behaviour, "")
    yield from ()


def next_due(config: RecommenderConfig, states: Sequence[WindowState], now: datetime) -> bool:
    done = {state.window for state in states}
    return any(w not in done for w in windows_between(START, now - config.window.settle, HOUR))


class FileClock:
    """Shows START plus the hours that a file says; a hundred times as fast as it looks."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        return START + float(self._path.read_text()) * HOUR

    def real(self, duration: timedelta) -> float:
        return duration.total_seconds() / 100

    def wait(self, event: threading.Event, duration: timedelta) -> bool:
        return event.wait(self.real(duration))


def die(path: str) -> None:
    os._exit(7)
