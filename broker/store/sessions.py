"""Sessions of the page: which there are, and which their users have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from broker.model.user import PageSession
from broker.store.database import Database
from broker.store.tables import ended_sessions, sessions

MOST_OF_USER = 200
"""Sessions of one user that are noted; those used longest ago go on, and are on no list."""


class PageSessions:
    """For any thread, in any process. A session is open by its cookie, unless it was ended here;
    what is noted of those that are used is for people to see."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def note(self, used: Sequence[PageSession], *, idle_since: float, begun_before: float) -> None:
        """These are open. Those that were not used since `idle_since`, or began before
        `begun_before`, have run out, and are forgotten."""
        with self._database.write() as connection:
            gone = (sessions.c.used_at < idle_since) | (sessions.c.began_at < begun_before)
            connection.execute(delete(sessions).where(gone))
            for each in used:
                which = sessions.c.session == each.session
                last = {"used_at": each.used_at, "address": each.address, "mark": each.mark}
                if connection.execute(update(sessions).where(which).values(**last)).rowcount:
                    continue
                if not _ended(connection, each.session):
                    fixed = {"session": each.session, "user": each.user, "began_at": each.began_at}
                    connection.execute(insert(sessions).values(**fixed, **last))
            for user in {each.user for each in used}:
                _forget_oldest(connection, user)

    def of(self, user: str) -> Sequence[PageSession]:
        """What is noted of that user, the last used first; some of it may have run out."""
        statement = select(sessions).where(sessions.c.user == user)
        with self._database.read() as connection:
            rows = connection.execute(statement.order_by(sessions.c.used_at.desc()))
            return [PageSession(**row._mapping) for row in rows]

    def end(self, session: str, until: float) -> None:
        """This session is over for good; without that, some cookie of it could be taken until
        `until`, in seconds since the epoch. What has run out anyway is forgotten."""
        with self._database.write() as connection:
            connection.execute(delete(ended_sessions).where(ended_sessions.c.until < self._clock()))
            connection.execute(delete(sessions).where(sessions.c.session == session))
            if not _ended(connection, session):
                connection.execute(insert(ended_sessions).values(session=session, until=until))

    def ended(self, session: str) -> bool:
        """Whether it was ended."""
        with self._database.read() as connection:
            return _ended(connection, session)


def _forget_oldest(connection: Connection, user: str) -> None:
    latest = select(sessions.c.session).where(sessions.c.user == user)
    latest = latest.order_by(sessions.c.used_at.desc()).offset(MOST_OF_USER)
    older = connection.execute(latest).scalars().all()
    if older:
        connection.execute(delete(sessions).where(sessions.c.session.in_(older)))


def _ended(connection: Connection, session: str) -> bool:
    statement = select(ended_sessions.c.until).where(ended_sessions.c.session == session)
    return connection.execute(statement).first() is not None
