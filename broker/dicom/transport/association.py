"""One association that was opened with us, from its A-ASSOCIATE-RQ to its end."""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator, Sequence

from pydicom.dataset import Dataset

from broker.dicom.statuses import (
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SOP_CLASS_NOT_SUPPORTED,
    UNRECOGNIZED_OPERATION,
)
from broker.dicom.transport.associate_pdus import RELEASE_RP, abort_pdu, associate_ac
from broker.dicom.transport.dataset_writer import encode_dataset
from broker.dicom.transport.fragments import Assembly, Budget, Message, packed, sendable_pdu
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
from broker.dicom.transport.negotiation import Answered, Proposal, accepted
from broker.dicom.transport.service import Closing, Ending, EventSink, Limits, Service
from broker.dicom.transport.wire import (
    PduType,
    Reason,
    TimedOut,
    Violation,
    Wire,
    WireBroken,
)

ANSWERED = frozenset(
    {
        Command.C_ECHO,
        Command.N_EVENT_REPORT,
        Command.N_GET,
        Command.N_SET,
        Command.N_ACTION,
        Command.N_CREATE,
        Command.N_DELETE,
    }
)
"""Requests that a Service is asked."""


SEND_PROGRESS_S = 60.0
"""The longest time without the peer taking a byte of what we send."""
LINGER_S = 2.0
"""How long the peer may take to close after the last word was said (PS3.8's ARTIM timer)."""
ABORT_PROGRESS_S = 1.0


class AcceptedAssociation:
    """One association as its Service sees it."""

    def __init__(
        self,
        wire: Wire,
        peer: str,
        proposal: Proposal,
        answered: Sequence[Answered],
        limits: Limits,
        budget: Budget,
        on_event: EventSink,
    ) -> None:
        self.calling_ae = proposal.calling_ae
        self.called_ae = proposal.called_ae
        self.peer = peer
        self.contexts = accepted(proposal.contexts, answered)
        self._wire = wire
        self._proposal = proposal
        self._answered = answered
        self._limits = limits
        self._by_id = {context.id: context for context in self.contexts}
        self._send_pdu = sendable_pdu(proposal.max_pdu)
        self._assembly = Assembly(budget, max_dataset=limits.max_dataset)
        self._ready: deque[Message] = deque()
        self._on_event = on_event
        self._thread = threading.current_thread()
        self._answering = False
        self._later: list[Iterator[bytes]] = []
        self._ids = 0
        self._ids_lock = threading.Lock()
        self._ended_by_us: Closing | None = None

    def __str__(self) -> str:
        return f"{self.calling_ae} at {self.peer}"

    def event_report(
        self,
        context: Context,
        class_uid: str,
        instance_uid: str,
        event_type: int,
        dataset: Dataset | None = None,
    ) -> int:
        """Send N-EVENT-REPORT (PS3.7 10.1.1) and return its Message ID.

        From within answer() it leaves right after the response; otherwise at once, from any thread.
        The peer's response is read and dropped in its turn. Raises WireBroken when the association
        is gone.
        """
        with self._ids_lock:
            self._ids = self._ids % 0xFFFF + 1
            message_id = self._ids
        command = command_of(
            {
                "AffectedSOPClassUID": class_uid,
                "CommandField": Command.N_EVENT_REPORT,
                "MessageID": message_id,
                "AffectedSOPInstanceUID": instance_uid,
                "EventTypeID": event_type,
            }
        )
        message = self._message(context, command, dataset)
        if self._answering and threading.current_thread() is self._thread:
            self._later.append(message)
        else:
            self._wire.send(message, SEND_PROGRESS_S)
        return message_id

    def abort(self) -> None:
        """A-ABORT, from any thread; what is being answered is not answered any more."""
        self._ended_by_us = Closing(Ending.ABORTED, "aborted by us")
        try:
            self._wire.send([abort_pdu(by_provider=False)], ABORT_PROGRESS_S)
        except WireBroken:
            self._wire.cut()
            return
        self._wire.cut()

    def close(self) -> None:
        """Cut the TCP connection without a word, from any thread: play dead."""
        self._ended_by_us = Closing(Ending.LOST, "cut by us")
        self._wire.cut()

    def run(self, service: Service) -> Closing:
        """Accept, and answer until it ends. Calls `service.closed` exactly once."""
        closing = Closing(Ending.LOST, "failed")
        try:
            self._wire.send(
                [associate_ac(self._proposal, self._answered, max_pdu=self._limits.max_pdu)],
                SEND_PROGRESS_S,
            )
            while True:
                self._serve(service, self._next())
        except Closing as exc:
            closing = exc
        except Violation as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: {exc}")
            self._say_abort(exc.reason)
        except TimedOut as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: the peer {exc}")
            self._say_abort(Reason.NOT_SPECIFIED)
        except WireBroken as exc:
            closing = self._ended_by_us or Closing(Ending.LOST, f"the peer {exc}")
        finally:
            self._assembly.abandon()
            for message in self._ready:
                self._assembly.settle(message)
            self._closed(service, closing)
        return closing

    def _next(self) -> Message:
        """The next message. Raises Closing when the association has ended in good order."""
        if not self._ready and not self._assembly.begun:
            self._wire.wait(time.monotonic() + self._limits.idle_timeout_s)
        deadline = time.monotonic() + self._limits.message_timeout_s
        while not self._ready:
            pdu = self._wire.receive(deadline)
            if pdu.type == PduType.DATA:
                self._ready.extend(self._assembly.feed(pdu.body))
            elif pdu.type == PduType.RELEASE_RQ:
                self._wire.send([RELEASE_RP], SEND_PROGRESS_S)
                raise Closing(Ending.RELEASED, "released")
            elif pdu.type == PduType.ABORT:
                raise Closing(Ending.ABORTED, "aborted by the peer")
            else:
                raise Violation(f"{pdu.type.name} within an association", Reason.UNEXPECTED_PDU)
        return self._ready.popleft()

    def _serve(self, service: Service, message: Message) -> None:
        try:
            if is_response(message.command) or message.command.CommandField == Command.C_CANCEL:
                return
            request = Request(self._by_id.get(message.context_id), message.command, message.data)
            response = self._response(service, request, dropped=message.dropped)
        finally:
            self._assembly.settle(message)
        if self._ended_by_us is not None:
            raise self._ended_by_us
        later, self._later = self._later, []
        if response is not None:
            self._respond(message.context_id, request, response)
        for event in later:
            self._wire.send(event, SEND_PROGRESS_S)

    def _response(self, service: Service, request: Request, *, dropped: bool) -> Response | None:
        if request.context is None:
            return Response(SOP_CLASS_NOT_SUPPORTED)
        if request.field not in ANSWERED:
            return Response(UNRECOGNIZED_OPERATION)
        if dropped:
            return Response(RESOURCE_LIMITATION)
        self._answering = True
        try:
            return service.answer(request)
        except Exception:  # noqa: BLE001 - a fault in one answer must not end the association
            self._fault("answering", service=type(service).__name__)
            return Response(PROCESSING_FAILURE)
        finally:
            self._answering = False

    def _respond(self, context_id: int, request: Request, response: Response) -> None:
        context = request.context or Context(context_id, "", "")
        try:
            message = self._message(context, response_command(request, response), response.dataset)
        except (ValueError, TypeError):
            self._fault("encoding a response")
            message = self._message(
                context, response_command(request, Response(PROCESSING_FAILURE)), None
            )
        self._wire.send(message, SEND_PROGRESS_S)

    def _message(
        self, context: Context, command: Dataset, dataset: Dataset | None
    ) -> Iterator[bytes]:
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(command, with_dataset=bool(data))
        return packed(context.id, encoded, data, self._send_pdu)

    def _say_abort(self, reason: Reason) -> None:
        try:
            self._wire.send([abort_pdu(by_provider=True, reason=reason)], ABORT_PROGRESS_S)
        except WireBroken:
            self._wire.cut()

    def _closed(self, service: Service, closing: Closing) -> None:
        try:
            service.closed(closing.how)
        except Exception:  # noqa: BLE001 - the thread has nobody else to tell
            self._fault("closing", service=type(service).__name__)

    def _fault(self, doing: str, **fields: object) -> None:
        self._on_event(
            "fault",
            {
                "calling_ae": self.calling_ae,
                "peer": self.peer,
                "doing": doing,
                "traceback": traceback.format_exc(),
                **fields,
            },
        )
