"""One association with a scripted printer: what a printer does, and what its fault does instead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset

from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.associate_pdus import (
    RELEASE_RP,
    RELEASE_RQ,
    abort_pdu,
    associate_ac,
    associate_rj,
    read_proposal,
)
from broker.dicom.upper_layer.command_set import Command, CommandSet, command_bytes, command_of
from broker.dicom.upper_layer.dataset import decode_dataset, encode_dataset
from broker.dicom.upper_layer.message import (
    Context,
    Fragments,
    Message,
    Request,
    Response,
    next_message,
    packed,
    response_command,
    sendable_pdu,
)
from broker.dicom.upper_layer.negotiation import Offer, Proposal, Rejection, accepted, negotiate
from broker.dicom.upper_layer.wire import PduType, Wire
from broker.model.films.layout import Layout
from tests.peers.printer_fault import Fault, Step

if TYPE_CHECKING:
    from tests.peers.scripted_printer import ScriptedPrinter

PATIENCE_S = 30.0
"""No association lasts longer without a word from the broker."""
MAX_PDU = 65536
MAX_DATASET = 1 << 28
OFFERED = (VERIFICATION, GRAYSCALE_META, PRESENTATION_LUT)
STEPS = {
    (Command.N_CREATE, FILM_SESSION): Step.SESSION,
    (Command.N_CREATE, PRESENTATION_LUT): Step.LUT,
    (Command.N_CREATE, FILM_BOX): Step.FILM_BOX,
    (Command.N_SET, GRAYSCALE_IMAGE_BOX): Step.IMAGE,
    (Command.N_ACTION, FILM_BOX): Step.ACTION,
    (Command.N_DELETE, FILM_BOX): Step.CLEAR,
    (Command.N_DELETE, FILM_SESSION): Step.END,
}


@dataclass(frozen=True)
class Paper:
    """One film that came out."""

    pixels: tuple[bytes, ...]
    """Of its images, in the order of their positions."""
    label: str
    """Film Session Label."""
    association: int
    """In which association for films it was asked for, from 1."""


class _Over(Exception):
    """The broker has ended the association."""


class Call:
    """One association, and the Turn that its fault acts on."""

    def __init__(self, printer: ScriptedPrinter, wire: Wire, off: threading.Event) -> None:
        self.step = Step.ASSOCIATION
        self.request: Request | None = None
        self.earlier_id = 0
        self._printer = printer
        self._wire = wire
        self._off = off
        self._fault: Fault | None = None
        self._number = 0
        self._reached: dict[Step, int] = {}
        self._contexts: dict[int, Context] = {}
        self._data = b""
        """The data set of the request."""
        self._label = ""
        self._last_words = b""
        self._boxes: dict[str, list[str]] = {}
        """Film box -> its image boxes."""
        self._pixels: dict[str, bytes] = {}
        """Image box -> its picture."""

    def run(self) -> None:
        """Until the peer closes.

        Raises: WireBroken: then.
        """
        pdu = self._wire.receive(self._deadline())
        self._proposal = read_proposal(pdu.body)
        self._send_pdu = sendable_pdu(self._proposal.max_pdu)
        self._fragments = Fragments(self._next_body)
        checking = any(each.abstract_syntax == VERIFICATION for each in self._proposal.contexts)
        if checking and self._printer.check is not None:
            return self._printer.check(self)
        if not checking:
            self._number, self._fault = self._printer.next_fault()
        self._act(Step.ASSOCIATION, self.accept)
        with suppress(_Over):
            while True:
                self._hear(next_message(self._fragments))

    def _next_body(self) -> memoryview:
        pdu = self._wire.receive(self._deadline())
        if pdu.type == PduType.DATA:
            return pdu.body
        if pdu.type == PduType.RELEASE_RQ:
            self.request = None
            self._act(Step.RELEASE, self.usual)
            return self._next_body()
        raise _Over

    def _hear(self, message: Message) -> None:
        data = b"" if message.data is None else message.data.read(MAX_DATASET)
        if message.command.is_response:
            return
        assert data is not None
        context = self._contexts[message.context_id]
        if self.request is not None:
            self.earlier_id = self.request.message_id
        self.request, self._data = Request(context, message.command), data
        step = STEPS.get((Command(self.request.field), self.request.class_uid))
        if step is Step.SESSION:
            self._label = str(self._heard_dataset().get("FilmSessionLabel", ""))
            self._fault = self._fault or self._printer.fault_of(self._label)
        if step is None:
            self.usual()
        else:
            self._act(step, self.usual)

    def _act(self, step: Step, otherwise: Callable[[], None]) -> None:
        self.step = step
        self._reached[step] = self._reached.get(step, 0) + 1
        fault = self._fault
        if fault and fault.step is step and fault.nth in (0, self._reached[step]):
            fault.act(self)
        else:
            otherwise()

    # The Turn of a fault

    def usual(self, status: int = 0, **fields: Any) -> None:
        """See Turn."""
        if self.request is None:
            return self.accept() if self.step is Step.ASSOCIATION else self._say([RELEASE_RP])
        return self.answer(status, self._done(self.request), **fields)

    def answer(self, status: int, dataset: Dataset | None = None, **fields: Any) -> None:
        """See Turn."""
        assert self.request is not None
        assert self.request.context is not None
        command = response_command(self.request, Response(status, dataset, fields))
        self._send(self.request.context, command, dataset)

    def reject(self, why: Rejection) -> None:
        """See Turn."""
        self._say([associate_rj(why)])

    def accept(self, *without: str) -> None:
        """See Turn."""
        proposal: Proposal = self._proposal
        offers = [Offer(each, (EXPLICIT_LITTLE,)) for each in OFFERED if each not in without]
        answered = negotiate(proposal.contexts, offers)
        self._contexts = {each.id: each for each in accepted(proposal.contexts, answered)}
        self._say([associate_ac(proposal, answered, max_pdu=MAX_PDU)])

    def print_film(self) -> None:
        """See Turn."""
        assert self.request is not None
        boxes = self._boxes.get(self.request.instance_uid) or list(self._pixels)
        pixels = tuple(self._pixels[uid] for uid in boxes if uid in self._pixels)
        self._printer.films.append(Paper(pixels, self._label, self._number))

    def report(self, number: int) -> None:
        """See Turn."""
        context = next(iter(self._contexts.values()))
        for each in range(number):
            command = {
                "AffectedSOPClassUID": PRINTER,
                "CommandField": Command.N_EVENT_REPORT,
                "MessageID": each + 1,
                "AffectedSOPInstanceUID": PRINTER_INSTANCE,
                "EventTypeID": 2,
            }
            info = Dataset()
            info.PrinterStatusInfo = "SUPPLY LOW"
            self._send(context, command_of(command), info)

    def pause(self, seconds: float) -> None:
        """See Turn."""
        self._off.wait(seconds)

    def fall_silent(self) -> None:
        """See Turn."""
        while self._wire.receive(self._deadline()).type != PduType.ABORT:
            pass
        self.close()

    def abort(self) -> None:
        """See Turn."""
        self._say([abort_pdu(by_provider=True)])
        self.close()

    def close(self) -> None:
        """See Turn."""
        self._wire.cut()

    def answer_and_abort(self) -> None:
        """See Turn."""
        self._last_words = abort_pdu(by_provider=True)
        self.usual()
        self.close()

    def answer_and_release(self) -> None:
        """See Turn."""
        self._last_words = RELEASE_RQ
        self.usual()
        self._last_words = b""

    # What a printer does

    def _done(self, request: Request) -> Dataset | None:
        """Do what was asked; the data set of the answer."""
        if self.step is Step.FILM_BOX and request.field == Command.N_CREATE:
            return self._film_box(request)
        if request.field == Command.N_SET and request.class_uid == GRAYSCALE_IMAGE_BOX:
            image = self._heard_dataset().BasicGrayscaleImageSequence[0]
            self._pixels[request.instance_uid] = bytes(image.PixelData)
        if request.field == Command.N_ACTION:
            self.print_film()
        if request.field == Command.N_GET:
            reply = Dataset()
            reply.PrinterStatus, reply.PrinterStatusInfo = self._printer.status
            return reply
        return None

    def _film_box(self, request: Request) -> Dataset:
        layout = Layout.parse(str(self._heard_dataset().ImageDisplayFormat))
        places = range(1, layout.boxes + 1)
        family = f"1.2.{self._number}.{len(self._boxes) + 1}"
        self._boxes[request.instance_uid] = [f"{family}.{each}" for each in places]
        reply = Dataset()
        reply.ReferencedImageBoxSequence = []
        for uid in self._boxes[request.instance_uid]:
            item = Dataset()
            item.ReferencedSOPClassUID = GRAYSCALE_IMAGE_BOX
            item.ReferencedSOPInstanceUID = uid
            reply.ReferencedImageBoxSequence.append(item)
        return reply

    def _heard_dataset(self) -> Dataset:
        assert self.request is not None
        assert self.request.context is not None
        return decode_dataset(self._data, self.request.context.transfer_syntax)

    def _send(self, context: Context, command: CommandSet, dataset: Dataset | None) -> None:
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(command, with_dataset=bool(data))
        message = b"".join(packed(context.id, encoded, data, self._send_pdu))
        self._say([message + self._last_words])

    def _say(self, chunks: Any) -> None:
        self._wire.send(chunks, PATIENCE_S)

    def _deadline(self) -> float:
        return time.monotonic() + PATIENCE_S
