"""The printers as a table for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from broker.cli.tables import Column, Row, lay_out
from broker.model.hosts import at_port
from broker.model.printer import Printer
from broker.operations.printer_remarks import of_printer
from broker.operations.text import age

COLUMNS = (
    Column("NAME"),
    Column("AE@HOST:PORT", below=True),
    Column("STATUS"),
    Column("DUTY"),
    Column("WGHT", right=True),
    Column("LOAD", right=True),
    Column("DONE", right=True),
    Column("FAIL", right=True),
    Column("LAST-CHECK", right=True),
)


def printers(
    found: Sequence[Printer], now: float, width: int, *, running: bool = True
) -> list[Text]:
    """One row for each printer; what it or its operator says of it below."""
    rows = [Row(_printer_cells(each, now), of_printer(each, now, running=running)) for each in found]
    return lay_out(COLUMNS, rows, width)


def place(printer: Printer) -> str:
    """AE title, host and port in one word."""
    address = printer.address
    return f"{address.ae_title}@{at_port(address.host, address.port)}"


def _printer_cells(printer: Printer, now: float) -> tuple[str, ...]:
    checked = printer.last_check_at
    return (
        printer.name,
        place(printer),
        str(printer.health),
        str(printer.duty),
        str(printer.address.weight),
        str(printer.load),
        str(printer.films_accepted),
        str(printer.failures),
        "never" if checked is None else f"{age(now - checked)} ago",
    )
