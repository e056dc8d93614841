"""Jobs whose rows are damaged, so that what was done of them is not known: held for a person."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, update

from broker.model.job import FilmState, Outcome, State
from broker.store.tables import attempts, jobs, sendings


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
