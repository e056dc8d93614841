"""Whether a film's rows can be written now: tried for real, and nothing of it is left."""

from __future__ import annotations

from sqlalchemy import delete, insert

from broker.model.film import Film, Image, ImageBox
from broker.model.job import Level, PrintRequest
from broker.store.database import Database
from broker.store.jobs import Jobs
from broker.store.tables import readiness

_TRIED_FILM = Film({}, (ImageBox(1, {}, Image("0" * 64, 1, 1, 1, 8, 8, "MONOCHROME2")),))
_REQUEST = PrintRequest("", "", "", "rehearsal", Level.FILM_BOX, {}, (_TRIED_FILM,))


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


class Rehearsal:
    """Writes what a film's acceptance writes, into the same tables and indexes."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    def write(self, busy_s: float) -> bool:
        """Write a job and take it back, within `busy_s` seconds; False when others were writing for
        all that time. The database's own error where a table is missing, a page is damaged, or the
        file cannot be written."""
        try:
            with self._database.write(busy_s) as connection:
                self._jobs.rehearse(connection, _REQUEST)
                raise _TakenBack
        except _TakenBack:
            return True
        except Exception as error:
            if self._database.is_busy(error):
                return False
            raise

    def commit(self, busy_s: float, now: float) -> bool:
        """Commit a row that tells nothing, as `write`: a disk that is full, or fails, says so only
        then."""
        try:
            with self._database.write(busy_s) as connection:
                connection.execute(delete(readiness))
                connection.execute(insert(readiness).values(id=1, at=now))
        except Exception as error:
            if self._database.is_busy(error):
                return False
            raise
        return True
