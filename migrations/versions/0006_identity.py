"""Which database this is, how far it has come, files that retention released, jobs' digests."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the database an identity. No spool has its mark yet: the next start gives it one. Jobs
    that were accepted before have no digest, and are not compared with one.
    """
    op.add_column("jobs", sa.Column("digest", sa.String(64), nullable=False, server_default=""))
    queue = op.create_table(
        "queue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(32), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.Double(), nullable=False),
        sa.Column("bound", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queue")),
    )
    first = {"id": 1, "identity": uuid.uuid4().hex, "changes": 0, "changed_at": 0.0}
    op.bulk_insert(queue, [{**first, "bound": False}])
    op.create_table(
        "released",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_released")),
    )
