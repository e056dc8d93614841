"""Runs the migrations on the connection, and in the transaction, that the caller gives."""

from __future__ import annotations

from typing import Any

from alembic import context

from broker.store.tables import metadata


def _applied(*, step: Any, **_rest: object) -> None:
    """Tell the caller what was done."""
    report = context.config.attributes.get("report")
    if report is not None:
        report(f"{step.up_revision_id}: {step.up_revision.doc}")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    on_version_apply=_applied,
)
with context.begin_transaction():
    context.run_migrations()
