"""One detector of one recommender: what it measures, how it is set, its history, and what it cannot measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.config.models import Mode
from monitor.evaluation import CannotMeasure, Evaluation
from monitor.reading.choice import chosen_slice
from monitor.web.course import Chart, draw, read_course
from monitor.web.incident_view import IncidentView, read_incident
from monitor.web.sources import Sources
from monitor.web.states import WHOLE
from monitor.web.wording import short

HISTORY = 72  # windows in the charts
MOST_SLICES = 60
MOST_INCIDENTS = 20
MODES = {
    Mode.PAGE: "people are told of pages and tickets",
    Mode.TICKET: "tickets only",
    Mode.OBSERVE: "observed only: nobody is told",
}


@dataclass(frozen=True)
class MeasureView:
    """A measure with its history in one slice; `why_not` where it cannot be measured."""

    name: str
    meaning: str
    unit: str
    judged: tuple[str, ...]
    needs: tuple[str, ...]
    why_not: str
    chart: Chart | None


@dataclass(frozen=True)
class Failure:
    start: datetime
    end: datetime
    text: str


@dataclass(frozen=True)
class DetectorPage:
    now: datetime
    recommender: str
    detector: str
    mode: str
    settings: tuple[tuple[str, str], ...]
    slice: str
    slices: tuple[str, ...]
    measures: tuple[MeasureView, ...]
    failures: tuple[Failure, ...]
    incidents: tuple[IncidentView, ...]


def read_detector(sources: Sources, name: str, detector: str, slice: str | None) -> DetectorPage | None:
    """None when the recommender is not watched or has no such detector.

    Raises
    ------
    UserError
        When there was no such slice lately.
    """
    config = sources.config(name)
    described = sources.detectors_of(name).get(detector)
    catalogue = sources.catalogue()
    infos = {m: info for m, info in sorted(catalogue.items()) if info.detector == detector}
    if config is None or not (infos or described):
        return None
    history = list(sources.records.evaluations(name, limit=HISTORY, newest_first=True))
    slices = list(dict.fromkeys(s for e in history for s in e.findings.slices))
    place = chosen_slice(slice, [WHOLE, *slices], "lately")
    history.reverse()
    why_not = {c.measure: c.why for c in _cannot_measure(history)}
    now = sources.now()
    return DetectorPage(
        now,
        name,
        detector,
        MODES[described.mode] if described else "",
        tuple((short(key), short(value)) for key, value in described.settings) if described else (),
        place,
        tuple(slices[:MOST_SLICES]),
        tuple(
            MeasureView(
                measure,
                info.help,
                info.unit,
                described.judged.get(measure, ()) if described else (),
                described.needs.get(measure, ()) if described else (),
                short(why_not.get(measure, "")),
                draw(read_course(history, measure, place), info.unit) if history else None,
            )
            for measure, info in infos.items()
        ),
        tuple(
            Failure(e.window.start, e.window.end, short(e.failures[detector]))
            for e in reversed(history)
            if detector in e.failures
        ),
        tuple(
            read_incident(i, catalogue, now, config.mode is Mode.OBSERVE)
            for i in sources.records.incidents(name, include_silent=True)
            if i.detector == detector
        )[:MOST_INCIDENTS],
    )


def _cannot_measure(history: Sequence[Evaluation]) -> tuple[CannotMeasure, ...]:
    """As the newest window that says anything of it says it."""
    return next((e.cannot_measure for e in reversed(history) if e.cannot_measure), ())
