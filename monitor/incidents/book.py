"""The book of incidents: a pure fold of each window's breaches into incidents that are told once."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from detectors.core.cells import slice_text
from detectors.core.measurement import Unit
from detectors.core.verdict import Severity, Verdict
from monitor.config.models import RecommenderConfig
from monitor.findings import Findings
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident, Symptom
from monitor.incidents.place import find_place
from monitor.incidents.sentence import sentence
from monitor.measurable import available
from monitor.windows import Window

QUIET_WINDOWS = 2  # decided windows without a breach after which an incident closes
TOGETHER = 2  # windows after its onset in which other trouble still counts as the same incident
SYMPTOMS = 50  # most that are kept
HALFWAY = 0.5
AS_MUCH = 0.9  # of the requests concerned


class IncidentBook:
    """Opens, follows and closes the incidents of one recommender.

    Parameters
    ----------
    recommender : RecommenderConfig
        Its name and labels.
    """

    def __init__(self, recommender: RecommenderConfig) -> None:
        self._name = recommender.name
        self._labels = dict(recommender.labels)
        self._rows = "requests" if "request" in available(recommender) else "rows"

    def step(
        self,
        incidents: Sequence[Incident],
        window: Window,
        told_at: datetime,
        breaches: Sequence[Breach],
        findings: Findings,
        *,
        telling: Mapping[str, int],
        silent: bool,
    ) -> tuple[Incident, ...]:
        """Incidents after the next window: those still open, those that closed in it, and new ones.

        Parameters
        ----------
        incidents : sequence of Incident
            Open before the window.
        telling : mapping of detector to int
            Whose breach names an incident.
        """
        left = list(breaches)
        out = []
        for incident in sorted(incidents, key=lambda i: i.opened_at):
            mine = [b for b in left if _belongs(b, incident, window)]
            left = [b for b in left if b not in mine]
            if not silent and incident.silent:
                incident = replace(incident, silent=False)
            out.append(self._follow(incident, mine, window, told_at, findings))
        if left:
            out.append(self._open(_primary(left, telling), left, window, told_at, silent))
        return tuple(out)

    def _open(
        self, primary: Breach, breaches: Sequence[Breach], window: Window, told_at: datetime, silent: bool
    ) -> Incident:
        culprit = {"item": primary.item} if primary.item is not None else {}
        where = dict(primary.where)
        identity = "\n".join(
            [
                self._name,
                primary.detector,
                window.start.isoformat(),
                slice_text(where),
                culprit.get("item", ""),
            ]
        )
        digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
        incident = Incident(
            id=f"{window.start:%Y%m%dT%H%MZ}-{primary.detector.replace('_', '-')}-{digest}",
            recommender=self._name,
            labels=self._labels,
            severity=primary.severity,
            detector=primary.detector,
            measure=primary.name,
            slice=where,
            culprit=culprit,
            summary=sentence(primary, self._name, self._rows),
            onset_at=window.start,
            opened_at=told_at,
            before={"value": _number(primary.expected)},
            model_version=where.get("model_version"),
            silent=silent,
        )
        return self._seen(incident, breaches, primary, window)

    def _follow(
        self,
        incident: Incident,
        breaches: Sequence[Breach],
        window: Window,
        told_at: datetime,
        findings: Findings,
    ) -> Incident:
        if breaches:
            here = [b for b in breaches if b.name == incident.measure and dict(b.where) == incident.slice]
            return self._seen(incident, breaches, here[0] if here else None, window)
        if not _recovered(incident, findings):
            return incident
        quiet = incident.quiet_windows + 1
        return replace(incident, quiet_windows=quiet, resolved_at=told_at if quiet >= QUIET_WINDOWS else None)

    def _seen(
        self, incident: Incident, breaches: Sequence[Breach], primary: Breach | None, window: Window
    ) -> Incident:
        """The incident after a window that showed it; what it is labelled with stays."""
        symptoms = {(s.measure, slice_text(s.slice)): s for s in incident.symptoms}
        for b in breaches:
            if (b.name, b.slice) != (incident.measure, slice_text(incident.slice)):
                symptoms[b.name, b.slice] = Symptom(
                    b.detector,
                    b.name,
                    dict(b.where),
                    _number(b.value),
                    _number(b.expected),
                    sentence(b, self._name, self._rows),
                )
        changed = replace(
            incident,
            symptoms=tuple(symptoms.values())[:SYMPTOMS],
            last_seen_at=window.end,
            quiet_windows=0,
        )
        if primary is None:
            return changed
        requests = incident.affected.get("requests") or 0.0
        return replace(
            changed,
            summary=sentence(primary, self._name, self._rows),
            after={**incident.after, "value": _number(primary.value)},
            affected={"requests": round(requests + primary.excess), "users": _users(incident, breaches)},
            evidence=dict(primary.evidence),
        )


def _belongs(breach: Breach, incident: Incident, window: Window) -> bool:
    """Whether a breach is part of an incident: of a detector that is in it, or trouble that came with it.

    Louder trouble than the incident's, and another item to blame, is an incident of its own.
    """
    if breach.severity is Severity.PAGE and incident.severity is Severity.TICKET:
        return False
    if breach.detector == incident.detector:
        other_item = breach.item not in (None, incident.culprit.get("item"))
        return not (
            other_item
            and incident.culprit
            and breach.severity is Severity.PAGE
            and _overlaps(breach, incident)
        )
    if breach.detector in {s.detector for s in incident.symptoms}:
        return True
    came_with_it = window.start < incident.onset_at + TOGETHER * window.length
    recovering = (
        incident.last_seen_at is not None
        and incident.last_seen_at < window.end
        and incident.quiet_windows > 0
    )
    return came_with_it or recovering or breach.severity is Severity.TICKET


def _overlaps(breach: Breach, incident: Incident) -> bool:
    """Whether the breach is at the incident's place."""
    return dict(breach.where) == incident.slice


def _primary(breaches: Sequence[Breach], telling: Mapping[str, int]) -> Breach:
    """The most telling breach, at the place to blame."""
    top = max((b.severity is Severity.PAGE, telling.get(b.detector, 50)) for b in breaches)
    loudest = [b for b in breaches if (b.severity is Severity.PAGE, telling.get(b.detector, 50)) == top]
    most: dict[Unit, float] = {}
    for b in loudest:
        most[b.measure.unit] = max(b.excess, most.get(b.measure.unit, 0.0))
    # Detectors declare what tells most first: that one speaks when it shows about as much.
    best = min(
        (b for b in loudest if b.excess >= AS_MUCH * most[b.measure.unit]),
        key=lambda b: (b.order, -b.excess, b.slice),
    )
    same = [b for b in breaches if b.name == best.name and b.item == best.item]
    return find_place([b for b in same if b.severity is best.severity] or [best])


def _recovered(incident: Incident, findings: Findings) -> bool:
    """Whether the window shows that the trouble is over at the incident's place.

    Missing data shows nothing. Nor does a value that is merely too uncertain to breach, as at night: it has to be
    nearer to what was usual than to what was found.
    """
    text = slice_text(incident.slice)
    if incident.measure not in findings.measures or text not in findings.slices:
        return False
    c = findings.columns
    at = np.flatnonzero(
        (c["measure"] == findings.measures.index(incident.measure))
        & (c["slice"] == findings.slices.index(text))
    )
    if not len(at) or c["verdict"][at[0]] != Verdict.OK:
        return False
    usual, found = incident.before.get("value") or 0.0, incident.after.get("value")
    return found is None or abs(c["value"][at[0]] - usual) <= HALFWAY * abs(found - usual)


def _number(value: float) -> float | None:
    return None if math.isnan(value) or math.isinf(value) else value


def _users(incident: Incident, breaches: Sequence[Breach]) -> float | None:
    """The most users of one window that got it; sums over windows would count people twice."""
    before = incident.affected.get("users")
    now = [b.evidence["users"] for b in breaches if "users" in b.evidence]
    return max([*now, before or 0.0]) if now or before else None
