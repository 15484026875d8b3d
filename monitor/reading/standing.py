"""How every recommender stands now, as far as the store, and a configuration if one is given, can say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from detectors.core.verdict import Severity
from monitor.config.models import Mode, RecommenderConfig
from monitor.evaluation import Evaluation, Status
from monitor.exposition.state import LOOK_BACK, SUCCESS
from monitor.incidents.incident import Incident
from monitor.reading.explanation import Kept
from monitor.web.states import BEHIND, State, Watched, notes, recommender_state

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class WindowsSeen:
    """How windows are, read off one that was evaluated."""

    length: timedelta
    settle: timedelta
    cadence: timedelta | None = None


@dataclass(frozen=True)
class SeenInStore:
    """A recommender of which the store alone tells."""

    window: WindowsSeen
    mode: Mode = Mode.PAGE

    @classmethod
    def of(cls, latest: Evaluation) -> SeenInStore:
        window = latest.window
        return cls(WindowsSeen(window.end - window.start, latest.told_at - window.end))


@dataclass(frozen=True)
class Standing:
    """How one recommender stands.

    Parameters
    ----------
    known : bool
        Whether its newest window was evaluated; False is never "ok".
    open : tuple of Incident
        Of which people were told; worst first.
    """

    name: str
    state: State
    known: bool
    latest: Evaluation | None
    last_success_at: datetime | None
    newest_event: datetime | None
    open: tuple[Incident, ...]
    acknowledged: frozenset[str]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON types only, in the documented order."""
        e = self.latest
        return {
            "recommender": self.name,
            "state": self.state.word,
            "why": self.state.why,
            "known": self.known,
            "window": {"start": e.window.start.isoformat(), "end": e.window.end.isoformat()} if e else None,
            "status": e.status.value if e else None,
            "last_success_at": self.last_success_at.isoformat() if self.last_success_at else None,
            "newest_event": self.newest_event.isoformat() if self.newest_event else None,
            "open_incidents": [i.id for i in self.open],
            "acknowledged": sorted(self.acknowledged),
            "notes": list(self.notes),
        }


def standings(
    records: Kept, now: datetime, configured: Sequence[RecommenderConfig] | None = None
) -> list[Standing]:
    """How every recommender stands, in the order of the configuration, or of their names.

    Parameters
    ----------
    configured : sequence of RecommenderConfig, optional
        Those that ought to be watched. Without it they are those of which the store tells.
    """
    by_name: Mapping[str, RecommenderConfig | None] = (
        {c.name: c for c in configured} if configured is not None else dict.fromkeys(records.recommenders())
    )
    return [_standing(records, name, config, now) for name, config in by_name.items()]


def _standing(records: Kept, name: str, config: RecommenderConfig | None, now: datetime) -> Standing:
    recent = list(records.evaluations(name, limit=LOOK_BACK, newest_first=True, with_findings=False))
    latest = records.latest(name)
    open_ones = [i for i in records.incidents(name, open_only=True) if not i.silent]
    open_ones.sort(key=lambda i: (i.severity is not Severity.PAGE, i.opened_at, i.id))
    watched: Watched | None = config or (SeenInStore.of(latest) if latest else None)
    newest = max((e.read.newest_event for e in recent if e.read.newest_event), default=None)
    if watched is None:
        state = State("not evaluated yet", "mute", "No window has been evaluated so far.")
    else:
        state = recommender_state(watched, latest, open_ones, newest, now)
    return Standing(
        name,
        state,
        latest is not None and latest.status is Status.EVALUATED and state.word not in BEHIND,
        latest,
        max((e.evaluated_at for e in recent if e.status in SUCCESS), default=None),
        newest,
        tuple(open_ones),
        frozenset(a.incident_id for a in records.acknowledgements([i.id for i in open_ones])),
        notes(watched, latest, state, now) if watched else (),
    )
