"""`broker help`: the operator's manual on a terminal."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import Annotated

import typer

from broker.operations.words.manual import LINK, NoSuchTopic, topic, topics

WIDTH = 80
"""Columns of a page: longer lines are hard to read, on a wide terminal too."""
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def show(
    name: Annotated[str, typer.Argument(metavar="TOPIC", help="What it is about.")] = "",
) -> None:
    """Read the operator's manual.

    Without TOPIC: the list of topics.

    The page has the same under Help.

    Example: broker help when-something-fails
    """
    if not name:
        typer.echo(_listed())
        return
    try:
        found = topic(name)
    except NoSuchTopic:
        typer.echo(f"{name!r}: there is no such topic.\n\n{_listed()}", err=True)
        raise typer.Exit(2) from None
    _render(LINK.sub(r"\1 (`broker help \2`)", found.text))


def _listed() -> str:
    """Every topic with what is in it."""
    lines = ["`broker help TOPIC` prints one of these:"]
    for each in topics():
        lines += ["", f"  {each.name}"]
        lines += textwrap.wrap(
            each.summary, WIDTH - 4, initial_indent="    ", subsequent_indent="    "
        )
    return "\n".join(lines)


def _render(text: str) -> None:
    """Laid out for this terminal; off a terminal as plain text of the same width."""
    from rich.console import Console
    from rich.markdown import Markdown

    width = min(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    if sys.stdout.isatty():
        Console(width=width).print(Markdown(text, hyperlinks=False))
        return
    # Without colours the backticks say what is to be typed.
    marked = CODE.sub(r"`` `\1` ``", text)
    plain = Console(width=width, color_system=None, force_terminal=False)
    with plain.capture() as captured:
        plain.print(Markdown(marked, hyperlinks=False))
    for line in captured.get().splitlines():
        typer.echo(line.rstrip())
