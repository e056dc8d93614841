"""Printers that left the configuration, remembered with their duty."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Those that are there are in the configuration; of earlier ones nothing is known."""
    op.add_column("printers", sa.Column("removed_at", sa.Double(), nullable=True))
