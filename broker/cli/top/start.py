"""`broker top`: Textual is imported only where there is a terminal."""

from __future__ import annotations

import typer

from broker.cli.options import ConfigOption


def top(ctx: typer.Context, config: ConfigOption = None) -> None:
    """Show printers and jobs on one screen, with keys to act.

    It reads the database alone, so it works over SSH and beside any broker. Keys are in the last
    line; q leaves.

    Example: broker top
    """
    import sys

    from broker.cli.options import opened
    from broker.cli.owner import person

    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise typer.BadParameter("it needs a terminal; `broker jobs` and `broker printers` do not")
    with opened(ctx, config, queue_alone=True) as store:
        from broker.cli.top.screen import Top  # here: Textual takes long

        Top(store, person()).run()
