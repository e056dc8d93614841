"""README and manual name the commands that there are, each with options that it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.operations.words.manual import TOPICS, topic
from tests.peers.named_commands import calls, names, paths, unknown

README = (Path(__file__).parents[2] / "README.md").read_text()
DOCUMENTS = {"README": README} | {name: topic(name).text for name in TOPICS}
CALLS = [(name, line) for name, text in DOCUMENTS.items() for line in calls(text)]
AS_THE_GROUP = {"list"}
"""Subcommands that do what their group does alone."""


def test_they_name_enough_commands() -> None:
    """What is looked at here is really in the files."""
    assert len({line for _, line in CALLS}) > 60
    assert len([name for name, _ in CALLS if name == "README"]) > 10


@pytest.mark.parametrize(("document", "line"), CALLS)
def test_what_a_document_calls_there_is(document: str, line: str) -> None:
    """The command, its subcommand, and each of its options."""
    assert not unknown(line), document


@pytest.mark.parametrize("path", list(paths()), ids=" ".join)
def test_each_command_is_named_somewhere(path: tuple[str, ...]) -> None:
    """A person finds it; not those that only list, as their group does."""
    if path[-1] not in AS_THE_GROUP:
        assert list(path) in [names(line)[: len(path)] for _, line in CALLS]
