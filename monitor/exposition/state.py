"""What is exported of one recommender, gathered from the store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from monitor.config.models import Mode, RecommenderConfig
from monitor.evaluation import Evaluation, Status
from monitor.incidents.fleet import FLEET, by_part
from monitor.incidents.incident import Incident
from monitor.store.said import Acknowledgement
from monitor.windows import Window

CLOSED_FOR = timedelta(hours=24)  # a closed incident stays at 0 for so long
LOOK_BACK = 200  # evaluations among which the last success is looked for
SUCCESS = (Status.EVALUATED, Status.NO_DATA)


class Records(Protocol):
    """What is read from the store."""

    def latest(self, recommender: str) -> Evaluation | None: ...

    def evaluations(
        self,
        recommender: str,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = False,
        with_findings: bool = True,
    ) -> Iterable[Evaluation]: ...

    def incidents(
        self,
        recommender: str | None = None,
        *,
        open_only: bool = False,
        since: datetime | None = None,
        include_silent: bool = False,
    ) -> Iterable[Incident]: ...

    def acknowledgements(self, ids: Iterable[str] | None = None) -> Iterable[Acknowledgement]: ...


@dataclass(frozen=True)
class RecommenderState:
    """One recommender as it is exported until its next evaluation.

    Parameters
    ----------
    latest : Evaluation or None
        Of the newest window.
    last_success_at : datetime or None
        When an evaluation last ended that was carried out.
    newest_event : datetime or None
        The newest one seen by any recent evaluation.
    incidents : sequence of Incident
        Those open, and those closed in the last 24 hours.
    muted : set of str
        Ids of incidents of which nobody is to be told again: acknowledged ones, and parts of one of the fleet.
    maintenance : bool
        Whether the moment is in a stretch of maintenance.
    """

    config: RecommenderConfig
    latest: Evaluation | None = None
    last_success_at: datetime | None = None
    newest_event: datetime | None = None
    incidents: Sequence[Incident] = ()
    muted: AbstractSet[str] = frozenset()
    maintenance: bool = False


def read_state(records: Records, config: RecommenderConfig, now: datetime) -> RecommenderState:
    """The state of a recommender at `now`, as far as people may be told of it."""
    recent = list(records.evaluations(config.name, limit=LOOK_BACK, newest_first=True, with_findings=False))
    told = () if config.mode is Mode.OBSERVE else tuple(told_incidents(records, config.name, now))
    parts = by_part(records.incidents(FLEET, open_only=True))
    return RecommenderState(
        config,
        records.latest(config.name),
        max((e.evaluated_at for e in recent if e.status in SUCCESS), default=None),
        max((e.read.newest_event for e in recent if e.read.newest_event), default=None),
        told,
        _acknowledged(records, told) | {i.id for i in told if i.id in parts},
        config.in_maintenance(Window(now, now)),
    )


@dataclass(frozen=True)
class FleetState:
    """Incidents of the fleet as they are exported; `muted` are the ids of those that are acknowledged."""

    incidents: Sequence[Incident] = ()
    muted: AbstractSet[str] = frozenset()


def read_fleet(records: Records, configs: Iterable[RecommenderConfig], now: datetime) -> FleetState:
    """The incidents of the fleet at `now`, as far as people may be told of them."""
    known = fleet_incidents(records, configs, now - CLOSED_FOR)
    told = [i for i in known if i.resolved_at is None or now - i.resolved_at < CLOSED_FOR]
    return FleetState(told, _acknowledged(records, told))


def fleet_incidents(
    records: Records, configs: Iterable[RecommenderConfig], since: datetime
) -> list[Incident]:
    """Incidents of the fleet that are open, or closed since then; newest first.

    Without those that are open in recommenders alone that are watched no more, or only observed: they never end.
    """
    known = list(records.incidents(FLEET, since=since))
    if not known:
        return []
    told = {config.name for config in configs if config.mode is not Mode.OBSERVE}
    is_open = {i.id for i in records.incidents(open_only=True) if i.recommender in told}
    return [i for i in known if not i.open or any(p.incident in is_open for p in i.parts)]


def _acknowledged(records: Records, incidents: Iterable[Incident]) -> set[str]:
    return {a.incident_id for a in records.acknowledgements([i.id for i in incidents])}


def told_incidents(records: Records, recommender: str, now: datetime) -> Iterable[Incident]:
    """Incidents that are open, or were closed less than a day ago; never those of replayed history."""
    for incident in records.incidents(recommender, since=now - CLOSED_FOR):
        if not incident.silent and (incident.resolved_at is None or now - incident.resolved_at < CLOSED_FOR):
            yield incident
