"""Doubts: films that were asked for, not answered for, and printed again (promise 3).

Such a film may be on paper once more than was asked for; its job says so as long as it is known.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, insert, select, true

from broker.store.reading import JobReading, Unanswered
from broker.store.tables import doubts, sendings


class Doubting(JobReading):
    """The question."""

    def printed_again(self, job_id: int | None = None) -> list[Unanswered]:
        """Of one job or of all: each time that a film was let print again without an answer."""
        which = true() if job_id is None else sendings.c.job_id == job_id
        statement = (
            select(sendings.c.job_id, sendings.c.number, doubts.c.printer, doubts.c.asked_at)
            .join(sendings, sendings.c.id == doubts.c.sending_id)
            .where(which)
            .order_by(doubts.c.id)
        )
        with self._database.read() as connection:
            return [Unanswered(*row) for row in connection.execute(statement)]


def remember(connection: Connection, which: ColumnElement[bool]) -> None:
    """Write down whom these sendings were asked of, before they wait, or are asked for, again."""
    asked = select(sendings.c.id, sendings.c.printer, sendings.c.asked_at).where(
        which, sendings.c.asked_at.is_not(None)
    )
    columns = ["sending_id", "printer", "asked_at"]
    connection.execute(insert(doubts).from_select(columns, asked.order_by(sendings.c.id)))
