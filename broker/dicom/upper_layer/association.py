"""One association that was opened with us, from its A-ASSOCIATE-RQ to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.activity import Activity
from broker.dicom.upper_layer.associate_pdus import RELEASE_RP, abort_pdu, associate_ac
from broker.dicom.upper_layer.association_service import (
    AssociationLimits,
    AssociationService,
    Closing,
    Ending,
    EventSink,
    GuardedService,
)
from broker.dicom.upper_layer.command_set import (
    Command,
    CommandSet,
    command_bytes,
    command_of,
)
from broker.dicom.upper_layer.dataset import encode_dataset
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
from broker.dicom.upper_layer.negotiation import Answered, Proposal, accepted
from broker.dicom.upper_layer.wire import (
    ABORT_PATIENCE_S,
    Pace,
    PduType,
    Reason,
    TimedOut,
    Violation,
    Wire,
    WireBroken,
)

SEND_PATIENCE_S = 60.0
"""For a peer that takes what we send more slowly than it should: see Pace."""


class _Incoming:
    """The messages of one association as they come, each at its pace."""

    def __init__(self, wire: Wire, limits: AssociationLimits, patience_s: float) -> None:
        self._wire = wire
        self._limits = limits
        self._patience_s = patience_s
        self._fragments = Fragments(self._next_body)
        self._pace = Pace(limits.message_timeout_s, time.monotonic())
        """Of the message that is coming."""
        self._paced = 0
        """Bytes of it that the pace knows of."""
        self._received_at = 0.0
        """When the last PDU was there, of `time.monotonic()`."""

    @property
    def pending(self) -> bool:
        """Whether a message has begun to come."""
        return self._fragments.pending

    def next(self) -> Message:
        """The next message.

        Raises: Closing: when the peer has released or aborted the association.
        """
        self._pace = Pace(self._limits.message_timeout_s, time.monotonic())
        self._paced = 0
        return next_message(self._fragments)

    def _next_body(self) -> memoryview:
        """The next PDU of the message that is coming: the time that its bytes took us is not the
        peer's."""
        moved = self._fragments.size - self._paced
        if moved > 0:
            now = time.monotonic()
            self._pace.ours(now - self._received_at)
            self._pace.moved(moved, now)
            self._paced = self._fragments.size
        pdu = self._wire.receive(self._pace.deadline)
        self._received_at = time.monotonic()
        if pdu.type == PduType.DATA:
            return pdu.body
        if pdu.type == PduType.RELEASE_RQ:
            self._wire.send([RELEASE_RP], self._patience_s)
            raise Closing(Ending.RELEASED, "released")
        if pdu.type == PduType.ABORT:
            raise Closing(Ending.ABORTED, "aborted by the peer", by_peer=True)
        raise Violation(f"{pdu.type.name} within an association", Reason.UNEXPECTED_PDU)


class _Outgoing:
    """The messages that we send on one association."""

    def __init__(self, wire: Wire, max_pdu: int, patience_s: float) -> None:
        self._wire = wire
        self._max_pdu = max_pdu
        self._patience_s = patience_s
        self._answering: int | None = None
        """The thread that answers a request now."""
        self._later: list[Iterator[bytes]] = []
        """Event reports that leave after the response."""
        self._ids = 0
        self._ids_lock = threading.Lock()

    def pack(
        self, context: Context, command: CommandSet, dataset: Dataset | None
    ) -> Iterator[bytes]:
        """A message in PDUs. Raises: ValueError, TypeError: when it cannot be encoded."""
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(command, with_dataset=bool(data))
        return packed(context.id, encoded, data, self._max_pdu)

    def send(self, message: Iterable[bytes]) -> None:
        """Raises: WireBroken: when the association has ended."""
        self._wire.send(message, self._patience_s)

    def report(self, context: Context, fields: dict[str, object], dataset: Dataset | None) -> int:
        """Send an event report with the next Message ID: at once, or after the response that the
        calling thread is about to give. Its Message ID.

        Raises: WireBroken: when the association has ended.
        """
        with self._ids_lock:
            self._ids = self._ids % 0xFFFF + 1
            message_id = self._ids
        message = self.pack(context, command_of(fields | {"MessageID": message_id}), dataset)
        if self._answering == threading.get_ident():
            self._later.append(message)
        else:
            self.send(message)
        return message_id

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Meanwhile, this thread's event reports wait."""
        self._answering = threading.get_ident()
        try:
            yield
        finally:
            self._answering = None

    def send_later(self) -> None:
        """The event reports that have waited.

        Raises: WireBroken: when the association has ended.
        """
        later, self._later = self._later, []
        for event in later:
            self.send(event)


class AcceptedAssociation:
    """One association as its service sees it."""

    def __init__(
        self,
        wire: Wire,
        peer: str,
        proposal: Proposal,
        answered: Sequence[Answered],
        limits: AssociationLimits,
        on_event: EventSink,
    ) -> None:
        self.calling_ae = proposal.calling_ae
        self.called_ae = proposal.called_ae
        self.peer = peer
        self.contexts = accepted(proposal.contexts, answered)
        self.activity = Activity(wire)
        self._wire = wire
        self._accept = associate_ac(proposal, answered, max_pdu=limits.max_pdu)
        self._limits = limits
        patience_s = min(SEND_PATIENCE_S, limits.message_timeout_s)
        self._incoming = _Incoming(wire, limits, patience_s)
        self._outgoing = _Outgoing(wire, sendable_pdu(proposal.max_pdu), patience_s)
        self._on_event = on_event
        self._unanswered: int | None = None
        """Message ID of the service's last report, while the peer has not responded to it."""

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
        The peer's response is read and dropped in its turn.

        Raises: WireBroken: when the association has ended.
        """
        fields: dict[str, object] = {
            "AffectedSOPClassUID": class_uid,
            "CommandField": Command.N_EVENT_REPORT,
            "AffectedSOPInstanceUID": instance_uid,
            "EventTypeID": event_type,
        }
        return self._outgoing.report(context, fields, dataset)

    def abort(self, patience_s: float = ABORT_PATIENCE_S) -> None:
        """A-ABORT, from any thread; what is being answered is not answered any more."""
        if self.activity.ended is None:
            self.activity.ended = Closing(Ending.ABORTED, "aborted by us")
        with suppress(WireBroken):
            self._wire.send([abort_pdu(by_provider=False)], patience_s)
        self._wire.cut()

    def close(self) -> None:
        """Cut the TCP connection without A-ABORT, from any thread, as a dead program would."""
        self.activity.ended = Closing(Ending.LOST, "cut by us")
        self._wire.cut()

    def run(self, service: AssociationService) -> Closing:
        """Accept, and answer until it ends. Calls `service.closed` exactly once."""
        closing = Closing(Ending.LOST, "failed")
        guarded = GuardedService(service, self._tell)
        self.activity.service = guarded
        report = partial(self._report, guarded) if guarded.reports else None
        try:
            self._outgoing.send([self._accept])
            while True:
                if not self._incoming.pending:
                    self.activity.rest(self._limits.idle_timeout_s, report)
                self._serve(guarded, self._incoming.next())
        except Closing as exc:
            closing = exc
        except Violation as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: {exc}", exc.kind)
            self._say_abort(exc.reason)
        except TimedOut as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: the peer {exc}", exc.kind)
            self._say_abort(Reason.NOT_SPECIFIED)
        except WireBroken as exc:
            closing = self.activity.ended or Closing(Ending.LOST, f"the peer {exc}")
        finally:
            self._tell_unprinted(guarded, closing)
            guarded.closed(closing.how)
        return closing

    def _tell_unprinted(self, service: GuardedService, closing: Closing) -> None:
        """Tell which images are lost, unless the peer released or aborted: then it wants it so."""
        by_peer = closing.how is Ending.RELEASED or closing.by_peer
        if not by_peer and (number := service.unprinted):
            # Without its kind: the event of the end has it, and one end is one refusal.
            facts = {"called_ae": self.called_ae, "images": number, "words": closing.words}
            self._tell("ended with unprinted images", facts)

    def _report(self, service: GuardedService) -> None:
        """Send what the service has to report.

        One at a time, as no asynchronous window is negotiated (PS3.7 D.3.3.3): a peer that never
        responds to one gets no other, and goes on.

        Raises: WireBroken: when the association has ended.
        """
        if self._unanswered is not None or (report := service.report()) is None:
            return
        try:
            self._unanswered = self.event_report(
                report.context,
                report.class_uid,
                report.instance_uid,
                report.event_type,
                report.dataset,
            )
        except (ValueError, TypeError):
            service.fault("encoding a report")

    def _serve(self, service: GuardedService, message: Message) -> None:
        if message.command.is_response or message.command.CommandField == Command.C_CANCEL:
            if message.command.get("MessageIDBeingRespondedTo") == self._unanswered:
                self._unanswered = None
            message.skip()
            return
        context = next((each for each in self.contexts if each.id == message.context_id), None)
        request = Request(context, message.command, message.data, self._limits.max_dataset)
        with self._outgoing.answering():
            response = service.answer(request)
        message.skip()
        self.activity.check()
        if response is not None:
            self._respond(service, message.context_id, request, response)
        self._outgoing.send_later()
        self.activity.answered(echo=request.field == Command.C_ECHO)

    def _respond(
        self, service: GuardedService, context_id: int, request: Request, response: Response
    ) -> None:
        context = request.context or Context(context_id, "", "")
        try:
            message = self._outgoing.pack(
                context, response_command(request, response), response.dataset
            )
        except (ValueError, TypeError):
            service.fault("encoding a response")
            failed = response_command(request, service.failed(request))
            message = self._outgoing.pack(context, failed, None)
        self._outgoing.send(message)

    def _say_abort(self, reason: Reason) -> None:
        try:
            self._wire.send([abort_pdu(by_provider=True, reason=reason)], ABORT_PATIENCE_S)
        except WireBroken:
            self._wire.cut()

    def _tell(self, event: str, facts: Mapping[str, object]) -> None:
        self._on_event(event, {"calling_ae": self.calling_ae, "peer": self.peer, **facts})
