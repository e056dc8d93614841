"""`broker spool`: what the spool keeps, whose it is, and what was set aside in it."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, configured
from broker.cli.output.local_time import time_column, told
from broker.operations.words.text import count, megabytes, moment

if TYPE_CHECKING:
    from pathlib import Path

    from broker.config.schema import Config
    from broker.model.storage.spool_fit import DatabaseSeen, Progress
    from broker.spool.binding import SpoolMismatch
    from broker.spool.orphans import Orphan

DAY_S = 86400.0
FACTS = 24
"""Where the words begin of what is known of spool and database."""

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def spool(ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None) -> None:
    """Show to which database the spool belongs, and what it keeps.

    Files that no job refers to, and it is not known why, are set aside for
    retention.orphans_days, and removed then, once the running broker has seen the clock go on
    steadily for a day. They come back when a job refers to them again.

    Example: broker spool
    """
    if ctx.invoked_subcommand is None:
        _show(ctx, config, as_document)


@app.command()
def adopt(ctx: typer.Context, yes: YesOption = False, config: ConfigOption = None) -> None:
    """Go on with a database and a spool that do not fit together.

    For when the one that fits is lost for good. Says what does not fit and what becomes of jobs and
    pixels, then asks. Nothing is removed: jobs that may be on paper are held for a person, files
    that no job refers to are set aside. Stop the broker first.

    Example: broker spool adopt
    """
    import time

    from broker.backup import adoption
    from broker.cli.owner import person
    from broker.config.file import load
    from broker.operations.opened import no_spool
    from broker.operations.words.failures import Failure
    from broker.spool import binding
    from broker.spool.files import Spool
    from broker.store import schema
    from broker.store.database import Database
    from broker.store.occupancy import Occupancy

    settings = load(configured(ctx, config))
    folder, file = settings.data_dir / "spool", settings.database_file
    if not settings.data_dir.is_dir():
        raise Failure(f"{settings.data_dir}: there is no such folder; correct broker.data_dir")
    with ExitStack() as stack:
        # No broker may start meanwhile.
        stack.callback(Occupancy.take(settings.data_dir).close)
        if file.exists():
            stack.callback(Occupancy.take_database(file).close)
        found = binding.mismatch(folder, file)
        if found is None:
            if words := no_spool(settings):
                raise Failure(words)
            typer.echo(f"{folder}: it belongs to {file}, which has lost nothing; nothing to do")
            return
        typer.echo(told(f"{found.seen}.\n"), err=True)
        typer.echo(told(_consequences(settings, found)), err=True)
        if not yes:
            _ask()
        mark = binding.spool_seen(folder).mark
        if not file.exists() or not file.stat().st_size:
            # The lost database's log may be all that is left of it: SQLite would remove it.
            for path in adoption.set_aside(file, time.time()):
                typer.echo(f"{path}: kept of the lost database, under this name", err=True)
        database = Database.open(settings.database_url)
        stack.callback(database.close)
        schema.upgrade(database)
        Spool(folder)
        why = f"the spool was adopted on {moment(time.time())} UTC by {person()[:40]}"
        command = adoption.AdoptCommand(person(), "adopt", why)
        held = adoption.adopt(database, folder, mark, command, time.time)
    typer.echo(f"{folder}: it belongs to {file} from now on; `broker serve` starts on them")
    if held:
        typer.echo(
            f"{count(len(held), 'job')} held, which may be on paper: `broker jobs explain "
            f"{held[0]}` says what to look for; `broker jobs release ID` prints it, with "
            "--printed it is closed"
        )


def _consequences(settings: Config, found: SpoolMismatch) -> str:
    """What becomes of jobs and pixels, and what else could be done."""
    from broker.model.storage.spool_fit import Misfit

    days = f"{settings.retention.orphans_days:g} days"
    pixels = (
        f"Pixels that no job of this database refers to are set aside for {days}, then removed; "
        "when the database that refers to them is put back within that time, they come back."
    )
    if found.kind is Misfit.NEW:
        jobs = (
            "This database has no jobs: films that waited in the lost one are not printed. Job "
            "numbers go on where the lost one ended."
        )
    else:
        jobs = (
            "Every job that is not finished in this database is held and flagged, as it may have "
            "been printed since: a person looks, and releases it. Films that came since are not "
            "printed. Job numbers go on where the spool knows them to have ended."
        )
    return f"If you go on: {jobs} {pixels}\n"


def _ask() -> None:
    """Failure unless a person says yes."""
    from broker.operations.words.failures import Failure

    if not sys.stdin.isatty():
        raise Failure("nothing was changed: say --yes to go on without being asked")
    if not typer.confirm("Go on without what is lost?", err=True):
        raise Failure("nothing was changed")


def _show(ctx: typer.Context, config: Path | None, as_document: bool) -> None:
    import time

    from broker.cli.output import tables
    from broker.config.file import load
    from broker.operations.documents import iso
    from broker.spool import binding
    from broker.spool.orphans import Orphans
    from broker.store import sqlite

    settings = load(configured(ctx, config))
    folder, file = settings.data_dir / "spool", settings.database_file
    # The spool first: a broker that is running makes the database come further meanwhile.
    there, seen = binding.spool_seen(folder), sqlite.seen_in(file)
    found = binding.judged(folder, there, file, seen)
    words = found.words if found else _no_spool(settings)
    files, size = _kept(folder)
    orphans = Orphans(folder).found()
    days = settings.retention.orphans_days
    if as_document:
        typer.echo(
            tables.as_json(
                {
                    "spool": str(folder),
                    "database": str(file),
                    "fits": not words,
                    "words": words,
                    "mark": _progress(there.mark),
                    "database_progress": _progress(seen.progress),
                    "files": files,
                    "bytes": size,
                    "set_aside": [
                        {
                            "name": each.name,
                            "bytes": each.size,
                            "set_aside_at": iso(each.since),
                            "removed_at": iso(each.since + days * 86400),
                        }
                        for each in orphans
                    ],
                }
            )
        )
        return
    width = tables.terminal().width
    tables.say(f"{folder}: {count(files, 'file')}, {megabytes(size)}")
    tables.show(tables.fact("the spool belongs to", _words(there.mark), width, FACTS))
    tables.show(tables.fact(f"{file.name} is", _words(seen.progress, seen), width, FACTS))
    tables.say(words or "they fit", 0 if words else 2)
    _table(orphans, days, time.time())


def _no_spool(settings: Config) -> str:
    """That jobs have pixels and no spool is there; not asked of tables of another version."""
    from broker.operations.opened import no_spool
    from broker.store.schema import SchemaTooNew, SchemaTooOld

    try:
        return no_spool(settings)
    except (SchemaTooNew, SchemaTooOld):
        return ""


def _table(orphans: list[Orphan], days: float, now: float) -> None:
    """What was set aside, the oldest first."""
    from broker.cli.output import tables
    from broker.cli.output.tables import Column, Row
    from broker.operations.words.text import age

    if not orphans:
        typer.echo("Nothing is set aside.")
        return
    size = sum(each.size for each in orphans)
    tables.say(
        f"{count(len(orphans), 'file')} set aside, {megabytes(size)}: no job refers to them, and "
        "it is not known why"
    )
    aside, since = time_column("SET ASIDE", [each.since for each in orphans], now)
    removed, until = time_column("REMOVED", [each.since + days * DAY_S for each in orphans], now)
    columns = (
        Column("NAME"),
        Column("SIZE", right=True),
        Column(aside),
        Column("AGO", right=True),
        Column(removed),
    )
    rows = [
        Row(
            (
                f"{each.name[:12]}.." if len(each.name) > 14 else each.name,
                megabytes(each.size),
                set_aside,
                age(max(0.0, now - each.since)),
                goes,
            )
        )
        for each, set_aside, goes in zip(orphans, since, until, strict=True)
    ]
    tables.show(tables.lay_out(columns, rows, tables.terminal().width))


def _kept(folder: Path) -> tuple[int, int]:
    """How many files the spool keeps for jobs, and their bytes."""
    from broker.spool.stored import kept

    sizes = [path.lstat().st_size for path in kept(folder)]
    return len(sizes), sum(sizes)


def _progress(progress: Progress | None) -> dict[str, object] | None:
    from broker.operations.documents import iso

    if progress is None:
        return None
    return {**asdict(progress), "at": iso(progress.at) if progress.at else None}


def _words(progress: Progress | None, seen: DatabaseSeen | None = None) -> str:
    if progress is None:
        if seen is not None and seen.jobs:
            return f"a database of an earlier version, at job {seen.jobs}"
        return "no database yet"
    at = f", {moment(progress.at)} UTC" if progress.at else ""
    return (
        f"database {progress.identity[:8]}, at job {progress.jobs}, change {progress.changes}{at}"
    )
