"""What is known of the last windows beside the open incidents; all of it can be read back from the store."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from detectors.core.cells import parse_slice, slice_text
from detectors.core.verdict import Verdict
from monitor.findings import Findings
from monitor.incidents.breach import TRAFFIC, Breach
from monitor.incidents.incident import Incident, Resolution
from monitor.incidents.place import within
from monitor.windows import Window

EARLIER = 2  # windows, of those that were decided, whose breach seconds one of now: two of three
FORGET = timedelta(days=2)  # after which a breach that nothing followed seconds nothing
AFTERMATH = 12  # windows after an incident in which what it left behind shows
DAYS_COMPARED = timedelta(
    days=2
)  # what a measure of days is made of: they hold what was wrong in any of their hours
VERSIONS = 26  # windows whose shares of the model versions are kept

Series = tuple[str, str]  # full name of a measure, slice


class Memory:
    """Breaches, closed incidents and model versions of the last windows.

    Parameters
    ----------
    version : str or None
        Column of the model version.
    """

    def __init__(self, version: str | None) -> None:
        self._version = version
        self._breached: dict[
            Series, deque[datetime | None]
        ] = {}  # of the last decided windows; None: it was fine
        self._at: dict[Series, datetime] = {}
        self._closed: list[Incident] = []
        self._shares: deque[tuple[datetime, dict[str, float]]] = deque(maxlen=VERSIONS)

    def see(self, window: Window, findings: Findings, incidents: Iterable[Incident]) -> None:
        """Add a judged window, with the incidents that were open after it or closed in it."""
        verdicts = _verdicts(findings, self._breached)
        for series, verdict in verdicts.items():
            if verdict.decided:
                lately = self._breached.setdefault(series, deque(maxlen=EARLIER))
                lately.append(window.start if verdict is Verdict.BREACH else None)
                self._at[series] = window.start
        for series in [
            s for s, lately in self._breached.items()
            if not any(lately) or window.start - self._at[s] > FORGET
        ]:  # fmt: skip
            del self._breached[series], self._at[series]
        self._closed = [i for i in self._closed if _lately(i, window, DAYS_COMPARED)]
        self._closed += [i for i in incidents if i.resolution is Resolution.RECOVERED]
        self._shares.append((window.start, version_shares(findings, self._version)))

    def earlier(self, breach: Breach) -> list[datetime]:
        """Starts of the last windows in which the same detector found something there."""
        return [
            start
            for (measure, text), lately in self._breached.items()
            if measure.partition(".")[0] == breach.detector and _nested(text, breach.where)
            for start in lately
            if start is not None
        ]

    def closed(self, window: Window, back: timedelta = timedelta(0)) -> list[Incident]:
        """Incidents that were over a short while ago, or that long before: what they left behind may still show."""
        return [i for i in self._closed if _lately(i, window, back)]

    def relapses(self, breach: Breach, window: Window) -> int:
        """How often this came back before: counted on from an incident that was over a short while ago."""
        alike = [
            i.relapses + 1
            for i in self.closed(window)
            if i.detector == breach.detector and i.slice == breach.where
        ]
        return max(alike, default=0)

    def version_of(self, where: Mapping[str, str]) -> str | None:
        """The model version that a place is of."""
        return where.get(self._version) if self._version is not None else None

    def new_version(self, onset: datetime, window: Window, findings: Findings) -> str | None:
        """The model version that appeared, or got much more traffic, when something began."""
        now = version_shares(findings, self._version)
        course = [*self._shares, (window.start, now)]
        for before, at in pairwise(course):
            if onset - window.length <= at[0] <= onset and (name := _jumped(before[1], at[1], course, at[0])):
                return name
        return None


def version_shares(findings: Findings, column: str | None) -> dict[str, float]:
    """Share of the traffic by model version; empty where versions are not watched apart."""
    if column is None:
        return {}
    c, begin = findings.columns, slice_text({column: ""})
    for measure in TRAFFIC:
        if measure not in findings.measures:
            continue
        at = np.flatnonzero(c["measure"] == findings.measures.index(measure))
        counts = {}
        for row in at:
            if not (text := findings.slices[c["slice"][row]]).startswith(begin):
                continue
            where = parse_slice(text)
            if list(where) == [column] and c["value"][row] > 0:
                counts[where[column]] = float(c["value"][row])
        total = sum(counts.values())
        return {version: count / total for version, count in counts.items()}
    return {}


JUMP = 0.1  # rise of a version's share of the traffic from one window to the next that is somebody's doing


def _jumped(
    before: Mapping[str, float],
    now: Mapping[str, float],
    course: Iterable[tuple[datetime, Mapping[str, float]]],
    at: datetime,
) -> str | None:
    if not before or not now:
        return None
    known = {version for start, shares in course if start < at for version in shares}
    risen = {v: share - before.get(v, 0.0) for v, share in now.items()}
    chosen = [v for v, rise in risen.items() if v not in known or rise >= JUMP]
    return max(chosen, key=lambda v: (v not in known, risen[v], v), default=None)


def _verdicts(findings: Findings, known: Iterable[Series]) -> dict[Series, Verdict]:
    """Verdicts of the series that breach, and of those that are asked for."""
    c = findings.columns
    code = c["measure"].astype(np.int64) * max(len(findings.slices), 1) + c["slice"]
    out = {}
    for row in np.flatnonzero(c["verdict"] == Verdict.BREACH):
        out[findings.measures[c["measure"][row]], findings.slices[c["slice"][row]]] = Verdict.BREACH
    measures = {name: i for i, name in enumerate(findings.measures)}
    slices = {text: i for i, text in enumerate(findings.slices)}
    order = np.argsort(code, kind="stable")
    for series in known:
        if series not in out and series[0] in measures and series[1] in slices:
            wanted = measures[series[0]] * len(slices) + slices[series[1]]
            place = np.searchsorted(code, wanted, sorter=order)
            if place < len(order) and code[order[place]] == wanted:
                out[series] = Verdict(int(c["verdict"][order[place]]))
    return out


def _nested(text: str, where: Mapping[str, str]) -> bool:
    other = parse_slice(text)
    return within(other, where) or within(where, other)


def shown_lately(incident: Incident, window: Window) -> bool:
    """Whether an open incident was seen so short a while ago that what else shows may be of it.

    One that waits for data, such as for a nightly batch, stays open for days and explains nothing of them.
    """
    seen = incident.last_seen_at
    return seen is not None and window.end - seen <= AFTERMATH * window.length


def _lately(incident: Incident, window: Window, back: timedelta) -> bool:
    assert incident.resolved_at is not None
    return window.end - incident.resolved_at < AFTERMATH * window.length + back
