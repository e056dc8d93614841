"""`broker refusals`: what the broker refused, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from broker.cli.options import ConfigOption, JsonOption

if TYPE_CHECKING:
    from broker.operations.condition.refusals import RefusedKind
    from broker.store.refusals import RefusalCount

NAMED = 5
"""Callers that are named below each kind."""


def refusals(
    ctx: typer.Context, as_document: JsonOption = False, config: ConfigOption = None
) -> None:
    """List what was refused, by kind, AE title and address.

    Connections, associations and requests that were not taken.

    Below each kind stand those who were refused, by AE title and address, and why the last time:
    first those that printed before and have not since, then the most often refused; --json has all
    of them.

    Counted over all starts of the broker, and written every few seconds. SINCE is the first of its
    kind.

    Example: broker refusals
    """
    import time

    from broker.cli.options import opened
    from broker.cli.output import tables
    from broker.cli.output.local_time import time_column
    from broker.cli.output.tables import Column, Row
    from broker.operations.condition.refusals import document_of, refused_kinds
    from broker.operations.words.failures import remedy
    from broker.operations.words.text import age

    with opened(ctx, config, queue_alone=True) as store:
        found = refused_kinds(store)
    if as_document:
        typer.echo(tables.as_json([document_of(each) for each in found]))
        return
    if not found:
        typer.echo("Nothing was refused.")
        return
    now = time.time()
    heading, times = time_column("SINCE", [each.count.first_at for each in found], now)
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
                each.count.kind,
                str(each.count.number),
                since,
                f"{age(now - each.count.last_at)} ago",
                each.count.last_peer,
            ),
            (
                *(_most_often(each, now) or filter(None, (_whom(each.count),))),
                *filter(None, (remedy(each.count.kind),)),
            ),
        )
        for each, since in zip(found, times, strict=True)
    ]
    console = tables.terminal()
    tables.show(tables.lay_out(columns, rows, console.width), console)


def _most_often(kind: RefusedKind, now: float) -> list[str]:
    """Those that printed before and not since, then those that were refused most often."""
    from broker.model.printable import one_line
    from broker.operations.condition.refusals import keeps_from_printing, name_of
    from broker.operations.words.text import age

    lines, callers = [], kind.callers
    for each in callers[:NAMED]:
        times = "once" if each.number == 1 else f"{each.number} times"
        last = f", {times}, last {age(now - each.last_at)} ago"
        about = ", ".join(filter(None, (each.last_status, each.last_attribute)))
        why = ": ".join(filter(None, (one_line(each.last_why), about)))
        called = f", calling {one_line(each.last_called_ae)}" if each.last_called_ae else ""
        who = name_of(each, kind.nicknames)
        lines.append(f"{who}{called}{last}" + (f": {why}" if why else ""))
        if keeps_from_printing(each):
            lines[-1] += ". IT PRINTED BEFORE, AND HAS NOT SINCE"
    if more := sum(each.number for each in callers[NAMED:]):
        lines.append(f"{len(callers) - NAMED} more, {more} times in all")
    return lines


def _whom(refusal: RefusalCount) -> str:
    """From where the last one came, and whom it called, as far as its row does not say it."""
    known = refusal.last_address in ("", refusal.last_peer)
    came = "" if known else f"from {refusal.last_address}"
    called = f"calling {refusal.last_called_ae}" if refusal.last_called_ae else ""
    return ", ".join(filter(None, (came, called)))
