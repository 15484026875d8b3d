"""Which breaches are part of an incident, and which are trouble of their own that has to get out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from detectors.core.cells import slice_text
from detectors.core.measurement import Unit
from detectors.core.verdict import Severity
from monitor.incidents.breach import Breach
from monitor.incidents.incident import Incident
from monitor.incidents.loudness import alike
from monitor.incidents.memory import AFTERMATH, shown_lately
from monitor.incidents.place import meet, within
from monitor.windows import Window

TOGETHER = 2  # windows from its opening on in which other trouble still counts as the same incident
TOGETHER_TICKETS = 6  # the same where neither is worth a page
EVERYWHERE = 0.85  # of a slice's effect that a wider one must show: then all of it is hit


@dataclass(frozen=True)
class Sight:
    """An incident as one window shows it.

    Parameters
    ----------
    fresh : int
        Windows since it opened.
    items : frozenset of str
        Items that are to blame, those that came in place of others included.
    family : tuple of Breach
        Breaches of its own detector that may be part of it.
    there : bool
        Whether its own trouble shows: without it, hardly anything is explained by it.
    goes_on : bool
        Whether it shows, or did a short while ago and this window cannot say that it is over, as at night.
    lately : bool
        Whether it showed a short while ago: what it leaves behind may be seen.
    """

    incident: Incident
    fresh: int
    items: frozenset[str]
    family: tuple[Breach, ...]
    there: bool
    goes_on: bool
    lately: bool

    @classmethod
    def of(
        cls,
        incident: Incident,
        breaches: Sequence[Breach],
        window: Window,
        told_at: datetime,
        *,
        over: bool = False,
    ) -> Sight:
        """One window's sight of an incident.

        Parameters
        ----------
        over : bool
            Whether the window shows that its trouble is over.
        """
        fresh = (told_at - incident.opened_at) // window.length
        family = [b for b in breaches if b.detector == incident.detector and not _louder(b, incident)]
        items = frozenset(incident.items)
        here = [b for b in family if b.item is not None and meet(b.where, incident.slice)]
        inside = [b for b in here if within(b.where, incident.slice)]  # a wider place may show another's item
        own = [b for b in here if b.name == incident.measure and dict(b.where) == incident.slice]
        if items and fresh < TOGETHER:  # two items may share the top: which one a slice shows is chance
            items |= {b.item for b in here if b.item is not None}
        elif items and own and own[0].item not in items:
            items |= {b.item for b in own if b.item is not None}  # it changed the item
        elif items and inside and not any(b.item in items for b in family):
            items |= {max(inside, key=lambda b: (b.severity is Severity.PAGE, b.excess, b.slice)).item or ""}
        lately = shown_lately(incident, window)
        sight = cls(incident, fresh, items, tuple(family), False, False, lately)
        there = any(sight._own(b) and sight._shows(b) for b in family)
        return replace(sight, there=there, goes_on=there or (lately and not over), lately=there or lately)

    def holds(self, breach: Breach) -> bool:
        """Whether a breach is part of the incident.

        Louder trouble than the incident's is not; nor is another item to blame while the incident's own is there, nor
        a page of another kind that came later, or that shows where the incident's own trouble does not. What users do
        follows, sooner or later, from what is wrong with what they are shown; so does, in the same place, what the
        incident's own trouble moves by arithmetic.
        """
        incident = self.incident
        if _louder(breach, incident):
            return False
        if breach.silence:
            same_place = breach.detector == incident.detector and not incident.slice
            return same_place or (breach.detector == incident.detector and self.fresh < TOGETHER)
        if breach.detector == incident.detector:
            return self._own(breach) and (self.there or breach.severity is Severity.TICKET)
        if breach.measure.of_response and self._is_of_lists() and within(breach.where, incident.slice):
            return True
        moves_it = bool({incident.detector, incident.measure} & breach.measure.follows)
        if moves_it and self.goes_on and meet(breach.where, incident.slice):
            return True
        known = [s for s in incident.symptoms if s.detector == breach.detector]
        if breach.severity is Severity.PAGE:
            return self.there and (self.fresh < TOGETHER or self._showed(breach) or self._has_reason(breach))
        together = TOGETHER if incident.severity is Severity.PAGE else TOGETHER_TICKETS
        # A ticket that comes and goes for days explains no other.
        recovers = incident.severity is Severity.PAGE and incident.quiet_windows > 0
        if self.fresh < together or (self.lately and (recovers or known)):
            return True
        grows = incident.severity is Severity.PAGE or self.fresh < AFTERMATH
        return grows and self.there and meet(breach.where, incident.slice)

    def _has_reason(self, breach: Breach) -> bool:
        """Whether a page of what users are shown may be why they do otherwise, as somebody was told already.

        What one window never shows for sure may have begun long before it is seen; with what it does to users it is
        one trouble.
        """
        own = [b for b in self.family if b.name == self.incident.measure]
        of_lists = not breach.measure.of_response and not breach.measure.unit.counts_traffic
        told = any(b.measure.of_response for b in own) and meet(breach.where, self.incident.slice)
        return told and of_lists and not breach.conclusive

    def _showed(self, breach: Breach) -> bool:
        """Whether a page of another kind has been a symptom before: there, or where the incident's place has a part."""
        pages = [
            s for s in self.incident.symptoms
            if s.detector == breach.detector and s.severity is Severity.PAGE and meet(s.slice, breach.where)
        ]  # fmt: skip
        here = meet(breach.where, self.incident.slice)
        return any(here or dict(s.slice) == dict(breach.where) for s in pages)

    def _is_of_lists(self) -> bool:
        """Whether the incident is one of what users are shown, be it that this window cannot show it."""
        own = [b for b in self.family if b.name == self.incident.measure]
        return not any(b.measure.of_response or b.measure.unit.counts_traffic for b in own)

    def _own(self, breach: Breach) -> bool:
        """Whether a breach of the incident's own detector is its trouble: of its items, or at a place that it has
        taken."""
        if self.items and breach.item is not None:
            return breach.item in self.items or breach.severity is Severity.TICKET
        if meet(breach.where, self.incident.slice) or breach.severity is Severity.TICKET:
            return True
        return not breach.conclusive or self._widened_to(breach)

    def _shows(self, breach: Breach) -> bool:
        """Whether a breach of the incident's own detector says that its trouble goes on: its item, or its place."""
        if not self.items:
            return meet(breach.where, self.incident.slice)
        return (
            breach.item in self.items
            if breach.item is not None
            else within(breach.where, self.incident.slice)
        )

    def _widened_to(self, breach: Breach) -> bool:
        """Whether a place beside the incident's is hit because everything is: a wider one shows it as clearly."""
        return any(
            wider.name == breach.name
            and wider.where != breach.where
            and within(breach.where, wider.where)
            and meet(wider.where, self.incident.slice)
            and (wider.effect >= EVERYWHERE * breach.effect or _by_chance(breach, wider))
            for wider in self.family
        )


def _by_chance(breach: Breach, wider: Breach) -> bool:
    """Whether a share is no more than what the wider place's comes to among so few requests."""
    return breach.measure.unit is Unit.RATIO and alike(breach, wider)


def became(ticket: Incident, page: Incident, fresh: int) -> bool:
    """Whether the trouble of an open ticket is what a page is now opened for.

    Parameters
    ----------
    fresh : int
        Windows since the ticket opened.
    """
    if ticket.severity is not Severity.TICKET or page.severity is not Severity.PAGE:
        return False
    if not meet(ticket.slice, page.slice):
        return False
    if ticket.detector == page.detector:
        return not ticket.items or not page.items or bool(set(ticket.items) & set(page.items))
    shown = {(s.measure, slice_text(s.slice)) for s in page.symptoms}
    announced = any(s.detector == page.detector and meet(s.slice, page.slice) for s in ticket.symptoms)
    return fresh < TOGETHER_TICKETS and (announced or (ticket.measure, slice_text(ticket.slice)) in shown)


def _louder(breach: Breach, incident: Incident) -> bool:
    return breach.severity is Severity.PAGE and incident.severity is Severity.TICKET
