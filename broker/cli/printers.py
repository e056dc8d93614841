"""`broker printers`: the pool, and the duty of each printer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, ReasonOption
from broker.model.printer import Duty

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The printer's name.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def printers(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List printers, show one, or set its duty.

    STATUS is what was observed (up, degraded, down, unknown), DUTY is what a person wants (ready,
    drain, maint). LOAD is films x copies not yet settled; DONE films accepted; FAIL attempts that
    failed.

    Example: broker printers drain oki-1 -r "new drum"
    """
    if ctx.invoked_subcommand is None:
        _list(ctx, config, as_document)


@app.command("list")
def list_printers(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List printers, as `broker printers` alone does.

    Example: broker printers list --json
    """
    _list(ctx, config, as_document)


@app.command()
def ready(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Let a printer take jobs again, once its checks pass.

    Use it after a repair, too: its earlier failures are forgotten, and waiting jobs that it
    refused are tried there again.

    Example: broker printers ready oki-1
    """
    _set(ctx, config, name, Duty.READY, reason)


@app.command()
def drain(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Give a printer no new jobs; it finishes what it prints.

    Checks go on.

    Example: broker printers drain oki-1 -r "new drum"
    """
    _set(ctx, config, name, Duty.DRAIN, reason)


@app.command()
def maint(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Take a printer out: no new jobs and no checks.

    Example: broker printers maint oki-1 -r "technician is here"
    """
    _set(ctx, config, name, Duty.MAINT, reason)


@app.command()
def halt(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Another word for maint.

    Example: broker printers halt oki-1
    """
    _set(ctx, config, name, Duty.MAINT, reason)


@app.command()
def show(
    ctx: typer.Context,
    name: NameArgument,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one printer, and what was learned of it.

    What a printer was seen to refuse, or not to take, is believed for retry.learned_days.

    Example: broker printers show oki-1
    """
    import time

    from broker.cli import queue_tables, tables
    from broker.cli.options import opened
    from broker.operations import documents

    console = tables.terminal()
    with opened(ctx, config) as store:
        found, known = store.printers.get(name), store.capabilities.of(name)
        running = store.running
    if as_document:
        learned = [documents.of_capability(each) for each in known]
        typer.echo(tables.as_json({**documents.of_printer(found), "capabilities": learned}))
        return
    now = time.time()
    table = queue_tables.printers([found], now, console.width, running=running)
    tables.show([*table, *queue_tables.capabilities(found, known, now, console.width)], console)


@app.command()
def forget(ctx: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """Forget what was learned of a printer.

    Use it after a printer was changed: it is asked again for all that films ask. `ready` forgets
    what it refuses, too.

    Example: broker printers forget oki-1
    """
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.operations.commands import PrinterCommands

    with opened(ctx, config) as store:
        typer.echo(PrinterCommands(store, person()).forget(name))


def _list(ctx: typer.Context, config: Path | None, as_document: bool) -> None:
    import time

    from broker.cli import queue_tables, tables
    from broker.cli.options import opened
    from broker.cli.tables import around, banners
    from broker.operations import documents

    console = tables.terminal()
    with opened(ctx, config) as store:
        found, above = store.printers.list(), banners(store, console.width)
        running = store.running
    if as_document:
        typer.echo(tables.as_json([documents.of_printer(printer) for printer in found]))
    elif found:
        table = queue_tables.printers(found, time.time(), console.width, running=running)
        tables.show(around(table, above, console.height), console)
    else:
        tables.show(above, console)
        typer.echo("No printers are configured. New films are refused; what waits is kept.")


def _set(ctx: typer.Context, config: Path | None, name: str, duty: Duty, reason: str) -> None:
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.model.printable import printable_lines
    from broker.operations.commands import PrinterCommands

    with opened(ctx, config) as store:
        typer.echo(printable_lines(PrinterCommands(store, person()).set_duty(name, duty, reason)))
