"""`broker printers`: the pool as it is, and what the operator wants of each printer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, ReasonOption
from broker.model.printer import Duty, Health

if TYPE_CHECKING:
    from broker.cli.opening import Store
    from broker.model.printer import Printer

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The printer's name.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def printers(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List printers, or say what is wanted of one.

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

    Say it after mending, too: its earlier failures are forgotten, and waiting jobs that it had
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


def _list(ctx: typer.Context, config: Path | None, as_document: bool) -> None:
    import time

    from broker.cli import documents, printer_table, tables
    from broker.cli.banners import around, banners
    from broker.cli.opening import opened

    console = tables.terminal()
    with opened(ctx, config) as store:
        found, above = store.printers.list(), banners(store, console.width)
    if as_document:
        typer.echo(tables.as_json([documents.of_printer(printer) for printer in found]))
    elif found:
        table = printer_table.printers(found, time.time(), console.width)
        tables.show(around(table, above, console.height), console)
    else:
        tables.show(above, console)
        typer.echo("No printers are configured: films are taken and kept, none is printed.")


def _set(ctx: typer.Context, config: Path | None, name: str, duty: Duty, reason: str) -> None:
    from broker.cli.opening import opened

    with opened(ctx, config) as store:
        before = store.printers.get(name)
        same = before.duty is duty and reason in ("", before.duty_reason)
        if same and duty is not Duty.READY:
            typer.echo(_as_before(before))
            return
        store.printers.set_duty(name, duty, "" if same else reason)
        forgiven = "; what it failed before is forgotten" if before.failures_in_row else ""
        typer.echo(_next(store, store.printers.get(name)) + forgiven)


def _as_before(printer: Printer) -> str:
    """For a duty that is set already: nothing is written, its time counts on."""
    import time

    from broker.cli.tables import age

    since = age(time.time() - printer.duty_since)
    why = f": {printer.duty_reason}" if printer.duty_reason else ""
    return f"{printer.name} was already {printer.duty}, for {since}{why}; nothing was changed"


def _next(store: Store, printer: Printer) -> str:
    """What the broker does with a printer whose duty was just set."""
    name = printer.name
    others = any(
        other.name != name and other.duty is Duty.READY and other.health is not Health.DOWN
        for other in store.printers.list()
    )
    elsewhere = "go to the others" if others else "wait: no other printer can take them"
    cut_off = printer.claims and not store.running
    prints = printer.claims and not cut_off
    now = "the job in hand is finished" if prints else "nothing is printing on it"
    if cut_off:
        elsewhere += "; no broker is running, and its last job was cut off"
    match printer.duty:
        case Duty.DRAIN:
            return f"{name} drains: {now}, checks go on, jobs {elsewhere}"
        case Duty.MAINT:
            return f"{name} is in maintenance: {now}, no checks, jobs {elsewhere}"
        case Duty.READY:
            if printer.health in (Health.UP, Health.DEGRADED):
                return f"{name} is ready and {printer.health}: it takes jobs now"
            return f"{name} is ready and {printer.health}: it takes jobs once its checks pass"
