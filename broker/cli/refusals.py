"""`broker refusals`: what the broker said no to, and how often."""

from __future__ import annotations

import typer

from broker.cli.options import ConfigOption, JsonOption


def refusals(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List refusals by kind: connections, associations and films that were not taken.

    Counted over all lives of the broker, written down every few seconds.

    Example: broker refusals
    """
    import time
    from dataclasses import asdict

    from broker.cli import tables
    from broker.cli.documents import iso
    from broker.cli.opening import opened
    from broker.cli.tables import Column, Row, age, moment

    with opened(ctx, config) as store:
        found = store.refusals.list()
    if as_document:
        typer.echo(
            tables.as_json(
                [
                    asdict(each) | {"first_at": iso(each.first_at), "last_at": iso(each.last_at)}
                    for each in found
                ]
            )
        )
        return
    if not found:
        typer.echo("Nothing was refused.")
        return
    columns = (
        Column("KIND"),
        Column("NUMBER", right=True),
        Column("SINCE", below=True),
        Column("LAST", right=True),
        Column("LAST PEER"),
    )
    now = time.time()
    rows = [
        Row(
            (
                each.kind,
                str(each.number),
                moment(each.first_at),
                age(now - each.last_at),
                each.last_peer,
            )
        )
        for each in found
    ]
    console = tables.terminal()
    tables.show(tables.lay_out(columns, rows, console.width), console)
