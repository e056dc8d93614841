"""A printer on a real socket that goes wrong exactly where a test says.

Associations for films play the script; health checks, which propose Verification, are answered by
a script of their own: a printer that passes every check and fails every film is the point.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.sop_classes import (
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
from broker.dicom.transport.associate_pdus import (
    RELEASE_RP,
    abort_pdu,
    associate_ac,
    associate_rj,
    read_proposal,
)
from broker.dicom.transport.dataset import decode_dataset
from broker.dicom.transport.dataset_writer import encode_dataset
from broker.dicom.transport.fragments import Assembly, packed, sendable_pdu
from broker.dicom.transport.message import (
    Command,
    Context,
    Request,
    Response,
    command_bytes,
    command_of,
    is_response,
    response_command,
)
from broker.dicom.transport.negotiation import Offer, Proposal, Rejection, accepted, negotiate
from broker.dicom.transport.wire import PduType, Wire, WireBroken
from broker.model.layout import Layout
from broker.model.printer import Address
from tests.peers.printer_fault import Act, Fault, Step

PATIENCE_S = 30.0
"""No association lasts longer without a word from the broker."""
MAX_PDU = 65536
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


class ScriptedPrinter:
    """Listens when it is made. The nth association for films suffers the nth of `faults`; all
    further ones `always`, where that is given. `by_label` has a fault for the first association
    whose film session has that label. `check` is what it does to health checks."""

    def __init__(
        self,
        name: str,
        *faults: Fault | None,
        always: Fault | None = None,
        by_label: Mapping[str, Fault] | None = None,
        check: Act | None = None,
    ) -> None:
        self.name = name
        self.films: list[Paper] = []
        self.heard: list[Step] = []
        """What the broker asked, in order, over all associations for films."""
        self.troubles: list[BaseException] = []
        """What went wrong in the script itself."""
        self.status = ("NORMAL", "NORMAL")
        """Printer Status and its info, as health checks are told."""
        self.check = check
        self._faults = list(faults)
        self._always = always
        self._by_label = dict(by_label or {})
        self._changed = threading.Condition()
        self._associations = 0
        self._running: dict[threading.Thread, Wire] = {}
        self._off = threading.Event()
        self._listener: socket.socket | None = None
        # Keeps the port while nobody listens on it: whoever calls then is refused.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.open()

    @property
    def address(self) -> Address:
        """How the broker reaches it."""
        port = int(self._reserved.getsockname()[1])
        return Address(self.name, self.name.upper(), "127.0.0.1", port)

    @property
    def associations(self) -> int:
        """How many there were for films."""
        with self._changed:
            return self._associations

    def behave(self) -> None:
        """From now on nothing goes wrong any more."""
        with self._changed:
            self._faults, self._always, self.check = [], None, None
            self._by_label.clear()
        self.open()

    def open(self) -> None:
        """Listen."""
        if self._listener is not None:
            return
        self._off.clear()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self._reserved.getsockname())
        self._listener.listen(64)
        threading.Thread(
            target=self._listen, args=(self._listener,), name=f"{self.name}-door"
        ).start()

    def shut(self) -> None:
        """Refuse connections, and cut those that there are. Returns when that is so."""
        if self._listener is None:
            return
        self._off.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        with self._changed:
            running = dict(self._running)
        for thread, wire in running.items():
            wire.cut()
            thread.join()

    def close(self) -> None:
        """Switch it off for good; raises what went wrong in its own script."""
        self.shut()
        self._reserved.close()
        for trouble in self.troubles:
            raise trouble

    def next_fault(self) -> tuple[int, Fault | None]:
        """The number of a new association for films, and what goes wrong with it."""
        with self._changed:
            self._associations += 1
            return self._associations, self._faults.pop(0) if self._faults else self._always

    def fault_of(self, label: str) -> Fault | None:
        """What goes wrong with a film session of that label, the first time."""
        with self._changed:
            return self._by_label.pop(label, None)

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # shut
            wire = Wire(sock, max_pdu=MAX_PDU)
            thread = threading.Thread(target=self._run, args=(wire,), name=f"{self.name}-call")
            with self._changed:
                self._running[thread] = wire
            thread.start()
            if self._off.is_set():
                wire.cut()

    def _run(self, wire: Wire) -> None:
        with ExitStack() as last:
            last.callback(wire.close)
            try:
                Call(self, wire, self._off).run()
            except WireBroken:
                pass  # the broker, or the script, has hung up
            except BaseException as exc:  # noqa: BLE001 - it is raised where the test sees it
                self.troubles.append(exc)
        with self._changed:
            self._running.pop(threading.current_thread(), None)


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
        self._label = ""
        self._last_words = b""
        self._boxes: dict[str, list[str]] = {}
        """Film box -> its image boxes."""
        self._pixels: dict[str, bytes] = {}
        """Image box -> its picture."""

    def run(self) -> None:
        """Until somebody hangs up: raises WireBroken then."""
        pdu = self._wire.receive(self._deadline())
        self._proposal = read_proposal(pdu.body)
        self._send_pdu = sendable_pdu(self._proposal.max_pdu)
        self._assembly = Assembly(max_dataset=1 << 28)
        checking = any(each.abstract_syntax == VERIFICATION for each in self._proposal.contexts)
        if checking and self._printer.check is not None:
            return self._printer.check(self)
        if not checking:
            self._number, self._fault = self._printer.next_fault()
        self._act(Step.ASSOCIATION, self.accept)
        while True:
            pdu = self._wire.receive(self._deadline())
            if pdu.type == PduType.RELEASE_RQ:
                self.request = None
                self._act(Step.RELEASE, self.usual)
            elif pdu.type != PduType.DATA:
                return None
            else:
                self._hear(self._assembly.feed(pdu.body))

    def _hear(self, messages: Sequence[Any]) -> None:
        for message in messages:
            if is_response(message.command):
                continue
            context = self._contexts[message.context_id]
            if self.request is not None:
                self.earlier_id = self.request.message_id
            self.request = Request(context, message.command, message.data)
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
        if self._number:
            self._printer.heard.append(step)
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
        return decode_dataset(self.request.data, self.request.context.transfer_syntax)

    def _send(self, context: Context, command: Dataset, dataset: Dataset | None) -> None:
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(command, with_dataset=bool(data))
        message = b"".join(packed(context.id, encoded, data, self._send_pdu))
        self._say([message + self._last_words])

    def _say(self, chunks: Any) -> None:
        self._wire.send(chunks, PATIENCE_S)

    def _deadline(self) -> float:
        return time.monotonic() + PATIENCE_S
