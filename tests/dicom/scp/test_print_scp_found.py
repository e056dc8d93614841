"""What the search in test_print_scp_model.py has found, each as a plain conversation."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_SESSION, PRESENTATION_LUT, PRINTER, PRINTER_INSTANCE
from tests.peers.speaker import Speaker, dataset

Speak = Callable[..., Speaker]


@pytest.mark.parametrize("sop_class", [FILM_SESSION, PRESENTATION_LUT])
def test_the_printers_uid_is_taken(speak: Speak, sop_class: str) -> None:
    """Nothing else can have the Printer's well-known UID: it is there before anything is created
    (PS3.4 H.4.6), and goes on answering for itself.
    """
    ct = speak()
    sent = dataset(PresentationLUTShape="IDENTITY") if sop_class == PRESENTATION_LUT else None
    assert ct.create(sop_class, sent, PRINTER_INSTANCE).status == statuses.DUPLICATE_SOP_INSTANCE
    assert ct.delete(sop_class, PRINTER_INSTANCE).status == statuses.NO_SUCH_SOP_INSTANCE
    assert ct.get(PRINTER, PRINTER_INSTANCE).status == statuses.SUCCESS
    assert ct.print_film() == statuses.SUCCESS
