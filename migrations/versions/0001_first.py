"""Jobs with their films, sendings and attempts; printers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    _make_jobs()
    _make_films()
    _make_sendings()
    _make_attempts()
    _make_spooled()
    _make_printers()


def _make_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("calling_ae", sa.String(64), nullable=False),
        sa.Column("called_ae", sa.String(64), nullable=False),
        sa.Column("peer", sa.String(300), nullable=False),
        sa.Column("film_session", sa.String(64), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("films", sa.Integer(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("priority", sa.String(8), nullable=False),
        sa.Column("priority_rank", sa.Integer(), nullable=False),
        sa.Column("needs_lut", sa.Boolean(), nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("pinned", sa.String(64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("strikes_after", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.Double(), nullable=False),
        sa.Column("wish", sa.String(8), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("reprint_of", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("assigned_at", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["reprint_of"], ["jobs.id"], name=op.f("fk_jobs_reprint_of"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_jobs_state_id", "jobs", ["state", "id"])
    op.create_index("ix_jobs_waiting", "jobs", ["state", "priority_rank", "created_at", "id"])
    op.create_index("ix_jobs_film_session", "jobs", ["film_session", "state", "id"])
    op.create_index("ix_jobs_reprint_of", "jobs", ["reprint_of"])


def _make_films() -> None:
    op.create_table(
        "films",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_films_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "number", name=op.f("pk_films")),
    )


def _make_sendings() -> None:
    op.create_table(
        "sendings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pass_number", sa.Integer(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("asked_at", sa.Double(), nullable=True),
        sa.Column("accepted_at", sa.Double(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id", "number"],
            ["films.job_id", "films.number"],
            name=op.f("fk_sendings_job_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sendings")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_sendings_order", "sendings", ["job_id", "pass_number", "number"], unique=True
    )
    op.create_index("ix_sendings_film", "sendings", ["job_id", "number"])
    op.create_index("ix_sendings_accepted_at", "sendings", ["accepted_at"])


def _make_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("began_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double(), nullable=True),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("permanent", sa.Boolean(), nullable=False),
        sa.Column("strike", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_job_id", "attempts", ["job_id", "id"])


def _make_spooled() -> None:
    op.create_table(
        "spooled",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_spooled_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("name", "job_id", name=op.f("pk_spooled")),
    )
    op.create_index("ix_spooled_job_id", "spooled", ["job_id"])


def _make_printers() -> None:
    op.create_table(
        "printers",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ae_title", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("associations", sa.Integer(), nullable=False),
        sa.Column("lut_level", sa.String(16), nullable=False),
        sa.Column("duty", sa.String(8), nullable=False),
        sa.Column("duty_reason", sa.Text(), nullable=False),
        sa.Column("duty_since", sa.Double(), nullable=False),
        sa.Column("health", sa.String(16), nullable=False),
        sa.Column("health_since", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("good_checks", sa.Integer(), nullable=False),
        sa.Column("bad_checks", sa.Integer(), nullable=False),
        sa.Column("last_check_at", sa.Double(), nullable=True),
        sa.Column("failures_in_row", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.Double(), nullable=False),
        sa.Column("supports_lut", sa.Boolean(), nullable=True),
        sa.Column("films_accepted", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_printers")),
    )
