"""What printers were seen to accept or refuse; what jobs ask of them; keys of a printer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what is there nothing is known yet: it is learned again."""
    op.create_table(
        "capabilities",
        sa.Column("printer", sa.String(64), nullable=False),
        sa.Column("lesson", sa.String(40), nullable=False),
        sa.Column("level", sa.String(16), nullable=False),
        sa.Column("keyword", sa.String(64), nullable=False),
        sa.Column("value", sa.String(1024), nullable=False),
        sa.Column("among", sa.Text(), nullable=False),
        sa.Column("answer", sa.Integer(), nullable=False),
        sa.Column("learned_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["printer"],
            ["printers.name"],
            name=op.f("fk_capabilities_printer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "printer",
            "lesson",
            "level",
            "keyword",
            "value",
            "among",
            name=op.f("pk_capabilities"),
        ),
    )
    op.add_column(
        "jobs", sa.Column("lut_class", sa.Boolean(), nullable=False, server_default=sa.text("0"))
    )
    op.add_column("jobs", sa.Column("asks", sa.Text(), nullable=False, server_default=""))
    op.add_column("printers", sa.Column("adapt", sa.Text(), nullable=False, server_default=""))
    op.add_column("printers", sa.Column("omit", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "printers",
        sa.Column("implicit_only", sa.Boolean(), nullable=False, server_default=sa.text("0")),
    )
    op.add_column(
        "printers", sa.Column("max_pdu", sa.Integer(), nullable=False, server_default=sa.text("0"))
    )
