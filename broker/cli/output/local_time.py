"""Times as this machine's clock shows them: all that a command says to a person goes through here.

JSON, CSV and logs keep UTC.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from broker.model.printable import one_line, printable_lines
from broker.operations.words.text import clock, local, zone_name


def told(words: str) -> str:
    """The words for a person at this machine: times in its zone, and no control characters."""
    return printable_lines(local(words, time.time()))


def told_in_line(words: str) -> str:
    """`told`, in one line."""
    return one_line(local(words, time.time()))


def time_column(
    heading: str, times: Sequence[float | None], now: float
) -> tuple[str, Sequence[str]]:
    """Heading and cells of a column of times. The zone stands in the heading, and where not all of
    the times are of one, as before and after the clocks are changed, in each cell."""
    known = [at for at in times if at is not None and clock(at, now) != "-"]
    zones = {zone_name(at) for at in known} or {zone_name(now)}
    if len(zones) == 1:
        return f"{heading} {zones.pop()}", [clock(at, now) for at in times]
    return heading, [
        f"{clock(at, now)} {zone_name(at)}" if at in known and at is not None else "-"
        for at in times
    ]
