"""Bytes of what waits and of what is kept, why pixels went, who was refused, and a row to probe."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEPT = sa.text("pixels_removed_at IS NULL AND +state IN ('cancelled', 'printed', 'sent')")
SHED = sa.text("pixels_removed_why = 'room'")


def upgrade() -> None:
    """Add columns, an index and two tables; bytes of older rows are filled in by the broker, which
    knows the spool."""
    op.add_column("jobs", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.add_column(
        "jobs",
        sa.Column("pixels_removed_why", sa.String(16), nullable=False, server_default=""),
    )
    op.create_index("ix_jobs_kept", "jobs", ["updated_at"], sqlite_where=KEPT)
    op.create_index("ix_jobs_shed", "jobs", ["pixels_removed_at"], sqlite_where=SHED)
    op.add_column("spooled", sa.Column("bytes", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_spooled_unweighed", "spooled", ["name"], sqlite_where=sa.text("bytes IS NULL")
    )
    op.create_table(
        "refusals_of_callers",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("calling_ae", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("last_why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "calling_ae", "host", name=op.f("pk_refusals_of_callers")),
    )
    op.create_table(
        "readiness",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_readiness")),
    )
