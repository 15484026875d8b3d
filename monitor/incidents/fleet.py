"""Incidents of the fleet: the same trouble in several recommenders at once is told once, theirs are its parts.

A pure fold over what opens and closes in the recommenders, which are evaluated one after the other: the opening that
makes them three makes the fleet's incident, and those before it become its parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from detectors.core.verdict import Severity
from monitor.incidents.incident import Incident, Part, Resolution
from monitor.incidents.sentence import shorten

FLEET = "(fleet)"  # in the place of a recommender's name, which has no parentheses
TOGETHER = 3  # recommenders with the same trouble
SPREADS = timedelta(days=1)  # since the newest part, in which trouble is still the same
NAMED, LONGEST_NAME = 5, 40  # recommenders in the sentence, characters of each
WORST_FIRST = (Severity.PAGE, Severity.TICKET)

T = TypeVar("T")


def step(known: Sequence[Incident], incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Incidents of the fleet after something opened or closed: those still open, those over now, and new ones.

    The same trouble is what the same detector finds. It is in one window where the stretches from onset to opening of
    all the incidents have a moment in common: for windows of one length, when they end within one window of each
    other. Once it is told, what opens within a day of the newest part is a part too.

    Parameters
    ----------
    known : sequence of Incident
        Of the fleet, open before.
    incidents : iterable of Incident
        Of recommenders: all that are open, and the parts of `known`. A part that is not among them is over; silent ones
        are told to nobody, so they are no part.

    >>> step((), ())
    ()
    """
    told = [i for i in sorted(incidents, key=_order) if not i.silent]
    free = [i for i in told if i.open and i.id not in {p.incident for f in known for p in f.parts}]
    out: list[Incident] = []
    for one in sorted(known, key=_order):
        mine = [i for i in told if i.id in {p.incident for p in one.parts}]
        out += _follow(one, mine + _joining(one, free))
        free = [i for i in free if not any(i.id in {p.incident for p in f.parts} for f in out)]
    for detector in sorted({i.detector for i in free}):
        while group := _together([i for i in free if i.detector == detector]):
            parts = group + _joining(_opened(group), [i for i in free if i not in group])
            out += _follow(_opened(parts), parts)
            free = [i for i in free if i not in parts]
    return tuple(out)


def course(incidents: Iterable[Incident]) -> Iterator[tuple[datetime, tuple[Incident, ...]]]:
    """Of history, incidents of the fleet after each moment at which something opened or closed in a recommender.

    What was over by then, of the fleet too, is among them.
    """
    found = list(incidents)
    moments = {i.opened_at for i in found} | {i.resolved_at for i in found if i.resolved_at}
    fleet: dict[str, Incident] = {}
    for moment in sorted(moments):
        by_then = [_as_of(i, moment) for i in found if i.opened_at <= moment]
        fleet |= {i.id: i for i in step([i for i in fleet.values() if i.open], by_then)}
        yield moment, tuple(fleet.values())


def _as_of(incident: Incident, moment: datetime) -> Incident:
    is_over = incident.resolved_at is not None and incident.resolved_at <= moment
    return incident if is_over else replace(incident, resolved_at=None, resolution=None)


def _order(incident: Incident) -> tuple[datetime, str, str]:
    return incident.opened_at, incident.recommender, incident.id


def _together(incidents: Sequence[Incident]) -> list[Incident]:
    """The first that were there at one moment in enough recommenders; empty where there are none."""
    for moment in sorted({i.onset_at for i in incidents}):
        there = [i for i in incidents if i.onset_at <= moment <= i.opened_at]
        if len({i.recommender for i in there}) >= TOGETHER:
            return there
    return []


def _joining(one: Incident, free: Sequence[Incident]) -> list[Incident]:
    """What of the same detector is a part from now on; each that comes may bring others."""
    begin, newest = one.onset_at, max(p.opened_at for p in one.parts)
    joining: list[Incident] = []
    while came := [
        i for i in free
        if i not in joining and i.detector == one.detector
        and i.opened_at >= begin and i.onset_at <= newest + SPREADS
    ]:  # fmt: skip
        joining += came
        newest = max(newest, *(i.opened_at for i in came))
    return joining


def _opened(parts: Sequence[Incident], before: Incident | None = None) -> Incident:
    """A new one; what an alert is labelled with is what all parts have in common, and stays.

    Parameters
    ----------
    before : Incident, optional
        The ticket that it goes on with.
    """
    detector, severity = parts[0].detector, _worst(parts)
    start = max(i.onset_at for i in parts)
    identity = "\n".join([FLEET, detector, severity.value, start.isoformat()])
    digest = hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    culprit = _common([i.culprit for i in parts]) or {}
    return Incident(
        id=f"{start:%Y%m%dT%H%MZ}-fleet-{detector.replace('_', '-')}-{digest}",
        recommender=FLEET,
        labels=dict(sorted(set.intersection(*({*i.labels.items()} for i in parts)))),
        severity=severity,
        detector=detector,
        measure=_common([i.measure for i in parts]) or "",
        slice=_common([i.slice for i in parts]) or {},
        culprit=culprit,
        summary="",
        onset_at=min(i.onset_at for i in parts),
        opened_at=max(i.opened_at for i in parts),
        model_version=_common([i.model_version for i in parts]),
        items=tuple(culprit.values()),
        judged_by=_common([i.judged_by for i in parts]) or "history",
        escalated_from=before.id if before else None,
        parts=_parts((), parts),
    )


def _follow(one: Incident, parts: Sequence[Incident]) -> list[Incident]:
    """What becomes of it with these parts: it goes on, is over, or a ticket goes on as a page."""
    if not (still := [i for i in parts if i.open]):
        return [_over(one, parts)]
    if WORST_FIRST.index(_worst(still)) < WORST_FIRST.index(one.severity):
        page = _told(_opened(still, before=one), still)
        over = replace(one, resolved_at=page.opened_at, resolution=Resolution.ESCALATED, escalated_to=page.id)
        return [over, page]
    return [_told(one, parts)]


def _told(one: Incident, parts: Sequence[Incident]) -> Incident:
    """What is said of it now."""
    affected = [i.affected["requests"] for i in parts if i.affected.get("requests") is not None]
    one = replace(
        one,
        onset_at=min(one.onset_at, *(i.onset_at for i in parts)),
        # Users are not added up: they may be the same.
        affected={"requests": sum(n for n in affected if n is not None)} if affected else one.affected,
        counts=_common([i.counts for i in parts]) or "requests",
        last_seen_at=max((i.last_seen_at for i in parts if i.last_seen_at), default=one.last_seen_at),
        asks=any(i.asks for i in parts if i.open),
        parts=_parts(one.parts, parts),
    )
    return replace(one, summary=_sentence(one, parts))


def _over(one: Incident, parts: Sequence[Incident]) -> Incident:
    """The last of its parts is over; it was never less long than they."""
    ends = [i.resolved_at for i in parts if i.resolved_at]
    why = _common([i.resolution for i in parts]) if parts else None
    return replace(
        one, resolved_at=max([one.opened_at, *ends]), resolution=why or Resolution.RECOVERED, asks=False
    )


def _parts(known: Sequence[Part], incidents: Sequence[Incident]) -> tuple[Part, ...]:
    came = {i.id: Part(i.recommender, i.id, i.opened_at) for i in incidents}
    parts = {**came, **{p.incident: p for p in known}}
    return tuple(sorted(parts.values(), key=lambda p: (p.opened_at, p.recommender, p.incident)))


def _sentence(one: Incident, parts: Sequence[Incident]) -> str:
    """Which recommenders, and what of the first of the worst."""
    open_ones = {i.recommender for i in parts if i.open}
    names = list(dict.fromkeys(p.recommender for p in one.parts))
    over = [name for name in names if name not in open_ones]
    first = min((i for i in parts if i.open), key=lambda i: (WORST_FIRST.index(i.severity), *_order(i)))
    gone = f", over in {listed(over)}" if over else ""
    return (
        f"{len(names)} recommenders have the same trouble ({one.detector}): {listed(names)}{gone}."
        f" {first.summary}"
    )


def by_part(fleet: Iterable[Incident]) -> dict[str, Incident]:
    """Incidents of the fleet by the ids of their parts; a part of several is of the one that opened last."""
    return {p.incident: one for one in sorted(fleet, key=_order) for p in one.parts}


def listed(names: Sequence[str]) -> str:
    """Names in a sentence.

    >>> listed(["a", "b", "c"]), listed("abcdefg")
    ('a, b and c', 'a, b, c, d, e and 2 more')
    """
    names = [shorten(name, LONGEST_NAME) for name in names]
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _worst(incidents: Sequence[Incident]) -> Severity:
    return min((i.severity for i in incidents), key=WORST_FIRST.index)


def _common(values: Sequence[T]) -> T | None:
    """What all of them are."""
    return values[0] if all(value == values[0] for value in values) else None
