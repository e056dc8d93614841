"""Adoption: a database goes on with a spool that knows more than it does, by a person's word.

What was printed since the database's state was written is not known: nothing that it calls
unfinished is printed by itself any more (promise 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, delete, insert, select, text, update

from broker.model.jobs.job import DONE, FINISHED, UNANSWERED, FilmState, Outcome, State
from broker.model.storage.spool_fit import Progress
from broker.spool.binding import write_mark
from broker.store import identity
from broker.store.database import Database
from broker.store.queue.claims import left_to_print
from broker.store.tables import attempts, jobs, queue, recorded_commands, released, sendings

_SUFFIXES = ("-wal", "-shm", "-journal")


def left_beside(database: Path) -> list[Path]:
    """The log files beside that place. A new database there must not meet them: SQLite would apply
    them to it, or remove them."""
    names = [f"{database.name}{suffix}" for suffix in _SUFFIXES]
    return [each for name in names if (each := database.with_name(name)).exists()]


def set_aside(database: Path, now: float) -> list[Path]:
    """Give them other names, which end in `now` (seconds since the epoch); those.

    Raises: OSError.
    """
    moved = []
    for each in left_beside(database):
        other = each.with_name(f"{each.name}.before-{int(now)}")
        each.rename(other)
        moved.append(other)
    return moved


REASON = "it may be on paper already"
"""How the reason begins of a job that was held because its database was set back."""


@dataclass(frozen=True)
class AdoptCommand:
    """Whose word it is, and what they were told."""

    who: str
    command: str
    words: str


def adopt(
    database: Database,
    spool: Path,
    mark: Progress | None,
    order: AdoptCommand,
    clock: Callable[[], float],
) -> list[int]:
    """Make that spool this database's, whatever its mark knows; the numbers of the jobs held.

    The spool's directory must be there, and the tables the newest. Job numbers and changes go on
    from the mark, so that no number is given twice. Raises: OSError.
    """
    with database.write() as connection:
        now = clock()
        held = hold_unfinished(connection, now, f"{REASON}: {order.words}", now)
        # What retention had released in this state may have come again since.
        connection.execute(delete(released))
        set_forward(connection, mark.jobs if mark else 0, mark.changes if mark else 0)
        values = {"who": order.who[:64], "command": order.command, "words": order.words}
        connection.execute(
            insert(recorded_commands).values(at=now, job_id=None, printer="", **values)
        )
    progress = identity.seen(database).progress
    assert progress is not None
    write_mark(spool, progress)
    return held


def hold_unfinished(connection: Connection, now: float, reason: str, moment: float) -> list[int]:
    """Hold each job that is not finished, and flag each film that no printer has accepted as one
    that may be on paper; the numbers of the jobs. Their rows were written last at `moment`.

    A job whose films were all accepted is sent; one that was held for another reason names that,
    too. `broker jobs release` prints what a person has not seen, and with --printed closes what
    they have.
    """
    # One whose state is damaged is none of the finished.
    statement = select(jobs.c.id, jobs.c.state, jobs.c.reason).where(jobs.c.state.not_in(FINISHED))
    held = []
    for row in connection.execute(statement.order_by(jobs.c.id)).all():
        running = update(attempts).where(attempts.c.job_id == row.id, attempts.c.ended_at.is_(None))
        ended = {"ended_at": moment, "outcome": Outcome.UNCERTAIN, "words": reason}
        connection.execute(running.values(**ended))
        if not left_to_print(connection, row.id):
            values: dict[str, object] = {"state": State.SENT, "reason": ""}
        else:
            _hold_uncertain(connection, row.id, now, reason)
            before = row.reason if row.state == State.HELD else ""
            words = f"{reason}; before that: {before}" if before else reason
            values = {"state": State.HELD, "reason": words, "printer": "", "assigned_at": None}
            held.append(row.id)
        values |= {"command": "", "token": "", "not_before": 0.0, "updated_at": now}
        connection.execute(update(jobs).where(jobs.c.id == row.id).values(**values))
    return held


def set_forward(connection: Connection, numbers: int, changes: int) -> int:
    """Raise the next job number and the count of changes to these, where they are ahead; the last
    number given."""
    own = identity.progress(connection)
    numbers, changes = max(own.jobs, numbers), max(own.changes, changes)
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name = 'jobs'"))
    connection.execute(
        text("INSERT INTO sqlite_sequence (name, seq) VALUES ('jobs', :seq)"), {"seq": numbers}
    )
    connection.execute(update(queue).values(changes=changes))
    return numbers


def _hold_uncertain(connection: Connection, job_id: int, now: float, reason: str) -> None:
    """A film that no printer had been asked for by then may have been printed on any before now."""
    unsettled = update(sendings).where(
        sendings.c.job_id == job_id, sendings.c.state.not_in({*DONE, *UNANSWERED})
    )
    connection.execute(unsettled.values(printer="", asked_at=now))
    known = {*DONE, FilmState.UNCERTAIN}  # what was written of an uncertain one stays
    left = update(sendings).where(sendings.c.job_id == job_id, sendings.c.state.not_in(known))
    connection.execute(left.values(state=FilmState.UNCERTAIN, words=reason))
