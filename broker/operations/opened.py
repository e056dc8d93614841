"""The store, opened for a person's commands and pages: up to date, the printers in it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from broker.config.schema import Config
from broker.operations.words.failures import Failure, of_database
from broker.spool.binding import SpoolMismatch, mismatch, sealed
from broker.spool.files import Spool
from broker.store import schema
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.occupancy import Occupancy
from broker.store.printers import Printers
from broker.store.queue.retention import Retention
from broker.store.queue.spool_references import SpoolReferences
from broker.store.reading.flow import FlowQueries
from broker.store.reading.job_search import JobSearch
from broker.store.reading.queries import JobQueries

if TYPE_CHECKING:
    from broker.model.peers.nicknames import Nicknames
    from broker.store.accounts import CommandLog, Users
    from broker.store.queue.commands import JobControl
    from broker.store.queue.submission import Rehearsal, Submission
    from broker.store.reading.day import Day
    from broker.store.refusals import Refusals
    from broker.store.sessions import PageSessions
    from broker.store.sign_in_failures import SignInFailures


class Store:
    """What commands and pages read and write. For any thread.

    A part that a listing does not need is imported when it is first used.
    """

    def __init__(self, config: Config, database: Database) -> None:
        self.config = config
        self._database = database
        self.jobs = JobQueries(database)
        self.flow = FlowQueries(database)
        self.search = JobSearch(database)
        self.references = SpoolReferences(database)
        self.printers = Printers(database, time.time)
        self.capabilities = Capabilities(database, time.time)
        self.retention = Retention(database, time.time)

    @cached_property
    def submission(self) -> Submission:
        """New jobs."""
        from broker.store.queue.submission import Submission

        return Submission(self._database, time.time)

    @cached_property
    def rehearsal(self) -> Rehearsal:
        """Whether a film's rows can be written."""
        from broker.store.queue.submission import Rehearsal

        return Rehearsal(self._database, time.time)

    @cached_property
    def commands(self) -> JobControl:
        """What a person may do to a job."""
        from broker.store.queue.commands import JobControl

        return JobControl(self._database, time.time)

    @cached_property
    def day(self) -> Day:
        """Films of the last hours."""
        from broker.store.reading.day import Day

        return Day(self._database)

    @cached_property
    def refusals(self) -> Refusals:
        """How often the broker said no."""
        from broker.store.refusals import Refusals

        return Refusals(self._database)

    @cached_property
    def command_log(self) -> CommandLog:
        """What people have ordered."""
        from broker.store.accounts import CommandLog

        return CommandLog(self._database, time.time)

    @cached_property
    def users(self) -> Users:
        """Who may sign in to the page."""
        from broker.store.accounts import Users

        return Users(self._database, time.time)

    @cached_property
    def sessions(self) -> PageSessions:
        """Sessions of the page."""
        from broker.store.sessions import PageSessions

        return PageSessions(self._database, time.time)

    @cached_property
    def sign_in_failures(self) -> SignInFailures:
        """Who could not sign in to the page."""
        from broker.store.sign_in_failures import SignInFailures

        return SignInFailures(self._database, time.time)

    @cached_property
    def nicknames(self) -> Nicknames:
        """What people call the modalities."""
        from broker.config.modalities import nicknames

        return nicknames(self.config.modalities)

    @property
    def damage(self) -> str:
        """What SQLite reported to this process of a damaged page; empty without one."""
        return self._database.damage

    @property
    def replaced(self) -> str:
        """How this process saw that its database was replaced; empty as long as it was not."""
        return self._database.replaced

    @property
    def running(self) -> bool:
        """Whether a broker runs on this data directory."""
        return Occupancy.taken(self.config.data_dir)

    def spool(self) -> Spool:
        """The pixels. Raises: SpoolMissing: when their folder is not there."""
        return Spool.of(self.config.data_dir / "spool", self.references)


@contextmanager
def store_of(settings: Config, *, make: bool = False) -> Iterator[Store]:
    """The store that the configuration names; `make` is as of `database`.

    Where the database does not fit the spool and no broker runs, or was replaced while one
    runs, it can be read; each change raises SpoolMismatch, as changes to a set-back database
    would bring its count up to the spool's.

    Raises: Failure, SpoolMismatch, SchemaTooOld, SchemaTooNew: when it cannot be opened.
            OSError: when its folders cannot be used.
    """
    with database(settings, make=make) as opened_database:
        running = running_on(settings)
        spool = settings.data_dir / "spool"
        to_judge = not running or sealed(spool)
        found = mismatch(spool, settings.database_file) if to_judge else None
        if found is not None:
            _only_to_read(opened_database, found)
            yield Store(settings, opened_database)
            return
        _bring_up_to_date(opened_database, settings)
        printers = Printers(opened_database, time.time)
        if not running:
            # A running broker has read its own configuration; without one, what stands in the
            # file is what the next start will use.
            known = {printer.name for printer in printers.list()}
            if any(address.name not in known for address in settings.addresses()):
                printers.sync(settings.addresses(), remove=False)
        yield Store(settings, opened_database)


@contextmanager
def database(config: Config, *, make: bool = False) -> Iterator[Database]:
    """The database, whatever version its tables have; it is made when missing, its folder only with
    `make`: one that was moved away, or a mistyped name, must not look like an empty queue.

    Raises:
        SpoolMismatch: it is missing, and the spool knows of one.
        Failure: its folder is missing; or it is, and a process that has the data directory is
            making it.
    """
    if not make:
        for key, folder in (
            ("broker.data_dir", config.data_dir),
            ("database.url", config.database_file.parent),
        ):
            if not folder.exists():
                raise Failure(
                    f"{folder}: there is no such folder, so nothing of a queue. `broker serve` "
                    "makes it at its first start. If films were in it, it was moved or is not "
                    f"mounted, or {key} names another: put that right; until then its films are "
                    "not printed"
                )
    if not _is_there(config.database_file):
        if found := mismatch(config.data_dir / "spool", config.database_file):
            raise found  # a new file in its place would hide the loss, and remove its log
        if config.data_dir.is_dir() and Occupancy.taken(config.data_dir):
            raise Failure(
                f"{config.database_file}: there is no database yet, and another process is making "
                "one: a broker that starts, or `broker restore`; do this again when it is done"
            )
    for folder in (config.data_dir, config.database_file.parent):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True)
            folder.chmod(0o700)
    if not os.access(config.database_file.parent, os.W_OK):
        raise PermissionError(13, "Permission denied", str(config.database_file.parent))
    opened_database = Database.open(config.database_url)
    try:
        yield opened_database
    except Exception as error:
        words = of_database(error, config.database_file)
        if words is None:
            raise
        raise Failure(words) from error
    finally:
        opened_database.close()


def no_spool(config: Config) -> str:
    """What a person has to do before a broker starts: the spool is not there, where the queue needs
    it, or does not fit the queue. Empty when nothing is. Nothing is made.

    Raises: what `database` raises, SchemaTooOld, SchemaTooNew: when the database cannot be asked.
    """
    folder = config.data_dir / "spool"
    if not _is_there(config.database_file):
        found = mismatch(folder, config.database_file)
        return found.words if found else ""
    with database(config) as opened_database:
        schema.check(opened_database)
        missing = Spool.missing(folder, SpoolReferences(opened_database))
    return missing.words if missing else ""


def running_on(config: Config) -> bool:
    """Whether a broker runs on this data directory, or on this database with another one."""
    return Occupancy.taken(config.data_dir) or Occupancy.database_taken(config.database_file)


def _is_there(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0


def _only_to_read(opened_database: Database, found: SpoolMismatch) -> None:
    """Refuse each change with the words of what was found.

    Raises: SpoolMismatch: when its tables are of an earlier version, so that it cannot be read.
    """
    try:
        schema.check(opened_database)
    except schema.SchemaTooOld:
        raise found from None
    # After the check, which has changes counted.
    opened_database.refuse_changes(found)


def _bring_up_to_date(opened_database: Database, config: Config) -> None:
    """New tables for a new file, newer ones for an older file; never beneath a running broker."""
    try:
        schema.check(opened_database)
    except schema.SchemaTooOld:
        if running_on(config) and schema.current(opened_database) is not None:
            raise
        schema.upgrade(opened_database)
