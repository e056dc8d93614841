"""Whom the last refusal of each kind met: the peer's address, and the AE title it called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns in place; of refusals counted before, nothing is known."""
    for column in (
        sa.Column("last_address", sa.String(300), nullable=False, server_default=""),
        sa.Column("last_called_ae", sa.String(64), nullable=False, server_default=""),
    ):
        op.add_column("refusals", column)
