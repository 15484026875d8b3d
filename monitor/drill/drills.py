"""The drills that go on: kept in memory beside the store, so that history knows nothing of them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from monitor.evaluation import Evaluation
from monitor.exposition.state import CLOSED_FOR
from monitor.incidents.incident import Incident, Resolution
from monitor.incidents.rebaseline import Rebaseline
from monitor.store.said import Acknowledgement, Feedback
from monitor.store.store import Store


@dataclass(frozen=True)
class Drilled:
    """What a drill came to.

    Parameters
    ----------
    incident : Incident or None
        What people are told; None when nobody would be.
    why : str
        Why nobody is told, or no page.
    mistake : str
        What whoever asked for it has to do instead: there is nothing to break.
    """

    incident: Incident | None = None
    why: str = ""
    mistake: str = ""


class Drills:
    """Incidents of drills, until a while after they are over. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._incidents: dict[str, Incident] = {}
        self._ends: dict[str, datetime] = {}

    def begin(self, incident: Incident, ends: datetime) -> None:
        """Tell of a drill from now on, as open until `ends`."""
        with self._lock:
            self._incidents[incident.id], self._ends[incident.id] = incident, ends

    def end(self, id: str, now: datetime) -> Incident | None:
        """End a drill that goes on; None when there is none of that id."""
        with self._lock:
            if self._ends.pop(id, None) is None:
                return None
            over = replace(self._incidents[id], resolved_at=now, resolution=Resolution.RECOVERED)
            self._incidents[id] = over
            return over

    def end_due(self, now: datetime) -> list[Incident]:
        """End those whose time is over, and forget those that have long been; returns what ended."""
        with self._lock:
            due = [id for id, ends in self._ends.items() if ends <= now]
            for id, incident in list(self._incidents.items()):
                if incident.resolved_at is not None and now - incident.resolved_at >= CLOSED_FOR:
                    del self._incidents[id]
        return [over for id in due if (over := self.end(id, now))]

    def all(self) -> list[Incident]:
        """Newest first."""
        with self._lock:
            return sorted(self._incidents.values(), key=lambda i: i.opened_at, reverse=True)


class WithDrills:
    """The store as people are shown it: with the drills that go on."""

    def __init__(self, store: Store, drills: Drills) -> None:
        self._store, self._drills = store, drills

    def incidents(
        self,
        recommender: str | None = None,
        *,
        open_only: bool = False,
        since: datetime | None = None,
        include_silent: bool = False,
    ) -> list[Incident]:
        mine = [
            i
            for i in self._drills.all()
            if recommender in (None, i.recommender)
            and (i.open or (not open_only and i.resolved_at and (since is None or i.resolved_at >= since)))
        ]
        return mine + self._store.incidents(
            recommender, open_only=open_only, since=since, include_silent=include_silent
        )

    def incident(self, id: str) -> Incident | None:
        return next((i for i in self._drills.all() if i.id == id), None) or self._store.incident(id)

    def latest(self, recommender: str) -> Evaluation | None:
        return self._store.latest(recommender)

    def evaluations(
        self,
        recommender: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        with_findings: bool = True,
    ) -> list[Evaluation]:
        return self._store.evaluations(
            recommender,
            since=since,
            until=until,
            limit=limit,
            newest_first=newest_first,
            with_findings=with_findings,
        )

    def acknowledgements(self, ids: Iterable[str] | None = None) -> list[Acknowledgement]:
        return self._store.acknowledgements(ids)

    def feedback(self, ids: Iterable[str] | None = None) -> list[Feedback]:
        return self._store.feedback(ids)

    def recommenders(self) -> list[str]:
        return self._store.recommenders()

    def rebaselines(self, recommender: str | None = None) -> list[Rebaseline]:
        return self._store.rebaselines(recommender)
