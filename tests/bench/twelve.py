"""Twelve recommenders on one daemon: a tick in which all have a window due, beside one evaluation after the other."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from monitor.config.loader import load
from monitor.config.models import DaemonConfig, RecommenderConfig
from monitor.daemon.once import inspected, run_once
from monitor.daemon.pool import Limits
from monitor.daemon.process import WorkerProcess
from monitor.evaluation import Status
from monitor.store import Store
from tests.bench.command import NOW
from tests.bench.config import recommender, write_config
from tests.bench.figures import CouldNotMeasure, Figure, millions
from tests.bench.logs import log_of
from tests.bench.process import children_used, cpu_seconds

OF_SUM = 0.6


@dataclass(frozen=True)
class Tick:
    """What it took to evaluate all that was due, workers started before."""

    seconds: float
    cpu_seconds: float


def measure(recommenders: int, rows: int, rounds: int, cache: Path, work: Path) -> list[Figure]:
    """The daemon's pool does both, warm; single evaluations have the machine for themselves."""
    log = log_of(cache, "plain", rows)
    names = [f"recommender-{i + 1}" for i in range(recommenders)]
    config = write_config(work / "twelve.yaml", *(recommender(log, "plain", name=name) for name in names))
    watched = load(config).recommenders
    ticks, singles = [], []
    for _ in range(rounds):
        ticks.append(_tick(config, watched, work))
        singles.append(_tick(config, watched[:1], work))
    tick = statistics.median(t.seconds for t in ticks)
    single = statistics.median(s.seconds for s in singles)
    used = [statistics.median(t.cpu_seconds / t.seconds for t in of) for of in (ticks, singles)]
    name = f"{recommenders} recommenders, {millions(rows)} each"
    note = f"{used[0]:.2g} cores used, {used[1]:.2g} by a single evaluation"
    return [
        Figure(f"{name}: tick / sum of single evaluations", tick / single / recommenders, " x", OF_SUM, note),
        Figure(f"{name}: tick", tick, " s"),
        Figure(f"{name}: a single evaluation", single, " s"),
    ]


def _tick(config: Path, due: Sequence[RecommenderConfig], work: Path) -> Tick:
    limits = Limits.of(DaemonConfig(), len(due))
    workers = [
        inspected(config, WorkerProcess(threads=limits.threads))[1][0] for _ in range(limits.slots)
    ]  # which has them import all that they need
    state = Path(tempfile.mkdtemp(dir=work))
    with Store.open(state) as store:
        used = children_used() + sum(cpu_seconds(worker.pid) for worker in workers)
        begin = time.perf_counter()
        now = datetime.fromisoformat(NOW).astimezone(UTC)
        outcome = run_once(due, store, now, limits=limits, started=workers)
        took = time.perf_counter() - begin
    not_done = [fault.reason for fault in outcome.faults]
    not_done += [e.reason for e in outcome.evaluations if e.status is not Status.EVALUATED]
    if not_done or len(outcome.evaluations) != len(due):
        why = next(iter(not_done), "some windows were not evaluated")
        raise CouldNotMeasure(f"a tick of {len(due)} recommenders: {why}")
    return Tick(took, children_used() - used)
