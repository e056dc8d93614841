"""Losses: unfinished jobs whose pixels are not in the spool, held before their turn comes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Connection, select, update

from broker.model.job import DONE, FilmState, Level, Outcome, Priority, State
from broker.model.trouble import PRINT_AGAIN, RecordDamaged
from broker.store.job_rows import JOB_ALTERED, ROW_DAMAGED, UNFINISHED, NoSuchJob
from broker.store.reading import JobReading
from broker.store.tables import attempts, jobs, sendings, spooled


def hold_unsettled(connection: Connection, job_ids: Collection[int], now: float, why: str) -> None:
    """Hold these jobs, and end what may be running of them.

    A film that was asked for is uncertain (promise 3), and no attempt stays open: the job can be
    claimed again once a person has released it. A late writer finds its claim gone (promise 4).
    """
    running = attempts.c.job_id.in_(job_ids) & attempts.c.ended_at.is_(None)
    ended = {"ended_at": now, "outcome": Outcome.UNCERTAIN, "words": why}
    connection.execute(update(attempts).where(running).values(**ended))
    asked = sendings.c.job_id.in_(job_ids) & (sendings.c.state == FilmState.ASKED)
    doubt = {"state": FilmState.UNCERTAIN, "words": why}
    connection.execute(update(sendings).where(asked).values(**doubt))
    held = {"state": State.HELD, "reason": why, "token": "", "wish": "", "updated_at": now}
    connection.execute(update(jobs).where(jobs.c.id.in_(job_ids)).values(**held))


_REFERRING = (
    select(spooled.c.job_id, spooled.c.name)
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .where(jobs.c.state.in_(UNFINISHED))
    .order_by(spooled.c.job_id)
)

_QUEUED = jobs.c.state == State.QUEUED
_DAMAGED = {
    "state": jobs.c.state.not_in(list(State)),
    "level": _QUEUED & jobs.c.level.not_in(list(Level)),
    "priority": _QUEUED & jobs.c.priority.not_in(list(Priority)),
}
"""Column -> which jobs cannot take their turn because of it."""


class Losses(JobReading):
    """What is done where a spool, or a part of it, is lost."""

    def hold_lost(self, there: Callable[[str], bool]) -> list[int]:
        """Hold each job that has a film left to print whose pixels are not `there`, by their name;
        the numbers of those that it is news of.

        A job that is held for another reason keeps that, too; one that is printing is left alone.
        One whose films cannot be read is held, too, with those words.
        """
        with self._database.read() as connection:
            rows = connection.execute(_REFERRING).all()
        gone = {name for name in {row.name for row in rows} if not there(name)}
        found: dict[int, str] = {}
        for job_id in sorted({row.job_id for row in rows if row.name in gone}):
            try:
                left = [film for film in self.films(job_id) if film.state not in DONE]
            except NoSuchJob:
                found[job_id] = f"{JOB_ALTERED}; {PRINT_AGAIN}"  # of its films no row is left
                continue
            except RecordDamaged as error:
                found[job_id] = f"{error}; {PRINT_AGAIN}"
                continue
            films = {film.number for film in left if not gone.isdisjoint(film.film.spooled)}
            if films:
                found[job_id] = _reason(sorted(films))
        if not found:
            return []
        with self._database.write() as connection:
            return [
                job_id
                for job_id, reason in found.items()
                if _hold(connection, job_id, reason, self._clock())
            ]

    def hold_damaged(self) -> list[int]:
        """Hold each job whose state is none that there is, and each queued one with such a level or
        priority, so that it is seen among those that are held; their numbers.

        What a damaged state was is not known: it may have been printing. A damaged priority becomes
        MED, so that the job prints once a person has released it.
        """
        found: dict[int, str] = {}
        with self._database.read() as connection:
            for column, damaged in _DAMAGED.items():
                for job_id in connection.execute(select(jobs.c.id).where(damaged)).scalars():
                    found.setdefault(job_id, f"{ROW_DAMAGED} ({column})")
        if found:
            with self._database.write() as connection:
                for job_id, why in found.items():
                    hold_unsettled(connection, [job_id], self._clock(), why)
                lost = jobs.c.id.in_(found) & jobs.c.priority.not_in(list(Priority))
                usual = {"priority": Priority.MED, "priority_rank": Priority.MED.rank}
                connection.execute(update(jobs).where(lost).values(**usual))
        return sorted(found)


def _reason(films: Sequence[int]) -> str:
    several = len(films) > 1
    whose = f"films {', '.join(map(str, films))}: their" if several else f"film {films[0]}: its"
    return f"{whose} pixels are missing; {PRINT_AGAIN}"


def _hold(connection: Connection, job_id: int, reason: str, now: float) -> bool:
    """Whether that is news of it."""
    row = connection.execute(select(jobs.c.state, jobs.c.reason).where(jobs.c.id == job_id)).first()
    if row is None or row.state not in (State.QUEUED, State.HELD):
        return False
    if row.state == State.HELD and row.reason.endswith(PRINT_AGAIN):
        return False
    kept = row.reason if row.state == State.HELD else ""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id)
        .values(
            state=State.HELD,
            reason="; ".join(filter(None, (kept, reason))),
            printer="",
            assigned_at=None,
            updated_at=now,
        )
    )
    return True
