"""What a refused caller met last; which callers have printed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_MAPPED = "::ffff:"


def upgrade() -> None:
    """Who has printed is taken from the jobs that are kept."""
    for name, length in (("last_called_ae", 64), ("last_status", 128), ("last_attribute", 300)):
        op.add_column(
            "refusals_of_callers",
            sa.Column(name, sa.String(length), nullable=False, server_default=""),
        )
    printed = op.create_table(
        "printed_callers",
        sa.Column("calling_ae", sa.String(64), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("calling_ae", "host", name=op.f("pk_printed_callers")),
    )
    op.create_index("ix_printed_callers_last_at", "printed_callers", ["last_at"])
    last: dict[tuple[str, str], float] = {}
    jobs = sa.text(
        "SELECT calling_ae, peer, max(created_at) FROM jobs "
        "WHERE reprint_of IS NULL AND peer <> '' "
        # A damaged row says nothing of its caller, and stops no upgrade.
        "AND typeof(calling_ae) = 'text' AND typeof(peer) = 'text' "
        "AND typeof(created_at) IN ('real', 'integer') GROUP BY calling_ae, peer"
    )
    for calling_ae, peer, at in op.get_bind().execute(jobs):
        host = peer.rpartition(":")[0].strip("[]")
        if host.lower().startswith(_MAPPED) and "." in host:
            host = host[len(_MAPPED) :]
        if host:
            last[calling_ae, host] = max(at, last.get((calling_ae, host), at))
    newest = sorted(last.items(), key=lambda each: each[1])[-1000:]
    rows = [{"calling_ae": ae, "host": host, "last_at": at} for (ae, host), at in newest]
    if rows:
        op.bulk_insert(printed, rows)
