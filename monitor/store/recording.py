"""Writing evaluations, in one transaction with the incidents that they name and what people are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, Delete, Select, Table, bindparam, delete, select
from sqlalchemy.dialects.sqlite import Insert, insert

from monitor.evaluation import Evaluation
from monitor.incidents import fleet
from monitor.incidents.fleet import FLEET
from monitor.incidents.incident import Incident, Resolution
from monitor.store import schema
from monitor.store.rows import evaluation_to_row, incident_from_json, incident_to_row


def write(connection: Connection, recommender: str, evaluations: Sequence[Evaluation]) -> None:
    """Write evaluations of one recommender that follow each other, and all that comes with them.

    An incident is as the newest window that names it says. One that was last named in the rewritten windows,
    and is named no more, never was: it is retracted if people were told, else removed.
    """
    in_order = sorted(evaluations, key=lambda e: e.window)
    first, last = in_order[0].window.start, in_order[-1].window.start
    mentioned_before = _incidents_mentioned(connection, recommender, first)
    outdated = {id for id, start in mentioned_before.items() if start > last}

    mentioned: dict[str, tuple[Incident, datetime]] = {}
    for evaluation in in_order:
        _count_bytes(connection, evaluation)
        _upsert(connection, schema.evaluations, evaluation_to_row(evaluation), "recommender", "window_start")
        if evaluation.summary is not None:
            _write_summary(connection, evaluation)
        for incident in evaluation.open_incidents:
            if incident.id not in outdated:
                _tell(connection, incident, evaluation.evaluated_at)
                mentioned[incident.id] = (incident, evaluation.window.start)
    for incident, start in mentioned.values():
        _upsert(connection, schema.incidents, incident_to_row(incident, start), "id")
    gone = mentioned_before.keys() - mentioned.keys() - outdated
    for id in gone:
        _retract(connection, id, in_order[-1])
    if mentioned or gone:
        _follow_fleet(connection, last, in_order[-1].evaluated_at)


def write_incidents(
    connection: Connection, incidents: Sequence[Incident], mentioned_in: datetime, at: datetime
) -> None:
    """Write incidents as the window that starts at `mentioned_in` names them now, and what people are told."""
    _write_incidents(connection, incidents, mentioned_in, at)
    _follow_fleet(connection, mentioned_in, at)


def _write_incidents(
    connection: Connection, incidents: Iterable[Incident], mentioned_in: datetime, at: datetime
) -> None:
    for incident in incidents:
        _tell(connection, incident, at)
        _upsert(connection, schema.incidents, incident_to_row(incident, mentioned_in), "id")


def _follow_fleet(connection: Connection, mentioned_in: datetime, at: datetime) -> None:
    """What opened or closed in a recommender may open, change or close incidents of the fleet."""
    table = schema.incidents
    documents = select(table.c.incident).where(~table.c.silent)
    is_open = [
        incident_from_json(document)
        for document in connection.execute(documents.where(table.c.resolved_at.is_(None))).scalars()
    ]
    known = [i for i in is_open if i.recommender == FLEET]
    parts = [p.incident for i in known for p in i.parts]
    over = documents.where(table.c.id.in_(parts), table.c.resolved_at.is_not(None))
    closed = [incident_from_json(document) for document in connection.execute(over).scalars()]
    of_recommenders = [i for i in is_open if i.recommender != FLEET]
    _write_incidents(connection, fleet.step(known, of_recommenders + closed), mentioned_in, at)


def keep_newest_summaries(connection: Connection, recommender: str, keep: int) -> None:
    """Remove all but the summaries of the newest windows."""
    connection.execute(_all_but_the_newest(), {"of": recommender, "keep": keep})


@cache
def _all_but_the_newest() -> Delete:
    table = schema.summaries
    of: BindParameter[str] = bindparam("of")
    newest = (
        select(table.c.window_start)
        .where(table.c.recommender == of)
        .order_by(table.c.window_start.desc())
        .limit(bindparam("keep"))
    )
    return delete(table).where(table.c.recommender == of, table.c.window_start.not_in(newest))


def _incidents_mentioned(connection: Connection, recommender: str, since: datetime) -> dict[str, datetime]:
    """Incidents last named in a window from `since` on, with the start of that window."""
    rows = connection.execute(_mentioned(), {"of": recommender, "since": since})
    return {row.id: row.mentioned_in for row in rows}


@cache
def _mentioned() -> Select[str, datetime]:
    table = schema.incidents
    recommender: BindParameter[str] = bindparam("of")
    since: BindParameter[datetime] = bindparam("since", type_=table.c.mentioned_in.type)
    return select(table.c.id, table.c.mentioned_in).where(
        table.c.recommender == recommender, table.c.mentioned_in >= since
    )


def _count_bytes(connection: Connection, evaluation: Evaluation) -> None:
    """Add what reading took to its day, unless this very reading was recorded before."""
    window = {"of": evaluation.recommender, "start": evaluation.window.start}
    known = connection.execute(_reading(), window).first()
    size = evaluation.read.bytes_read
    if size == 0 or (known and tuple(known) == (evaluation.attempt, size)):
        return
    day = evaluation.evaluated_at.astimezone(UTC).toordinal()
    row = {"recommender": evaluation.recommender, "day": day, "bytes": size}
    connection.execute(_adding_bytes(), row)


@cache
def _reading() -> Select[int, int]:
    table = schema.evaluations
    recommender: BindParameter[str] = bindparam("of")
    start: BindParameter[datetime] = bindparam("start", type_=table.c.window_start.type)
    return select(table.c.attempt, table.c.bytes_read).where(
        table.c.recommender == recommender, table.c.window_start == start
    )


@cache
def _adding_bytes() -> Insert:
    statement = insert(schema.bytes_read)
    more = {"bytes": schema.bytes_read.c.bytes + statement.excluded.bytes}
    return statement.on_conflict_do_update(index_elements=["recommender", "day"], set_=more)


def _write_summary(connection: Connection, evaluation: Evaluation) -> None:
    row = {
        "recommender": evaluation.recommender,
        "window_start": evaluation.window.start,
        "window_end": evaluation.window.end,
        "summary": evaluation.summary,
    }
    _upsert(connection, schema.summaries, row, "recommender", "window_start")


def _tell(connection: Connection, incident: Incident, at: datetime) -> None:
    """People hear of the opening unless it is silent, and of the end only when they heard of the opening."""
    if incident.open and not incident.silent:
        _append_told(connection, incident, "opened", at)
    elif not incident.open and _was_told(connection, incident.id):
        _append_told(connection, incident, "resolved", at)


def _retract(connection: Connection, id: str, newest: Evaluation) -> None:
    table = schema.incidents
    if not _was_told(connection, id):
        connection.execute(delete(table).where(table.c.id == id))
        return
    incident = incident_from_json(
        connection.execute(select(table.c.incident).where(table.c.id == id)).scalar_one()
    )
    if incident.open:
        over_at = max(newest.evaluated_at, incident.opened_at)
        incident = replace(incident, resolved_at=over_at, resolution=Resolution.RETRACTED)
    _upsert(connection, table, incident_to_row(incident, newest.window.start), "id")
    _append_told(connection, incident, "retracted", newest.evaluated_at)


def _was_told(connection: Connection, id: str) -> bool:
    told = schema.told
    found = connection.execute(select(told.c.id).where(told.c.incident_id == id, told.c.what == "opened"))
    return found.first() is not None


def _append_told(connection: Connection, incident: Incident, what: str, at: datetime) -> None:
    row = {
        "incident_id": incident.id,
        "recommender": incident.recommender,
        "what": what,
        "at": at,
        "severity": incident.severity.value,
    }
    connection.execute(insert(schema.told).values(row).on_conflict_do_nothing())


def _upsert(connection: Connection, table: Table, row: dict[str, Any], *key: str) -> None:
    connection.execute(_upserting(table, tuple(row), key), row)


@cache  # to put a statement together takes longer than to run it
def _upserting(table: Table, columns: tuple[str, ...], key: tuple[str, ...]) -> Insert:
    statement = insert(table)
    rest = {name: statement.excluded[name] for name in columns if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest)
