"""Incidents of the fleet: incidents with parts, which older releases cannot read. No table changes."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """What is stored stays as it is: incidents of before have no parts."""


def downgrade() -> None:
    # Meant so: what newer versions wrote would be lost, and a backup has it.
    raise NotImplementedError("a store is never taken back to an older schema: restore a backup instead")
