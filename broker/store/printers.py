"""The printers: what the site says of them, what was observed, and what they are busy with."""

from __future__ import annotations

from broker.model.printer import Printer

RECENT_S = 600.0
"""How far back `Printer.recent` looks."""

Printers_ = list[Printer]
