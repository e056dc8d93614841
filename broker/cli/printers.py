"""`broker printers`: the pool, and the duty of each printer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption, ReasonOption
from broker.model.printers.printer import Duty

YesOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask, though nothing prints then.")
]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The printer's name.")]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def printers(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List printers, show one, or set its duty.

    Above them stands the state of the whole, below each printer what it says and what to do.
    STATUS is what was observed (up, degraded, down, unknown; refusing, where it answers checks and
    refuses every film), DUTY is what a person wants (ready,
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

    Of one that is ready already it means: mended, try again. Its earlier failures are forgotten,
    and what it was known to refuse; waiting jobs that it refused are tried there at once. The page
    calls it so.

    Example: broker printers ready oki-1
    """
    _set(ctx, config, name, Duty.READY, reason)


@app.command()
def drain(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Give a printer no new jobs; it finishes what it prints.

    Checks go on. Where it is the last printer that takes films, that is said before, and a person
    on a terminal is asked, unless --yes.

    Example: broker printers drain oki-1 -r "new drum"
    """
    _set(ctx, config, name, Duty.DRAIN, reason, yes=yes)


@app.command()
def maint(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Take a printer out: no new jobs and no checks.

    Where it is the last printer that takes films, that is said before, and a person on a terminal
    is asked, unless --yes.

    Example: broker printers maint oki-1 -r "technician is here"
    """
    _set(ctx, config, name, Duty.MAINT, reason, yes=yes)


@app.command()
def halt(
    ctx: typer.Context,
    name: NameArgument,
    reason: ReasonOption = "",
    yes: YesOption = False,
    config: ConfigOption = None,
) -> None:
    """Another word for maint.

    Example: broker printers halt oki-1
    """
    _set(ctx, config, name, Duty.MAINT, reason, yes=yes)


@app.command()
def show(
    ctx: typer.Context,
    name: NameArgument,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show one printer: its model, what it refuses, who ordered what.

    A printer is asked for its model and serial number once a day; many do not tell them.
    What a printer was seen to refuse, or not to take, is believed for retry.learned_days.

    Example: broker printers show oki-1
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import queue_tables, tables
    from broker.operations import documents
    from broker.operations.condition.whole import standing_printer

    console = tables.terminal()
    with opened(ctx, config, queue_alone=True) as store:
        found, known = standing_printer(store, name), store.capabilities.of(name)
        running, given = store.running, store.command_log.of_printer(name)
    if as_document:
        learned = [documents.of_capability(each) for each in known]
        typer.echo(tables.as_json({**documents.of_printer(found), "capabilities": learned}))
        return
    now = time.time()
    table = queue_tables.printers([found], now, console.width, running=running)
    table += queue_tables.capabilities(found, known, now, console.width)
    tables.show([*table, *queue_tables.recorded(given, console.width)], console)


@app.command()
def forget(ctx: typer.Context, name: NameArgument, config: ConfigOption = None) -> None:
    """Forget what was learned of a printer.

    Use it after a printer was changed: it is asked again for all that films ask. `ready` forgets
    what it refuses, too.

    Example: broker printers forget oki-1
    """
    from broker.cli.options import opened
    from broker.cli.owner import person
    from broker.operations.commands.recorded import PrinterCommands

    with opened(ctx, config, queue_alone=True) as store:
        typer.echo(PrinterCommands(store, person()).forget(name))


def _list(ctx: typer.Context, config: Path | None, as_document: bool) -> None:
    import time

    from broker.cli.options import opened
    from broker.cli.output import queue_tables, tables
    from broker.model.printers.standing import troubled_first
    from broker.operations import documents
    from broker.operations.condition.alarms import above
    from broker.operations.condition.whole import standing_printers

    console, now = tables.terminal(), time.time()
    with opened(ctx, config, queue_alone=True) as store:
        if as_document:
            found = standing_printers(store)
            typer.echo(tables.as_json([documents.of_printer(printer) for printer in found]))
            return
        seen, running = above(store, now), store.running
        found = seen.printers or tuple(store.printers.list())
    lines = tables.head(seen, now, console.width)
    if found:
        listed = troubled_first(found)
        table = queue_tables.printers(listed, now, console.width, running=running)
        shown = tables.around(table, lines, console.height, alarming=seen.alarming)
        tables.show(shown, console)
    else:
        tables.show(lines, console)
        typer.echo("No printers are configured. New films are refused; what waits is kept.")


def _set(
    ctx: typer.Context, config: Path | None, name: str, duty: Duty, reason: str, *, yes: bool = True
) -> None:
    from broker.cli.options import opened
    from broker.cli.output.local_time import told
    from broker.cli.owner import person
    from broker.operations.commands.recorded import PrinterCommands
    from broker.operations.condition.whole import before_duty

    with opened(ctx, config, queue_alone=True) as store:
        store.printers.get(name)  # a name that there is not is told first
        if words := before_duty(store, [name], duty):
            _warn(words, yes=yes)
        typer.echo(told(PrinterCommands(store, person()).set_duty(name, duty, reason)))


def _warn(words: str, *, yes: bool) -> None:
    """Say that nothing prints then; Failure where a person on a terminal does not want that."""
    import sys

    from broker.cli.output.tables import folded, terminal
    from broker.operations.words.failures import Failure

    for line in folded(words, terminal().width):
        typer.echo(line.plain, err=True)
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm("Go on?", err=True):
        raise Failure("nothing was changed")
