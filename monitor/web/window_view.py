"""One window explained: why this page, or why no page; the same that `recwatch explain` says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from detectors.core.cells import WHOLE
from monitor.exposition.labels import printable
from monitor.reading.explanation import explain
from monitor.web.sources import Sources
from monitor.web.states import STATUSES, VERDICTS, State
from monitor.web.wording import UNKNOWN, band, quantity, short

MOST_LINES = 300
LONGEST_ANSWER = 600
LIMITS = {"floor": "absolute", "history": "from history", "": ""}


@dataclass(frozen=True)
class LineView:
    where: str
    measure: str
    detector: str
    value: str
    expected: str
    band: str
    limit: str
    margin: str
    verdict: State


@dataclass(frozen=True)
class WindowPage:
    now: datetime
    recommender: str
    start: datetime | None
    end: datetime | None
    state: State
    answer: tuple[str, ...]
    lines: tuple[LineView, ...]
    left_out: int
    incidents: tuple[tuple[str, str], ...]
    evaluated_at: datetime | None
    attempt: int
    slice: str
    detector: str


def read_window(
    sources: Sources, name: str, at: datetime, slice: str | None, detector: str | None
) -> WindowPage:
    """The window that holds a moment.

    Raises
    ------
    UserError
        When there is no such recommender, slice or detector.
    """
    found = explain(
        sources.records, name, at, slice=slice, detector=detector, settings=sources.limits_of(name)
    )
    evaluation = found.evaluation
    lines = []
    for line in found.lines[:MOST_LINES]:
        of, unit = line.finding, sources.unit(line.finding.measure)
        lines.append(
            LineView(
                "everything" if of.slice == WHOLE else short(of.slice),
                of.measure,
                of.detector,
                quantity(of.value, unit),
                quantity(of.expected, unit),
                band(of.low, of.high, unit),
                f"{quantity(line.limit, unit)} {LIMITS[line.limit_of]}".strip(),
                _margin(line.margin, unit),
                VERDICTS[of.verdict],
            )
        )
    return WindowPage(
        sources.now(),
        name,
        evaluation.window.start if evaluation else None,
        evaluation.window.end if evaluation else None,
        STATUSES[evaluation.status] if evaluation else State("not known", "mute"),
        tuple(printable(text, LONGEST_ANSWER) for text in found.answer),
        tuple(lines),
        len(found.lines) - len(lines),
        tuple((i.id, printable(i.summary, LONGEST_ANSWER)) for i in found.incidents),
        evaluation.evaluated_at if evaluation else None,
        evaluation.attempt if evaluation else 0,
        short(slice or ""),
        short(detector or ""),
    )


def _margin(margin: float | None, unit: str) -> str:
    """How far inside, or beyond."""
    if margin is None:
        return UNKNOWN
    return f"{quantity(abs(margin), unit)} {'inside' if margin >= 0 else 'beyond'}"
