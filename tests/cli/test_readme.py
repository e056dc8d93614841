"""README names the commands that there are, each with options that it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from broker.cli.main import app

README = (Path(__file__).parents[2] / "README.md").read_text()
ROOT: Any = typer.main.get_command(app)
AS_THE_GROUP = {"list"}
"""Subcommands that do what their group does alone."""


def code() -> Iterator[str]:
    """Every line of code that begins with the command, from blocks and from sentences.

    In a row of a table, `broker jobs hold`, `release` means `broker jobs hold` and `broker jobs
    release`.
    """
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in "\n".join(blocks).splitlines():
        yield from (part.strip() for part in re.split("&&|#", line))
    for line in re.sub(r"```.*?```", "", README, flags=re.DOTALL).splitlines():
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


CALLS = sorted({line for line in code() if re.match(r"broker [a-z-]", line)})


def paths(group: Any = ROOT, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and subcommand."""
    for name, command in group.commands.items():
        yield (*above, name)
        if hasattr(command, "commands"):
            yield from paths(command, (*above, name))


def test_readme_names_enough_commands() -> None:
    """What is looked at here is really in the file."""
    assert len(CALLS) > 30


@pytest.mark.parametrize("line", CALLS)
def test_what_readme_calls_there_is(line: str) -> None:
    """The command, its subcommand, and each of its options."""
    words = shlex.split(re.sub(r"[\[\]]", "", line))[1:]
    called = names(line)
    assert called or line == "broker --version"
    at = ROOT
    known = {option for each in ROOT.params for option in each.opts}
    for name in called:
        at = at.commands[name]
        known |= {option for each in at.params for option in (*each.opts, *each.secondary_opts)}
    if hasattr(at, "commands"):
        assert not [word for word in words[len(called) :] if not word.startswith("-")], line
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= known | {"--help"}


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_readme_names_each_command(path: tuple[str, ...]) -> None:
    """Somewhere a person finds it; not those that only list, as their group does."""
    if path[-1] not in AS_THE_GROUP:
        assert list(path) in [names(line)[: len(path)] for line in CALLS]
