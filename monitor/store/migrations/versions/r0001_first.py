"""The first schema: evaluations, summaries, incidents, what was told, bytes read.

Column types are spelled as they lie in the file, so that later changes of `schema.py` leave this alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("PRAGMA application_id = 0x52435754")
    op.create_table(
        "evaluations",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("told_at", sa.BigInteger, nullable=False),
        sa.Column("evaluated_at", sa.BigInteger, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes_read", sa.BigInteger, nullable=False),
        sa.Column("sampling_rate", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("seconds", sa.Text, nullable=False),
        sa.Column("failures", sa.Text, nullable=False),
        sa.Column("cannot_measure", sa.Text, nullable=False),
        sa.Column("read", sa.Text, nullable=False),
        sa.Column("open_incidents", sa.Text, nullable=False),
        sa.Column("files", sa.LargeBinary, nullable=False),
        sa.Column("findings", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("recommender", "window_start", name="evaluations_window"),
    )
    op.create_table(
        "summaries",
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_end", sa.BigInteger, nullable=False),
        sa.Column("summary", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("recommender", "window_start"),
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.Text, primary_key=True, nullable=False),
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("silent", sa.Boolean, nullable=False),
        sa.Column("mentioned_in", sa.BigInteger, nullable=False),
        sa.Column("incident", sa.Text, nullable=False),
    )
    op.create_index("incidents_mentioned", "incidents", ["recommender", "mentioned_in"])
    op.create_table(
        "told",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.UniqueConstraint("incident_id", "what", name="told_once"),
    )
    op.create_table(
        "bytes_read",
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("day", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("recommender", "day"),
    )


def downgrade() -> None:
    # Meant so: what newer versions wrote would be lost, and a backup has it.
    raise NotImplementedError("a store is never taken back to an older schema: restore a backup instead")
