"""`broker db`: the version of the database's tables."""

from __future__ import annotations

import typer

from broker.cli.options import ConfigOption, JsonOption, configured
from broker.desk.phrases import count

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Bring the database up to date, or say which version it has.\n\n"
    "Example: broker db upgrade",
)


@app.command()
def upgrade(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Bring the tables to the version that this broker needs.

    Stop the broker first; take a copy of the database before you do.

    Example: broker db upgrade
    """
    from broker.cli.progress import Progress
    from broker.config import load
    from broker.desk.failures import Failure
    from broker.desk.opened import database, running_on
    from broker.store import schema

    settings = load(configured(ctx, config))
    file = settings.database_file
    with database(settings) as opened:
        before = schema.current(opened)
        if before == schema.head():
            typer.echo(f"{file}: already at {before}, the newest; nothing to do")
            return
        if running_on(settings):
            raise Failure(f"{file}: a broker is running on it; stop it, then do this again")
        steps = schema.steps(opened)
        typer.echo(f"{file}: {count(len(steps), 'step')}, all or none: broken off, it is as before")
        following = [*steps[1:], "writing it to the disk"]
        with Progress(steps[0], len(steps)) as progress:

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
    from broker.cli.tables import as_json
    from broker.config import load
    from broker.desk.opened import database
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
