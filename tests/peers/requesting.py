"""A requestor's association with a printer that is a script."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicGrayscalePrintManagementMeta,
    Verification,
)

from broker.dicom.upper_layer.command_set import RESPONSE, Command
from broker.dicom.upper_layer.connection import Timeouts
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Answer, Requestor
from tests.peers.raw import ABORT, Raw

META = str(BasicGrayscalePrintManagementMeta)
OFFERS = (
    Offer(META, (EXPLICIT_LE, IMPLICIT_LE)),
    Offer(str(Verification), (EXPLICIT_LE, IMPLICIT_LE)),
)
SHORT = Timeouts(connect_s=0.2, associate_s=0.2, release_s=0.2)
ANSWERED = {"CommandField": Command.N_SET | RESPONSE, "MessageIDBeingRespondedTo": 1, "Status": 0}
ACTION = {
    "RequestedSOPClassUID": "1.2.840.10008.5.1.1.2",
    "CommandField": Command.N_ACTION,
    "RequestedSOPInstanceUID": "1.2.3",
    "ActionTypeID": 1,
}


def opened(port: int, **options: Any) -> Requestor:
    """An association of ours."""
    return Requestor.open(
        "127.0.0.1", port, calling_ae="BROKER", called_ae="OKI1", proposals=OFFERS, **options
    )


def acted(requestor: Requestor, timeout_s: float = 10) -> Answer:
    """N-ACTION and its answer."""
    context = requestor.context(META)
    assert context is not None
    return requestor.request(context, ACTION, timeout_s=timeout_s)


@contextmanager
def pynetdicom_printer(handlers: list[Any]) -> Iterator[int]:
    """pynetdicom as acceptor, with threads and all; yields its port."""
    ae = AE("OKI1")
    ae.add_supported_context(BasicGrayscalePrintManagementMeta, [IMPLICIT_LE])
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    try:
        yield server.socket.getsockname()[1]
    finally:
        ae.shutdown()


def silent(raw: Raw) -> None:
    """Take everything, say nothing, and see that we are aborted."""
    raw.pdu()
    assert raw.pdu() == ABORT
    assert raw.closed()


def drip(raw: Raw) -> None:
    """One byte now and then, until we have had enough."""
    raw.pdu()
    tick = threading.Event()
    try:
        for byte in b"\x02\x00\x00\x00\xff\xff" + bytes(1000):
            raw.send(bytes([byte]))
            tick.wait(0.01)
    except OSError:
        return
    raise AssertionError("the broker did not stop us")


def heard(then: Callable[[Raw, Any], object]) -> Callable[[Raw], None]:
    """Accept, hear one request, and do something about it."""

    def script(raw: Raw) -> None:
        raw.accept()
        then(raw, raw.hear())

    return script
