"""A drill in a worker: the last window is read again, broken in memory, measured and judged. Nothing is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from detectors.core.cells import WHOLE, parse_slice
from detectors.core.verdict import Severity
from monitor.config.models import Mode, RecommenderConfig
from monitor.cycle import REMEMBERED
from monitor.drill.drills import Drilled
from monitor.drill.kinds import breaking
from monitor.errors import LogError, UserError
from monitor.evaluation import Evaluation, Status
from monitor.evaluator import Evaluator
from monitor.expectations import expected_on
from monitor.fold import Fold
from monitor.incidents.incident import Incident
from monitor.reading.choice import chosen_slice
from monitor.reading.explanation import line_of, why_no_page
from monitor.store.store import Store

LOOK_BACK = 24  # evaluations among which one is looked for that can be broken
LABEL = "drill"


def drill(
    recommender: RecommenderConfig, folder: Path, kind: str, slice: str | None, now: datetime
) -> Drilled:
    """Break a copy of the last window that was evaluated, and find what would be told of it.

    Earlier windows are history as ever, but for the incidents in them: what is open now does not swallow the drill.

    Parameters
    ----------
    folder : Path
        Of the store, which is only read.
    kind : str
        One of `monitor.drill.kinds.KINDS`.

    Raises
    ------
    LogError
        When the window cannot be read any more.
    """
    try:
        return _drill(recommender, folder, kind, slice, now)
    except UserError as error:
        return Drilled(mistake=str(error))


def _drill(
    recommender: RecommenderConfig, folder: Path, kind: str, slice: str | None, now: datetime
) -> Drilled:
    name = recommender.name
    with Store.open(folder, read_only=True) as store:
        recent = store.evaluations(name, limit=LOOK_BACK, newest_first=True)
        last = next((e for e in recent if e.status is Status.EVALUATED), None)
        if last is None:
            raise UserError(f"{name}: no window was evaluated lately; there is nothing to break a copy of")
        where = parse_slice(chosen_slice(slice, last.findings.slices, "in the last window"))
        history = store.evaluations(name, since=last.window.start - REMEMBERED, until=last.window.start)
        rebaselines = store.rebaselines(name)
        spent = store.bytes_read(name, now.astimezone(UTC).date())
        evaluator = Evaluator(
            recommender,
            lambda progress: None,
            {},
            keep_summary=False,
            stored=lambda window: store.summary(name, window),
            alter=breaking(kind, where, expected_on(recommender, last.window.start.date())),
        )
        fold = Fold(recommender, evaluator.configured)
        fold.learn(rebaselines)
        fold.resume(replace(e, open_incidents=()) for e in sorted(history, key=lambda e: e.window))
        read = evaluator.evaluate(last.window, now, spent)
        if read.measured is None:
            raise LogError(
                f"{name}: the window of {last.window.start:%Y-%m-%d %H:%M} UTC: {read.evaluation.reason}"
            )
        judged = evaluator.judge(fold, read, silent=False)
    found = [i for i in judged.open_incidents if i.open]
    found.sort(key=lambda i: (i.severity is not Severity.PAGE, i.detector != kind, i.id))
    if not found:
        return Drilled(None, _why_nobody(recommender, judged))
    why = "" if found[0].severity is Severity.PAGE else _why_nobody(recommender, judged)
    return Drilled(marked(found[0], now), why)


def marked(incident: Incident, now: datetime) -> Incident:
    """An incident as a drill: its own id and a label, opened now; its sentence says what it is."""
    return replace(
        incident,
        id=f"drill-{now:%Y%m%dT%H%M%SZ}-{incident.id.partition('-')[2]}",
        labels={**incident.labels, LABEL: "true"},
        summary=f"DRILL, nothing is wrong: {incident.summary}",
        onset_at=now,
        opened_at=now,
        last_seen_at=now,
    )


def _why_nobody(recommender: RecommenderConfig, judged: Evaluation) -> str:
    if recommender.mode is Mode.OBSERVE:
        return "It only observes (`mode: observe`)."
    if recommender.in_maintenance(judged.window):
        return "Its last window is in a stretch of maintenance, when nobody is told."
    lines = [line_of(found) for found in judged.findings if found.slice == WHOLE or found.verdict]
    return " ".join(why_no_page(judged, lines, judged.open_incidents))
