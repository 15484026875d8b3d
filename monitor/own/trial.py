"""A detector run over history by itself: what it would have told, what it costs, and how its series looked."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np

from detectors.core.detector import discover
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.budget import Budget
from monitor.config.models import Mode, RecommenderConfig
from monitor.evaluation import Evaluation
from monitor.evaluator import Announce, Progress
from monitor.history import run_history
from monitor.incidents.incident import Incident
from monitor.store import Store

TIMED_HISTORY = "monitor.own.trial:timed_history"
OWN = "own"  # among the seconds of an evaluation
HIGH, WIDE = 8, 72  # of a drawing
MONTH = 30


@dataclass
class Trial:
    """What came of it.

    Parameters
    ----------
    failed : Counter
        In how many windows each detector failed.
    told : dict of incident to str
        What was said of each when it opened.
    unusable : Counter
        Values, or files (0 values), that could not be used, by why.
    series : dict of measure to list of (window's start, value, breach)
        Over all traffic.
    own_seconds : float
        Counting and measuring, of the tried detectors alone; lines count among the reading.
    """

    windows: int = 0
    rows: int = 0
    seconds: float = 0.0
    own_seconds: float = 0.0
    incidents: dict[str, Incident] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    lacks: dict[str, str] = field(default_factory=dict)
    told: dict[str, str] = field(default_factory=dict)
    unusable: Counter[str] = field(default_factory=Counter)
    series: dict[str, list[tuple[datetime, float, bool]]] = field(default_factory=dict)
    slices: int = 1

    def knows(self, detectors: Iterable[str]) -> bool:
        """Whether each of them measured something, and never failed."""
        measured = {
            measure.partition(".")[0]
            for measure, points in self.series.items()
            if any(np.isfinite(value) for _, value, _ in points)
        }
        return not self.failed.keys() & set(detectors) and set(detectors) <= measured

    def add(self, evaluation: Evaluation) -> None:
        self.windows += 1
        self.rows += evaluation.read.rows
        seconds = dict(evaluation.seconds)
        self.own_seconds += seconds.pop(OWN, 0.0)
        self.seconds += sum(seconds.values())
        self.incidents |= {i.id: i for i in evaluation.open_incidents}
        self.told = {i.id: i.summary for i in evaluation.open_incidents} | self.told
        self.unusable.update({q.reason: q.rows for q in evaluation.read.quarantined})
        self.failures |= evaluation.failures
        self.failed.update(evaluation.failures.keys())
        self.lacks |= {c.measure: c.why for c in evaluation.cannot_measure}
        self.slices = max(self.slices, len(evaluation.findings.slices))
        for found in evaluation.findings:
            if found.slice == "all":
                breach = found.verdict is Verdict.BREACH
                self.series.setdefault(found.measure, []).append(
                    (evaluation.window.start, found.value, breach)
                )


def alone(recommender: RecommenderConfig, names: Sequence[str], files: Sequence[str]) -> RecommenderConfig:
    """The recommender with these detectors only, told as severely as they say.

    Everything else is switched off, other files and lines too.
    """
    off: dict[str, dict[str, Any]] = {name: {"enabled": False} for name in discover() if name not in names}
    own = {n: {**recommender.detectors.get(n, {}), "mode": "page", "enabled": True} for n in names}
    return recommender.model_copy(
        update={"detectors": {**off, **own}, "detector_files": tuple(files), "mode": Mode.PAGE}
    )


def timed_history(
    recommender: RecommenderConfig, store: Store, now: datetime, *, announce: Announce, **more: Any
) -> Iterator[Evaluation]:
    """A cycle over history whose evaluations say how long detectors of one's own took, among the `seconds`."""
    since = own = 0.0

    def timed(progress: Progress) -> None:
        nonlocal since, own
        if since:
            own += time.perf_counter() - since
        since = time.perf_counter() if progress.detector else 0.0
        announce(progress)

    for evaluation in run_history(recommender, store, now, announce=timed, **more):
        yield replace(evaluation, seconds={**evaluation.seconds, OWN: own})
        own = 0.0


def expected_false(recommender: RecommenderConfig, configured: Mapping[str, Any], slices: int) -> float:
    """False alarms that chance may raise in thirty days, by the limits that the budget sets for such tests.

    Floors are limits on values, with the same allowance for sampling error.
    """
    allowed = recommender.false_alarms
    budget = Budget(allowed.days_per_page, allowed.days_per_ticket, allowed.recommenders or 1)
    window = int(recommender.window.length.total_seconds() * 1e6)
    judged = [j for c in configured.values() for m in c.measures() for j in m.judge]
    total = 0.0
    for judgement in judged:
        chance = budget.chance(
            Severity(judgement.severity), measures=len(judged), slices=slices, window_us=window
        )
        total += float(chance.sum()) * MONTH * 86_400e6 / window
    return total


def drawing(points: Sequence[tuple[datetime, float, bool]]) -> list[str]:
    """A series as text: a column a window (a few together when there are many), `!` below where it breached.

    >>> from datetime import UTC, datetime
    >>> noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    >>> print("\\n".join(line.rstrip() for line in drawing([(noon, 0.0, False), (noon, 1.0, True)])[-3:]))
            0 |*
              | !
               2026-03-02 12:00 to 2026-03-02 12:00 UTC
    """
    known = [value for _, value, _ in points if np.isfinite(value)]
    if not known:
        return ["  nothing was measured"]
    low, high = min(known), max(known)
    together = -(-len(points) // WIDE)
    columns = [points[i : i + together] for i in range(0, len(points), together)]
    rows = [[" "] * len(columns) for _ in range(HIGH)]
    for x, column in enumerate(columns):
        for _, value, _ in column:
            if np.isfinite(value):
                y = round((value - low) / (high - low) * (HIGH - 1)) if high > low else 0
                rows[HIGH - 1 - y][x] = "*"
    labels = [f"{high:.4g}", *[""] * (HIGH - 2), f"{low:.4g}"]
    out = [f"{label:>9} |{''.join(row)}" for label, row in zip(labels, rows, strict=True)]
    out.append(" " * 10 + "|" + "".join("!" if any(b for _, _, b in column) else " " for column in columns))
    return [*out, f"           {points[0][0]:%Y-%m-%d %H:%M} to {points[-1][0]:%Y-%m-%d %H:%M} UTC"]
