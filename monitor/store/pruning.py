"""Forgetting what is older than the retention."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Delete, delete, func, select, tuple_

from monitor.store import schema


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
