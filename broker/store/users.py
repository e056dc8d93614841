"""Who may sign in to the page. A password is kept as its hash alone; whoever hashes it is above."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, func, insert, select, update

from broker.model.user import Role, User
from broker.store.database import Database
from broker.store.tables import users


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
        """One more; UserExists."""
        values = {"name": name, "role": role, "password": hashed, "since": self._clock()}
        with self._database.write() as connection:
            if connection.execute(select(users.c.name).where(users.c.name == name)).first():
                raise UserExists(name)
            connection.execute(insert(users).values(**values))

    def change(self, name: str, *, role: Role | None = None, hashed: str = "") -> None:
        """Another role, or another password; NoSuchUser."""
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

    def remove(self, name: str) -> None:
        """One less; NoSuchUser."""
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
        return (User(row.name, Role(row.role), row.since), row.password) if row else None
