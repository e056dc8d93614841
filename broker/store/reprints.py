"""Reprints: what the job that is printed again says of its copy, and takes back."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from broker.model.job import State
from broker.store.duplicates import ON_PAPER
from broker.store.tables import doubts, jobs, sendings


def printed_again_as(job_id: int) -> str:
    """What stands beside a held job: whoever finds it must not let it print, too."""
    return f"printed again as job {job_id}"


def take_back_unprinted(connection: Connection, job_id: int) -> None:
    """Where that job was a reprint, and cancelled before anything of it reached a printer: it was
    not printed again, and the other says so no more."""
    touched = select(sendings.c.id).where(
        sendings.c.job_id == job_id, sendings.c.state.in_(ON_PAPER)
    )
    doubted = (
        select(doubts.c.id)
        .join(sendings, sendings.c.id == doubts.c.sending_id)
        .where(sendings.c.job_id == job_id)
    )
    original = connection.execute(
        select(jobs.c.reprint_of).where(
            jobs.c.id == job_id,
            jobs.c.state == State.CANCELLED,
            ~touched.exists(),
            ~doubted.exists(),
        )
    ).scalar()
    if original is None:
        return
    remark = connection.execute(select(jobs.c.remark).where(jobs.c.id == original)).scalar() or ""
    kept = "; ".join(each for each in remark.split("; ") if each != printed_again_as(job_id))
    connection.execute(update(jobs).where(jobs.c.id == original).values(remark=kept))
