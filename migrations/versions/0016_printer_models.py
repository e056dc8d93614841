"""Who a printer says it is: maker, model, serial number, software."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

TEXTS = ("manufacturer", "model", "serial_number", "software_versions", "printer_name")
TIMES = ("identity_asked_at", "identity_told_at")


def upgrade() -> None:
    """No printer was asked yet."""
    for name in TEXTS:
        op.add_column("printers", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    for name in TIMES:
        op.add_column("printers", sa.Column(name, sa.Double(), nullable=True))
