"""`broker purge`: let finished jobs go now, as retention does by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from broker.cli.opening import Store
    from broker.store.retention import Removal, Terms

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
DryOption = Annotated[bool, typer.Option("--dry-run", help="Say what would go; remove nothing.")]


def purge(
    ctx: typer.Context,
    dry_run: DryOption = False,
    pixels_hours: HoursOption = None,
    rows_days: DaysOption = None,
    as_document: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Remove the pixels of finished jobs, later their rows, as the broker does by itself.

    Only finished jobs (sent, printed, cancelled) whose time is over. What waits, prints or is
    held always stays.

    Example: broker purge --dry-run --pixels-hours 1
    """
    import time

    from broker.cli import tables
    from broker.cli.opening import opened
    from broker.relay.upkeep import Keeping

    with opened(ctx, config) as store:
        retention = store.config.retention
        hours = retention.pixels_hours if pixels_hours is None else pixels_hours
        days = retention.rows_days if rows_days is None else rows_days
        keeping = Keeping(hours * 3600, days * 86400)
        terms = keeping.terms(time.time())
        found = store.retention.due(terms)
        size = sum(map(store.spool().size, store.retention.alone(terms)))
        if not dry_run:
            _remove(store, terms, found)
        running = store.running
    if as_document:
        document = {
            "removed": not dry_run,
            "pixels_of": found.pixels,
            "bytes": size,
            "rows_of": found.rows,
        }
        typer.echo(tables.as_json(document))
        return
    verb = "would be removed" if dry_run else "removed"
    pixels, rows = tables.count(found.pixels, "job"), tables.count(found.rows, "job")
    size_mb = f"{size / (1 << 20):.1f} MB"
    typer.echo(f"pixels of {pixels}, ended more than {hours:g} h ago: {verb}, {size_mb}")
    typer.echo(f"rows of {rows}, ended more than {days:g} days ago: {verb}")
    if not dry_run and found.pixels and running:
        typer.echo("the running broker removes the files within a minute")


def _remove(store: Store, terms: Terms, found: Removal) -> None:
    """Rows first; the files at once when no broker is here to do it."""
    from rich.progress import Progress

    from broker.cli.tables import terminal
    from broker.store.occupancy import Occupancy, Occupied

    with Progress(console=terminal(), transient=True) as progress:
        task = progress.add_task("jobs", total=max(found.pixels, found.rows))
        while True:
            removal = store.retention.remove(terms)
            if not (removal.pixels or removal.rows):
                break
            progress.advance(task, max(removal.pixels, removal.rows))
    try:
        occupancy = Occupancy.take(store.config.data_dir)
    except Occupied:
        return  # its upkeep sweeps: a file may be on its way to a new job there
    try:
        store.spool().sweep(store.jobs.spooled)
    finally:
        occupancy.close()
