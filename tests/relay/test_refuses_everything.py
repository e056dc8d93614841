"""A real printer that passes its checks and refuses every film: nothing prints, which is said."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty, Health
from broker.model.reasons.condition import Condition
from broker.model.reasons.remedies import Face
from broker.operations.condition.alarms import Above, above
from broker.operations.opened import store_of
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.relay.conftest import Relay


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Relay, ChoosyPrinter]]:
    """A broker with one printer, which takes no film size at all."""
    with running(ChoosyPrinter("oki-1", refuses={"FilmSizeID": None})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            yield relay, printer
        finally:
            relay.close()


def seen(relay: Relay) -> Above:
    """What stands above every table now."""
    with store_of(relay.config()) as store:
        return above(store, time.time())


def ask(relay: Relay, size: str) -> None:
    """A modality prints a film of that size."""
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box(FilmSizeID=size)
    ct.set_image()
    ct.action(FILM_BOX, ct.film_box)
    ct.release()


def test_a_printer_that_refuses_every_film_prints_nothing_until_it_is_mended(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """Its checks pass all the while, and what it refuses is no failure of it: after three jobs it
    is said to refuse every film, and nothing prints. `ready`, which a person says who has mended
    it, ends that at once."""
    relay, printer = alone
    assert seen(relay).situation.overall.condition is Condition.PRINTING
    for number, size in enumerate(("A3", "A4", "14INX17IN"), start=1):
        ask(relay, size)
        relay.wait_until(State.HELD, number)

    found = seen(relay)

    (shown,) = found.printers
    assert shown.health is Health.UP
    assert shown.refusing.startswith("refuses every film: its last 3 jobs")
    whole = found.situation
    assert whole.overall.condition is Condition.KEPT
    said = whole.line(time.time(), Face.COMMANDS)
    assert said.startswith("NOTHING PRINTS since ")
    assert "`broker printers ready oki-1`" in said
    assert "“Mended, try again” at oki-1" in whole.line(time.time(), Face.PAGE)

    printer.refuses.clear()
    relay.service.printers.set_duty("oki-1", Duty.READY)
    assert seen(relay).situation.overall.condition is Condition.PRINTING
    ask(relay, "A4")
    relay.wait_until(State.SENT, 4)
    assert seen(relay).situation.overall.condition is Condition.PRINTING
