"""Which commands a document names, and whether they exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer.main

from broker.cli.main import app
from broker.events import Event

ROOT: Any = typer.main.get_command(app)
BLOCK = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def calls(document: str) -> list[str]:
    """Every piece of code that calls the command, from blocks and from sentences.

    In a row of a table, `broker jobs hold`, `release` means `broker jobs hold` and `broker jobs
    release`. The names of events are no calls.
    """
    found = {each for each in _code(document) if re.match(r"broker [a-z-]", each)}
    return sorted(found - set(Event))


def _code(document: str) -> Iterator[str]:
    for block in BLOCK.findall(document):
        for line in block.splitlines():
            for part in re.split("&&|#", line):
                yield re.sub(r"^(sudo )?(/\S+/bin/)?(?=broker )", "", part.strip())
    for line in BLOCK.sub("", document).splitlines():
        row = line.startswith("| `broker ")
        before: list[str] = []
        for span in re.findall("`([^`]+)`", line.split(" | ")[0] if row else line):
            if span.startswith("broker "):
                before = names(span)
                yield span
            elif row:
                yield " ".join(["broker", *before[:-1], span])
        if row:
            yield from re.findall("`(broker [^`]+)`", line.split(" | ", 1)[1])


def names(line: str) -> list[str]:
    """The command and subcommand that a line calls."""
    found: list[str] = []
    at = ROOT
    for word in shlex.split(line)[1:]:
        if word not in getattr(at, "commands", {}):
            break
        found.append(word)
        at = at.commands[word]
    return found


def unknown(line: str) -> list[str]:
    """What such a line names and is not there: a command, a subcommand, an option."""
    words = shlex.split(re.sub(r"[\[\]]", "", line))[1:]
    called = names(line)
    at = ROOT
    options = {option: each for each in ROOT.params for option in each.opts}
    for name in called:
        at = at.commands[name]
        for each in at.params:
            options |= dict.fromkeys((*each.opts, *each.secondary_opts), each)
    wrong = [] if called or line == "broker --version" else words[:1]
    rest = iter(words[len(called) :])
    for word in rest:
        name, _, value = word.partition("=")
        if not word.startswith("-"):
            wrong += [word] if hasattr(at, "commands") else []
        elif name not in options:
            wrong += [] if name == "--help" else [word]
        elif not (value or getattr(options[name], "is_flag", True)):
            next(rest, None)
    return wrong


def paths(group: Any = ROOT, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and subcommand."""
    for name, command in group.commands.items():
        yield (*above, name)
        if hasattr(command, "commands"):
            yield from paths(command, (*above, name))
