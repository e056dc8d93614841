"""Events are defined once, and each of them happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import broker
from broker.events import Event, Facts
from broker.model.vitals import ServiceTally

SOURCES = [
    file.read_text(encoding="utf-8")
    for file in sorted(Path(broker.__file__).parent.rglob("*.py"))
    if file.name != "events.py"
]
NOTED = {name for text in SOURCES for name in re.findall(r"\bEvent\.([A-Z_]+)\b", text)}
OF_ASSOCIATIONS = re.compile(
    r"\b_?(?:on_event|tell)\(\s*\"([a-z ]+)\"|^    [A-Z]+ = \"([a-z]+)\"$", re.MULTILINE
)


def _told_of_associations() -> set[str]:
    """The names that the upper layer has for what it tells."""
    root = Path(broker.__file__).parent / "dicom" / "upper_layer"
    found = set()
    for file in root.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        found |= {first for first, _ in OF_ASSOCIATIONS.findall(text) if first}
    ending = (root / "association_service.py").read_text(encoding="utf-8")
    body = ending.partition("class Ending")[2].partition("\nclass ")[0]
    return found | {second for _, second in OF_ASSOCIATIONS.findall(body) if second}


def test_each_event_is_noted_and_each_that_is_noted_is_defined() -> None:
    """None is left over, and none is made up where it is noted."""
    told = {f"association {each}" for each in _told_of_associations()}
    defined = {each.name for each in Event}

    assert defined >= NOTED
    assert told <= set(Event)
    assert {each.name for each in Event if each not in told} <= NOTED


@pytest.mark.parametrize("event", Event)
def test_what_an_event_counts_is_a_counter(event: Event) -> None:
    """Each counter that an event names is one that the relay keeps and `/metrics` shows."""
    for count in event.counts:
        assert hasattr(ServiceTally(), count.counter)


def test_a_bare_string_is_no_event() -> None:
    """What is noted is one of the events, never a string of its own."""
    for text in SOURCES:
        assert not re.findall(r"\b_?note\(\s*f?\"", text)


@pytest.mark.parametrize(
    ("event", "facts", "level"),
    [
        ("signed in", {}, "info"),
        ("page connection timed out", {}, "info"),
        ("sign-in failed", {}, "warning"),
        ("page request refused", {}, "warning"),
        ("page connection refused", {}, "warning"),
        ("page connection ended", {}, "warning"),
        ("page look failed", {}, "warning"),
        ("page library", {"words": "Invalid HTTP request received."}, "warning"),
        ("page library", {"words": "Exception in callback", "why": "ValueError"}, "error"),
        ("page failed", {}, "error"),
        ("printer changed", {"health": "up"}, "info"),
        ("printer changed", {"health": "down"}, "warning"),
        ("association released", {}, "debug"),
        ("films accepted", {}, "info"),
        ("storage failed", {}, "error"),
    ],
)
def test_each_line_has_the_level_that_its_reader_needs(
    event: str, facts: Facts, level: str
) -> None:
    """An error is a fault of the broker, a warning what a peer has no right to, the rest is told
    for the record."""
    assert Event(event).level_of(facts) == level
