"""A trouble that lasts is told seldom; everything else is told as it comes."""

from __future__ import annotations

from collections.abc import Mapping

from broker.relay.complaints import Complaints


class Told:
    """What was told, and a clock that the test turns."""

    def __init__(self) -> None:
        self.now = 5.0
        self.notes: list[tuple[str, dict[str, object]]] = []
        self.note = Complaints(self._take, lambda: self.now)

    def _take(self, event: str, facts: Mapping[str, object]) -> None:
        self.notes.append((event, dict(facts)))


def test_a_trouble_that_lasts_is_told_once_a_minute() -> None:
    """The first at once, then one a minute, with how many were left out."""
    told = Told()
    for second in range(121):
        told.now = 5.0 + second
        told.note("storage failed", {"why": "disk full"})

    again = ("storage failed", {"why": "disk full", "left_out": 59})
    assert told.notes == [("storage failed", {"why": "disk full"}), again, again]


def test_another_cause_is_news() -> None:
    """What changed is told at once, and so is another trouble."""
    told = Told()
    for event, why in [("storage failed", "full"), ("storage failed", "locked")] * 2:
        told.note(event, {"why": why})
    told.note("monitor failed", {"why": "locked"})

    assert [(event, facts["why"]) for event, facts in told.notes] == [
        ("storage failed", "full"),
        ("storage failed", "locked"),
        ("storage failed", "full"),
        ("storage failed", "locked"),
        ("monitor failed", "locked"),
    ]


def test_events_are_always_told() -> None:
    """A film that is accepted is no complaint."""
    told = Told()
    for _ in range(3):
        told.note("film accepted", {"job": 1})

    assert told.notes == [("film accepted", {"job": 1})] * 3
