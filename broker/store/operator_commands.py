"""What persons ordered, and who: a record beside jobs and printers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, insert, select

from broker.model.operator_command import Order
from broker.store.database import Database
from broker.store.tables import orders

LATEST = 50
"""So many of a printer are given at most."""


class Orders:
    """The record. For any thread, in any process. A job's goes with the job's row."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def record(
        self, who: str, verb: str, words: str, *, job_id: int | None = None, printer: str = ""
    ) -> None:
        """This was carried out now."""
        values = {"who": who[:64], "verb": verb, "words": words}
        with self._database.write() as connection:
            connection.execute(
                insert(orders).values(at=self._clock(), job_id=job_id, printer=printer, **values)
            )

    def of_job(self, job_id: int) -> Sequence[Order]:
        """What was ordered of a job, the oldest first."""
        return self._found(orders.c.job_id == job_id)

    def of_printer(self, name: str) -> Sequence[Order]:
        """What was ordered of a printer lately, the oldest first."""
        return self._found(orders.c.printer == name)

    def _found(self, which: ColumnElement[bool]) -> Sequence[Order]:
        columns = (orders.c[each] for each in ("at", "who", "verb", "job_id", "printer", "words"))
        statement = select(*columns).where(which).order_by(orders.c.id.desc()).limit(LATEST)
        with self._database.read() as connection:
            return [Order(*row) for row in connection.execute(statement)][::-1]
