"""The fold: windows in order become verdicts and incidents. Its state can be read back from what the store keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from detectors.core.cells import parse_slice, slice_text
from detectors.core.detector import Detector
from detectors.core.measurement import Measure, Measurement
from detectors.core.verdict import Severity, Verdict
from detectors.judgement.budget import Budget
from detectors.judgement.judge import Judge
from detectors.judgement.judged import Judged
from detectors.judgement.series import Series
from monitor.batches import Batches
from monitor.config.models import Mode, RecommenderConfig
from monitor.detector_settings import ConfiguredDetector
from monitor.evaluation import Evaluation
from monitor.findings import Findings
from monitor.incidents.book import IncidentBook, Seen
from monitor.incidents.breach import TRAFFIC, Breach
from monitor.incidents.incident import Incident
from monitor.incidents.loudness import as_loud_as_parts, as_loud_as_wider
from monitor.incidents.memory import Memory
from monitor.incidents.place import meet, within
from monitor.incidents.rebaseline import Rebaseline
from monitor.measured import Measured, as_stored, evidence_of, findings_of
from monitor.remembered import Remembered
from monitor.windows import Window

GOOD_PART = 0.03  # of a slice's traffic: an item that is on top of so much of it doubles what the top item usually has


class Fold:
    """Judgement and incidents of one recommender, window after window.

    Parameters
    ----------
    recommender : RecommenderConfig
    detectors : mapping of name to ConfiguredDetector
    """

    def __init__(self, recommender: RecommenderConfig, detectors: Mapping[str, ConfiguredDetector]) -> None:
        self._modes = {
            name: min(recommender.mode, d.mode, key=list(Mode).index) for name, d in detectors.items()
        }
        self._measures = {f"{name}.{m.name}": m for name, d in detectors.items() for m in d.measures()}
        self._followers = {
            name: d.detector
            for name, d in detectors.items()
            if type(d.detector).follow is not Detector.follow
        }
        self._following = {n for n in self._measures if n.partition(".")[0] in self._followers}
        self._version = recommender.log.columns.model_version
        allowed = recommender.false_alarms
        self._judge = Judge(
            budget=Budget(allowed.days_per_page, allowed.days_per_ticket, allowed.recommenders or 1),
            window_us=recommender.window.length // timedelta(microseconds=1),
        )
        self._recommender = recommender
        self._batches = Batches(recommender)
        self._remembered = Remembered(self._judge.past, self._measures, self._version)
        self._memory = Memory(self._version)
        telling = {name: d.detector.telling for name, d in detectors.items()}
        self._book = IncidentBook(recommender, telling)
        self._open: tuple[Incident, ...] = ()
        self._rebaselines: tuple[Rebaseline, ...] = ()

    def learn(self, rebaselines: Sequence[Rebaseline]) -> None:
        """These are the changes that are meant, in the order in which they were given; known ones are among them."""
        for rebaseline in rebaselines[len(self._rebaselines) :]:
            self._judge.past.forget(rebaseline.anew())
        self._rebaselines = tuple(rebaselines)

    @property
    def rebaselines(self) -> int:
        """How many changes that are meant are known."""
        return len(self._rebaselines)

    def resume(self, evaluations: Iterable[Evaluation]) -> None:
        """Take up the state after these evaluations, given in window order."""
        for evaluation in evaluations:
            self._remembered.add(evaluation.window, evaluation.findings)
            if not self._recommender.in_maintenance(evaluation.window):
                self._memory.see(evaluation.window, evaluation.findings, evaluation.open_incidents)
            self._open = tuple(i for i in evaluation.open_incidents if i.open)

    @property
    def open_incidents(self) -> tuple[Incident, ...]:
        """Open after the last window."""
        return self._open

    def carry(self, window: Window, told_at: datetime) -> tuple[Incident, ...]:
        """Go over a window that is not judged: incidents open after it, or closed in it because they are meant."""
        return self._gone_on(self._with_intended(window, told_at), window, told_at)

    def step(
        self,
        measured: Measured,
        told_at: datetime,
        *,
        silent: bool = False,
        on_open: Callable[[Incident], Incident] = lambda incident: incident,
    ) -> tuple[Findings, tuple[Incident, ...]]:
        """Judge the next window.

        Parameters
        ----------
        silent : bool
            History that is replayed: incidents are found and told to nobody.
        on_open : callable
            Completes an incident that opens in this window.

        Returns
        -------
        findings : Findings
        incidents : tuple of Incident
            Open after this window, or closed in it.
        """
        own = [(n, m) for n, m in measured.found if n in self._measures and n not in self._following]
        stored = as_stored([m for _, m in own])
        given = [(n, self._measures[n], m) for (n, _), m in zip(own, stored, strict=True)]
        start_us, batches = measured.window.start_us, self._batches.on(measured.window.start.date())
        judged = self._judge.judge(start_us, measured.slices, given, batches)
        following = self._follow(measured, {n: j for (n, _, _), j in zip(given, judged, strict=True)})
        given += following
        judged += self._judge.judge(start_us, measured.slices, following, batches)
        judged = [self._without_rollouts(self._batches.not_missed(j, measured.window)) for j in judged]
        named = [(name, j, m) for (name, _, m), j in zip(given, judged, strict=True)]
        findings = findings_of(named, measured, self._measures)
        if self._recommender.in_maintenance(measured.window):
            findings = _left_out(findings)
            self._remembered.add(measured.window, findings)
            return findings, self.carry(measured.window, told_at)
        known = self._with_intended(measured.window, told_at)
        intended = tuple(i for i in known if not i.open)
        seen = Seen(measured.window, told_at, self._breaches(named, measured), findings, silent)
        incidents = self._book.step([i for i in known if i.open], seen, self._memory)
        findings = self._without_what_is_told(findings, incidents)
        self._remembered.add(measured.window, findings)
        self._memory.see(measured.window, findings, incidents)
        before = {i.id for i in known}
        incidents = intended + tuple(i if i.id in before else on_open(i) for i in incidents)
        return findings, self._gone_on(incidents, measured.window, told_at)

    def _gone_on(
        self, incidents: tuple[Incident, ...], window: Window, told_at: datetime
    ) -> tuple[Incident, ...]:
        """What is open after a window; what was said to be meant when it was the newest closed incidents at once."""
        following = Window(window.end, window.end + window.length)
        for rebaseline in self._rebaselines:
            if rebaseline.judged == window.start:
                incidents = tuple(rebaseline.close(i, following, told_at + window.length) for i in incidents)
        self._open = tuple(i for i in incidents if i.open)
        return incidents

    def _with_intended(self, window: Window, told_at: datetime) -> tuple[Incident, ...]:
        """What was open before a window; what is meant from this window on is closed."""
        out = []
        for incident in self._open:
            for rebaseline in self._rebaselines:
                incident = rebaseline.close(incident, window, told_at)
            out.append(incident)
        return tuple(out)

    def _follow(
        self, measured: Measured, judged: Mapping[str, Judged]
    ) -> list[tuple[str, Measure, Measurement]]:
        """What detectors measure of the windows before and this one together."""
        judge = self._judge
        series = Series(
            measured.window.start_us, judge.window_us, measured.slices, judged, judge.past, judge.budget
        )
        found = [
            (f"{name}.{m.measure}", m)
            for name, detector in self._followers.items()
            for m in detector.follow(series)
        ]
        stored = as_stored([m for _, m in found])
        return [(name, self._measures[name], m) for (name, _), m in zip(found, stored, strict=True)]

    def _without_rollouts(self, judged: Judged) -> Judged:
        """What somebody decided is nothing to tell anybody of."""
        decided = judged.verdict == int(Verdict.BREACH)
        decided &= self._remembered.decided(judged.measure, judged.slices)
        if not decided.any():
            return judged
        return replace(judged, verdict=np.where(decided, Verdict.OK, judged.verdict).astype(np.uint8))

    def _without_what_is_told(self, findings: Findings, incidents: Sequence[Incident]) -> Findings:
        """The same; what an open incident shows is nothing that later windows are held against, in its whole place and
        wherever that is a good part: slices too thin to breach by themselves suffer as the others do, and so do wider
        ones. Lists that are worth a page are not usual by any measure; how many there are may be.
        """
        c = findings.columns
        requests = _requests_found(findings)
        excluded = c["excluded"].copy()
        wheres = [parse_slice(text) for text in findings.slices]
        of_lists = {name for name, m in self._measures.items() if not m.unit.counts_traffic}
        for incident in incidents:
            if incident.open:
                shows = {incident.measure, *(s.measure for s in incident.symptoms)}
                shows |= of_lists if incident.severity is Severity.PAGE else set()
                of_measure = np.array([name in shows for name in findings.measures], bool)
                inside = np.array([_is_hit(where, incident.slice, requests) for where in wheres], bool)
                excluded |= of_measure[c["measure"]] & inside[c["slice"]]
        return replace(findings, columns={**c, "excluded": excluded})

    def _breaches(self, named: Sequence[tuple[str, Judged, Measurement]], measured: Measured) -> list[Breach]:
        """Breaches that somebody is to be told of, by measure in declared order and slice."""
        weights = _requests(named)
        order = {name: i for i, name in enumerate(self._measures)}
        out: list[Breach] = []
        off: list[Breach] = []
        for name, judged, measurement in named:
            mode = self._modes[name.partition(".")[0]]
            if mode is Mode.OBSERVE:
                continue
            breach = partial(_breach, name, judged, weights=weights, order=order[name])
            for s in np.flatnonzero(judged.verdict == int(Verdict.BREACH)):
                page = bool(judged.page[s]) and mode is Mode.PAGE
                out.append(
                    breach(s, page=page, evidence=evidence_of(measurement, measured, judged.slices[s]))
                )
            if judged.page.any():
                beyond = (judged.value < judged.low) | (judged.value > judged.high)
                off += [breach(s) for s in np.flatnonzero(beyond & (judged.verdict == Verdict.OK))]
        may_page = {name for name, mode in self._modes.items() if mode is Mode.PAGE}
        return as_loud_as_parts(as_loud_as_wider(out, off), may_page)


def _breach(
    name: str,
    judged: Judged,
    s: np.intp,
    *,
    weights: Mapping[str, float],
    order: int,
    page: bool = False,
    evidence: Mapping[str, Any] = MappingProxyType({}),
) -> Breach:
    """What a measure shows in one slice, as something to tell of."""
    text = judged.slices[s]
    return Breach(
        name,
        judged.measure,
        text,
        parse_slice(text),
        Severity.PAGE if page else Severity.TICKET,
        float(judged.value[s]),
        float(judged.expected[s]),
        float(judged.n[s]),
        float(judged.strength[s]),
        weights.get(text, 0.0),
        bool(judged.conclusive[s]),
        float(judged.error[s]),
        order,
        evidence,
    )


def _left_out(findings: Findings) -> Findings:
    """The same, as nothing that later windows are to be held against."""
    excluded = np.ones_like(findings.columns["excluded"])
    return replace(findings, columns={**findings.columns, "excluded": excluded})


def _is_hit(where: Mapping[str, str], place: Mapping[str, str], requests: Mapping[str, float]) -> bool:
    """Whether so much of a slice's traffic is at a place that trouble there shows in the slice."""
    if within(where, place):
        return True
    if not meet(where, place):
        return False
    both = requests.get(slice_text({**place, **where}), requests.get(slice_text(place), 0.0))
    return both > 0 and both >= GOOD_PART * requests.get(slice_text(where), 0.0)


def _requests_found(findings: Findings) -> dict[str, float]:
    """As `_requests`, of what has been judged."""
    c = findings.columns
    for wanted in TRAFFIC:
        if wanted in findings.measures:
            at = np.flatnonzero(c["measure"] == findings.measures.index(wanted))
            return {findings.slices[s]: float(v) for s, v in zip(c["slice"][at], c["value"][at], strict=True)}
    return {}


def _requests(named: Sequence[tuple[str, Judged, Measurement]]) -> dict[str, float]:
    """Requests (rows, where requests are unknown) by slice."""
    for wanted in TRAFFIC:
        for name, judged, _ in named:
            if name == wanted:
                return dict(zip(judged.slices, judged.value.tolist(), strict=True))
    return {}
