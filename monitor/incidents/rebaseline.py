"""A rebaseline: somebody said that a change is meant, from when on, of what, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from detectors.core.cells import WHOLE, parse_slice
from detectors.judgement.anew import Anew
from monitor.incidents.incident import Incident, Resolution
from monitor.incidents.place import meet, within
from monitor.windows import EPOCH, Window

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Rebaseline:
    """What was before `start` no longer counts for these series; open incidents on them are over: they are intended.

    Parameters
    ----------
    id : int
        In the order in which they were given; 0 before it is stored.
    slice : str
        Canonical text. The series of all places that share traffic with it are concerned: what is meant there
        shows in the whole as well.
    detector : str or None
        None: all of them.
    start, end : datetime
        Without an end it is for good. After its end what was before `start` counts again, and what was in between
        does not.
    who : str
    at : datetime
        When it was given.
    judged : datetime or None
        Start of the newest window that had been judged by then: it concerns the judgement of later ones.
    """

    id: int
    recommender: str
    slice: str
    detector: str | None
    start: datetime
    end: datetime | None
    why: str
    who: str
    at: datetime
    judged: datetime | None = None

    def covers(self, measure: str, slice: str) -> bool:
        """Whether a series, by the measure's full name and its slice, is judged anew."""
        if self.detector is not None and measure.partition(".")[0] != self.detector:
            return False
        return meet(parse_slice(slice), parse_slice(self.slice))

    def anew(self) -> Anew:
        """The same for the judge."""
        judged = (self.judged - EPOCH) // MICROSECOND if self.judged else -1
        end = None if self.end is None else (self.end - EPOCH) // MICROSECOND
        return Anew(self.covers, (self.start - EPOCH) // MICROSECOND, end, judged)

    def counts_for(self, start: datetime) -> bool:
        """Whether the window that starts then is judged by what is meant."""
        known = self.judged is None or start > self.judged
        return known and self.start <= start and (self.end is None or start < self.end)

    def concerns(self, incident: Incident) -> bool:
        """Whether an incident is about what is meant: at its place or inside it, and of its detector."""
        mine = self.detector is None or incident.detector == self.detector
        return mine and incident.open and within(incident.slice, parse_slice(self.slice))

    def close(self, incident: Incident, window: Window, told_at: datetime) -> Incident:
        """The incident as it is in the first window that is judged by what is meant, if this ends it.

        An absolute limit holds whatever is meant, and what began after the change is trouble of its own.
        """
        if not self.concerns(incident) or incident.judged_by == "floor" or not self.counts_for(window.start):
            return incident
        if self.counts_for(window.start - (told_at - incident.opened_at)):
            return incident
        at_once = self.judged is not None and self.start <= self.judged + window.length
        return self.closed(incident) if at_once else replace(self.closed(incident), resolved_at=told_at)

    def closed(self, incident: Incident) -> Incident:
        """The incident as it is from the moment on at which this was given."""
        resolved_at = max(self.at, incident.opened_at)
        return replace(incident, resolved_at=resolved_at, resolution=Resolution.INTENDED)

    def __str__(self) -> str:
        what = self.detector or "everything"
        where = "" if self.slice == WHOLE else f" at {self.slice}"
        until = f" until {self.end:%Y-%m-%d %H:%M}" if self.end else ""
        return f"{self.recommender}: {what}{where} anew from {self.start:%Y-%m-%d %H:%M}{until} UTC"
