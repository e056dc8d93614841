"""`broker config`: the configuration, begun, checked and shown."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, configured, named
from broker.cli.owner import ROOT
from broker.model.storage.disk import MB, Room

if TYPE_CHECKING:
    from broker.config.schema import Config

MODE = 0o640
"""Of a new file: an address in it may hold a password, as a webhook's does."""

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Begin a configuration, check or show it.\n\nExample: broker config check",
)


@app.command()
def init(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="The file to write; else the one that -c or BROKER_CONFIG names, else "
            "./broker.toml.",
        ),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write a configuration file with comments, for a site to fill in.

    What only the site knows is empty in it: `broker config check` names that, and `broker serve`
    does not start before. A file that is there already is not changed.

    Example: broker config init /etc/broker/broker.toml
    """
    from broker.config.file import FILE_NAME, locate
    from broker.config.first_file import first_file
    from broker.operations.words.failures import Failure

    path = file or locate(named(ctx, config)) or Path(FILE_NAME)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    except FileExistsError as error:
        raise Failure(
            f"{path}: is there already and was not changed; name another file, or move this one "
            "away first"
        ) from error
    except FileNotFoundError as error:
        raise Failure(f"{path.parent}: there is no such folder; make it first") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(first_file(path))
    typer.echo(f"{path} is written. Fill in the AE title and the host of each printer, then:")
    typer.echo(f"  broker config check -c {shlex.quote(str(path))}")
    typer.echo(f"  broker serve -c {shlex.quote(str(path))}")
    if os.geteuid() == ROOT:
        typer.echo(
            "Root alone can read it now: give it to the group of the user that the broker runs as, "
            f"as with `chgrp broker {shlex.quote(str(path))}`."
        )


@app.command()
def check(
    ctx: typer.Context,
    config: ConfigOption = None,
) -> None:
    """Find every mistake of the configuration; exit 2 when there is one.

    Example: broker config check --config /etc/broker/broker.toml
    """
    import time

    from broker.config import certificates
    from broker.config.file import required, warnings
    from broker.operations.words.text import count

    path = configured(ctx, config, opens_data=False)
    file = required(path)
    settings, found = certificates.read(path, time.time())
    here = _of_this_machine(settings, ctx.command_path, file)
    said = [*warnings(settings), *found.warnings, *here]
    for words in said:
        typer.echo(f"warning: {words}", err=True)
    printers = count(len(settings.printers), "printer")
    if said:
        typer.echo(f"{file}: no mistakes, {printers}, but {count(len(said), 'warning')} above")
    else:
        typer.echo(f"{file}: correct, {printers}")


def _of_this_machine(settings: Config, command: str, file: Path) -> list[str]:
    """What the file may ask for, and this machine cannot give now."""
    from broker.cli.owner import refusal
    from broker.operations import data_folder

    if refused := refusal(settings, command, file):
        return [f"the data folder was not looked at: {refused}"]
    folder = settings.data_dir
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if os.access(there, os.F_OK) and not there.is_dir():
        return [f"broker.data_dir: {folder} cannot be made, as {there} is a file"]
    if not os.access(there, os.W_OK | os.X_OK):
        return [
            f"broker.data_dir: {folder} cannot be written by this user (uid {os.getuid()}); if the "
            "broker runs as another user, type `broker config check` as that user"
        ]
    room = Room(shutil.disk_usage(there).free, settings.retention.floor_mb * MB)
    less = "finished jobs lose their pixels, and without any left new films are refused"
    low = [f"{room.words}: {less}"] if room.low else []
    return [
        *data_folder.remarks(settings),
        *low,
        *_open_to_others(settings),
        *_of_the_spool(settings),
    ]


def _open_to_others(settings: Config) -> list[str]:
    """What of the data folder other users may read."""
    from broker.operations.data_folder import Exposed, exposed

    if not settings.data_dir.is_dir():
        return []
    by_reason: dict[str, list[Exposed]] = {}
    for each in exposed(settings.data_dir, settings.database_file):
        by_reason.setdefault(each.why_left.replace(str(each.path), ""), []).append(each)
    return [
        first.words + (f"; {len(rest)} more files and folders, too" if rest else "")
        for first, *rest in by_reason.values()
    ]


def _of_the_spool(settings: Config) -> list[str]:
    """That it is not there, where the queue needs it, or does not fit to the queue. A database that
    cannot be asked is the affair of other commands."""
    from broker.operations.opened import no_spool
    from broker.operations.words.failures import explained

    try:
        words = no_spool(settings)
    except Exception as error:
        if explained(error) is None:
            raise
        return []
    return [words] if words else []


@app.command()
def show(
    ctx: typer.Context,
    config: ConfigOption = None,
    as_document: JsonOption = False,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help="Print addresses whole, with passwords and tokens in them."),
    ] = False,
) -> None:
    """Print the effective configuration, every key with what it means.

    An address that holds a secret, such as a webhook's, is printed without it.

    Example: broker config show
    """
    from broker.cli.output.tables import as_json
    from broker.config.file import load, locate, without_secrets
    from broker.config.file import show as rendered

    path = configured(ctx, config, opens_data=False)
    settings = load(path)
    if as_document:
        told = settings if secrets else without_secrets(settings)
        typer.echo(as_json(told.model_dump(mode="json")))
        return
    file = locate(path)
    typer.echo(f"# Effective configuration, from {file.absolute() if file else 'all defaults'}.\n")
    typer.echo(rendered(settings, secrets=secrets), nl=False)
