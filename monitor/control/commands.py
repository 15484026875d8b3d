"""What people can say to recwatch, and what becomes of it; the answer is lines of text."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from monitor.config.problems import shown
from monitor.errors import UserError
from monitor.evaluation import Evaluation
from monitor.incidents.incident import Incident
from monitor.incidents.rebaseline import Rebaseline
from monitor.incidents.sentence import shorten
from monitor.reading.choice import LISTED, chosen_detector, chosen_recommender, chosen_slice
from monitor.store.said import Acknowledgement, Feedback
from monitor.store.store import Store

LONGEST_WHY = 1000
LOOK_BACK = 48  # evaluations whose slices are known


@dataclass(frozen=True)
class Ack:
    """Somebody takes care of an incident."""

    incident: str
    why: str


@dataclass(frozen=True)
class Rate:
    """What somebody thinks of an incident: useful, or a false alarm."""

    incident: str
    useful: bool


@dataclass(frozen=True)
class Rebase:
    """A change is meant; fields as `Rebaseline` has them, the slice as it was typed."""

    recommender: str
    slice: str | None
    detector: str | None
    start: datetime
    end: datetime | None
    why: str


@dataclass(frozen=True)
class Drill:
    """Break a copy of the last window, and tell of it for so many seconds.

    Parameters
    ----------
    recommender : str or None
        None: the only one.
    slice : str or None
        As it was typed.
    """

    recommender: str | None
    kind: str
    slice: str | None
    seconds: float


Command = Ack | Rate | Rebase | Drill


def whoever() -> str:
    """Who types: the login name, also behind sudo, and the host."""
    try:
        name = os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = f"uid {os.getuid()}"
    return f"{name}@{socket.gethostname()}"


def perform(store: Store, command: Command, who: str, now: datetime) -> list[str]:
    """Carry a command out, and say what it did.

    Raises
    ------
    UserError
        When it names something that is not there, or makes no sense.
    StoreError
    """
    if isinstance(command, Rate):
        return _rate(store, command, who, now)
    if isinstance(command, Drill):
        folder = store.path.parent if store.path else "it"
        raise UserError(f"a drill goes through the daemon, and none runs on {folder}: start `recwatch run`")
    why = " ".join(command.why.split())
    if not why:
        raise UserError("--why: say why in a few words; it is kept with your name")
    if len(why) > LONGEST_WHY:
        raise UserError(f"--why: {len(why)} characters are too many; {LONGEST_WHY} are kept")
    if isinstance(command, Ack):
        return _ack(store, command.incident, why, who, now)
    return _rebase(store, command, why, who, now)


def _ack(store: Store, id: str, why: str, who: str, now: datetime) -> list[str]:
    incident = store.incident(id)
    if incident is None:
        raise UserError(f"there is no incident {shown(id)}; {_open_ones(store)}")
    if not incident.open:
        raise UserError(f"{id} is over since {_time(incident.resolved_at)}: nobody is to be reminded of it")
    parts = [found for p in incident.parts if (found := store.incident(p.incident)) and found.open]
    for one in (incident, *parts):
        store.acknowledge(Acknowledgement(one.id, now, who, why))
    lines = [f"acknowledged by {who}: {_line(incident)}"]
    return lines + [f"with it, of {part.recommender}: {part.id}" for part in parts]


def _rate(store: Store, command: Rate, who: str, now: datetime) -> list[str]:
    incident = store.incident(command.incident)
    if incident is None:
        raise UserError(f"there is no incident {shown(command.incident)}; {_open_ones(store)}")
    store.give_feedback(Feedback(incident.id, now, command.useful, who))
    return [f"{'useful' if command.useful else 'a false alarm'}, says {who}: {_line(incident)}"]


def _rebase(store: Store, command: Rebase, why: str, who: str, now: datetime) -> list[str]:
    name = command.recommender
    chosen_recommender(name, store.recommenders())
    if command.end is not None and command.end <= command.start:
        raise UserError(f"--until {_time(command.end)} is not after --from {_time(command.start)}")
    recent = store.evaluations(name, limit=LOOK_BACK, newest_first=True)
    text = _known_slice(command.slice, recent)
    _check_detector(command.detector, recent)
    said, closed = store.rebaseline(
        Rebaseline(0, name, text, command.detector, command.start, command.end, why, who, now)
    )
    lines = [str(said)]
    lines += [f"closed, it is intended: {_line(incident)}" for incident in closed]
    for incident in store.incidents(name, open_only=True, include_silent=True):
        if said.concerns(incident) and incident.judged_by == "floor":
            lines.append(
                f"still open: {_line(incident)} It is beyond an absolute limit, which no history moves: "
                f"raise it under detectors.{incident.detector}, or say under `expected` what is meant."
            )
        elif said.concerns(incident) and said.start > now:
            lines.append(f"still open until {_time(said.start)}: {_line(incident)}")
    return lines


def _known_slice(typed: str | None, recent: Iterable[Evaluation]) -> str:
    """The canonical text of a slice that was seen lately."""
    return chosen_slice(typed, dict.fromkeys(s for e in recent for s in e.findings.slices), "lately")


def _check_detector(name: str | None, recent: Iterable[Evaluation]) -> None:
    if name is not None:
        known = dict.fromkeys(m.partition(".")[0] for e in recent for m in e.findings.measures)
        chosen_detector(name, known, "lately")


def _open_ones(store: Store) -> str:
    ids = [incident.id for incident in store.incidents(open_only=True)]
    if not ids:
        return "none is open"
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return f"open: {', '.join(ids[:LISTED])}{more}"


def _line(incident: Incident) -> str:
    """An incident in a line."""
    return f"{incident.id}: {shorten(incident.summary, 200)}"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "a while"
