"""What a printer refuses of a film is kept from it, and what it can print it gets."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import BasicGrayscaleImageBox  # type: ignore[attr-defined]

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.job import State
from broker.model.printer import Health
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.peers.speaker import dataset, image_box, picture
from tests.relay.conftest import Relay
from tests.relay.test_odd_answers import odd_printer


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
        assert len(knocked) <= 1
        assert len(printers[0].printed) == 0
        assert sum(len(each.printed) for each in printers) == 10
        shown = relay.service.printers.get("oki-1")
        assert (shown.health, shown.failures_in_row) == (Health.UP, 0)

        for number in range(11, 21):
            print_depth(relay, 8)
            relay.wait_until(State.SENT, number)
        assert len(printers[0].printed) >= 3


@pytest.mark.parametrize("info", ["SUPPLY EMPTY", "COVER OPEN", "PRINTER INIT"])
def test_the_only_printer_keeps_its_film_while_it_warns(tmp_path: Path, info: str) -> None:
    """It answers N-ACTION with 0x0110 and says why: the film is not held, however often; it comes
    out when the printer is mended, without a person."""
    mended: list[bool] = []
    asked: list[int] = []

    def odd(request: Request) -> Response | None:
        if request.field == Command.N_GET:
            said = ("NORMAL", "NORMAL") if mended else ("WARNING", info)
            status = dataset(PrinterStatus=said[0], PrinterStatusInfo=said[1])
            return Response(statuses.SUCCESS, status)
        if request.field == Command.N_ACTION and not mended:
            asked.append(request.message_id)
            return Response(statuses.PROCESSING_FAILURE)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_for(lambda: info in relay.service.printers.get("odd").reason)
        relay.print_films(1)
        relay.wait_for(lambda: len(asked) > 5, "the film is not tried again")
        assert relay.jobs(1)[0].state in (State.QUEUED, State.PRINTING)
        mended.append(True)
        relay.wait_until(State.SENT, 1)
