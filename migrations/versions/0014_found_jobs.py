"""Jobs are found by modality, printer, state, time and text, however many there are."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

COLUMNS = (
    "id",
    "state",
    "calling_ae",
    "called_ae",
    "printer",
    "pinned",
    "attempts",
    "created_at",
    "remark",
    "reason",
)


def upgrade() -> None:
    """Add an index that has all that is asked for."""
    op.create_index("ix_jobs_found", "jobs", list(COLUMNS))
