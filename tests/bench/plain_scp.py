"""A Print SCP on pynetdicom, written the way its documentation shows, as a process of its own.

It keeps every object in memory for as long as its association, checks nothing and stores nothing.
With a printer's port and AE title it passes each film on before it answers N-ACTION.
Run as `python -m tests.bench.plain_scp [PORT AE_TITLE | tls CERTIFICATE KEY]`, it says its port,
and ends when its stdin is closed.
"""

from __future__ import annotations

import ssl
import sys
from collections import defaultdict
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt

from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    VERIFICATION,
)
from tests.peers.speaker import dataset, reference

AE_TITLE = "PLAIN"
ASSOCIATIONS = 400
"""At once. The library's own limit is 10."""

_objects: dict[Any, dict[str, Dataset]] = defaultdict(dict)


def on_create(event: evt.Event) -> tuple[int, Dataset]:
    """N-CREATE of a film session or a film box; the latter is answered with its image box."""
    created = event.attribute_list
    request = event.request
    created.AffectedSOPInstanceUID = request.AffectedSOPInstanceUID or generate_uid()
    if request.AffectedSOPClassUID == FILM_BOX:
        box = Dataset()
        box.ReferencedSOPClassUID = GRAYSCALE_IMAGE_BOX
        box.ReferencedSOPInstanceUID = generate_uid()
        created.ReferencedImageBoxSequence = [box]
    _objects[event.assoc][str(created.AffectedSOPInstanceUID)] = created
    return 0x0000, created


def on_set(event: evt.Event) -> tuple[int, None]:
    """N-SET of an image box."""
    uid = str(event.request.RequestedSOPInstanceUID)
    _objects[event.assoc][uid] = event.modification_list
    return 0x0000, None


def on_action(event: evt.Event) -> tuple[int, None]:
    """N-ACTION: a success, whatever is asked; with a printer, what that one says."""
    if len(sys.argv) != 3:
        return 0x0000, None
    return _pass_on(_objects[event.assoc], int(sys.argv[1]), sys.argv[2]), None


def _pass_on(objects: dict[str, Dataset], port: int, ae_title: str) -> int:
    """Print the one film with one image that there is; its status."""
    entity = AE(AE_TITLE)
    entity.add_requested_context(GRAYSCALE_META, EXPLICIT_LITTLE)
    printer = entity.associate("127.0.0.1", port, ae_title=ae_title)
    session, box = generate_uid(), generate_uid()
    printer.send_n_create(
        dataset(NumberOfCopies="1"), FILM_SESSION, session, meta_uid=GRAYSCALE_META
    )
    layout = dataset(
        ImageDisplayFormat=r"STANDARD\1,1",
        ReferencedFilmSessionSequence=[reference(FILM_SESSION, session)],
    )
    _, made = printer.send_n_create(layout, FILM_BOX, box, meta_uid=GRAYSCALE_META)
    image = str(made.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID)
    (content,) = (each for each in objects.values() if "BasicGrayscaleImageSequence" in each)
    printer.send_n_set(content, GRAYSCALE_IMAGE_BOX, image, meta_uid=GRAYSCALE_META)
    status, _ = printer.send_n_action(None, 1, FILM_BOX, box, meta_uid=GRAYSCALE_META)
    printer.release()
    return int(status.get("Status", 0x0110))


def on_delete(event: evt.Event) -> int:
    """N-DELETE."""
    _objects[event.assoc].pop(str(event.request.RequestedSOPInstanceUID), None)
    return 0x0000


def on_end(event: evt.Event) -> None:
    """The association is over: its objects are forgotten."""
    _objects.pop(event.assoc, None)


def main() -> None:
    """Serve until standard input ends."""
    entity = AE(AE_TITLE)
    entity.maximum_associations = ASSOCIATIONS
    entity.add_supported_context(VERIFICATION)
    entity.add_supported_context(GRAYSCALE_META)
    handlers: list[Any] = [
        (evt.EVT_N_CREATE, on_create),
        (evt.EVT_N_SET, on_set),
        (evt.EVT_N_ACTION, on_action),
        (evt.EVT_N_DELETE, on_delete),
        (evt.EVT_RELEASED, on_end),
        (evt.EVT_ABORTED, on_end),
    ]
    tls = None
    if sys.argv[1:2] == ["tls"]:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(sys.argv[2], sys.argv[3])
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=handlers, ssl_context=tls
    )
    assert server is not None
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
