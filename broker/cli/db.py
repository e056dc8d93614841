"""`broker db`: the version of the database's tables, and whether all of it is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, configured
from broker.operations.words.text import count

if TYPE_CHECKING:
    from pathlib import Path

    from broker.backup.checking import Checked

LISTED = 20
"""Findings of one kind that are listed."""
CONSEQUENCES = {
    "users": (
        "Users are lost, and cannot sign in to the page: `broker user list` says who is left; "
        "make the others again with `broker user add`. Where none is left, a page that only this "
        "machine reaches asks for no sign-in."
    ),
    "printers": (
        "The drain and maint of printers that could not be read are gone: these print again when "
        "the broker starts. `broker printers` shows them as ready; drain again those that you had "
        "taken out."
    ),
}
"""Table -> what it means that not all of it could be read, and what to do."""
IDENTITY_LOST = (
    "The database's identity is lost, by which it belonged to the spool: `broker spool adopt` goes "
    "on with both, and says first what becomes of the jobs."
)

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Check the database and its spool, or bring it up to date.\n\nExample: broker db check",
)


@app.command()
def upgrade(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Bring the tables to the version that this broker needs.

    Stop the broker first, and make a backup: `broker backup DIR`.

    Example: broker db upgrade
    """
    from broker.cli.output.progress import ProgressLine
    from broker.config.file import load
    from broker.operations.opened import database, running_on
    from broker.operations.words.failures import Failure
    from broker.spool.binding import mismatch
    from broker.store import schema

    settings = load(configured(ctx, config))
    file = settings.database_file
    with database(settings, make=True) as opened:
        before = schema.current(opened)
        if before == schema.head():
            typer.echo(f"{file}: already at {before}, the newest; nothing to do")
            return
        if running_on(settings):
            raise Failure(f"{file}: a broker is running on it; stop it, then do this again")
        if found := mismatch(settings.data_dir / "spool", file):
            raise found
        steps = schema.steps(opened)
        typer.echo(f"{file}: {count(len(steps), 'step')}, all or none: broken off, it is as before")
        following = [*steps[1:], "writing it to the disk"]
        with ProgressLine(steps[0], len(steps)) as progress:

            def done(step: str) -> None:
                progress.say(f"{file}: {step}")
                progress.count()
                progress.tell(following.pop(0))

            schema.upgrade(opened, done)
        typer.echo(f"{file}: now at {schema.current(opened)}, the newest")


@app.command()
def current(
    ctx: typer.Context, config: ConfigOption = None, as_document: JsonOption = False
) -> None:
    """Say which version the tables have.

    Example: broker db current
    """
    from broker.cli.output.tables import as_json
    from broker.config.file import load
    from broker.operations.opened import database
    from broker.store import schema

    settings = load(configured(ctx, config))
    file, head = settings.database_file, schema.head()
    revision = None
    if file.exists():
        with database(settings) as opened:
            revision = schema.current(opened)
    if as_document:
        typer.echo(as_json({"database": str(file), "version": revision, "newest": head}))
    elif revision == head:
        typer.echo(f"{file}: at {revision}, the newest")
    else:
        typer.echo(f"{file}: at {revision or 'none yet'}; `broker db upgrade` brings it to {head}")


@app.command()
def check(
    ctx: typer.Context,
    full: Annotated[
        bool,
        typer.Option("--full", help="Read every spool file, too, and compare it with its name."),
    ] = False,
    config: ConfigOption = None,
    as_document: JsonOption = False,
) -> None:
    """Check the database's pages, references and rows, and the spool.

    Nothing is written, and a running broker goes on. Without --full, spool files are looked at
    for their length only. The broker checks pages and references at each start, and everything but
    the content of spool files every night.

    Exit code 0 when all is in order, 1 when something is not: then it says what to do.

    Example: broker db check --full
    """
    import time

    from broker.backup.checking import check as check_all
    from broker.cli.output.progress import ProgressLine
    from broker.cli.output.tables import as_json, say
    from broker.config.file import load
    from broker.operations.words.failures import Failure, of_database
    from broker.spool.binding import mismatch
    from broker.store.sqlite import SqliteError

    settings = load(configured(ctx, config))
    file = settings.database_file
    if not file.is_file():
        lost = mismatch(settings.data_dir / "spool", file)
        new = f"{file}: there is no database, nor a spool of one; `broker serve` begins both"
        raise Failure(lost.words if lost else new)
    began = time.monotonic()
    with ProgressLine("checking pages and references", 1, quiet=as_document) as progress:
        stage = ""

        def tell(words: str, done: int, total: int) -> None:
            nonlocal stage
            if words != stage:
                stage = words
                progress.begin(words, total)
            progress.reached(done)

        try:
            found = check_all(file, settings.data_dir / "spool", full=full, tell=tell)
        except SqliteError as error:
            raise Failure(of_database(error, file) or f"{file}: {error}") from error
    seconds = time.monotonic() - began
    if as_document:
        typer.echo(as_json(_document(file, found, full, seconds)))
    else:
        for line in _lines(file, found, full, seconds):
            say(line.lstrip(" "), len(line) - len(line.lstrip(" ")))
    if found.findings:
        raise typer.Exit(1)


@app.command()
def salvage(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Read what is left of a damaged database into a new one.

    For a damaged database without a backup, or with one that is too old; else see `broker restore`.
    Stop the broker first. The new database takes the place of the damaged one, whose files are kept
    in a folder beside it, and the spool stays as it is. Jobs that have lost a part are held: print
    these again at the modality, then cancel them.

    Example: broker db salvage
    """
    import time

    from broker.backup.salvaging import salvage as read_rest
    from broker.cli.output.progress import ProgressLine
    from broker.cli.output.tables import say
    from broker.config.file import load
    from broker.operations.opened import running_on
    from broker.operations.words.failures import Failure
    from broker.operations.words.text import and_more
    from broker.spool.binding import mismatch

    settings = load(configured(ctx, config))
    file = settings.database_file
    if not file.is_file():
        raise Failure(f"{file}: there is no database; `broker spool` says what to do")
    if running_on(settings):
        raise Failure(f"{file}: a broker is running on it; stop it, then do this again")
    with ProgressLine("looking at the database", 1) as progress:
        found = read_rest(settings.data_dir, file, progress, time.time)
    say(f"{file}: {count(found.rows, 'row')} read, {count(found.jobs, 'job')} there.")
    if found.damaged:
        say(f"Not all could be read of: {', '.join(found.damaged)}.")
    if found.dropped:
        say(f"{count(found.dropped, 'row')} of jobs or films that are lost went, too.")
    if found.held:
        which = and_more(found.held, LISTED)
        say(f"Held, as a part of them is lost: job{'s' if len(found.held) > 1 else ''} {which}.")
    for table, words in CONSEQUENCES.items():
        if table in found.damaged:
            say(words)
    say(f"The damaged files are kept in {found.kept}.")
    lost = mismatch(settings.data_dir / "spool", file)
    if lost is None:
        say("`broker db check` says whether all is in order now; then start the broker.")
    else:
        say(IDENTITY_LOST if "queue" in found.damaged else lost.words)
    say("Films of jobs that are lost are listed by `broker spool` once a broker has started.")


def _document(file: Path, found: Checked, full: bool, seconds: float) -> dict[str, object]:
    from broker.model.storage.finding import remedy

    return {
        "database": str(file),
        "ok": not found.findings,
        "full": full,
        "jobs": found.jobs,
        "films": found.films,
        "spool_files": found.files,
        "seconds": round(seconds, 3),
        "findings": [
            {
                "kind": str(each.kind),
                "words": each.words,
                "jobs": list(each.jobs),
                "remedy": remedy(each.kind),
            }
            for each in found.findings
        ],
    }


def _lines(file: Path, found: Checked, full: bool, seconds: float) -> list[str]:
    from broker.model.storage.finding import remedy

    how = "content" if full else "length only"
    lines = [
        f"{file}: pages and references, {count(found.jobs, 'job')}, {count(found.films, 'film')}, "
        f"{count(found.files, 'spool file')} ({how}) in {seconds:.1f} s"
    ]
    if not found.findings:
        return [*lines, "All is in order."]
    kinds = list(dict.fromkeys(each.kind for each in found.findings))
    for kind in kinds:
        its = [each for each in found.findings if each.kind is kind]
        lines += ["", f"{kind}:"]
        lines += [f"  {each.sentence}" for each in its[:LISTED]]
        if len(its) > LISTED:
            lines.append(f"  and {len(its) - LISTED} more; --json has all")
        lines.append(f"  {remedy(kind)}")
    return ["NOT IN ORDER.", *lines]
