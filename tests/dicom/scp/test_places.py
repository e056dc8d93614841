"""Who has a place at the Print SCP, and which association gives its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Rejected, Timeouts
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Requestor
from tests.dicom.conftest import ScpSite
from tests.peers.speaker import Speaker

Speak = Callable[..., Speaker]


@pytest.mark.parametrize("places", [{"max_associations_per_peer": 32, "spare_s": 0}])
def test_associations_whose_films_are_all_printed_give_way(site: ScpSite, speak: Speak) -> None:
    """Though their film sessions are open: nothing is lost with them. The one that was of use
    longest ago goes first, and one with a film that was not asked for stays."""
    waiting = speak()
    waiting.open_session()
    waiting.open_film_box()
    waiting.set_image()
    printed = [speak() for _ in range(31)]
    assert [each.print_film() for each in printed] == [statuses.SUCCESS] * 31

    later = [speak() for _ in range(8)]
    assert [each.print_film() for each in later] == [statuses.SUCCESS] * 8

    site.wait_for_endings(8)
    assert site.endings == [Ending.ABORTED] * 8
    assert [bool(scp.tree.session) for scp in site.scps] == [True, *[False] * 8, *[True] * 31]
    assert waiting.action(FILM_BOX, waiting.film_box).status == statuses.SUCCESS


@pytest.mark.parametrize("places", [{"max_associations": 64, "max_associations_per_peer": 32}])
def test_consoles_behind_one_address_have_places_each(speak: Speak) -> None:
    """The thirty-third there is another console's: it prints. A quarter of all places is left for
    other addresses."""
    held = [speak(calling_ae=f"CT{number}") for number in range(33)]
    assert held[-1].print_film() == statuses.SUCCESS
    held += [speak(calling_ae=f"MR{number}") for number in range(48 - 33)]
    with pytest.raises(Rejected, match="local limit exceeded"):
        speak(calling_ae="XA1")


@pytest.mark.parametrize("sop_class", [FILM_SESSION, FILM_BOX, GRAYSCALE_IMAGE_BOX, PRINTER])
@pytest.mark.parametrize("syntax", [IMPLICIT_LITTLE, EXPLICIT_LITTLE])
def test_a_class_alone_is_taken(site: ScpSite, sop_class: str, syntax: str) -> None:
    """As of a console that asks for the Printer's status on an association of its own (PS3.4
    H.3.1)."""
    with Requestor.open(
        "127.0.0.1",
        site.port,
        calling_ae="CT1",
        called_ae="BROKER",
        proposals=[Offer(sop_class, (syntax,))],
        timeouts=Timeouts(),
    ) as console:
        context = console.context(sop_class)
        assert context is not None
        if sop_class == PRINTER:
            command = {
                "CommandField": Command.N_GET,
                "RequestedSOPClassUID": PRINTER,
                "RequestedSOPInstanceUID": PRINTER_INSTANCE,
            }
            answer = console.request(context, command, None, timeout_s=20)
            assert answer.status == statuses.SUCCESS
            assert answer.dataset is not None
            assert answer.dataset.PrinterStatus
