"""Printers that a reprint does not go to, as a person said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of jobs that are there no printer is avoided."""
    op.add_column("jobs", sa.Column("avoided", sa.Text(), nullable=False, server_default=""))
