"""A Print SCU that calls a printer of this machine, and waits for no answer for long."""

from __future__ import annotations

from typing import Any

from broker.dicom.scu.print_scu import PrintScu, PrintTimeouts
from broker.dicom.upper_layer.connection import Timeouts
from broker.model.printers.printer import Address

SHORT = PrintTimeouts(
    association=Timeouts(connect_s=1, associate_s=1, release_s=1),
    create_s=0.3,
    set_s=0.3,
    get_s=0.3,
    action_s=0.3,
    delete_s=0.3,
)


def at(port: int, ae_title: str = "OKI1") -> Address:
    """A printer of this machine, called oki-1."""
    return Address(name="oki-1", ae_title=ae_title, host="127.0.0.1", port=port)


def opened(port: int, **options: Any) -> PrintScu:
    """An association with it, impatient."""
    return PrintScu.open(at(port), calling_ae="BROKER", timeouts=SHORT, **options)
