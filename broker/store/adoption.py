"""Adoption: a database goes on with a spool that knows more than it does, by a person's word.

What was printed since the database's state was written is not known: nothing that it calls
unfinished is printed by itself any more (promise 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update

from broker.model.job import FINISHED, FilmState, Outcome, State
from broker.model.spool_fit import Progress
from broker.store import identity
from broker.store.database import Database
from broker.store.spool_mark import write_mark
from broker.store.tables import attempts, jobs, orders, queue, released, sendings

REASON = "it may be on paper already"
"""How the reason begins of a job that was held because its database was set back."""


@dataclass(frozen=True)
class Order:
    """Whose word it is, and what they were told."""

    who: str
    verb: str
    words: str


def adopt(
    database: Database,
    spool: Path,
    mark: Progress | None,
    order: Order,
    clock: Callable[[], float],
) -> list[int]:
    """Make that spool this database's, whatever its mark knows; the numbers of the jobs held.

    The spool's directory must be there, and the tables the newest. Job numbers and changes go on
    from the mark, so that no number is given twice. Raises: OSError.
    """
    with database.write() as connection:
        now = clock()
        held = hold_unfinished(connection, now, order.words)
        # What retention had released in this state may have come again since.
        connection.execute(delete(released))
        set_forward(connection, mark)
        values = {"who": order.who[:64], "verb": order.verb, "words": order.words}
        connection.execute(insert(orders).values(at=now, job_id=None, printer="", **values))
    progress = identity.seen(database).progress
    assert progress is not None
    write_mark(spool, progress)
    return held


def hold_unfinished(connection: Connection, now: float, why: str) -> list[int]:
    """Hold each job that is not finished, and flag each film that no printer has accepted as one
    that may be on paper; the numbers of the jobs. `why` is for a person.

    A job that is held for another reason keeps that, too. `broker jobs release` prints what a
    person has not seen, and with --printed closes what they have.
    """
    statement = select(jobs.c.id, jobs.c.state, jobs.c.reason).where(jobs.c.state.not_in(FINISHED))
    rows = connection.execute(statement.order_by(jobs.c.id)).all()
    for row in rows:
        kept = row.reason if row.state == State.HELD else ""
        values = {
            "state": State.HELD,
            "reason": "; ".join(filter(None, (kept, f"{REASON}: {why}"))),
            "printer": "",
            "assigned_at": None,
            "wish": "",
            "token": "",
            "updated_at": now,
        }
        connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
        of_job = sendings.c.job_id == row.id
        asked = update(sendings).where(of_job, sendings.c.state == FilmState.ASKED)
        connection.execute(asked.values(state=FilmState.UNCERTAIN, words=why))
        waiting = update(sendings).where(of_job, sendings.c.state == FilmState.WAITING)
        # Of which printer is not known.
        unknown = {"state": FilmState.UNCERTAIN, "words": why, "printer": "", "asked_at": now}
        connection.execute(waiting.values(**unknown))
        running = update(attempts).where(attempts.c.job_id == row.id, attempts.c.ended_at.is_(None))
        connection.execute(running.values(ended_at=now, outcome=Outcome.UNCERTAIN, words=why))
    return [row.id for row in rows]


def set_forward(connection: Connection, mark: Progress | None) -> None:
    """Let job numbers and changes go on from the mark, where it is ahead."""
    own = identity.progress(connection)
    numbers = max(own.jobs, mark.jobs if mark else 0)
    changes = max(own.changes, mark.changes if mark else 0)
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'jobs'"))
    connection.execute(
        text("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', :seq)"), {"seq": numbers}
    )
    connection.execute(update(queue).values(changes=changes))
