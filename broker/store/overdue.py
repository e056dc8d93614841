"""What a person should be told of the queue who is not looking."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select

from broker.model.job import HELD_BY_PERSON, State
from broker.store.reading import JobReading
from broker.store.tables import attempts, jobs, sendings

_BEGAN = (
    select(func.coalesce(func.max(attempts.c.began_at), 0.0))
    .where(attempts.c.job_id == jobs.c.id)
    .scalar_subquery()
)
_MOVES = (
    select(sendings.c.id)
    .where(sendings.c.job_id == jobs.c.id, sendings.c.accepted_at >= _BEGAN)
    .exists()
)
_HELD = (
    select(jobs.c.id)
    .where(jobs.c.state == State.HELD, ~jobs.c.reason.startswith(HELD_BY_PERSON))
    .order_by(jobs.c.id)
)
_UNMOVED = select(func.min(jobs.c.created_at)).where(
    or_(jobs.c.state == State.QUEUED, and_(jobs.c.state == State.PRINTING, ~_MOVES))
)


class Overdue(JobReading):
    """Jobs that wait for somebody, or for too long."""

    def held_by_machine(self) -> Sequence[int]:
        """The numbers of held jobs, in their order, but for those that a person held."""
        with self._database.read() as connection:
            return list(connection.execute(_HELD).scalars())

    def oldest_unmoved(self) -> float | None:
        """When the oldest job was made that is queued, or is being tried and has had no film
        accepted by this try; None without one. A job that is tried in vain is no younger than one
        that waits.
        """
        with self._database.read() as connection:
            found: float | None = connection.execute(_UNMOVED).scalar()
        return found
