"""The data folder of a running broker: its lock, its database, its spool and the mark of both."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from broker.config.schema import Config
from broker.events import Event, Note
from broker.operations.data_folder import make_private
from broker.relay.vitals import FILE_NAME as VITALS
from broker.spool import binding
from broker.spool.files import Spool
from broker.store import identity, schema
from broker.store.accounts import Users
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from broker.store.sqlite import START_S, DatabaseDamaged, examine, make_file

TOLD = 3
"""Files and folders that others may read and that are named; the rest is a number."""


class DataFolder:
    """Open from its making until `close`: no other broker can use the folder or its database."""

    def __init__(
        self, config: Config, note: Note, clock: Callable[[], float], *, new_spool: bool = False
    ) -> None:
        """`new_spool` makes an empty spool for a database that has lost its own.

        Raises:
            Occupied: when another broker runs with it.
            SchemaTooNew: when the database is of a later version.
            SpoolMismatch, SpoolMissing: when database and spool do not belong together.
            DatabaseDamaged, SQLAlchemyError, OSError: when it cannot be used.
        """
        self._config = config
        self._note = note
        self._clock = clock
        self._spool_folder = config.data_dir / "spool"
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._taken = contextlib.ExitStack()
        self._taken.callback(Occupancy.take(config.data_dir).close)
        with contextlib.suppress(OSError):  # it is written anew, or told that it cannot be
            # That of a broker that was killed, or of another machine's.
            (config.data_dir / VITALS).unlink(missing_ok=True)
        try:
            self._make_private()
            self.database, changes = self._open_database()
            self.jobs = Jobs(self.database, clock)
            self.printers = Printers(self.database, clock)
            self.capabilities = Capabilities(self.database, clock)
            self.users = Users(self.database, clock)
            self.spool = Spool.of(self._spool_folder, self.jobs.references, new=new_spool)
            self.mark = binding.bind(self.database, changes, self._spool_folder)
            self._taken.callback(self.mark.close)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Another broker may use it now."""
        self._taken.close()

    def look(self) -> None:
        """Raises: DatabaseReplaced: where the database was replaced since it was opened."""
        binding.look(self.database, self.mark)

    def seal(self) -> None:
        """Have no database fit the spool from now on, however far it comes: an operator decides.

        Raises: OSError: when the mark cannot be written.
        """
        binding.seal(self.database, self.mark, self._clock())

    def _make_private(self) -> None:
        """Keep films and labels from other users; what cannot be made private is noted."""
        try:
            made, left = make_private(self._config.data_dir, self._config.database_file)
        except OSError as error:
            self._note(Event.DATA_OPEN_TO_OTHERS, {"why": f"not looked at: {error}"})
            return
        if made:
            first = made[0]
            was = f"{first.mode:04o}"
            facts = {"first": str(first.path), "was": was, "number": len(made)}
            self._note(Event.DATA_MADE_PRIVATE, facts)
        for each in left[:TOLD]:
            self._note(Event.DATA_OPEN_TO_OTHERS, {"why": each.words, "number": len(left)})

    def _open_database(self) -> tuple[Database, identity.Changes]:
        """The database, once it is known to be the spool's, and its count of changes."""
        file = self._config.database_file
        if file.exists():
            self._taken.callback(Occupancy.take_database(file).close)
        self._examine(file)
        # Before anything is made: a new file in the place of a lost one would hide the loss.
        if found := binding.mismatch(self._spool_folder, file):
            raise found
        if not file.exists():
            make_file(file)
            self._taken.callback(Occupancy.take_database(file).close)
        database = Database.open(self._config.database_url)
        self._taken.callback(database.close)
        schema.upgrade(database)
        return database, identity.count(database)

    def _examine(self, file: Path) -> None:
        """Check the pages of a database before anything uses it.

        After it was replaced beneath a broker all of it is checked, however long that takes: a copy
        of an earlier time, with the log of the right one beside it, may look like that one.

        Raises: DatabaseDamaged: when a page is damaged.
        """
        if not file.exists() or not file.stat().st_size:
            return
        whole = binding.sealed(self._spool_folder)
        found = examine(file, full=whole, within_s=None if whole else START_S)
        if found.pages:
            raise DatabaseDamaged(file, found.pages)
        if found.references:
            words = "`broker db check` says what is hit, and what to do"
            facts = {"faults": len(found.references), "references": len(found.references)}
            self._note(Event.CHECK_FOUND_FAULTS, {**facts, "words": words})
