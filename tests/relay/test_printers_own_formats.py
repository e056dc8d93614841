"""Formats whose image boxes are the printer's own affair, when a printer is set up anew, is busy,
or is particular about spelling."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pynetdicom.sop_class import BasicFilmBox  # type: ignore[attr-defined]

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import State
from broker.model.printers.printer import Duty, Health
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.relay.conftest import Relay

CUSTOM = r"CUSTOM\3"


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Relay, ChoosyPrinter]]:
    """A broker with one printer, which makes four image boxes for CUSTOM 3."""
    with running(ChoosyPrinter("oki-1", boxes={CUSTOM: 4})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            yield relay, printer
        finally:
            relay.close()


def film_box(relay: Relay, display_format: str = CUSTOM) -> tuple[int, int]:
    """A modality creates a film box of that format: the status, and how many image boxes."""
    ct = relay.speaker()
    ct.open_session()
    status = ct.open_film_box(display_format).status
    ct.release()
    return status, len(ct.boxes) if not status else 0


def print_film(relay: Relay) -> int:
    """A modality prints a film with an image in each box; how many these are."""
    ct = relay.speaker()
    ct.open_session()
    assert ct.open_film_box(CUSTOM).status == 0
    for position in range(1, len(ct.boxes) + 1):
        assert ct.set_image(position).status == 0
    assert ct.action(FILM_BOX, ct.film_box).status == 0
    ct.release()
    return len(ct.boxes)


def test_a_printer_that_has_the_format_now_is_asked_again_by_itself(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """It refused the format once, and was set up anew: the next refusal has it asked, and the film
    after that is taken."""
    relay, printer = alone
    printer.refuses["ImageDisplayFormat"] = CUSTOM
    assert film_box(relay) == (statuses.INVALID_ATTRIBUTE_VALUE, 0)
    printer.refuses.clear()
    assert film_box(relay) == (statuses.INVALID_ATTRIBUTE_VALUE, 0)
    relay.wait_for(lambda: any(event == "capabilities forgotten" for event, _ in relay.notes))
    assert film_box(relay) == (0, 4)


@pytest.mark.parametrize("spelt", [r"custom\3", r"Custom\03", r" CUSTOM \ 3 "])
def test_a_printer_is_asked_as_the_standard_spells_it(
    alone: tuple[Relay, ChoosyPrinter], spelt: str
) -> None:
    """However the modality spells the format: as the film will be sent; it is learned once."""
    relay, printer = alone
    assert film_box(relay, spelt) == (0, 4)
    assert film_box(relay) == (0, 4)
    asked = [each.ImageDisplayFormat for each in printer.asked(BasicFilmBox)]
    assert len(asked) == 1
    (known,) = relay.service.capabilities.of("oki-1")
    assert known.words == rf"makes 4 image boxes for {CUSTOM}"


def test_a_printer_that_makes_another_number_now_teaches_it(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """One film is held; the next one at the modality gets the new number, and prints; the printer
    is as well as before, and the new number is noted."""
    relay, printer = alone
    print_film(relay)
    relay.wait_until(State.SENT, 1)
    printer.boxes = {CUSTOM: 6}
    print_film(relay)
    (held,) = relay.wait_until(State.HELD, 2)
    assert rf"oki-1 made 6 image boxes for {CUSTOM}, not 4; move it to a printer" in held.reason
    shown = relay.service.printers.get("oki-1")
    assert (shown.health, shown.failures_in_row) == (Health.UP, 0)
    noted = [facts["what"] for event, facts in relay.notes if event == "capability learned"]
    assert noted == [rf"makes 6 image boxes for {CUSTOM}"]
    assert print_film(relay) == 6
    relay.wait_until(State.SENT, 3)
    assert [len(film) for film in printer.printed] == [6, 8]


def test_ready_has_the_number_asked_again(alone: tuple[Relay, ChoosyPrinter]) -> None:
    """A person says that the printer was mended: what it made before is not believed any more."""
    relay, printer = alone
    assert film_box(relay) == (0, 4)
    printer.boxes = {CUSTOM: 6}
    assert film_box(relay) == (0, 4)
    relay.service.printers.set_duty("oki-1", Duty.READY)
    assert film_box(relay) == (0, 6)


def test_the_number_of_a_printer_that_gets_films_is_told(tmp_path: Path) -> None:
    """And not that of one which is out of service."""
    with ExitStack() as stack:
        printers = [
            stack.enter_context(running(ChoosyPrinter(name, boxes={CUSTOM: number})))
            for name, number in (("oki-1", 4), ("oki-2", 6))
        ]
        relay = Relay(tmp_path, [each.address for each in printers])
        stack.callback(lambda: relay.close())
        relay.wait_until_up()
        assert film_box(relay) == (0, 4)
        relay.service.printers.set_duty("oki-1", Duty.MAINT)
        print_film(relay)
        relay.wait_until(State.HELD, 1)
        assert film_box(relay) == (0, 6)
