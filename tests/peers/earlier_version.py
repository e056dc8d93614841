"""A database as an earlier version of the broker has left it."""

from __future__ import annotations

TO_0005 = (
    "DROP TABLE queue",
    "DROP TABLE released",
    "DROP TABLE refusals_of_callers",
    "DROP TABLE readiness",
    "DROP TABLE ended_sessions",
    "DROP TABLE sessions",
    "ALTER TABLE users DROP COLUMN sign_outs",
    "DROP TABLE printed_callers",
    "DROP TABLE capabilities",
    "ALTER TABLE jobs DROP COLUMN asks",
    "ALTER TABLE jobs DROP COLUMN avoided",
    "DROP INDEX ix_attempts_troubled",
    "ALTER TABLE jobs DROP COLUMN lut_class",
    "ALTER TABLE printers DROP COLUMN adapt",
    "ALTER TABLE printers DROP COLUMN omit",
    "ALTER TABLE printers DROP COLUMN implicit_only",
    "ALTER TABLE printers DROP COLUMN max_pdu",
    "DROP INDEX ix_jobs_found",
    "DROP INDEX ix_jobs_kept",
    "DROP INDEX ix_jobs_shed",
    "DROP INDEX ix_spooled_unweighed",
    "ALTER TABLE jobs DROP COLUMN digest",
    "ALTER TABLE jobs DROP COLUMN bytes",
    "ALTER TABLE jobs DROP COLUMN pixels_removed_why",
    "ALTER TABLE spooled DROP COLUMN bytes",
    "ALTER TABLE printers DROP COLUMN removed_at",
    "UPDATE alembic_version SET version_num = '0005'",
)
"""Take back what later versions have added, and say so."""
