"""A Print SCP on pynetdicom, written the way its documentation shows, as a process of its own.

It keeps every object in memory for as long as its association, checks nothing and stores nothing.
Run as `python -m tests.bench.plain_scp`, it says its port, and ends when nobody is left to hear it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt

from broker.dicom.sop_classes import FILM_BOX, GRAYSCALE_IMAGE_BOX, GRAYSCALE_META, VERIFICATION

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
    """N-ACTION: a success, whatever is asked."""
    del event
    return 0x0000, None


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
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()


if __name__ == "__main__":
    main()
