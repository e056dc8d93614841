"""A depth of pixels that one printer of several refuses."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import BasicGrayscaleImageBox  # type: ignore[attr-defined]

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import State
from broker.model.printers.printer import Health
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.peers.speaker import image_box, picture
from tests.relay.conftest import Relay


def print_depth(relay: Relay, bits: int) -> None:
    """A film with one image of 256 x 256 pixels of that depth."""
    size = 256 * 256
    image = picture(Rows=256, Columns=256, PixelData=bytes(size))
    if bits > 8:
        image = picture(
            Rows=256,
            Columns=256,
            BitsAllocated=16,
            BitsStored=bits,
            HighBit=bits - 1,
            PixelData=bytes(2 * size),
        )
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    assert ct.set_image(1, image_box(1, image)).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()


def whole(image_box_: Dataset) -> bool:
    """Whether this is the film's image, and no smaller one by which the printer is tried."""
    return bool(image_box_.BasicGrayscaleImageSequence[0].Rows == 256)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_a_depth_that_one_of_three_printers_refuses(tmp_path: Path, bits: int) -> None:
    """Of ten films one at most goes there with its pixels; all come out on the others; it is up all
    the time, and prints what it can."""
    with ExitStack() as stack:
        names = ("oki-1", "oki-2", "oki-3")
        printers = [stack.enter_context(running(ChoosyPrinter(name))) for name in names]
        printers[0].refuses["BitsStored"] = bits
        relay = Relay(tmp_path, [each.address for each in printers])
        stack.callback(relay.close)
        relay.wait_until_up()
        for number in range(1, 11):
            print_depth(relay, bits)
            relay.wait_until(State.SENT, number)
        knocked = list(filter(whole, printers[0].asked(BasicGrayscaleImageBox)))
        assert len(knocked) <= 2, "with the Presentation LUT class, and without it"
        assert len(printers[0].printed) == 0
        assert sum(len(each.printed) for each in printers) == 10
        shown = relay.service.printers.get("oki-1")
        assert (shown.health, shown.failures_in_row) == (Health.UP, 0)

        for number in range(11, 21):
            print_depth(relay, 8)
            relay.wait_until(State.SENT, number)
        assert len(printers[0].printed) >= 3
