"""What a printer was sent, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from tests.peers.acceptor import Taking


@dataclass(frozen=True)
class SentObject:
    """One N-CREATE or N-SET."""

    sop_class: str
    instance: str
    dataset: Dataset
    """Its elements raw."""
    pixels: bytes


@dataclass
class KeptRequests:
    """Keeps what a printer is asked to make; answers with a status where `refuses` says one."""

    refuses: Callable[[SentObject], int | None] = lambda _: None
    sent: list[SentObject] = field(default_factory=list)

    def __call__(self, request: Request) -> Response | None:
        """The answer to a request; None for the usual one."""
        if request.data is None or request.field not in (Command.N_CREATE, Command.N_SET):
            return None
        dataset, pixels = Taking().read(request)
        made = SentObject(request.class_uid, request.instance_uid, dataset, pixels)
        self.sent.append(made)
        status = self.refuses(made)
        return None if status is None else Response(status)

    def of(self, sop_class: str) -> list[SentObject]:
        """Those of a class, in their order."""
        return [each for each in self.sent if each.sop_class == sop_class]
