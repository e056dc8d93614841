"""Films that were asked for, not answered for, and printed again (promise 3).

Such a film may be on paper once more than was asked for; its job says so as long as it is known.
"""

from __future__ import annotations

from sqlalchemy import (
    ColumnElement,
    Connection,
    Insert,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from broker.model.job import UNANSWERED, FilmState
from broker.store.prepared import Prepared
from broker.store.tables import printed_again, sendings


def _remembering(*which: ColumnElement[bool]) -> Insert:
    asked = select(sendings.c.id, sendings.c.printer, sendings.c.asked_at).where(*which)
    columns = ["sending_id", "printer", "asked_at"]
    return insert(printed_again).from_select(columns, asked.order_by(sendings.c.id))


_REMEMBER_ONE = Prepared(
    _remembering(sendings.c.id == bindparam("its_film"), sendings.c.state == FilmState.UNCERTAIN)
)
_REMEMBER_ALL = _remembering(
    sendings.c.job_id == bindparam("its_job"), sendings.c.state.in_(UNANSWERED)
)


def remember(connection: Connection, film_id: int) -> None:
    """Write down which printer an uncertain film was asked of, before it is asked for again."""
    _REMEMBER_ONE.change(connection, its_film=film_id)


def remember_all(connection: Connection, job_id: int) -> None:
    """The same of all films of a job that were asked for and not answered."""
    connection.execute(_REMEMBER_ALL, {"its_job": job_id})


def take_back(connection: Connection, job_id: int, **values: object) -> int:
    """Films that wait to be printed again are, after all, as they were when they were asked for,
    and as `values` say; how many.
    """
    waiting = (
        select(func.max(printed_again.c.id))
        .join(sendings, sendings.c.id == printed_again.c.sending_id)
        .where(sendings.c.job_id == job_id, sendings.c.state == FilmState.WAITING)
        .group_by(sendings.c.id)
    )
    rows = connection.execute(select(printed_again).where(printed_again.c.id.in_(waiting))).all()
    for row in rows:
        asked = {"printer": row.printer, "asked_at": row.asked_at}
        film = update(sendings).where(sendings.c.id == row.sending_id)
        connection.execute(film.values({**asked, **values}))
        connection.execute(delete(printed_again).where(printed_again.c.id == row.id))
    return len(rows)
