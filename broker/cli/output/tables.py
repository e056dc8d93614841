"""Tables that read well at 80 columns, on a terminal and off it, in plain ASCII.

No cell is ever cut. What is too wide for the line, and every reason, goes on lines of its own below
the row. What peers have said is shown without its control characters: a printer's words must not
move the cursor.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from broker.cli.output.local_time import told_in_line
from broker.model.printable import one_line
from broker.model.reasons.condition import Condition

if TYPE_CHECKING:
    from broker.operations.condition.alarms import Above

NARROWEST = 40
"""Text is not folded to fewer columns than this."""
INDENT = 8
_COMMAND = re.compile("`[^`]*`")
_KEPT = "\N{NO-BREAK SPACE}"
"""Stands for a space at which no line ends."""
STYLES: Mapping[str, str] = {
    "held": "bold red",
    "printing": "bold cyan",
    "sent": "green",
    "printed": "green",
    "cancelled": "dim",
    "up": "green",
    "degraded": "yellow",
    "down": "bold red",
    "refusing": "bold red",
    "failing": "bold red",
    "drain": "yellow",
    "maint": "yellow",
    "uncertain": "bold red",
    "refused": "red",
    "unavailable": "yellow",
    "accepted": "green",
}
"""Words that are worth a colour, on a terminal that has some."""
CONDITIONS: Mapping[Condition, str] = {
    Condition.PRINTING: "green",
    Condition.SLOWER: "yellow",
    Condition.KEPT: "bold red",
    Condition.REFUSED: "bold red",
    Condition.STOPPED: "bold red",
}
"""Colours of the state of the whole."""


@dataclass(frozen=True)
class Column:
    """One column. Numbers stand to the right."""

    heading: str
    right: bool = False
    below: bool = False
    """Moves to a line below the row when the rows would be too wide."""


@dataclass(frozen=True)
class Row:
    """One row, and the sentences below it."""

    cells: tuple[str, ...]
    below: tuple[str, ...] = ()


def lay_out(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[Text]:
    """The heading and the rows, in lines of at most `width` columns where words allow it."""
    widths = _widths(columns, rows)
    shown = list(range(len(columns)))
    gap = 2
    if _total(widths, shown, gap) > width:
        gap = 1
    if _total(widths, shown, gap) > width:
        shown = [index for index in shown if not columns[index].below]
        gap = 2 if _total(widths, shown, 2) <= width else 1
    lines = [_line(columns, [column.heading for column in columns], widths, shown, gap, "bold")]
    for row in rows:
        lines.append(_line(columns, row.cells, widths, shown, gap, ""))
        moved = [row.cells[index] for index in range(len(columns)) if index not in shown]
        for sentence in (*moved, *row.below):
            lines += folded(sentence, width, INDENT)
    return lines


def fits(columns: Sequence[Column], rows: Sequence[Row], width: int) -> bool:
    """Whether all of the columns have room beside each other."""
    widths = _widths(columns, rows)
    return _total(widths, range(len(columns)), 1) <= width


def _widths(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    return [
        max([len(column.heading), *(len(one_line(row.cells[index])) for row in rows)])
        for index, column in enumerate(columns)
    ]


def _total(widths: Sequence[int], shown: Sequence[int], gap: int) -> int:
    return sum(widths[index] for index in shown) + gap * (len(shown) - 1)


def _line(
    columns: Sequence[Column],
    cells: Sequence[str],
    widths: Sequence[int],
    shown: Sequence[int],
    gap: int,
    style: str,
) -> Text:
    line = Text(no_wrap=True, overflow="ignore")
    for position, index in enumerate(shown):
        cell = one_line(cells[index])
        padding = " " * (widths[index] - len(cell))
        if position:
            line.append(" " * gap)
        if columns[index].right:
            line.append(padding)
        line.append(cell, style or STYLES.get(cell.partition(" ")[0], ""))
        if not columns[index].right:
            line.append(padding)
    line.rstrip()
    return line


def folded(sentence: str, width: int, indent: int = 0) -> list[Text]:
    """A sentence, its times those of this machine, folded between words and indented. A longer word
    stays whole, and so does a command in backticks, which a person copies."""
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _KEPT), told_in_line(sentence))
    lines = textwrap.wrap(
        whole,
        max(NARROWEST, width - indent),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [
        Text(" " * indent + line.replace(_KEPT, " "), no_wrap=True, overflow="ignore")
        for line in lines
    ]


def fact(name: str, words: str, width: int, indent: int) -> list[Text]:
    """A fact with its name before it, folded below itself: its words begin at column `indent`."""
    first, *rest = folded(words, width, indent) or [Text()]
    return [Text(f"  {name}".ljust(indent)) + Text(first.plain.lstrip()), *rest]


def say(sentence: str, indent: int = 0) -> None:
    """A sentence for stdout: folded on a terminal, and one line where a program reads it."""
    console = terminal()
    if console.is_terminal:
        show(folded(sentence, console.width, indent) or [Text()], console)
    else:
        typer.echo(f"{' ' * indent}{told_in_line(sentence)}")


def show(lines: Sequence[Text], console: Console | None = None) -> None:
    """Write lines to stdout as they are."""
    console = console or terminal()
    for line in lines:
        console.print(line, soft_wrap=True)


def terminal() -> Console:
    """Stdout: its width is COLUMNS, or the terminal's, or 80."""
    return Console(highlight=False, markup=False, emoji=False)


def as_json(document: object) -> str:
    """A document for machines; ASCII, so that every stream takes it."""
    return json.dumps(document, indent=2)


def head(found: Above, now: float, width: int) -> list[Text]:
    """Lines to put above a table: the state of the whole, what to do about it, further alarms,
    and that modalities were refused lately."""
    from broker.model.reasons.remedies import Face

    whole = found.situation
    style = CONDITIONS[whole.overall.condition]
    lines = folded(whole.line(now, Face.COMMANDS), width)
    for line in lines:
        line.stylize(style)
    further = [*found.others, *([found.refused.sentence(now)] if found.refused else [])]
    return [*lines, *(line for sentence in further for line in folded(sentence, width))]


def around(
    table: Sequence[Text], lines: Sequence[Text], height: int, *, alarming: bool
) -> list[Text]:
    """A table below the lines of `head`; where these alarm and the table is too long for them to
    stay in sight, they stand once more below it."""
    again = alarming and len(lines) + len(table) >= height
    return [*lines, *table, *(lines if again else ())]
