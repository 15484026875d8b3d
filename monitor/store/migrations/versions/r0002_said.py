"""What people said: acknowledgements and rebaselines.

Column types are spelled as they lie in the file, so that later changes of `schema.py` leave this alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "acknowledgements",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("incident_id", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_table(
        "rebaselines",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("recommender", sa.Text, nullable=False),
        sa.Column("slice", sa.Text, nullable=False),
        sa.Column("detector", sa.Text),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("judged", sa.BigInteger),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )


def downgrade() -> None:
    # Meant so: what newer versions wrote would be lost, and a backup has it.
    raise NotImplementedError("a store is never taken back to an older schema: restore a backup instead")
