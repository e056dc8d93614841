"""The tables. What is written here and what the migrations make is the same; a test compares them.

    jobs ─┬─ films ── sendings      a film's content once, one sending for each collated pass
          │              └─ doubts  asked for, not answered for, and printed again
          ├─ attempts               one row for each try on a printer
          └─ spooled                which spool files the job's films refer to
    printers ── capabilities    what a printer was seen to accept or refuse
    refusals                        how often what was refused
    refusals_of_callers             likewise, by AE title and address
    printed_callers                 which AE title at which address has printed, and when last
    readiness                       one row, written to see whether rows can be written
    orders                          operator commands on jobs and printers, and who gave them
    users                           who may sign in to the page, and as what
    sessions                        browsers that are signed in, as far as it is known
    ended_sessions                  sessions that their users have ended
    queue                           one row: which database this is, and how far it has come
    released                        spool files that retention has released, until they are removed

Times are seconds since the epoch, UTC. A text that is not there is empty, never NULL.

What has an earlier name in the database has the name of the vocabulary here: `doubts` is
`printed_again`, `orders` is `recorded_commands` with `verb` as `command`, and `jobs.wish` is
`jobs.command`: what a person wants of a job that is printing.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

KEPT = text("pixels_removed_at IS NULL AND +state IN ('cancelled', 'printed', 'sent')")
"""Jobs whose pixels are kept only for a reprint; one whose state is damaged is none of them. As it
stands in the index: SQLite uses it only for a question in the same words, and takes no index of
states for `+state`."""

SHED = text("pixels_removed_why = 'room'")
"""Jobs whose pixels went for room on the disk; likewise."""

TROUBLED = text("outcome IN ('refused', 'unavailable', 'uncertain')")
"""Attempts that accepted not every film; likewise."""

FOUND_BY = (
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
"""What jobs are found by, see `store/reading/job_search.py`: its index has all of it, in the order
of numbers, so that a change of a recent job changes the page that its insertion has changed."""

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("calling_ae", String(64), nullable=False),
    Column("called_ae", String(64), nullable=False),
    Column("peer", String(300), nullable=False),
    Column("film_session", String(64), nullable=False),
    Column("level", String(16), nullable=False),
    Column("session", Text, nullable=False),  # attributes, as JSON
    Column("films", Integer, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("priority", String(8), nullable=False),
    Column("priority_rank", Integer, nullable=False),
    Column("needs_lut", Boolean, nullable=False),
    Column("printer", String(64), nullable=False),
    Column("pinned", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("strikes_after", Integer, nullable=False),  # attempts up to this id are forgotten
    Column("not_before", Double, nullable=False),
    Column("wish", String(8), key="command", nullable=False),
    Column("token", String(64), nullable=False),  # of the running claim; empty when none runs
    Column("reprint_of", ForeignKey("jobs.id", ondelete="SET NULL"), nullable=True),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("assigned_at", Double, nullable=True),
    Column("remark", Text, nullable=False, server_default=""),  # stands in every state
    Column("duplicate_of", Integer, nullable=True),  # a job that may be gone by now
    Column("pixels_removed_at", Double, nullable=True),
    Column("pixels_removed_why", String(16), nullable=False, server_default=""),
    Column("bytes", BigInteger, nullable=True),  # of its pixels; NULL until an old row is weighed
    Column("digest", String(64), nullable=False, server_default=""),  # of session, level, copies
    Column("lut_class", Boolean, nullable=False, server_default=text("0")),
    Column("asks", Text, nullable=False, server_default=""),  # of printers, as JSON
    Column("avoided", Text, nullable=False, server_default=""),  # printers, with commas between
    Index("ix_jobs_state_id", "state", "id"),
    Index("ix_jobs_waiting", "state", "priority_rank", "id"),
    Index("ix_jobs_ended", "state", "updated_at"),
    Index("ix_jobs_film_session", "film_session", "state", "id"),
    Index("ix_jobs_reprint_of", "reprint_of"),
    Index("ix_jobs_kept", "updated_at", sqlite_where=KEPT),
    Index("ix_jobs_shed", "pixels_removed_at", sqlite_where=SHED),
    Index("ix_jobs_found", *FOUND_BY),
    sqlite_autoincrement=True,  # a number that an operator has read is never given again
)

films = Table(
    "films",
    metadata,
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),  # the film, as JSON
    Column("digest", String(64), nullable=False, server_default=""),  # of the content
    Index("ix_films_digest", "digest"),
)

sendings = Table(
    "sendings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("pass_number", Integer, nullable=False),
    Column("copies", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("printer", String(64), nullable=False),
    Column("asked_at", Double, nullable=True),
    Column("accepted_at", Double, nullable=True),
    Column("words", Text, nullable=False),
    ForeignKeyConstraint(
        ["job_id", "number"], ["films.job_id", "films.number"], ondelete="CASCADE"
    ),
    Index("ix_sendings_order", "job_id", "pass_number", "number", unique=True),
    Index("ix_sendings_film", "job_id", "number"),
    Index("ix_sendings_accepted_at", "accepted_at"),
    sqlite_autoincrement=True,
)

printed_again = Table(
    "doubts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sending_id", ForeignKey("sendings.id", ondelete="CASCADE"), nullable=False),
    Column("printer", String(64), nullable=False),
    Column("asked_at", Double, nullable=False),
    Index("ix_doubts_sending_id", "sending_id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("printer", String(64), nullable=False),
    Column("began_at", Double, nullable=False),
    Column("ended_at", Double, nullable=True),
    Column("outcome", String(16), nullable=False),  # empty while it runs
    Column("words", Text, nullable=False),
    Column("permanent", Boolean, nullable=False),
    Column("strike", Boolean, nullable=False),
    Index("ix_attempts_job_id", "job_id", "id"),
    Index("ix_attempts_troubled", "printer", "id", sqlite_where=TROUBLED),
    sqlite_autoincrement=True,
)

spooled = Table(
    "spooled",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("bytes", BigInteger, nullable=True),  # NULL: not weighed yet; 0: the file is missing
    Index("ix_spooled_job_id", "job_id"),
    Index("ix_spooled_unweighed", "name", sqlite_where=text("bytes IS NULL")),
)

printers = Table(
    "printers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("position", Integer, nullable=False),  # order of the configuration
    Column("ae_title", String(64), nullable=False),
    Column("host", String(255), nullable=False),
    Column("port", Integer, nullable=False),
    Column("weight", Integer, nullable=False),
    Column("associations", Integer, nullable=False),
    Column("lut_level", String(16), nullable=False),
    Column("adapt", Text, nullable=False, server_default=""),  # names, with commas between
    Column("omit", Text, nullable=False, server_default=""),  # keywords, likewise
    Column("implicit_only", Boolean, nullable=False, server_default=text("0")),
    Column("max_pdu", Integer, nullable=False, server_default=text("0")),
    Column("identify", Boolean, nullable=False, server_default=text("1")),
    Column("duty", String(8), nullable=False),
    Column("duty_reason", Text, nullable=False),
    Column("duty_since", Double, nullable=False),
    Column("health", String(16), nullable=False),
    Column("health_since", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("good_checks", Integer, nullable=False),
    Column("bad_checks", Integer, nullable=False),
    Column("last_check_at", Double, nullable=True),
    Column("failures_in_row", Integer, nullable=False),
    Column("paused_until", Double, nullable=False),
    Column("supports_lut", Boolean, nullable=True),
    Column("films_accepted", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("removed_at", Double, nullable=True),  # out of the configuration; it may come back
    Column("manufacturer", Text, nullable=False, server_default=""),  # as it says itself
    Column("model", Text, nullable=False, server_default=""),
    Column("serial_number", Text, nullable=False, server_default=""),
    Column("software_versions", Text, nullable=False, server_default=""),
    Column("printer_name", Text, nullable=False, server_default=""),
    Column("identity_asked_at", Double, nullable=True),
    Column("identity_told_at", Double, nullable=True),
    Column("identity_answer", String(16), nullable=False, server_default=""),
)

capabilities = Table(
    "capabilities",
    metadata,
    Column("printer", ForeignKey("printers.name", ondelete="CASCADE"), primary_key=True),
    Column("lesson", String(40), primary_key=True),
    Column("level", String(16), primary_key=True),
    Column("keyword", String(64), primary_key=True),
    Column("value", String(1024), primary_key=True),
    Column("among", Text, primary_key=True),  # what was asked for with it, as JSON
    Column("answer", Integer, nullable=False),  # a status, or a number of image boxes
    Column("learned_at", Double, nullable=False),
)

refusals = Table(
    "refusals",
    metadata,
    Column("kind", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("last_peer", String(300), nullable=False),
    Column("last_address", String(300), nullable=False, server_default=""),
    Column("last_called_ae", String(64), nullable=False, server_default=""),
)

refusals_of_callers = Table(
    "refusals_of_callers",
    metadata,
    Column("kind", String(64), primary_key=True),
    Column("calling_ae", String(64), primary_key=True),
    Column("host", String(255), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("last_why", Text, nullable=False),
    Column("last_called_ae", String(64), nullable=False, server_default=""),
    Column("last_status", String(128), nullable=False, server_default=""),
    Column("last_attribute", String(300), nullable=False, server_default=""),
)

printed_callers = Table(
    "printed_callers",
    metadata,
    Column("calling_ae", String(64), primary_key=True),
    Column("host", String(255), primary_key=True),
    Column("last_at", Double, nullable=False),
    Index("ix_printed_callers_last_at", "last_at"),
)

readiness = Table(
    "readiness",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
)

recorded_commands = Table(
    "orders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", String(64), nullable=False),
    Column("verb", String(16), nullable=False, key="command"),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=True),
    Column("printer", String(64), nullable=False),
    Column("words", Text, nullable=False),  # what the person was told
    Index("ix_orders_job_id", "job_id"),
    Index("ix_orders_printer", "printer"),
    sqlite_autoincrement=True,
)

users = Table(
    "users",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("password", String(300), nullable=False),  # hashed
    Column("since", Double, nullable=False),
    Column("sign_outs", Integer, nullable=False, server_default=text("0")),
)

queue = Table(
    "queue",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1
    Column("identity", String(32), nullable=False),
    Column("changes", Integer, nullable=False),  # committed write transactions
    Column("changed_at", Double, nullable=False),
    Column("bound", Boolean, nullable=False),  # a spool has had its mark
)

released = Table(
    "released",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("at", Double, nullable=False),
)

ended_sessions = Table(
    "ended_sessions",
    metadata,
    Column("session", String(64), primary_key=True),  # a hash of its number
    Column("until", Double, nullable=False),  # when its cookie runs out anyway
)

sessions = Table(
    "sessions",
    metadata,
    Column("session", String(64), primary_key=True),  # a hash of its number
    Column("user", String(64), nullable=False),
    Column("mark", String(16), nullable=False),
    Column("began_at", Double, nullable=False),
    Column("used_at", Double, nullable=False),
    Column("address", String(64), nullable=False),
    Index("ix_sessions_user", "user"),
)

failed_sign_ins = Table(
    "failed_sign_ins",
    metadata,
    Column("user", String(64), primary_key=True),  # empty: there is none of the name that was given
    Column("address", String(64), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("first_at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Index("ix_failed_sign_ins_last_at", "last_at"),
)
