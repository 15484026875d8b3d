"""What people thought of an incident: useful, or a false alarm.

Column types are spelled as they lie in the file, so that later changes of `schema.py` leave this alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("useful", sa.Boolean, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
    )


def downgrade() -> None:
    # Meant so: what newer versions wrote would be lost, and a backup has it.
    raise NotImplementedError("a store is never taken back to an older schema: restore a backup instead")
