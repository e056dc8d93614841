"""`broker purge`: let finished jobs go now, as retention does by itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption
from broker.operations.words.text import count, megabytes

if TYPE_CHECKING:
    from broker.operations.opened import Store
    from broker.store.queue.retention import Removal, Terms

HoursOption = Annotated[
    float | None,
    typer.Option(
        "--pixels-hours", min=0, metavar="N", help="Instead of retention.pixels_hours; 0 is all."
    ),
]
DaysOption = Annotated[
    float | None,
    typer.Option("--rows-days", min=0, metavar="N", help="Instead of retention.rows_days."),
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, whatever the times are.")]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")]


def purge(
    ctx: typer.Context,
    dry_run: DryOption = False,
    pixels_hours: HoursOption = None,
    rows_days: DaysOption = None,
    yes: YesOption = False,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Remove finished jobs' pixels, later their rows.

    The broker does so by itself. Only finished jobs (sent, printed, cancelled) whose time is over.
    What waits, prints or is held always stays. Without its pixels a job cannot be printed again.

    On a terminal it asks first when a time is shorter than the configured one, unless --yes; from
    a script it does not ask.

    Example: broker purge --dry-run --pixels-hours 1
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.relay.upkeep import Keeping

    with opened(ctx, config) as store:
        retention = store.config.retention
        hours = retention.pixels_hours if pixels_hours is None else pixels_hours
        days = retention.rows_days if rows_days is None else rows_days
        keeping = Keeping(hours * 3600, days * 86400)
        terms = keeping.terms(time.time())
        found = store.retention.due(terms)
        spool = store.spool()
        going = {name: spool.size(name) for name in store.retention.alone(terms)}
        if not dry_run:
            sooner = hours < retention.pixels_hours or days < retention.rows_days
            if sooner and (found.pixels or found.rows) and not yes and sys.stdin.isatty():
                _ask(found)
            found = _remove(store, terms, found, quiet=as_document)
            kept = store.references.spooled() if going else set()
            going = {name: size for name, size in going.items() if name not in kept}
    size = sum(going.values())
    if as_document:
        document = {
            "removed": not dry_run,
            "pixels_of": found.pixels,
            "bytes": size,
            "rows_of": found.rows,
        }
        typer.echo(tables.as_json(document))
        return
    done = "would be removed" if dry_run else "removed"
    pixels, rows = count(found.pixels, "job"), count(found.rows, "job")
    typer.echo(f"pixels of {pixels}, ended more than {hours:g} h ago: {done}, {megabytes(size)}")
    typer.echo(f"rows of {rows}, ended more than {days:g} days ago: {done}")
    if found.pixels:
        cannot = "could not" if dry_run else "cannot"
        typer.echo(f"{pixels} {cannot} be printed again from here: `broker jobs reprint` refuses")


def _ask(found: Removal) -> None:
    """Failure unless a person says yes."""
    from broker.operations.words.failures import Failure

    rows = f", {count(found.rows, 'job')} will be forgotten" if found.rows else ""
    words = f"{count(found.pixels, 'finished job')} cannot be printed again then{rows}. Go on?"
    if not typer.confirm(words, err=True):
        raise Failure("nothing was removed")


def _remove(store: Store, terms: Terms, found: Removal, *, quiet: bool) -> Removal:
    """Rows first, then the files. What really went."""
    import time

    from broker.cli.output.progress import ProgressLine
    from broker.store.queue.retention import Removal

    pixels = rows = 0
    with ProgressLine("letting jobs go", found.pixels + found.rows, quiet=quiet) as progress:
        while True:
            removal = store.retention.remove(terms)
            if not (removal.pixels or removal.rows):
                break
            pixels, rows = pixels + removal.pixels, rows + removal.rows
            progress.count(removal.pixels + removal.rows)
        progress.tell("removing their files")
        keep_s = store.config.retention.orphans_days * 86400
        # What was set aside is left to the running broker, which knows whether the clock is steady.
        store.spool().sweep(store.references, now=time.time(), keep_s=keep_s, expire=False)
    return Removal(pixels, rows)
