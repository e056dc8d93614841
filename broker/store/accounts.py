"""Users of the page, and what people have ordered."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import ColumnElement, delete, func, insert, select, update

from broker.model.recorded_command import CommandFilter, RecordedCommand
from broker.model.user import Role, User
from broker.store.database import Database
from broker.store.reading.job_rows import LARGEST
from broker.store.tables import recorded_commands, sessions, users


class NoSuchUser(LookupError):
    """There is no user of that name. `words` names those that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.words = f"there is no user {name}; there are: {', '.join(known) or 'none'}"
        super().__init__(self.words)


class UserExists(RuntimeError):
    """There is a user of that name already."""

    def __init__(self, name: str) -> None:
        self.words = f"there is a user {name} already; `broker user password {name}` changes it"
        super().__init__(self.words)


class Users:
    """The users. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def add(self, name: str, role: Role, hashed: str) -> None:
        """One more. Raises: UserExists."""
        values = {"name": name, "role": role, "password": hashed, "since": self._clock()}
        with self._database.write() as connection:
            if connection.execute(select(users.c.name).where(users.c.name == name)).first():
                raise UserExists(name)
            connection.execute(insert(users).values(**values))

    def change(self, name: str, *, role: Role | None = None, hashed: str = "") -> None:
        """Another role, or another password. Raises: NoSuchUser."""
        values = ({"role": role} if role else {}) | ({"password": hashed} if hashed else {})
        with self._database.write() as connection:
            if not connection.execute(
                update(users).where(users.c.name == name).values(**values)
            ).rowcount:
                raise NoSuchUser(name, list(connection.execute(select(users.c.name)).scalars()))

    def replace(self, name: str, hashed: str, fresh: str) -> bool:
        """Another hash of the same password; False when the user has it no more."""
        which = (users.c.name == name) & (users.c.password == hashed)
        return bool(self._database.change_some(users, which, password=fresh))

    def sign_out(self, name: str) -> None:
        """End all sessions, also those of which nothing is noted. Raises: NoSuchUser."""
        more = update(users).values(sign_outs=users.c.sign_outs + 1)
        with self._database.write() as connection:
            if not connection.execute(more.where(users.c.name == name)).rowcount:
                raise NoSuchUser(name, list(connection.execute(select(users.c.name)).scalars()))
            connection.execute(delete(sessions).where(sessions.c.user == name))

    def remove(self, name: str) -> None:
        """One less. Raises: NoSuchUser."""
        with self._database.write() as connection:
            if not connection.execute(delete(users).where(users.c.name == name)).rowcount:
                raise NoSuchUser(name, list(connection.execute(select(users.c.name)).scalars()))

    def list(self) -> Sequence[User]:
        """All, by name."""
        statement = select(users.c.name, users.c.role, users.c.since).order_by(users.c.name)
        with self._database.read() as connection:
            rows = connection.execute(statement)
            return [User(name, Role(role), since) for name, role, since in rows]

    def any(self) -> bool:
        """Whether there is one."""
        with self._database.read() as connection:
            return bool(connection.execute(select(func.count()).select_from(users)).scalar_one())

    def password(self, name: str) -> tuple[User, str] | None:
        """One user and the hash of the password; None when there is none of that name."""
        with self._database.read() as connection:
            row = connection.execute(select(users).where(users.c.name == name)).first()
        if row is None:
            return None
        return User(row.name, Role(row.role), row.since, row.sign_outs), row.password


LATEST = 50
"""Commands on one printer, or one job, that are given at most."""


class CommandLog:
    """The record. For any thread, in any process. A job's goes with the job's row."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def record(
        self, who: str, command: str, words: str, *, job_id: int | None = None, printer: str = ""
    ) -> None:
        """This was carried out now."""
        values = {"who": who[:64], "command": command, "words": words}
        with self._database.write() as connection:
            connection.execute(
                insert(recorded_commands).values(
                    at=self._clock(), job_id=job_id, printer=printer, **values
                )
            )

    def of_job(self, job_id: int) -> Sequence[RecordedCommand]:
        """What was ordered of a job, the oldest first."""
        return self._found(recorded_commands.c.job_id == job_id)

    def of_printer(self, name: str) -> Sequence[RecordedCommand]:
        """What was ordered of a printer lately, the oldest first."""
        return self._found(recorded_commands.c.printer == name)

    def search(
        self, wanted: CommandFilter, limit: int, before: int | None = None
    ) -> Sequence[RecordedCommand]:
        """What the filter means, the newest first: at most `limit`, with smaller numbers than
        `before`."""
        columns = recorded_commands.c
        which: list[ColumnElement[bool]] = []
        if wanted.who:
            which.append(columns.who == wanted.who)
        if wanted.job_id is not None:
            if not 0 < wanted.job_id <= LARGEST:
                return []
            which.append(columns.job_id == wanted.job_id)
        if wanted.printer:
            which.append(columns.printer == wanted.printer)
        if wanted.since is not None:
            which.append(columns.at >= wanted.since)
        if before is not None:
            which.append(columns.id < max(0, min(before, LARGEST)))
        return self._listed(which, limit)

    def _found(self, which: ColumnElement[bool]) -> Sequence[RecordedCommand]:
        return self._listed([which], LATEST)[::-1]

    def _listed(
        self, which: Sequence[ColumnElement[bool]], limit: int
    ) -> Sequence[RecordedCommand]:
        columns = (
            recorded_commands.c[each]
            for each in ("at", "who", "command", "job_id", "printer", "words", "id")
        )
        statement = (
            select(*columns).where(*which).order_by(recorded_commands.c.id.desc()).limit(limit)
        )
        with self._database.read() as connection:
            return [RecordedCommand(*row) for row in connection.execute(statement)]
