"""The book of incidents: a pure fold of each window's breaches into incidents that are told once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from detectors.core.cells import slice_text
from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from monitor.config.models import RecommenderConfig
from monitor.findings import Findings
from monitor.incidents.affected import affected
from monitor.incidents.belonging import Sight, became
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident, Resolution, Symptom
from monitor.incidents.memory import DAYS_COMPARED, Memory, shown_lately
from monitor.incidents.over import recovered, windows_to_close
from monitor.incidents.place import meet
from monitor.incidents.primary import find_primary
from monitor.incidents.sentence import finite, sentence
from monitor.measurable import counted, version_column
from monitor.windows import Window

SYMPTOMS = 50  # most that are kept
ITEMS = 10  # the newest items to blame that are kept, beside the culprit
MOST_AT_ONCE = 3  # incidents that one window may open


@dataclass(frozen=True)
class Seen:
    """What one window shows.

    Parameters
    ----------
    told_at : datetime
        When it can first be told: the window's end plus `settle`.
    breaches : sequence of Breach
        Those that somebody is to be told of.
    silent : bool
        Whether it is replayed history.
    """

    window: Window
    told_at: datetime
    breaches: Sequence[Breach]
    findings: Findings
    silent: bool = False


class IncidentBook:
    """Opens, follows and closes the incidents of one recommender.

    Parameters
    ----------
    recommender : RecommenderConfig
        Its name, labels, and when an incident asks whether the new level is meant.
    telling : mapping of detector to int
        Whose breach names an incident.
    """

    def __init__(self, recommender: RecommenderConfig, telling: Mapping[str, int]) -> None:
        self._name = recommender.name
        self._labels = dict(recommender.labels)
        self._rows = counted(recommender)
        self._ask_after: timedelta = recommender.ask_after
        self._telling = telling
        self._version = version_column(recommender)

    def step(self, incidents: Sequence[Incident], seen: Seen, memory: Memory) -> tuple[Incident, ...]:
        """Incidents after the next window: those still open, those that closed in it, and new ones.

        Parameters
        ----------
        incidents : sequence of Incident
            Open before the window.
        memory : Memory
            Of the windows before.
        """
        left = list(seen.breaches)
        out: list[Incident] = []
        for incident in sorted(incidents, key=lambda i: (i.opened_at, i.id)):
            over = recovered(incident, seen.findings, self._version)
            sight = Sight.of(incident, left, seen.window, seen.told_at, over=over)
            mine = [b for b in left if sight.holds(b)]
            left = [b for b in left if b not in mine]
            out.append(self._follow(incident, sight, mine, seen, over=over))
        for _ in range(MOST_AT_ONCE):
            ready = [b for b in left if _is_ready(b, left, out, seen.window, memory)]
            if not ready:
                break
            primary = find_primary(ready, self._telling, [b for b in left if b not in ready])
            onset = _seconded(primary, out, seen.window, memory) or seen.window.start
            opened = self._open(primary, onset, left, seen, memory)
            out, opened = _escalated(out, opened, seen)
            out.append(opened)
            sight = Sight.of(opened, left, seen.window, seen.told_at)
            left = [b for b in left if b.severity is Severity.PAGE and not sight.holds(b)]
        return tuple(out)

    def _open(
        self, primary: Breach, onset: datetime, breaches: Sequence[Breach], seen: Seen, memory: Memory
    ) -> Incident:
        """A new incident; breaches that are one of their own are not among its symptoms."""
        culprit = {"item": primary.item} if primary.item is not None else {}
        where = dict(primary.where)
        start = seen.window.start
        identity = [
            self._name,
            primary.detector,
            start.isoformat(),
            slice_text(where),
            culprit.get("item", ""),
        ]
        digest = hashlib.blake2b(
            "\n".join(identity).encode("utf-8", "surrogatepass"), digest_size=4
        ).hexdigest()
        incident = Incident(
            id=f"{start:%Y%m%dT%H%MZ}-{primary.detector.replace('_', '-')}-{digest}",
            recommender=self._name,
            labels=self._labels,
            severity=primary.severity,
            detector=primary.detector,
            measure=primary.name,
            slice=where,
            culprit=culprit,
            summary=sentence(primary, self._name, self._rows),
            onset_at=onset,
            opened_at=seen.told_at,
            before={"value": finite(primary.expected)},
            counts=self._rows,
            model_version=memory.version_of(where) or memory.new_version(onset, seen.window, seen.findings),
            items=tuple(culprit.values()),
            judged_by="floor" if primary.by_floor else "history",
            relapses=memory.relapses(primary, seen.window),
            silent=seen.silent,
        )
        sight = Sight.of(incident, breaches, seen.window, seen.told_at)
        mine = [b for b in breaches if b is primary or sight.holds(b)]
        return self._seen(incident, sight, mine, primary, seen)

    def _follow(
        self, incident: Incident, sight: Sight, breaches: Sequence[Breach], seen: Seen, *, over: bool
    ) -> Incident:
        if not seen.silent and incident.silent:
            incident = replace(incident, silent=False)
        if not incident.asks and seen.window.end - incident.onset_at >= self._ask_after:
            incident = replace(incident, asks=True)
        if sight.there or any(b.severity is Severity.PAGE for b in breaches):
            own = [b for b in breaches if b.name == incident.measure and dict(b.where) == incident.slice]
            incident = replace(incident, relapses=incident.relapses + (incident.quiet_windows > 0))
            return self._seen(incident, sight, breaches, own[0] if own else None, seen)
        if breaches:
            incident = replace(incident, symptoms=self._symptoms(incident, breaches))
        if not over:
            return incident
        quiet = incident.quiet_windows + 1
        if quiet < windows_to_close(incident):
            return replace(incident, quiet_windows=quiet)
        return replace(
            incident, quiet_windows=quiet, resolved_at=seen.told_at, resolution=Resolution.RECOVERED
        )

    def _seen(
        self, incident: Incident, sight: Sight, breaches: Sequence[Breach], primary: Breach | None, seen: Seen
    ) -> Incident:
        """The incident after a window that showed it; what it is labelled with stays."""
        came = sorted(sight.items - set(incident.items))
        changed = replace(
            incident,
            symptoms=self._symptoms(incident, breaches),
            affected=affected(incident, primary, breaches, seen.findings),
            items=(*incident.items[:1], *(*incident.items[1:], *came)[-ITEMS:]),
            last_seen_at=seen.window.end,
            quiet_windows=0,
        )
        if primary is None:
            return changed
        return replace(
            changed,
            summary=sentence(primary, self._name, self._rows),
            after={**incident.after, "value": finite(primary.value)},
            evidence=dict(primary.evidence),
        )

    def _symptoms(self, incident: Incident, breaches: Sequence[Breach]) -> tuple[Symptom, ...]:
        """The latest of each series; the first to come stay when there are too many, the first of each detector always:
        what once was part of an incident stays part of it.
        """
        symptoms = {(s.measure, slice_text(s.slice)): s for s in incident.symptoms}
        for b in breaches:
            if (b.name, b.slice) != (incident.measure, slice_text(incident.slice)):
                symptoms[b.name, b.slice] = Symptom(
                    b.detector, b.name, dict(b.where), finite(b.value), finite(b.expected),
                    sentence(b, self._name, self._rows), b.severity,
                )  # fmt: skip
        firsts = {(s.detector, s.severity): s for s in reversed(symptoms.values())}
        rest = [s for s in symptoms.values() if s not in firsts.values()]
        kept = [*firsts.values(), *rest[: max(SYMPTOMS - len(firsts), 0)]]
        return tuple(s for s in symptoms.values() if s in kept)


def _is_ready(
    breach: Breach, breaches: Sequence[Breach], incidents: Sequence[Incident], window: Window, memory: Memory
) -> bool:
    """Whether a breach is reason enough to tell somebody now.

    One window is when it is conclusive, or when what users do says the same by itself; two of three when not. What an
    incident leaves behind, while it recovers and for some windows after, is no reason by itself: a ticket waits until
    that is over (what compares days, until those days hold none of it), a page that history alone makes has to be seen
    twice. A ticket of another kind is not what a page comes from, nor, but for its own item, what is beyond an absolute
    limit, and does not keep them waiting.
    """
    back = DAYS_COMPARED if breach.measure.unit is Unit.CHANGE else timedelta(0)
    after = [i for i in memory.closed(window, back) if meet(i.slice, breach.where)]
    after += [
        i for i in incidents
        if i.open and i.severity is Severity.PAGE and i.quiet_windows > 0
        and shown_lately(i, window) and meet(i.slice, breach.where)
    ]  # fmt: skip
    if breach.severity is Severity.PAGE:
        after = [i for i in after if i.severity is Severity.PAGE or i.detector == breach.detector]
    elif breach.by_floor and breach.measure.unit is not Unit.CHANGE:  # a change is one from what was
        after = [
            i for i in after
            if i.severity is Severity.PAGE or breach.detector in _kinds(i) or breach.item in i.items
        ]  # fmt: skip
    if after and breach.severity is Severity.TICKET:
        return False
    if breach.by_floor or _seconded(breach, incidents, window, memory) is not None:
        return True
    return (breach.conclusive or _shows_in_response(breach, breaches)) and (breach.silence or not after)


def _shows_in_response(breach: Breach, breaches: Sequence[Breach]) -> bool:
    """Whether a page of what users are shown is seconded by a page of what they do with it, for which it is the reason.

    Somebody is woken either way; a model trained anew, for which a single window of other lists may stand, does not
    drive users off.
    """
    if (
        breach.severity is not Severity.PAGE
        or breach.measure.of_response
        or breach.measure.unit.counts_traffic
    ):
        return False
    return any(
        b.measure.of_response and b.severity is Severity.PAGE and b.conclusive and b.where == breach.where
        for b in breaches
    )


def _kinds(incident: Incident) -> set[str]:
    """Detectors that found anything of it."""
    return {incident.detector, *(symptom.detector for symptom in incident.symptoms)}


def _seconded(
    breach: Breach, incidents: Sequence[Incident], window: Window, memory: Memory
) -> datetime | None:
    """Start of the first of the last windows in which this was found, other than as part of an incident."""
    known = [i for i in (*incidents, *memory.closed(window)) if i.detector == breach.detector]
    if breach.severity is Severity.PAGE:
        known = [i for i in known if i.severity is Severity.PAGE]
    earlier = [start for start in memory.earlier(breach) if not any(i.onset_at <= start for i in known)]
    return min(earlier, default=None)


def _escalated(incidents: Sequence[Incident], page: Incident, seen: Seen) -> tuple[list[Incident], Incident]:
    """The tickets whose trouble the page goes on with are over, and the page began when they did."""
    out = []
    for incident in incidents:
        fresh = (seen.told_at - incident.opened_at) // seen.window.length
        if incident.open and became(incident, page, fresh):
            page = replace(page, onset_at=min(page.onset_at, incident.onset_at), escalated_from=incident.id)
            incident = replace(
                incident,
                resolved_at=seen.told_at,
                resolution=Resolution.ESCALATED,
                escalated_to=page.id,
            )
        out.append(incident)
    return out, page
