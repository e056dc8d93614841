"""One association that was opened with us, from its A-ASSOCIATE-RQ to its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pydicom.dataset import Dataset

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
    PROCESSING_FAILURE,
    Command,
    CommandSet,
    command_bytes,
    command_of,
)
from broker.dicom.upper_layer.dataset_writer import encode_dataset
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
    Pace,
    PduType,
    Reason,
    TimedOut,
    Violation,
    Wire,
    WireBroken,
)
from broker.model.refusal import Refusal

QUIET_S = 1.0
"""An association on which nothing was asked for so long is idle: its modality is not about to."""
BETWEEN_S = 3.0
"""The same within an open film session: a modality that prints asks for its next film sooner."""


@dataclass(frozen=True)
class AssociationUse:
    """How an association is used at some moment, times of `time.monotonic()`."""

    resting: bool
    """No request is in hand, and none has begun to come."""
    asked_at: float
    """When the last request beside C-ECHO was answered; at first, when it began."""
    unfinished: bool
    """Whether its modality is in the middle of something that would be lost, as a film."""
    between: bool = False
    """Whether it has begun something that may go on, as a film session."""


def ends_at(use: AssociationUse) -> float | None:
    """When a stop may end the association, if nothing is asked before; None: not before its grace
    is over.

    None while a request is in hand, or a film is unprinted: its modality would show a print error.
    One that is idle ends at once: its modality waits for nothing, and opens another when it prints
    next. One between two films of a film session gets BETWEEN_S since its last request.
    """
    if not use.resting or use.unfinished:
        return None
    return use.asked_at + (BETWEEN_S if use.between else QUIET_S)


SEND_PATIENCE_S = 60.0
"""For a peer that takes what we send more slowly than it should: see Pace."""
ABORT_PATIENCE_S = 1.0


class AcceptedAssociation:
    """One association as its Service sees it."""

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
        self._wire = wire
        self._proposal = proposal
        self._answered = answered
        self._limits = limits
        self._patience_s = min(SEND_PATIENCE_S, limits.message_timeout_s)
        self._by_id = {context.id: context for context in self.contexts}
        self._send_pdu = sendable_pdu(proposal.max_pdu)
        self._fragments = Fragments(self._next_body)
        self._pace = Pace(limits.message_timeout_s, time.monotonic())
        """Of the message that is coming."""
        self._paced = 0
        """Bytes of it that the pace knows of."""
        self._received_at = 0.0
        """When the last PDU was there, of `time.monotonic()`."""
        self._on_event = on_event
        self._thread = threading.current_thread()
        self._answering = False
        self._later: list[Iterator[bytes]] = []
        self._ids = 0
        self._ids_lock = threading.Lock()
        self._ended_by_us: Closing | None = None
        self._service: GuardedService | None = None
        self._asked_at = self._worked_at = time.monotonic()
        self._resting = threading.Lock()
        self._rests = False

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
            self._wire.send(message, self._patience_s)
        return message_id

    @property
    def spare_since(self) -> float | None:
        """When (`time.monotonic()`) it last was of use; None while it is.

        It is of no use while nothing is in hand and its service calls itself disposable. C-ECHO
        does not make it useful.
        """
        spare = self._rests and self._service is not None and self._service.disposable
        return self._worked_at if spare else None

    def give_way(self) -> bool:
        """A-ABORT by the provider, from any thread, unless it is of use by now; whether it was."""
        with self._resting:
            if self.spare_since is None or self._ended_by_us or not self._wire.quiet:
                return False
            words = "aborted by us: not used, and its place was needed"
            self._ended_by_us = Closing(Ending.ABORTED, words, Refusal.MADE_ROOM)
        self._abort_now(by_provider=True)
        return True

    @property
    def use(self) -> AssociationUse:
        """How it is used now. Any thread may ask."""
        service = self._service
        return AssociationUse(
            self._rests and self._wire.quiet,
            self._worked_at,
            unfinished=service is not None and service.unfinished,
            between=service is not None and service.between,
        )

    @property
    def ended_by_us(self) -> bool:
        """Whether we have ended it, though its thread may not be over."""
        return self._ended_by_us is not None

    def end_idle(self) -> bool:
        """A-ABORT by the user, from any thread, unless a request is in hand; whether it was sent.

        It waits for nothing.
        """
        with self._resting:
            if not self._rests or self._ended_by_us or not self._wire.quiet:
                return False
            self._ended_by_us = Closing(Ending.ABORTED, "aborted by us: stopping, and it was idle")
        self._abort_now(by_provider=False)
        return True

    def abort(self, patience_s: float = ABORT_PATIENCE_S) -> None:
        """A-ABORT, from any thread; what is being answered is not answered any more."""
        if self._ended_by_us is None:
            self._ended_by_us = Closing(Ending.ABORTED, "aborted by us")
        with suppress(WireBroken):
            self._wire.send([abort_pdu(by_provider=False)], patience_s)
        self._wire.cut()

    def _abort_now(self, *, by_provider: bool) -> None:
        with suppress(WireBroken):
            self._wire.send([abort_pdu(by_provider=by_provider)], 0)
        self._wire.cut()

    def close(self) -> None:
        """Cut the TCP connection without a word, from any thread: play dead."""
        self._ended_by_us = Closing(Ending.LOST, "cut by us")
        self._wire.cut()

    def run(self, service: AssociationService) -> Closing:
        """Accept, and answer until it ends. Calls `service.closed` exactly once."""
        closing = Closing(Ending.LOST, "failed")
        guarded = GuardedService(service, self._tell)
        self._service = guarded
        try:
            self._wire.send(
                [associate_ac(self._proposal, self._answered, max_pdu=self._limits.max_pdu)],
                self._patience_s,
            )
            while True:
                self._serve(guarded, self._next())
        except Closing as exc:
            closing = exc
        except Violation as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: {exc}", exc.kind)
            self._say_abort(exc.reason)
        except TimedOut as exc:
            closing = Closing(Ending.ABORTED, f"aborted by us: the peer {exc}", exc.kind)
            self._say_abort(Reason.NOT_SPECIFIED)
        except WireBroken as exc:
            closing = self._ended_by_us or Closing(Ending.LOST, f"the peer {exc}")
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

    def _next(self) -> Message:
        """The next message. Raises Closing when the association has ended in good order."""
        if not self._fragments.pending:
            self._rest()
        self._pace = Pace(self._limits.message_timeout_s, time.monotonic())
        self._paced = 0
        return next_message(self._fragments)

    def _next_body(self) -> memoryview:
        """The next PDU of the message that is coming: what its bytes took us is not the peer's
        time."""
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

    def _rest(self) -> None:
        """Until something comes. Only requests put off the end of an idle association."""
        deadline = self._asked_at + self._limits.idle_timeout_s
        self._rests = True
        try:
            if time.monotonic() >= deadline:
                raise TimedOut("asked for nothing", Refusal.IDLE)
            self._wire.wait(deadline)
        finally:
            with self._resting:
                self._rests = False
        if self._ended_by_us is not None:
            raise self._ended_by_us

    def _serve(self, service: GuardedService, message: Message) -> None:
        if message.command.is_response or message.command.CommandField == Command.C_CANCEL:
            message.skip()
            return
        context = self._by_id.get(message.context_id)
        request = Request(context, message.command, message.data, self._limits.max_dataset)
        self._answering = True
        try:
            response = service.answer(request)
        finally:
            self._answering = False
        message.skip()
        if self._ended_by_us is not None:
            raise self._ended_by_us
        later, self._later = self._later, []
        if response is not None:
            self._respond(service, message.context_id, request, response)
        for event in later:
            self._wire.send(event, self._patience_s)
        self._asked_at = time.monotonic()
        if request.field != Command.C_ECHO:
            self._worked_at = self._asked_at

    def _respond(
        self, service: GuardedService, context_id: int, request: Request, response: Response
    ) -> None:
        context = request.context or Context(context_id, "", "")
        try:
            message = self._message(context, response_command(request, response), response.dataset)
        except (ValueError, TypeError):
            service.fault("encoding a response")
            message = self._message(
                context, response_command(request, Response(PROCESSING_FAILURE)), None
            )
        self._wire.send(message, self._patience_s)

    def _message(
        self, context: Context, command: CommandSet, dataset: Dataset | None
    ) -> Iterator[bytes]:
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(command, with_dataset=bool(data))
        return packed(context.id, encoded, data, self._send_pdu)

    def _say_abort(self, reason: Reason) -> None:
        try:
            self._wire.send([abort_pdu(by_provider=True, reason=reason)], ABORT_PATIENCE_S)
        except WireBroken:
            self._wire.cut()

    def _tell(self, event: str, facts: Mapping[str, object]) -> None:
        self._on_event(event, {"calling_ae": self.calling_ae, "peer": self.peer, **facts})
