"""What people said: acknowledged incidents, what they thought of them, and changes that are meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from monitor.incidents.incident import Incident
from monitor.incidents.rebaseline import Rebaseline
from monitor.store import recording, schema
from monitor.windows import Window


@dataclass(frozen=True)
class Acknowledgement:
    """Somebody saw an incident and takes care of it."""

    incident_id: str
    at: datetime
    who: str
    why: str


@dataclass(frozen=True)
class Feedback:
    """Somebody found an incident useful, or a false alarm."""

    incident_id: str
    at: datetime
    useful: bool
    who: str


def give_feedback(connection: Connection, said: Feedback) -> None:
    """Write it; of one person the last counts."""
    c = schema.feedback.c
    mine = (c.incident_id == said.incident_id) & (c.who == said.who)
    connection.execute(delete(schema.feedback).where(mine))
    connection.execute(insert(schema.feedback).values(**vars(said)))


def feedback(connection: Connection, ids: Iterable[str] | None) -> list[Feedback]:
    """Of some incidents, or of all, in the order in which it was given."""
    c = schema.feedback.c
    query = select(c.incident_id, c.at, c.useful, c.who).order_by(c.id)
    if ids is not None:
        query = query.where(c.incident_id.in_(list(ids)))
    return [Feedback(*row) for row in connection.execute(query)]


def acknowledge(connection: Connection, said: Acknowledgement) -> None:
    """Write it; an incident may be acknowledged again, by others."""
    connection.execute(insert(schema.acknowledgements).values(**vars(said)))


def acknowledgements(connection: Connection, ids: Iterable[str] | None) -> list[Acknowledgement]:
    """Of some incidents, or of all, in the order in which they were given."""
    c = schema.acknowledgements.c
    query = select(c.incident_id, c.at, c.who, c.why).order_by(c.id)
    if ids is not None:
        query = query.where(c.incident_id.in_(list(ids)))
    return [Acknowledgement(*row) for row in connection.execute(query)]


def rebaseline(connection: Connection, said: Rebaseline) -> tuple[Rebaseline, tuple[Incident, ...]]:
    """Write a change that is meant, and close what it ends at once, as the next window would find it.

    Returns
    -------
    rebaseline : Rebaseline
        With its id, and the newest window that had been judged.
    closed : tuple of Incident
    """
    e = schema.evaluations.c
    newest = connection.execute(
        select(e.window_start, e.window_end, e.told_at, e.open_incidents)
        .where(e.recommender == said.recommender)
        .order_by(e.window_start.desc())
        .limit(1)
    ).first()
    said = replace(said, judged=newest.window_start if newest else None)
    row = {name: value for name, value in vars(said).items() if name != "id"}
    key = connection.execute(insert(schema.rebaselines).values(row)).inserted_primary_key
    said = replace(said, id=key[0] if key else 0)
    if newest is None:
        return said, ()
    length = newest.window_end - newest.window_start
    following = Window(newest.window_end, newest.window_end + length)
    known = [Incident.from_json(document) for document in newest.open_incidents]
    after = [said.close(incident, following, newest.told_at + length) for incident in known]
    closed = tuple(i for i, before in zip(after, known, strict=True) if before.open and not i.open)
    if closed:
        statement = update(schema.evaluations).where(
            e.recommender == said.recommender, e.window_start == newest.window_start
        )
        connection.execute(statement.values(open_incidents=[i.to_json() for i in after]))
        recording.write_incidents(connection, closed, newest.window_start, said.at)
    return said, closed


def rebaselines(connection: Connection, recommender: str | None) -> list[Rebaseline]:
    """In the order in which they were given."""
    table = schema.rebaselines
    query = select(table).order_by(table.c.id)
    if recommender is not None:
        query = query.where(table.c.recommender == recommender)
    return [Rebaseline(**row._mapping) for row in connection.execute(query)]


def count_rebaselines(connection: Connection, recommender: str) -> int:
    """How many there are."""
    c = schema.rebaselines.c
    return connection.execute(select(func.count()).where(c.recommender == recommender)).scalar_one()
