"""One window explained: everything that was judged in it with its limits, and why somebody was told, or nobody."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from detectors.core.cells import WHOLE, parse_slice
from detectors.core.verdict import Severity, Verdict
from monitor.config.models import Mode
from monitor.evaluation import Evaluation, Status
from monitor.exposition.state import Records
from monitor.findings import Finding
from monitor.incidents.fleet import FLEET, by_part
from monitor.incidents.incident import Incident
from monitor.incidents.rebaseline import Rebaseline
from monitor.reading.choice import chosen_detector, chosen_recommender, chosen_slice
from monitor.store.said import Acknowledgement

SCHEMA_VERSION = 1
MOST_NAMED = 3  # breaches that a sentence names
# Trouble first, then what is known to be well, then what is not known.
ORDER = (Verdict.BREACH, Verdict.ERROR, Verdict.OK, Verdict.TOO_FEW, Verdict.NO_DATA)


class Kept(Records, Protocol):
    """What is read from the store."""

    def incident(self, id: str) -> Incident | None: ...
    def recommenders(self) -> list[str]: ...
    def rebaselines(self, recommender: str | None = None) -> list[Rebaseline]: ...


@dataclass(frozen=True)
class Settings:
    """What a configuration says that the store does not keep; empty where none is given.

    Parameters
    ----------
    above, below : mapping of full measure name to float
        Absolute limits.
    modes : mapping of detector to Mode
    units : mapping of full measure name to str
        A value with a unit is not negative, and a ratio at most 1: no limit beyond that can be passed.
    """

    above: Mapping[str, float] = field(default_factory=dict)
    below: Mapping[str, float] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """One measurement of one slice, with the limit that is nearest to it.

    Parameters
    ----------
    limit : float or None
        The end of the band that history makes, or an absolute limit, whichever the value is nearest to or furthest
        beyond; None where there is none.
    limit_of : str
        "history", "floor", or empty.
    margin : float or None
        How far inside the limit the value is, in its own unit; negative beyond it. A value may be beyond a limit by
        less than chance explains, and is no breach then.
    """

    finding: Finding
    limit: float | None
    limit_of: str
    margin: float | None

    def to_json(self) -> dict[str, Any]:
        """JSON types only; what is not a number is null."""
        found = self.finding
        numbers = ("value", "error", "n", "expected", "low", "high")
        return {
            "slice": parse_slice(found.slice),
            "detector": found.detector,
            "measure": found.measure,
            **{name: _finite(getattr(found, name)) for name in numbers},
            "limit": self.limit,
            "limit_of": self.limit_of,
            "margin": self.margin,
            "verdict": found.verdict.name.lower(),
            "excluded": found.excluded,
            "evidence": dict(found.evidence),
        }


@dataclass(frozen=True)
class Explanation:
    """What was judged of a recommender at a moment, and what came of it.

    Parameters
    ----------
    evaluation : Evaluation or None
        Of the window that holds the moment; None where there is none.
    answer : tuple of str
        Why this page, or why no page: sentences.
    lines : tuple of Line
        Trouble first, then what was nearest to its limit.
    incidents : tuple of Incident
        Open after the window, or closed in it.
    """

    recommender: str
    at: datetime
    evaluation: Evaluation | None
    answer: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    incidents: tuple[Incident, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()
    rebaselines: tuple[Rebaseline, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether anything is known of the moment."""
        return self.evaluation is not None and self.evaluation.status is Status.EVALUATED

    def to_json(self) -> dict[str, Any]:
        """JSON types only, in the documented order."""
        e = self.evaluation
        return {
            "schema_version": SCHEMA_VERSION,
            "recommender": self.recommender,
            "at": self.at.isoformat(),
            "window": {"start": e.window.start.isoformat(), "end": e.window.end.isoformat()} if e else None,
            "status": e.status.value if e else None,
            "reason": e.reason if e else "",
            "told_at": e.told_at.isoformat() if e else None,
            "evaluated_at": e.evaluated_at.isoformat() if e else None,
            "attempt": e.attempt if e else 0,
            "answer": list(self.answer),
            "judged": [line.to_json() for line in self.lines],
            "failures": dict(e.failures) if e else {},
            "cannot_measure": [vars(c) for c in e.cannot_measure] if e else [],
            "incidents": [i.to_json() for i in self.incidents],
            "acknowledgements": [{**vars(a), "at": a.at.isoformat()} for a in self.acknowledgements],
            "rebaselines": [str(r) for r in self.rebaselines],
        }


def explain(
    records: Kept,
    recommender: str,
    at: datetime,
    *,
    slice: str | None = None,
    detector: str | None = None,
    settings: Settings = Settings(),
) -> Explanation:
    """Explain the window that holds a moment.

    Parameters
    ----------
    slice, detector : str, optional
        Only what was judged of this slice ("all" is the whole), by this detector.

    Raises
    ------
    UserError
        When there is no such recommender, slice or detector.
    StoreError
    """
    chosen_recommender(recommender, records.recommenders())
    before = records.evaluations(recommender, until=at, limit=1, newest_first=True)
    after = records.evaluations(recommender, since=at, limit=1)
    earlier, later = next(iter(before), None), next(iter(after), None)
    evaluation = next((e for e in (later, earlier) if e and e.window.start <= at < e.window.end), None)
    if evaluation is None:
        return Explanation(recommender, at, None, (_why_unknown(at, earlier, later),))
    findings = evaluation.findings
    known_detectors = {m.partition(".")[0] for m in findings.measures} | set(evaluation.failures)
    known_detectors |= {c.measure.partition(".")[0] for c in evaluation.cannot_measure}
    place = chosen_slice(slice, findings.slices) if slice is not None else None
    if detector is not None:
        chosen_detector(detector, known_detectors)
    lines = [
        line_of(found, settings)
        for found in findings
        if place in (None, found.slice) and detector in (None, found.detector)
    ]
    lines.sort(key=_rank)
    incidents = tuple(evaluation.open_incidents)
    said = tuple(records.acknowledgements([i.id for i in incidents]))
    meant = tuple(
        r
        for r in records.rebaselines(recommender)
        if r.start < evaluation.window.end and detector in (None, r.detector or detector)
    )
    wholes = by_part(records.incidents(FLEET))
    answer = (
        *_told(evaluation, incidents, said, wholes),
        *why_no_page(evaluation, lines, incidents, settings),
    )
    answer += tuple(_unknown(evaluation, lines, detector))
    return Explanation(recommender, at, evaluation, answer, tuple(lines), incidents, said, meant)


def line_of(found: Finding, settings: Settings = Settings()) -> Line:
    """A measurement with the limit that is nearest to it, or that it is furthest beyond."""
    unit = settings.units.get(found.measure, "")
    bounds = [
        (found.high, "history", 1.0),
        (found.low, "history", -1.0),
        (settings.above.get(found.measure, math.nan), "floor", 1.0),
        (settings.below.get(found.measure, math.nan), "floor", -1.0),
    ]
    margins = [
        (side * (bound - found.value), bound, of)
        for bound, of, side in bounds
        if math.isfinite(bound) and math.isfinite(found.value) and _can_be_passed(bound, side, unit)
    ]
    if not margins:
        return Line(found, None, "", None)
    margin, limit, of = min(margins, key=lambda m: m[0])
    return Line(found, limit, of, margin)


def _can_be_passed(bound: float, side: float, unit: str) -> bool:
    return not unit or (bound > 0 if side < 0 else bound < 1 or unit != "ratio")


def _rank(line: Line) -> tuple[int, float, bool, str, str]:
    """Sort key: what was found, how little room was left, the whole before its slices."""
    room = math.inf
    if line.margin is not None and line.limit is not None:
        usual = _finite(line.finding.expected) or 0.0
        room = line.margin / max(abs(line.limit - usual), 1e-12)
    found = line.finding
    return ORDER.index(found.verdict), room, found.slice != WHOLE, found.measure, found.slice


def _why_unknown(at: datetime, earlier: Evaluation | None, later: Evaluation | None) -> str:
    """Why there is no window of a moment."""
    if earlier is None and later is not None:
        return (
            f"Nothing is kept of {_time(at)}: the oldest window that is begins at {_time(later.window.start)}"
            " (`daemon.retention` says how long windows are kept)."
        )
    if earlier is not None and later is None:
        length = earlier.window.end - earlier.window.start
        due = earlier.told_at + length * max(1, math.ceil((at - earlier.window.end) / length + 1e-9))
        return (
            f"The window of {_time(at)} has not been evaluated: the newest one ends at {_time(earlier.window.end)},"
            f" and this one is due at {_time(due)}."
        )
    return f"No window of {_time(at)} has been evaluated, although windows before and after it have."


def _told(
    evaluation: Evaluation,
    incidents: Iterable[Incident],
    said: Iterable[Acknowledgement],
    wholes: Mapping[str, Incident],
) -> Iterable[str]:
    """What was told of a window, and why; `wholes` are incidents of the fleet by the ids of their parts."""
    taken = {a.incident_id: a for a in said}
    for incident in incidents:
        kind = "A page" if incident.severity is Severity.PAGE else "A ticket"
        if not incident.open:
            why = f" ({incident.resolution.value})" if incident.resolution else ""
            yield f"{kind} closed in this window{why}: {incident.id}: {incident.summary}"
            continue
        when = "opened in this window" if incident.opened_at >= evaluation.told_at else "was open"
        if incident.silent:
            yield f"{kind} {when}; it is replayed history, of which nobody is told: {incident.id}: {incident.summary}"
            continue
        by = "an absolute limit" if incident.judged_by == "floor" else "what was usual"
        yield (
            f"{kind} {when}: {incident.id}: {incident.summary} It began at {_time(incident.onset_at)},"
            f" was told at {_time(incident.opened_at)}, and was judged by {by} of {incident.measure}."
        )
        whole = wholes.get(incident.id)
        if whole is not None and whole.opened_at <= evaluation.told_at:
            yield f"{incident.id} is a part of an incident of the fleet, which is told instead: {whole.id}"
        if incident.id in taken:
            a = taken[incident.id]
            yield f"{incident.id} is acknowledged by {a.who} since {_time(a.at)}: {a.why}"


def why_no_page(
    evaluation: Evaluation,
    lines: Sequence[Line],
    incidents: Iterable[Incident],
    settings: Settings = Settings(),
) -> Iterable[str]:
    """Why nobody was paged; nothing when somebody was."""
    told = [i for i in incidents if i.open]
    if any(i.severity is Severity.PAGE for i in told):
        return
    if evaluation.status is not Status.EVALUATED:
        yield f"No page: nothing was judged ({evaluation.status.value}: {evaluation.reason or 'no reason is kept'})."
        return
    breaches = [line.finding for line in lines if line.finding.verdict is Verdict.BREACH]
    if breaches:
        yield from _breaches_untold(breaches, bool(told), evaluation, settings)
        return
    nearest = next(
        (line for line in lines if line.finding.verdict is Verdict.OK and line.margin is not None), None
    )
    decided = sum(line.finding.verdict is Verdict.OK for line in lines)
    if not decided:
        yield "No page: nothing could be judged, which does not mean that all was well."
    elif nearest is None:
        yield f"No page: {_count(decided, 'measurement was', 'measurements were')} as expected."
    else:
        found = nearest.finding
        yield (
            f"No page: {_count(decided, 'measurement was', 'measurements were')} as expected; nearest to its limit:"
            f" {found.measure} of {_place(found.slice)}."
        )


def _breaches_untold(
    breaches: list[Finding], has_ticket: bool, evaluation: Evaluation, settings: Settings
) -> Iterable[str]:
    named = ", ".join(f"{b.measure} of {_place(b.slice)}" for b in breaches[:MOST_NAMED])
    more = f" and {len(breaches) - MOST_NAMED} more" if len(breaches) > MOST_NAMED else ""
    count = _count(len(breaches), "measurement was", "measurements were")
    said = f"No page, although {count} not as expected ({named}{more})"
    observed = sorted(b for b in {b.detector for b in breaches} if settings.modes.get(b) is Mode.OBSERVE)
    if bool(evaluation.findings.columns["excluded"].all()) and not has_ticket:
        yield f"{said}: all of this window is left out of history, as in a stretch of maintenance, when nobody is told."
    elif observed and len(observed) == len({b.detector for b in breaches}):
        yield f"{said}: {', '.join(observed)} only observes (`mode: observe`)."
    elif has_ticket:
        yield f"{said}: what was found is worth a ticket, and no page."
    else:
        yield (
            f"{said}: not conclusive in one window, so that a second one among the next two was waited for; or an"
            " incident at this place had just closed; or the detector or recommender only observes (`mode`)."
        )


def _unknown(evaluation: Evaluation, lines: list[Line], detector: str | None) -> Iterable[str]:
    """What was not judged, and why: it is never fine."""
    undecided = [line.finding.verdict for line in lines]
    for verdict, why in (
        (Verdict.TOO_FEW, "had too little traffic or history"),
        (Verdict.NO_DATA, "had nothing to measure"),
        (Verdict.ERROR, "could not be computed"),
    ):
        if count := undecided.count(verdict):
            yield f"Not judged: {_count(count, 'measurement', 'measurements')} {why}."
    for name, why in sorted(evaluation.failures.items()):
        if detector in (None, name):
            yield f"Not judged: detector {name} failed: {why}"
    for lacking in evaluation.cannot_measure:
        if detector == lacking.measure.partition(".")[0]:
            yield f"Cannot be measured: {lacking.measure}: {lacking.why}"


def _count(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _place(slice: str) -> str:
    return "all traffic" if slice == WHOLE else slice


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
