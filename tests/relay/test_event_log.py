"""The log: a flood of events is a few lines."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import pytest

from broker.events import Event
from broker.model.repetition import CALLERS, SINGLY
from broker.relay.event_log import EventLog

REFUSED = Event.ASSOCIATION_REFUSED


class Written:
    """The lines that came out."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Mapping[str, object]]] = []
        self.summed = threading.Event()

    def __call__(self, event: str, facts: Mapping[str, object]) -> None:
        self.lines.append((event, facts))
        if "number" in facts:
            self.summed.set()


def test_a_flood_is_a_few_lines() -> None:
    """A hundred thousand refusals are five lines, and one with the number of the rest."""
    written = Written()
    log = EventLog(written, lambda: 0.0)
    for _ in range(100_000):
        log.note(REFUSED, {"kind": "not DICOM"})
    log.close()

    numbers = [int(str(facts.get("number", 1))) for _, facts in written.lines]
    assert sum(numbers) == 100_000
    assert len(numbers) <= SINGLY + 2


def test_one_caller_does_not_hide_another() -> None:
    """Sixty refusals of one AE title, then one of another at the same address, and one of the same
    AE title elsewhere: each of the two is a line."""
    written = Written()
    log = EventLog(written, lambda: 0.0)
    ct1 = {"kind": "wrong request", "calling_ae": "CT1", "peer": "10.0.0.9:4000"}
    for _ in range(60):
        log.note(Event.REQUEST_REFUSED, ct1)
    for other in (ct1 | {"calling_ae": "MR1"}, ct1 | {"peer": "10.0.0.7:4000"}):
        log.note(Event.REQUEST_REFUSED, other)
        assert written.lines[-1] == ("request refused", other)
    log.close()
    assert written.lines[-1] == ("request refused", ct1 | {"number": 60 - SINGLY})


def test_callers_without_number_are_few_lines() -> None:
    """A peer that invents AE titles floods no log."""
    written = Written()
    log = EventLog(written, lambda: 0.0)
    facts = {"kind": "called AE", "peer": "10.0.0.9:4000"}
    for number in range(10_000):
        log.note(Event.ASSOCIATION_REJECTED, facts | {"calling_ae": f"AE{number}"})
    log.close()
    numbers = [int(str(facts.get("number", 1))) for _, facts in written.lines]
    assert sum(numbers) == 10_000
    assert len(numbers) <= CALLERS + SINGLY + 1


def test_the_number_comes_by_itself() -> None:
    """It comes without being asked for, and without closing the log."""
    written = Written()
    clock = [0.0]
    log = EventLog(written, lambda: clock[0])
    for _ in range(SINGLY):
        log.note(REFUSED, {"kind": "slow"})
    clock[0] = 4.95
    log.note(REFUSED, {"kind": "slow"})
    clock[0] = 5.0
    assert written.summed.wait(10)
    assert written.lines[-1] == (REFUSED, {"kind": "slow", "number": 1})


def test_what_no_peer_can_repeat_is_never_held_back() -> None:
    """Jobs are told one by one."""
    written = Written()
    log = EventLog(written, time.monotonic)
    for number in range(50):
        log.note(Event.JOB_SENT, {"job": number})
    assert len(written.lines) == 50


def test_a_trouble_that_lasts_is_told_when_it_begins_and_when_it_changes() -> None:
    """The first at once, another cause at once, and the rest as a number."""
    written = Written()
    log = EventLog(written, lambda: 5.0)
    for why in ["full"] * 100 + ["locked"] * 100:
        log.note(Event.STORAGE_FAILED, {"why": why})
    assert written.lines == [("storage failed", {"why": why}) for why in ("full", "locked")]

    log.close()
    assert written.lines[2:] == [
        ("storage failed", {"why": why, "number": 99}) for why in ("full", "locked")
    ]


def test_a_trouble_that_lasts_keeps_no_flood_waiting() -> None:
    """The number of a flood comes in seconds, though a trouble is told once a minute."""
    written = Written()
    clock = [0.0]
    log = EventLog(written, lambda: clock[0])
    for _ in range(2):
        log.note(Event.STORAGE_FAILED, {"why": "full"})
    clock[0] = 4.95
    for _ in range(SINGLY + 1):
        log.note(REFUSED, {"kind": "slow"})
    clock[0] = 9.95
    assert written.summed.wait(10)
    assert written.lines[-1] == (REFUSED, {"kind": "slow", "number": 1})
    log.close()


def test_no_thread_for_the_clock_silences_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without room for a thread: noting raises nothing, and nothing is forgotten."""
    written = Written()
    log = EventLog(written, lambda: 0.0)

    def start(_self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as system:
        system.setattr(threading.Thread, "start", start)
        for _ in range(SINGLY + 3):
            log.note(REFUSED, {"kind": "slow"})
    log.close()

    assert written.lines[-1] == (REFUSED, {"kind": "slow", "number": 3})
