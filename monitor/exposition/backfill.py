"""History as OpenMetrics text with timestamps: what Prometheus would have scraped had the daemon been there."""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from monitor.config.models import Mode, RecommenderConfig
from monitor.errors import UserError
from monitor.evaluation import Evaluation
from monitor.exposition.catalogue import MeasureInfo, measure_families
from monitor.exposition.families import RECOMMENDER
from monitor.exposition.labels import labels_text
from monitor.exposition.render import number, render, render_fleet
from monitor.exposition.state import CLOSED_FOR, SUCCESS, FleetState, RecommenderState
from monitor.incidents.incident import Incident, Part
from monitor.windows import Window

# Prometheus looks back five minutes for a sample. An evaluation is exported until the next one; written once, it
# would be seen for five minutes in an hour, and at no point of a month's graph.
EVERY = timedelta(minutes=5)
MUTED, WHILE_OPEN = "recwatch_incident_muted", "recwatch_incident_onset_timestamp_seconds"


class Points:
    """What one series was after each evaluation that had it; some twelve bytes each, for a month of them."""

    __slots__ = ("turns", "values")

    def __init__(self) -> None:
        self.turns, self.values = array("I"), array("d")

    def append(self, turn: int, value: float) -> None:
        self.turns.append(turn)
        self.values.append(value)


class Backfill:
    """Gathers history and writes it: of each metric all series, of each series all samples in order of time.

    Parameters
    ----------
    catalogue : mapping of full measure name to MeasureInfo
    labels : mapping of str to str
        What Prometheus adds to what it scrapes: `job` and `instance`.
    series_per_recommender : int
        Cap, as for the daemon.
    until : datetime
        Nothing is written from here on: it is for the daemon to say.
    """

    def __init__(
        self,
        catalogue: Mapping[str, MeasureInfo],
        labels: Mapping[str, str],
        series_per_recommender: int,
        until: datetime,
    ) -> None:
        self._until, self._most_series = until, series_per_recommender
        self._measures = measure_families(catalogue)
        self._target = labels_text(labels) + "," if labels else ""
        self._turns: list[tuple[datetime, datetime]] = []
        self._gathered: dict[str, defaultdict[str, Points]] = {}

    def add(self, state: RecommenderState, begin: datetime, end: datetime) -> None:
        """What is exported of a recommender in [begin, end); of each recommender in order of time."""
        self._add(render(state, self._measures, self._most_series), begin, end)

    def add_fleet(self, fleet: Iterable[tuple[datetime, Sequence[Incident]]]) -> None:
        """What is exported of incidents of the fleet, as `monitor.incidents.fleet.course` gives it, once all else is
        added: their parts are muted.
        """
        known = list(fleet)
        ends = [moment for moment, _ in known[1:]] + [self._until]
        for (begin, incidents), end in zip(known, ends, strict=True):
            told = [i for i in incidents if i.resolved_at is None or begin - i.resolved_at < CLOSED_FOR]
            self._add(render_fleet(FleetState(told)), begin, end)
            for part in {part for i in incidents if i.open for part in i.parts}:
                self._mute(part, begin, end)

    def _mute(self, part: Part, begin: datetime, end: datetime) -> None:
        """Nobody was to be told again of what is told as a part of an incident of the fleet, while it was open."""
        own = labels_text({"incident": part.incident, "recommender": part.recommender})
        muted, is_open = (self._points(name, f"{name}{{{own}}}") for name in (MUTED, WHILE_OPEN))
        open_turns = set(is_open.turns)
        for at, turn in enumerate(muted.turns):
            if turn in open_turns and begin <= self._turns[turn][0] < end:
                muted.values[at] = 1.0

    def _points(self, name: str, series: str) -> Points:
        """What there is of a series; nothing of recommenders of which nobody is told."""
        return self._gathered[name].get(series, Points()) if name in self._gathered else Points()

    def _add(self, rendered: Mapping[str, str], begin: datetime, end: datetime) -> None:
        turn = len(self._turns)
        self._turns.append((begin, min(end, self._until)))
        for name, lines in rendered.items():
            gathered = self._gathered.setdefault(name, defaultdict(Points))
            for line in lines.splitlines():
                series, _, value = line.rpartition(" ")
                gathered[series].append(turn, float(value))

    def write(self, path: Path) -> None:
        """Write the file; it appears complete.

        Raises
        ------
        UserError
            When it cannot be written.
        """
        half_written = path.with_name(f".{path.name}.part")
        try:
            with half_written.open("w", encoding="utf-8", newline="\n") as out:
                out.writelines(self._text())
            half_written.replace(path)
        except OSError as error:
            half_written.unlink(missing_ok=True)
            raise UserError(f"--openmetrics {path}: {error.strerror}") from error

    def _text(self) -> Iterator[str]:
        stamps = [[f" {number(m.timestamp())}\n" for m in _moments(begin, end)] for begin, end in self._turns]
        measures = sorted(self._measures.values(), key=lambda family: family.name)
        for family in (*RECOMMENDER, *measures):
            if family.name not in self._gathered:
                continue
            yield family.header(openmetrics=True)
            for series, points in self._gathered[family.name].items():
                named = series.replace("{", "{" + self._target, 1)
                for turn, value in zip(points.turns, points.values, strict=True):
                    sample = f"{named} {number(value)}"
                    yield "".join([sample + stamp for stamp in stamps[turn]])
        yield "# EOF\n"


class Told:
    """What the daemon would have known of one recommender after each evaluation, given in window order."""

    def __init__(self, config: RecommenderConfig) -> None:
        self._state = RecommenderState(config)
        self._incidents: dict[str, Incident] = {}

    def after(self, evaluation: Evaluation) -> RecommenderState:
        """The state from `told_at` on."""
        now, before = evaluation.told_at, self._state
        self._incidents |= {incident.id: incident for incident in evaluation.open_incidents}
        self._incidents = {
            id: incident
            for id, incident in self._incidents.items()
            if incident.resolved_at is None or now - incident.resolved_at < CLOSED_FOR
        }
        seen = [event for event in (before.newest_event, evaluation.read.newest_event) if event is not None]
        self._state = replace(
            before,
            latest=evaluation,
            last_success_at=now if evaluation.status in SUCCESS else before.last_success_at,
            newest_event=max(seen, default=None),
            incidents=() if before.config.mode is Mode.OBSERVE else tuple(self._incidents.values()),
            maintenance=before.config.in_maintenance(Window(now, now)),
        )
        return self._state


def parse_labels(pairs: tuple[str, ...]) -> dict[str, str]:
    """Labels from NAME=VALUE; an empty value takes one away.

    Raises
    ------
    UserError
        When one is written otherwise.

    >>> parse_labels(("job=recwatch", "pod=recwatch-0"))
    {'job': 'recwatch', 'pod': 'recwatch-0'}
    """
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name):
            raise UserError(f"--label {pair}: write NAME=VALUE, such as job=recwatch")
        labels[name] = value
    return {name: value for name, value in labels.items() if value}


def _moments(begin: datetime, end: datetime) -> Iterator[datetime]:
    moment = begin
    while moment < end:
        yield moment
        moment += EVERY
