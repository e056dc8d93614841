"""Films that were asked for, not answered for, and printed again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; of films that were printed again before, only the attempts tell."""
    op.create_table(
        "doubts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sending_id", sa.Integer(), nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sending_id"],
            ["sendings.id"],
            name=op.f("fk_doubts_sending_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doubts")),
    )
    op.create_index("ix_doubts_sending_id", "doubts", ["sending_id"])
