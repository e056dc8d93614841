"""Options that several commands share, and opening the store for a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.model.peers.caller import RIGHT_TITLE, is_ae_title
from broker.model.printable import printable

if TYPE_CHECKING:
    from broker.config.file import ConfigError
    from broker.config.schema import Config
    from broker.operations.opened import Store

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        help="The configuration file; else the one that BROKER_CONFIG names, else ./broker.toml.",
        metavar="FILE",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
ReasonOption = Annotated[
    str,
    typer.Option(
        "--reason", "-r", help="The reason; tables and the page show it.", metavar="REASON"
    ),
]


def ae_title(text: str) -> str:
    """An AE title as it was typed; empty where the option was left out."""
    if text and not is_ae_title(text):
        raise typer.BadParameter(f"{printable(text)} is not an AE title; {RIGHT_TITLE}")
    return text.strip(" ")


def job_number(text: str) -> int:
    """A job's number as it was typed."""
    if not (text.isascii() and text.isdigit()):
        raise typer.BadParameter(
            f"{text} is not a job's number; it is what `broker jobs` shows below ID, as 42"
        )
    return int(text)


def configured(ctx: typer.Context, config: Path | None, *, opens_data: bool = True) -> Path | None:
    """The file that the command names, or the command above it: `broker -c FILE jobs`.

    From now on this process is the owner of the data folder that the file names: see `owner`. A
    command that opens nothing there (`opens_data` is false) may run as any user.

    Raises: Failure: when this user may not open the data folder.
    """
    config = named(ctx, config)
    _own(ctx, config, must=opens_data)
    return config


def named(ctx: typer.Context, config: Path | None) -> Path | None:
    """The file that the command names, or the command above it."""
    above = ctx.parent
    while config is None and above is not None:
        config = above.params.get("config")
        above = above.parent
    return config


def _own(ctx: typer.Context, config: Path | None, *, must: bool) -> None:
    from broker.cli.owner import ROOT, act_as_owner
    from broker.config.file import ConfigError, load, locate

    if not must and os.geteuid() != ROOT:
        return
    try:
        settings = load(config)
    except ConfigError:
        return  # the command names the mistakes, and opens nothing
    act_as_owner(settings, ctx.command_path, locate(config))


def _queue_of(ctx: typer.Context, file: Path | None, queue: Config, error: ConfigError) -> Config:
    """The same, once it is told. Raises: ConfigError: there is no such queue."""
    from broker.cli.owner import act_as_owner
    from broker.config.file import locate

    act_as_owner(queue, ctx.command_path, locate(file))
    if not queue.database_file.is_file():
        raise error
    for line in error.problems:
        typer.echo(line, err=True)
    told = "The configuration has mistakes: no broker starts with it. The queue that it names:"
    typer.echo(told, err=True)
    return queue


@contextmanager
def opened(
    ctx: typer.Context, config: Path | None, *, queue_alone: bool = False, begin: bool = False
) -> Iterator[Store]:
    """The store that the configuration names.

    With `queue_alone` the command needs no more of the file than where the queue is: other mistakes
    are told, and it goes on. With `begin` folders are made where there is nothing of a queue yet,
    as `broker serve` makes them, and it is told.

    Raises:
        ConfigError: the file has mistakes, or there is neither a file nor a data folder.
        Failure, SpoolMismatch, SchemaTooOld, SchemaTooNew: the data folder cannot be used.
        OSError: the system refuses it.
    """
    from broker.config.file import FILE_NAME, ConfigError, load, locate
    from broker.operations.opened import store_of

    file = named(ctx, config)
    try:
        settings = load(configured(ctx, file))
    except ConfigError as error:
        if not queue_alone or error.queue is None:
            raise
        settings = _queue_of(ctx, file, error.queue, error)
    if locate(file) is None and not settings.data_dir.exists():
        raise ConfigError(
            [
                f"no {FILE_NAME} and no {settings.data_dir.name} in {Path.cwd()}: go to the "
                "broker's folder, name the file with -c FILE, or export BROKER_CONFIG=FILE"
            ]
        )
    with store_of(settings, make=begin and _made(settings)) as store:
        yield store


def _made(settings: Config) -> bool:
    """Whether the folders of the queue are to be made, which is told: the data folder is missing,
    and no database is elsewhere, whose films would be in it."""
    from broker.cli.owner import account

    folder = settings.data_dir
    if folder.exists() or settings.database_file.exists():
        return False
    told = f"{folder}: made for a new queue; the broker has to run as its owner, {account().words}"
    typer.echo(told, err=True)
    return True
