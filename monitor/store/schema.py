"""The tables of the store, as the newest recwatch has them; `migrations/` brings older stores here."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from monitor.store.columns import AnyText, Json, Moment, PackedJson

APPLICATION_ID = 0x52435754  # "RCWT" in the file's header: tells our file from another program's
SCHEMA = 4  # the newest migration; revision "0004" of Alembic

metadata = MetaData()

# Narrow columns come first and blobs last: SQLite reads no overflow page for what stands before them.
evaluations = Table(
    "evaluations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("recommender", AnyText, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("told_at", Moment, nullable=False),
    Column("evaluated_at", Moment, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes_read", BigInteger, nullable=False),
    Column("sampling_rate", Float, nullable=False),
    Column("reason", AnyText, nullable=False),
    Column("seconds", Json, nullable=False),
    Column("failures", Json, nullable=False),
    Column("cannot_measure", Json, nullable=False),
    Column("read", Json, nullable=False),  # the read report without its files
    Column("open_incidents", Json, nullable=False),
    Column("files", PackedJson, nullable=False),
    Column("findings", LargeBinary, nullable=False),
    UniqueConstraint("recommender", "window_start", name="evaluations_window"),
)

summaries = Table(
    "summaries",
    metadata,
    Column("recommender", AnyText, nullable=False),
    Column("window_start", Moment, nullable=False),
    Column("window_end", Moment, nullable=False),
    Column("summary", LargeBinary, nullable=False),
    PrimaryKeyConstraint("recommender", "window_start"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("recommender", AnyText, nullable=False),
    Column("opened_at", Moment, nullable=False),
    Column("resolved_at", Moment),
    Column("silent", Boolean, nullable=False),
    Column("mentioned_in", Moment, nullable=False),  # start of the newest window whose evaluation names it
    Column("incident", Json, nullable=False),
    Index("incidents_mentioned", "recommender", "mentioned_in"),
)

told = Table(
    "told",
    metadata,
    Column("id", Integer, primary_key=True),  # the order of telling
    Column("incident_id", AnyText, nullable=False),
    Column("recommender", AnyText, nullable=False),
    Column("what", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("severity", Text, nullable=False),
    UniqueConstraint("incident_id", "what", name="told_once"),
)

bytes_read = Table(
    "bytes_read",
    metadata,
    Column("recommender", AnyText, nullable=False),
    Column("day", Integer, nullable=False),  # proleptic ordinal, UTC
    Column("bytes", BigInteger, nullable=False),
    PrimaryKeyConstraint("recommender", "day"),
)

# What people said, of an incident and of the level that is meant.
acknowledgements = Table(
    "acknowledgements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", AnyText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", AnyText, nullable=False),
    Column("why", AnyText, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("incident_id", AnyText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("useful", Boolean, nullable=False),
    Column("who", AnyText, nullable=False),
)

rebaselines = Table(
    "rebaselines",
    metadata,
    Column("id", Integer, primary_key=True),  # the order in which they were given
    Column("recommender", AnyText, nullable=False),
    Column("slice", AnyText, nullable=False),
    Column("detector", AnyText),
    Column("start", Moment, nullable=False),
    Column("end", Moment),
    Column("at", Moment, nullable=False),
    Column("judged", Moment),  # start of the newest window by then
    Column("who", AnyText, nullable=False),
    Column("why", AnyText, nullable=False),
)

# Alembic keeps the schema's version in this table; reading it needs no Alembic.
version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)


def revision(schema: int) -> str:
    """Alembic's name of a schema version."""
    return f"{schema:04d}"
