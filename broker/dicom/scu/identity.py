"""Asking a printer who it is: an association of its own, and nothing that prints.

Its maker, model and the like are optional attributes of the Printer (PS3.4 H.4.6.2.2). Printers
refuse an N-GET that names one that they do not have, or abort: so no health check asks for them,
and nothing that comes of this question says how the printer is.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from broker.dicom.scu.answers import is_failure
from broker.dicom.scu.print_scu import PrintScu, PrintTimeouts
from broker.dicom.statuses import words
from broker.dicom.uids import PRINTER, PRINTER_INSTANCE
from broker.dicom.upper_layer.connection import Timeouts
from broker.dicom.upper_layer.requestor import EventReport
from broker.model.printers.printer import Address
from broker.model.printers.printer_identity import (
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
    told_text,
)
from broker.model.printers.trouble import Unavailable

ASKED = (
    "PrinterName",
    "Manufacturer",
    "ManufacturerModelName",
    "DeviceSerialNumber",
    "SoftwareVersions",
)
_TIMES = PrintTimeouts(Timeouts(connect_s=1, associate_s=1, release_s=1), get_s=1)
"""A film that comes meanwhile waits for the end of the question, so it takes no longer. A printer
that is well answers in milliseconds."""


def ask_identity(
    address: Address,
    *,
    calling_ae: str,
    tls: ssl.SSLContext | None = None,
    on_event_report: Callable[[EventReport], None] | None = None,
) -> IdentityReply:
    """What the printer tells of itself, or how it took the question.

    Raises: Unavailable: when there is no association, so that it was not asked.
    """
    # The presentation contexts of a health check, which the printer has just accepted.
    scu = PrintScu.open(
        address,
        calling_ae=calling_ae,
        lut=True,
        verification=True,
        timeouts=_TIMES,
        tls=tls,
        on_event_report=on_event_report,
    )
    try:
        found = scu.get(PRINTER, PRINTER_INSTANCE, ASKED)
        if is_failure(found.status):
            # Over an attribute that it does not have, perhaps: it names those that it has.
            found = scu.get(PRINTER, PRINTER_INSTANCE)
    except Unavailable as trouble:  # the association is over
        return IdentityReply(IdentityAnswer.SILENT, words=trouble.words)
    scu.close()
    told = PrinterIdentity() if found.dataset is None else _read(found.dataset)
    if told:
        return IdentityReply(IdentityAnswer.TOLD, told)
    said = f"{address.name} does not tell who it is: N-GET answered {words(found.status)}"
    return IdentityReply(IdentityAnswer.REFUSED, words=said)


def _read(dataset: Dataset) -> PrinterIdentity:
    def told(keyword: str) -> str:
        value = dataset.get(keyword)
        several = value if isinstance(value, list | tuple | MultiValue) else [value]
        return told_text(each for each in several if each is not None)

    return PrinterIdentity(
        manufacturer=told("Manufacturer"),
        model=told("ManufacturerModelName"),
        serial_number=told("DeviceSerialNumber"),
        software_versions=told("SoftwareVersions"),
        printer_name=told("PrinterName"),
    )
