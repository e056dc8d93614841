"""Failed sign-ins to the page, counted by user and address."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, insert, select, tuple_

from broker.model.user import FailedSignInCount
from broker.store.database import Database
from broker.store.tables import failed_sign_ins

MOST_FAILED = 500
"""Users and addresses that are remembered; those of the longest time ago go first."""
KEPT_S = 90 * 86400.0
"""After so long without another failure they are forgotten."""


class SignInFailures:
    """The counts. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def add(self, more: Sequence[FailedSignInCount]) -> None:
        """These failed, too."""
        table = failed_sign_ins
        with self._database.write() as connection:
            for each in more:
                which = (table.c.user == each.user) & (table.c.address == each.address)
                row = connection.execute(select(table).where(which)).first()
                both = FailedSignInCount(**row._mapping) + each if row is not None else each
                connection.execute(delete(table).where(which))
                connection.execute(insert(table).values(**vars(both)))
            connection.execute(delete(table).where(table.c.last_at < self._clock() - KEPT_S))
            oldest = select(table.c.user, table.c.address).order_by(table.c.last_at.desc())
            left = connection.execute(oldest.offset(MOST_FAILED)).all()
            if left:
                named = tuple_(table.c.user, table.c.address).in_([tuple(each) for each in left])
                connection.execute(delete(table).where(named))

    def list(self) -> Sequence[FailedSignInCount]:
        """All, the last one first; nothing of what is to be forgotten."""
        table = failed_sign_ins
        since = table.c.last_at >= self._clock() - KEPT_S
        ordered = select(table).where(since).order_by(table.c.last_at.desc(), table.c.address)
        with self._database.read() as connection:
            return [FailedSignInCount(**row._mapping) for row in connection.execute(ordered)]
