"""What the pages show, read from the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from detectors.core.cells import slice_text
from monitor.config.models import Mode, RecommenderConfig
from monitor.evaluation import CannotMeasure, Evaluation, Status
from monitor.exposition.catalogue import MeasureInfo
from monitor.exposition.labels import printable
from monitor.exposition.state import SUCCESS, fleet_incidents
from monitor.incidents.fleet import FLEET, by_part
from monitor.incidents.incident import Incident
from monitor.measurable import counted
from monitor.reading.cost import cost_of
from monitor.reading.described import Described
from monitor.reading.explanation import Settings
from monitor.web.contribution import read_contributions
from monitor.web.course import draw, read_course
from monitor.web.detector_view import DetectorPage, read_detector
from monitor.web.finding_view import SliceView, read_findings
from monitor.web.incident_view import LONGEST_SENTENCE, IncidentView, read_incident
from monitor.web.pages import (
    EvaluationView,
    FleetView,
    HistoryPage,
    IncidentPage,
    Overview,
    RecommenderPage,
    RecommenderView,
    Said,
)
from monitor.web.sources import Parquet, Records, Sources
from monitor.web.states import TONES, State, evaluation_state, notes, recommender_state
from monitor.web.window_view import WindowPage, read_window
from monitor.web.wording import short

STRIP = 24  # windows in the strip of a recommender
LISTED = 48  # evaluations on a recommender's page
PER_PAGE = 100  # evaluations on a page of their history
STARTING = ("not evaluated yet", "catching up")
LOOK_BACK = 500  # evaluations among which older trouble is looked for
CLOSED_SHOWN = timedelta(days=7)
AROUND = 36  # windows before an incident, and after it, in its chart
LONGEST_COURSE = 500  # windows of a chart
MOST = 20  # rows of a list of incidents or of trouble


class View:
    """Reads the store for the pages.

    Parameters
    ----------
    records : Records
        The store.
    recommenders, catalogue, now, described, limits, parquet : callable
        As `Sources` has them.
    """

    def __init__(
        self,
        records: Records,
        recommenders: Callable[[], Sequence[RecommenderConfig]],
        catalogue: Callable[[], Mapping[str, MeasureInfo]],
        now: Callable[[], datetime],
        described: Callable[[], Mapping[str, Mapping[str, Described]]] = dict,
        limits: Callable[[], Mapping[str, Settings]] = dict,
        parquet: Parquet | None = None,
    ) -> None:
        self.sources = Sources(records, recommenders, catalogue, now, described, limits, parquet)
        self._records, self._recommenders, self._catalogue, self._now = records, recommenders, catalogue, now

    def overview(self) -> Overview:
        now, configs = self._now(), self._recommenders()
        seen = [self._recommender(config, now) for config in configs]
        observed = {config.name for config in configs if config.mode is Mode.OBSERVE}
        watched = {config.name for config in configs}
        told = [
            i
            for i in self._records.incidents(since=now - CLOSED_SHOWN)
            if i.recommender in watched and not i.silent
        ]
        of_fleet = fleet_incidents(self._records, configs, now - CLOSED_SHOWN)
        parts = by_part(i for i in of_fleet if i.open)
        views = [self._incident(i, now, i.recommender in observed) for i in told]
        opened = tuple(
            sorted(
                (v for v in views if v.open and v.id not in parts), key=lambda v: TONES.index(v.severity.tone)
            )
        )
        fleet = tuple(
            FleetView(self._incident(i, now, False), self._parts(i, now)) for i in of_fleet if i.open
        )
        views = [self._incident(i, now, False) for i in of_fleet] + views
        trouble = [
            e for v in seen for e in v.strip if e.state.word in ("failed", "refused", "skipped", "error")
        ]
        return Overview(
            now,
            _headline([view.state for view in seen], len(fleet) + sum(not v.observed for v in opened)),
            fleet,
            opened,
            tuple(sorted(seen, key=lambda view: (TONES.index(view.state.tone), view.name))),
            tuple(sorted(trouble, key=lambda entry: entry.end, reverse=True)[:MOST]),
            tuple(v for v in views if not v.open)[:MOST],
        )

    def recommender(self, name: str) -> RecommenderPage | None:
        """None when it is not watched."""
        config = self.sources.config(name)
        if config is None:
            return None
        now = self._now()
        incidents = list(self._records.incidents(name, include_silent=True))
        views = [self._incident(i, now, config.mode is Mode.OBSERVE) for i in incidents]
        evaluations = list(self._evaluations(name, LOOK_BACK))
        shown = [_evaluation(e, incidents, config) for e in evaluations]
        judged, slices, left_out = self._findings(evaluations)
        parts = by_part(self._records.incidents(FLEET, open_only=True))
        wholes = {parts[i.id].id: parts[i.id] for i in incidents if i.id in parts}
        return RecommenderPage(
            now,
            self._recommender(config, now),
            tuple(self._incident(i, now, False) for i in wholes.values()),
            tuple(v for v in views if v.open and not v.silent),
            tuple(v for v in views if not v.open or v.silent)[:MOST],
            _evaluation(judged, incidents, config) if judged else None,
            slices,
            left_out,
            tuple(shown[:LISTED]),
            tuple(e for e in shown[LISTED:] if e.state.tone in ("warn", "bad"))[:MOST],
            self.sources.parquet is not None,
        )

    def incident(self, id: str) -> IncidentPage | None:
        """None when there is no such incident."""
        incident = self._records.incident(id)
        if incident is None:
            return None
        now, config = self._now(), self.sources.config(incident.recommender)
        observed = config is not None and config.mode is Mode.OBSERVE
        about = self._recommender(config, now) if config else None
        course = self._course(incident)
        unit = self.sources.unit(incident.measure)
        points = read_course(course, incident.measure, slice_text(incident.slice))
        until = incident.last_seen_at or incident.opened_at
        shown = next((e for e in reversed(course) if e.window.end <= until and len(e.findings)), None)
        whole = by_part(self._records.incidents(FLEET)).get(id)
        return IncidentPage(
            now,
            self._incident(incident, now, observed),
            about,
            draw(points, unit, incident.onset_at),
            read_contributions(shown.findings, incident.measure, unit, incident.before) if shown else (),
            self._said(id),
            str(cost_of(self._records, incident)),
            self._parts(incident, now),
            self._incident(whole, now, False) if whole else None,
        )

    def detector(self, name: str, detector: str, slice: str | None) -> DetectorPage | None:
        """None when there is none; raises UserError for a slice that there was not."""
        return read_detector(self.sources, name, detector, slice)

    def window(self, name: str, at: datetime, slice: str | None, detector: str | None) -> WindowPage:
        """Raises UserError when there is no such recommender, slice or detector."""
        return read_window(self.sources, name, at, slice, detector)

    def history(self, name: str, before: datetime | None) -> HistoryPage | None:
        """None when it is not watched."""
        if (config := self.sources.config(name)) is None:
            return None
        incidents = list(self._records.incidents(name, include_silent=True))
        found = list(
            self._records.evaluations(
                name, until=before, limit=PER_PAGE + 1, newest_first=True, with_findings=False
            )
        )
        earlier = found[PER_PAGE - 1].window.start if len(found) > PER_PAGE else None
        shown = tuple(_evaluation(e, incidents, config) for e in found[:PER_PAGE])
        return HistoryPage(self._now(), name, shown, before is not None, earlier)

    def stored_incident(self, id: str) -> Incident | None:
        """As the store has it."""
        return self._records.incident(id)

    def _parts(self, incident: Incident, now: datetime) -> tuple[IncidentView, ...]:
        """Of an incident of the fleet, those that are kept; open ones first."""
        known = [found for p in incident.parts if (found := self._records.incident(p.incident))]
        return tuple(self._incident(i, now, False) for i in sorted(known, key=lambda i: not i.open))

    def _said(self, id: str) -> tuple[Said, ...]:
        """Acknowledgements and feedback, in the order in which they were given."""
        said = [
            Said(f"acknowledged: {printable(a.why, LONGEST_SENTENCE)}", short(a.who), a.at)
            for a in self._records.acknowledgements([id])
        ]
        said += [
            Said("useful" if f.useful else "a false alarm", short(f.who), f.at)
            for f in self._records.feedback([id])
        ]
        return tuple(sorted(said, key=lambda entry: entry.at))[-MOST:]

    def _course(self, incident: Incident) -> list[Evaluation]:
        """The windows around an incident, from a while before it to a while after."""
        latest = self._records.latest(incident.recommender)
        if latest is None:
            return []
        length = latest.window.end - latest.window.start
        until = incident.resolved_at + AROUND * length if incident.resolved_at else None
        since = incident.onset_at - AROUND * length
        return list(
            self._records.evaluations(incident.recommender, since=since, until=until, limit=LONGEST_COURSE)
        )

    def measures_of(self, detector: str) -> tuple[MeasureInfo, ...]:
        """What a detector says of its measures; empty when there is none of this name."""
        infos = sorted(self._catalogue().values(), key=lambda info: info.name)
        return tuple(info for info in infos if info.detector == detector)

    def _evaluations(self, name: str, limit: int) -> Iterable[Evaluation]:
        return self._records.evaluations(name, limit=limit, newest_first=True, with_findings=False)

    def _incident(self, incident: Incident, now: datetime, observed: bool) -> IncidentView:
        return read_incident(incident, self._catalogue(), now, observed)

    def _recommender(self, config: RecommenderConfig, now: datetime) -> RecommenderView:
        latest = self._records.latest(config.name)
        incidents = list(self._records.incidents(config.name, since=now - CLOSED_SHOWN))
        recent = list(self._evaluations(config.name, STRIP))
        newest = max((e.read.newest_event for e in recent if e.read.newest_event), default=None)
        opened = [i for i in incidents if i.open and not i.silent]
        state = recommender_state(config, latest, opened, newest, now)
        strip = tuple(_evaluation(e, incidents, config) for e in reversed(recent))
        return RecommenderView(
            config.name,
            State(state.word, state.tone, printable(state.why, LONGEST_SENTENCE)),
            tuple((short(name), short(value)) for name, value in sorted(config.labels.items())),
            _evaluation(latest, incidents, config) if latest else None,
            newest,
            strip,
            ", ".join(
                f"{count} {word}" for word, count in Counter(e.state.word for e in strip).most_common()
            ),
            notes(config, latest, state, now),
            tuple(CannotMeasure(short(c.measure), short(c.why)) for c in latest.cannot_measure)
            if latest
            else (),
            tuple(sorted(self.sources.detectors_of(config.name) or self._measuring(latest))),
        )

    def _measuring(self, latest: Evaluation | None) -> set[str]:
        return {m.partition(".")[0] for m in latest.findings.measures} if latest else set()

    def _findings(
        self, newest_first: Sequence[Evaluation]
    ) -> tuple[Evaluation | None, tuple[SliceView, ...], int]:
        """Of the newest window that was judged; an empty one is, where a detector has something to say of it."""
        for status in (SUCCESS, (Status.EVALUATED,)):
            judged = next((e for e in newest_first if e.status in status), None)
            if judged is None:
                break
            start = judged.window.start
            until = start + timedelta(microseconds=1)
            complete = next(
                iter(self._records.evaluations(judged.recommender, since=start, until=until)), judged
            )
            if len(complete.findings):
                return (judged, *read_findings(complete.findings, self._catalogue()))
        return None, (), 0


def _evaluation(
    evaluation: Evaluation, incidents: Sequence[Incident], config: RecommenderConfig
) -> EvaluationView:
    read = evaluation.read
    return EvaluationView(
        evaluation.recommender,
        evaluation.window.start,
        evaluation.window.end,
        evaluation_state(evaluation, [i for i in incidents if not i.silent]),
        evaluation.attempt,
        evaluation.evaluated_at,
        read.requests if counted(config) == "requests" else None,
        read.rows,
        read.sampling_rate,
        read.bytes_read,
        sum(evaluation.seconds.values()),
        evaluation.status in SUCCESS,
    )


def _headline(states: Sequence[State], incidents: int) -> State:
    """The one sentence at the top."""
    fine, unknown = (sum(s.tone == tone for s in states) for tone in ("good", "mute"))
    total = f"{len(states)} recommenders" if len(states) != 1 else "1 recommender"
    if incidents:
        return State("1 incident is open" if incidents == 1 else f"{incidents} incidents are open", "bad")
    if fine == len(states):
        return State(
            f"{total} watched, nothing is wrong" if states else "No recommender is watched",
            "good" if states else "mute",
        )
    if all(state.word in STARTING for state in states):
        return State(f"Nothing is known yet of {total}: older windows come first", "mute")
    rest = len(states) - fine - unknown
    parts = [f"{fine} of {total} fine"]
    parts += [f"{rest} with trouble"] if rest else []
    parts += [f"{unknown} not known"] if unknown else []
    return State("No incident is open: " + ", ".join(parts), "warn" if rest else "mute")
