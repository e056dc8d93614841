"""The page never tells people to type: a command has a place on it, or is an administrator's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import broker
from broker.operations.words.page_words import ADMINISTRATOR, on_page

PACKAGE = Path(broker.__file__).parent
ROOMS = ("model", "operations", "store", "relay", "spool", "dicom", "backup")
"""Rooms whose sentences may reach the page."""
_COMMAND = re.compile(r"`((?:broker|systemctl|journalctl)[^`]*)`")


def spoken() -> list[str]:
    """Each command that a sentence of those rooms names, with its placeholders filled."""
    found = set()
    for room in ROOMS:
        for path in (PACKAGE / room).rglob("*.py"):
            text = re.sub(r'"\s*\n\s*f?"', "", path.read_text())
            for command in _COMMAND.findall(text):
                found.add(re.sub(r"\{[^}]*id\}|\{job\}|\{numbers\[0\]\}", "42", command))
    return sorted(re.sub(r"\{[^}]*\}", "oki-1", each) for each in found)


def test_each_command_that_is_spoken_is_none_on_the_page() -> None:
    """Nothing is left between backticks; and most commands have a place of their own there."""
    commands = spoken()
    assert len(commands) > 20
    for each in commands:
        said = on_page(f"x; `{each}` does it")
        assert "`" not in said, each
        assert "broker " not in said.replace("the broker", ""), said


@pytest.mark.parametrize(
    ("sentence", "there"),
    [
        (
            "job 5 is held; `broker jobs release 5` lets it print",
            "job 5 is held; “Release” at job 5 lets it print",
        ),
        (
            "`broker jobs release 5 --printed` if it is there",
            "“Release: is on paper” at job 5 if it is there",
        ),
        ("`broker jobs move 5 oki-2` tries it", "“Move”, to oki-2, at job 5 tries it"),
        ("`broker jobs move 5 --any` lets it", "“Move”, to any printer, at job 5 lets it"),
        ("`broker jobs explain 5` says why", "The page of job 5 says why"),
        ("`broker printers ready oki-1` puts it back", "“Ready” at oki-1 puts it back"),
        ("`broker nonsense` does", f"{ADMINISTRATOR[0].upper()}{ADMINISTRATOR[1:]} does"),
        (
            "move it back, then `broker serve` again.",
            "move it back, then an administrator starts the broker again.",
        ),
        ("`broker jobs release ID` has it tried", "“Release” at the job has it tried"),
        ("set `tls` there", "set tls there"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_a_command_becomes_its_place(sentence: str, there: str) -> None:
    """The rest of the sentence stays as it is."""
    assert on_page(sentence) == there
