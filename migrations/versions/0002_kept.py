"""Possible duplicates, what was removed after printing, and refusals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns in place: making a table anew would take what refers to its rows with it."""
    for column in (
        sa.Column("remark", sa.Text(), nullable=False, server_default=""),
        sa.Column("duplicate_of", sa.Integer(), nullable=True),
        sa.Column("pixels_removed_at", sa.Double(), nullable=True),
    ):
        op.add_column("jobs", column)
    op.drop_index("ix_jobs_waiting", "jobs")
    op.create_index("ix_jobs_waiting", "jobs", ["state", "priority_rank", "id"])
    op.create_index("ix_jobs_ended", "jobs", ["state", "updated_at"])
    op.add_column("films", sa.Column("digest", sa.String(64), nullable=False, server_default=""))
    op.create_index("ix_films_digest", "films", ["digest"])
    op.create_table(
        "refusals",
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("last_peer", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_refusals")),
    )
