"""Sessions of the page that were ended before their time, until they would have ended anyway."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete, insert, select

from broker.store.database import Database
from broker.store.tables import ended_sessions


class EndedSessions:
    """Which sessions a person has signed out of. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def end(self, session: str, until: float) -> None:
        """This session is over for good; without that, some cookie of it could be taken until
        `until`, in seconds since the epoch. What has run out anyway is forgotten."""
        which = ended_sessions.c.session == session
        with self._database.write() as connection:
            connection.execute(delete(ended_sessions).where(ended_sessions.c.until < self._clock()))
            if connection.execute(select(ended_sessions.c.session).where(which)).first() is None:
                connection.execute(insert(ended_sessions).values(session=session, until=until))

    def ended(self, session: str) -> bool:
        """Whether it was ended."""
        statement = select(ended_sessions.c.until).where(ended_sessions.c.session == session)
        with self._database.read() as connection:
            return connection.execute(statement).first() is not None
