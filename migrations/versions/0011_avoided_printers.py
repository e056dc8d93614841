"""Printers that a reprint does not go to; and what went wrong at a printer of late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of jobs that are there no printer is avoided."""
    op.create_index(
        "ix_attempts_troubled",
        "attempts",
        ["printer", "id"],
        sqlite_where=sa.text("outcome IN ('refused', 'unavailable', 'uncertain')"),
    )
    op.add_column("jobs", sa.Column("avoided", sa.Text(), nullable=False, server_default=""))
