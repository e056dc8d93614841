"""The transport's acceptor with a service that a test writes in a line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.scp.received_dataset import WANTED
from broker.dicom.upper_layer.acceptor import Acceptor, AcceptorSettings
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Requestor

PATIENCE_S = 20.0
VERIFICATION = "1.2.840.10008.1.1"
GRAYSCALE_META = "1.2.840.10008.5.1.1.9"
OFFERS = (
    Offer(VERIFICATION, (EXPLICIT_LE, IMPLICIT_LE)),
    Offer(GRAYSCALE_META, (EXPLICIT_LE, IMPLICIT_LE)),
)

ECHO = {"AffectedSOPClassUID": VERIFICATION, "CommandField": Command.C_ECHO}

Answering = Callable[[AcceptedAssociation, Request], Response | None]


class Seen:
    """What the acceptor told, in order, and how associations ended."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.events: list[tuple[str, Mapping[str, object]]] = []
        self.endings: list[Ending] = []

    def event(self, name: str, fields: Mapping[str, object]) -> None:
        """Told by the acceptor."""
        with self._changed:
            self.events.append((name, fields))
            self._changed.notify_all()

    def ending(self, how: Ending) -> None:
        """Told by the service."""
        with self._changed:
            self.endings.append(how)
            self._changed.notify_all()

    def wait_for(self, name: str, count: int = 1) -> Mapping[str, object]:
        """The fields of the `count`th event of this name, as soon as it has come."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._named(name)) >= count, PATIENCE_S), (
                f"no {name} among {self.events}"
            )
            return self._named(name)[count - 1]

    def first_of(self, *names: str, patience_s: float = PATIENCE_S) -> Mapping[str, object] | None:
        """The fields of the first event of these names, as soon as it has come; None when it does
        not come."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: [fields for each in names for fields in self._named(each)], patience_s
            )
        return found[0] if found else None

    @property
    def names(self) -> list[str]:
        """The events' names so far."""
        with self._changed:
            return [name for name, _ in self.events]

    def _named(self, name: str) -> list[Mapping[str, object]]:
        return [fields for each, fields in self.events if each == name]


class Taken:
    """Pixels that are being read."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.over = threading.Event()
        """Set when no more of them is read."""


class Taking:
    """Answers 0x0000 to requests whose pixels it has read."""

    def __init__(self, pause_s: float = 0) -> None:
        """It waits so long before each piece."""
        self.taken: list[Taken] = []
        self._pause_s = pause_s

    def __call__(self, _association: AcceptedAssociation, request: Request) -> Response:
        """Read all of it."""
        self.read(request)
        return Response(statuses.SUCCESS)

    def read(self, request: Request) -> tuple[Dataset, bytes]:
        """The data set, and the pixels that are elsewhere."""
        taken = Taken()
        self.taken.append(taken)
        pause = threading.Event()
        try:
            reader = request.reader(WANTED)
            if reader.to_pixels() is not None:
                for piece in reader.pixels():
                    pause.wait(self._pause_s)
                    taken.content += piece
            return reader.to_end(), bytes(taken.content)
        finally:
            taken.over.set()


class Scripted:
    """A service that answers with a function."""

    def __init__(self, association: AcceptedAssociation, answering: Answering, seen: Seen) -> None:
        self._association = association
        self._answering = answering
        self._seen = seen
        self.disposable = True
        """Nothing is lost with it."""
        self.unfinished = False
        """It is not in the middle of anything."""
        self.between = False
        """Nothing may follow."""
        self.unprinted = 0
        """Images that would be lost."""

    def answer(self, request: Request) -> Response | None:
        """What the function says."""
        return self._answering(self._association, request)

    def closed(self, how: Ending) -> None:
        """Written down."""
        self._seen.ending(how)


def success(_association: AcceptedAssociation, _request: Request) -> Response:
    """Answer anything with 0x0000."""
    return Response(statuses.SUCCESS)


@contextmanager
def accepting(
    answering: Answering = success, *, grace_s: float = 0, **options: Any
) -> Iterator[tuple[Acceptor, Seen]]:
    """A running acceptor called BROKER; it is stopped at the end.

    `options` are of AcceptorSettings, and the callables of an Acceptor.
    """
    seen = Seen()
    edges: dict[str, Any] = {
        "offers": lambda: OFFERS,
        "new_service": lambda association: Scripted(association, answering, seen),
        "on_event": seen.event,
    }
    settings: dict[str, Any] = {"host": "127.0.0.1", "port": 0, "called": {"BROKER"}}
    known = {each.name for each in fields(AcceptorSettings)}
    for name, value in options.items():
        (settings if name in known else edges)[name] = value
    acceptor = Acceptor(AcceptorSettings(**settings), **edges)
    acceptor.start()
    try:
        yield acceptor, seen
    finally:
        acceptor.stop(grace_s)


def opened(port: int, called_ae: str = "BROKER", **options: object) -> Requestor:
    """An association of ours."""
    return Requestor.open(
        "127.0.0.1", port, calling_ae="CT1", called_ae=called_ae, proposals=OFFERS, **options
    )


def echoed(requestor: Requestor) -> int:
    """The status of one C-ECHO."""
    context = requestor.context(VERIFICATION)
    assert context is not None
    return requestor.request(context, ECHO, timeout_s=10).status
