"""`broker refusals`: what the broker refused, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from broker.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from broker.store.refusals import RefusalCount, RefusedCaller

NAMED = 5
"""Callers that are named below each kind."""


def refusals(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List what was refused, by kind, AE title and address.

    Connections, associations and requests that were not taken.

    Below each kind stand those who were refused most often, by AE title and address, and why the
    last time; --json has all of them.

    Counted over all starts of the broker, and written every few seconds. SINCE is the first of its
    kind.

    Example: broker refusals
    """
    import time
    from dataclasses import asdict

    from broker.cli import tables
    from broker.cli.local_time import time_column
    from broker.cli.options import opened
    from broker.cli.tables import Column, Row
    from broker.operations.documents import iso
    from broker.operations.failures import remedy
    from broker.operations.text import age

    with opened(ctx, config) as store:
        found = store.refusals.list()
        callers = store.refusals.callers()
    if as_document:
        typer.echo(
            tables.as_json(
                [
                    asdict(each)
                    | {"first_at": iso(each.first_at), "last_at": iso(each.last_at)}
                    | {"remedy": remedy(each.kind)}
                    | {"callers": [_document(one) for one in callers if one.kind == each.kind]}
                    for each in found
                ]
            )
        )
        return
    if not found:
        typer.echo("Nothing was refused.")
        return
    now = time.time()
    heading, times = time_column("SINCE", [each.first_at for each in found], now)
    columns = (
        Column("KIND"),
        Column("NUMBER", right=True),
        Column(heading),
        Column("LAST", right=True),
        Column("LAST PEER"),
    )
    rows = [
        Row(
            (
                each.kind,
                str(each.number),
                since,
                f"{age(now - each.last_at)} ago",
                each.last_peer,
            ),
            (
                *filter(None, (_whom(each),)),
                *_most_often([one for one in callers if one.kind == each.kind]),
                *filter(None, (remedy(each.kind),)),
            ),
        )
        for each, since in zip(found, times, strict=True)
    ]
    console = tables.terminal()
    tables.show(tables.lay_out(columns, rows, console.width), console)


def _document(caller: RefusedCaller) -> dict[str, object]:
    from dataclasses import asdict

    from broker.operations.documents import iso

    document = asdict(caller)
    del document["kind"]
    return document | {"first_at": iso(caller.first_at), "last_at": iso(caller.last_at)}


def _most_often(callers: list[RefusedCaller]) -> list[str]:
    """Who was refused most often, where there are several or more to say than the row does."""
    from broker.model.printable import one_line

    lines = []
    for each in callers[:NAMED]:
        who = " at ".join(filter(None, (one_line(each.calling_ae), each.host))) or "others"
        why = f": {one_line(each.last_why)}" if each.last_why else ""
        lines.append(f"{who}, {each.number} times{why}".replace(", 1 times", ", once"))
    if more := sum(each.number for each in callers[NAMED:]):
        lines.append(f"{len(callers) - NAMED} more, {more} times in all")
    return lines


def _whom(refusal: RefusalCount) -> str:
    """From where the last one came, and whom it called, as far as its row does not say it."""
    known = refusal.last_address in ("", refusal.last_peer)
    came = "" if known else f"from {refusal.last_address}"
    called = f"calling {refusal.last_called_ae}" if refusal.last_called_ae else ""
    return ", ".join(filter(None, (came, called)))
