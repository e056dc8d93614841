"""How a printer answered who it is, and whether it is asked that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every printer is asked. How it answered before is not known."""
    asked = sa.Column("identify", sa.Boolean(), nullable=False, server_default=sa.text("1"))
    op.add_column("printers", asked)
    answer = sa.Column("identity_answer", sa.String(16), nullable=False, server_default="")
    op.add_column("printers", answer)
