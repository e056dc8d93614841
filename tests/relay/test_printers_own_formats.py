"""Formats whose image boxes are the printer's own affair, when a printer is set up anew, is busy,
or is particular about spelling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pynetdicom.sop_class import BasicFilmBox  # type: ignore[attr-defined]

from broker.dicom import statuses
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
