"""What a person should be told of the queue who is not looking."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select

from broker.model.job import State
from broker.store.reading import JobReading
from broker.store.tables import attempts, jobs, orders, sendings

_BEGAN = (
    select(func.coalesce(func.max(attempts.c.began_at), 0.0))
    .where(attempts.c.job_id == jobs.c.id)
    .scalar_subquery()
)
_BY_PERSON = (
    select(orders.c.id)
    .where(orders.c.job_id == jobs.c.id, orders.c.verb == "hold", orders.c.at >= _BEGAN)
    .exists()
)
_MOVES = (
    select(sendings.c.id)
    .where(sendings.c.job_id == jobs.c.id, sendings.c.accepted_at.is_not(None))
    .exists()
)
_HELD = select(jobs.c.id).where(jobs.c.state == State.HELD, ~_BY_PERSON).order_by(jobs.c.id)
_UNMOVED = select(func.min(jobs.c.created_at)).where(
    or_(jobs.c.state == State.QUEUED, and_(jobs.c.state == State.PRINTING, ~_MOVES))
)


class Overdue(JobReading):
    """Jobs that wait for somebody, or for too long."""

    def held_by_machine(self) -> Sequence[int]:
        """The numbers of held jobs, in their order, but for those that a person held, and that no
        printer has tried since."""
        with self._database.read() as connection:
            return list(connection.execute(_HELD).scalars())

    def oldest_unmoved(self) -> float | None:
        """When the oldest job was made that is queued, or is tried and has had no film accepted;
        None without one. A job that is tried in vain is no younger than one that waits.
        """
        with self._database.read() as connection:
            found: float | None = connection.execute(_UNMOVED).scalar()
        return found
