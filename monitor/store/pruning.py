"""Forgetting what is older than the retention, and what single users got sooner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Delete, delete, func, select, tuple_, update

from monitor.store import schema

SIDES = ("before", "after")
LISTS = "lists"  # of single users, on both sides of an incident


def prune(connection: Connection, now: datetime, retention: timedelta) -> int:
    """Remove what ended before `now - retention`, some only after twice as long; returns rows removed."""
    once, twice = now - retention, now - 2 * retention
    return sum(connection.execute(statement).rowcount for statement in _statements(once, twice))


def _statements(once: datetime, twice: datetime) -> list[Delete]:
    e, s, i, t, b = (
        schema.evaluations.c,
        schema.summaries.c,
        schema.incidents.c,
        schema.told.c,
        schema.bytes_read.c,
    )
    a, f, r = schema.acknowledgements.c, schema.feedback.c, schema.rebaselines.c
    newest = select(e.recommender, func.max(e.window_start)).group_by(e.recommender)
    is_newest = tuple_(e.recommender, e.window_start).in_(newest)
    return [
        delete(schema.evaluations).where(e.window_end < once, ~is_newest | (e.window_end < twice)),
        delete(schema.summaries).where(s.window_end < once),
        # An open incident is named by every window: one that is not belongs to a recommender that is no more.
        delete(schema.incidents).where((i.resolved_at < once) | (i.mentioned_in < twice)),
        delete(schema.acknowledgements).where(a.at < twice, a.incident_id.not_in(select(i.id))),
        delete(schema.feedback).where(f.at < twice, f.incident_id.not_in(select(i.id))),
        delete(schema.rebaselines).where(r.at < twice, r.start < twice),
        delete(schema.told).where(t.at < twice, t.incident_id.not_in(select(i.id))),
        delete(schema.bytes_read).where(b.day < once.astimezone(UTC).toordinal()),
    ]


def forget_lists(connection: Connection, before: datetime) -> int:
    """Empty the example lists of incidents that opened before a moment; returns the number of incidents.

    Windows name the state of what was open in them, so they are emptied there too.
    """
    i, e = schema.incidents, schema.evaluations
    found = connection.execute(
        select(i.c.id, i.c.recommender, i.c.opened_at, i.c.mentioned_in, i.c.incident).where(
            i.c.opened_at < before
        )
    ).all()
    old = [row for row in found if _has_lists(row.incident)]
    for row in old:
        emptied = update(i).where(i.c.id == row.id).values(incident=_emptied(row.incident))
        connection.execute(emptied)
    for recommender in {row.recommender for row in old}:
        mine = [row for row in old if row.recommender == recommender]
        ids, until = {row.id for row in mine}, max(row.mentioned_in for row in mine)
        since = min(row.incident["onset_at"] for row in mine)
        windows = connection.execute(
            select(e.c.window_start, e.c.open_incidents).where(
                e.c.recommender == recommender,
                e.c.window_start >= datetime.fromisoformat(since),
                e.c.window_start <= until,
            )
        ).all()
        for window in windows:
            told = [_emptied(d) if d["id"] in ids else d for d in window.open_incidents]
            if told != window.open_incidents:
                at = (e.c.recommender == recommender) & (e.c.window_start == window.window_start)
                connection.execute(update(e).where(at).values(open_incidents=told))
    return len(old)


def _has_lists(incident: dict[str, Any]) -> bool:
    return any(incident[side].get(LISTS) for side in SIDES)


def _emptied(incident: dict[str, Any]) -> dict[str, Any]:
    """The same without what single users got; that there was something stays to be seen."""
    return {
        name: {**value, LISTS: []} if name in SIDES and value.get(LISTS) else value
        for name, value in incident.items()
    }
