"""Associations that we open with others: one thread, one request at a time, no queue between."""

from __future__ import annotations

import math
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.associate_pdus import (
    RELEASE_RP,
    RELEASE_RQ,
    abort_pdu,
    associate_rq,
    read_answer,
)
from broker.dicom.upper_layer.command_set import (
    RESPONSE,
    UNRECOGNIZED_OPERATION,
    Command,
    CommandSet,
    command_bytes,
    command_of,
)
from broker.dicom.upper_layer.connection import (
    Broken,
    Timeouts,
    looks_like_tls,
    reach,
    rejected,
)
from broker.dicom.upper_layer.dataset import decode_dataset, encode_dataset
from broker.dicom.upper_layer.dataset_reader import UnreadableDataset
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
from broker.dicom.upper_layer.negotiation import Offer, accepted, proposed_contexts
from broker.dicom.upper_layer.wire import (
    ABORT_PATIENCE_S,
    Pdu,
    PduType,
    Reason,
    TimedOut,
    Violation,
    Wire,
    WireBroken,
)
from broker.model.peers.hosts import at_port
from broker.model.seconds import seconds_told
from broker.model.storage.disk import MB


def readable(context: Context | None, data: bytes | None) -> Dataset | None:
    """The data set of a message; None where there is none, or it cannot be decoded."""
    if context is None or not data:
        return None
    try:
        return decode_dataset(data, context.transfer_syntax)
    except UnreadableDataset:
        return None


RECEIVED_PDU = 65536
"""Bytes of the largest PDU that we take."""


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    command: CommandSet
    dataset: Dataset | None
    """None where there was none, or it could not be decoded."""


@dataclass(frozen=True)
class EventReport:
    """An N-EVENT-REPORT from the peer (PS3.7 10.1.1), answered already."""

    class_uid: str
    instance_uid: str
    event_type: int
    dataset: Dataset | None

    @classmethod
    def of(cls, request: Request, data: bytes | None) -> EventReport:
        """What an N-EVENT-REPORT-RQ with that data set says; its type is 0 where that is no
        number."""
        number = request.command.get("EventTypeID")
        return cls(
            request.class_uid,
            request.instance_uid,
            number if isinstance(number, int) else 0,
            readable(request.context, data),
        )


MAX_DATASET = 16 * MB
"""Bytes of a response's data set: no printer sends as much."""


class Requestor:
    """One association. Used by one thread; closed for good by the first Broken."""

    def __init__(
        self,
        wire: Wire,
        where: str,
        timeouts: Timeouts,
        on_event_report: Callable[[EventReport], None] | None,
    ) -> None:
        self._wire = wire
        self._where = where
        self._timeouts = timeouts
        self._on_event_report = on_event_report
        self._fragments = Fragments(self._next_body)
        self._deadline = math.inf
        """Of the message that is coming, of `time.monotonic()`."""
        self._message_id = 0
        self._connected = False
        self._closed = ""
        self._contexts: tuple[Context, ...] = ()
        self._send_pdu = 0

    @classmethod
    def open(
        cls,
        host: str,
        port: int,
        *,
        calling_ae: str,
        called_ae: str,
        proposals: Sequence[Offer],
        timeouts: Timeouts | None = None,
        max_pdu: int = 0,
        tls: ssl.SSLContext | None = None,
        on_event_report: Callable[[EventReport], None] | None = None,
    ) -> Requestor:
        """Connect and associate.

        `max_pdu` bounds PDUs in both directions, in bytes; 0: what the peer sends is bounded by
        RECEIVED_PDU, what it gets by what it says.

        Neither roles nor an asynchronous window are proposed: some printers reject these.

        Raises:
            Rejected, Broken: when there is no association.
            ValueError: for an AE title that DICOM does not allow.
        """
        timeouts = timeouts or Timeouts()
        where = at_port(host, port)
        contexts = proposed_contexts(proposals)
        received = max_pdu or RECEIVED_PDU
        proposal = associate_rq(
            calling_ae=calling_ae,
            called_ae=called_ae,
            contexts=contexts,
            max_pdu=received,
        )
        wire, deadline = reach(host, port, where, timeouts, tls=tls, max_pdu=received)
        self = cls(wire, where, timeouts, on_event_report)
        try:
            self._wire.send([proposal], timeouts.associate_s)
            pdu = self._wire.receive(deadline)
            if pdu.type == PduType.ASSOCIATE_RJ:
                self._close("it rejected the association")
                raise rejected(where, pdu.body)
            self._expect(pdu, PduType.ASSOCIATE_AC)
            answered, announced = read_answer(pdu.body)
            self._contexts = accepted(contexts, answered)
            self._send_pdu = sendable_pdu(min(announced or max_pdu, max_pdu or announced))
        except WireBroken as exc:
            broken = self._broken(exc, "answering A-ASSOCIATE-RQ", timeouts.associate_s)
            if tls is None:
                broken.spoke_tls = looks_like_tls(exc, received=wire.has_received)
            raise broken from exc
        self._connected = True
        return self

    def __enter__(self) -> Requestor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.release()
        else:
            self.abort()

    @property
    def over(self) -> bool:
        """Whether the association is known to have ended."""
        return bool(self._closed)

    def context(self, abstract_syntax: str) -> Context | None:
        """The accepted presentation context of an abstract syntax, if there is one."""
        for context in self._contexts:
            if context.abstract_syntax == abstract_syntax:
                return context
        return None

    def fileno(self) -> int:
        """For a selector, while nothing is asked: it tells when something has come since the last
        `attend`."""
        return self._wire.fileno()

    def attend(self, patience_s: float) -> bool:
        """Deal with what has come while nothing was asked, in `patience_s` at most: event reports
        are answered and handed over. Whether the association goes on."""
        if self._closed:
            return False
        try:
            self._catch_up(time.monotonic() + patience_s)
        except WireBroken as exc:
            self._broken(exc, "sending the rest of a message", patience_s)
        return not self._closed

    def request(
        self,
        context: Context,
        command: Mapping[str, Any],
        dataset: Dataset | None = None,
        *,
        timeout_s: float,
    ) -> Answer:
        """Send a request and wait for its response; MessageID is filled in.

        While the request is being sent, `timeout_s` is the patience of its Pace: a printer that
        steadily takes data may take its time. Afterwards it is all the time that the response may
        take. N-EVENT-REPORTs that come meanwhile are answered and handed over.

        Raises:
            Broken: when the association has ended.
            ValueError, TypeError: when the data set does not fit its transfer syntax; nothing has
                left then.
        """
        if self._closed:
            raise Broken(f"{self._where}: {self._closed}", connected=True)
        self._message_id = self._message_id % 0xFFFF + 1
        whole = command_of({**command, "MessageID": self._message_id})
        data = [] if dataset is None else encode_dataset(dataset, context.transfer_syntax)
        encoded = command_bytes(whole, with_dataset=bool(data))
        doing = f"answering {Command(whole.CommandField).name.replace('_', '-')}"
        asked = False
        try:
            # A peer that has left meanwhile is told apart from one that leaves when asked.
            self._catch_up(time.monotonic() + min(timeout_s, self._timeouts.associate_s))
            try:
                self._wire.send(packed(context.id, encoded, data, self._send_pdu), timeout_s)
            except WireBroken as exc:
                asked = exc.handed
                self._listen_for_abort()
                raise
            asked = True
            return self._answer(whole.CommandField, time.monotonic() + timeout_s)
        except WireBroken as exc:
            raise self._broken(exc, doing, timeout_s, asked=asked) from exc
        except BaseException:
            self.abort()
            raise

    def release(self, patience_s: float = math.inf) -> None:
        """A-RELEASE and close. A peer that does not answer, or has left, is no error any more.

        It may take `release_s`, and `patience_s` at most.
        """
        if self._closed:
            return
        release_s = min(self._timeouts.release_s, patience_s)
        deadline = time.monotonic() + release_s
        try:
            self._wire.send([RELEASE_RQ], release_s)
            while (pdu := self._wire.receive(deadline)).type != PduType.RELEASE_RP:
                if pdu.type == PduType.RELEASE_RQ:
                    # Both at once: the requestor answers first (PS3.8 7.2.2).
                    self._wire.send([RELEASE_RP], release_s)
                elif pdu.type != PduType.DATA:
                    break
        except WireBroken:
            self.abort()
        self._close("the association was released")

    def abort(self) -> None:
        """A-ABORT and close."""
        if self._closed:
            return
        self._say_abort(abort_pdu(by_provider=False))
        self._close("the association was aborted")

    def _answer(self, field: int, deadline: float) -> Answer:
        while True:
            message, data = self._next(deadline)
            command = message.command
            if not command.is_response:
                self._oblige(message, data)
            elif command.MessageIDBeingRespondedTo == self._message_id:
                status = command.get("Status")
                if command.CommandField != field | RESPONSE or not isinstance(status, int):
                    raise Violation("sent a response of another kind", Reason.INVALID_PARAMETER)
                return Answer(status, command, readable(self._context_of(message), data))

    def _catch_up(self, deadline: float) -> None:
        """Deal with what has come in since the last request."""
        while self._fragments.pending or self._wire.pending:
            message, data = self._next(deadline)
            if not message.command.is_response:
                self._oblige(message, data)

    def _next(self, deadline: float) -> tuple[Message, bytes | None]:
        """The next message, and its data set; None where it has none, or too large a one."""
        self._deadline = deadline
        message = next_message(self._fragments)
        return message, None if message.data is None else message.data.read(MAX_DATASET)

    def _next_body(self) -> memoryview:
        pdu = self._wire.receive(self._deadline)
        self._expect(pdu, PduType.DATA)
        return pdu.body

    def _expect(self, pdu: Pdu, kind: PduType) -> None:
        if pdu.type == kind:
            return
        if pdu.type == PduType.ABORT:
            raise _Left("aborted the association")
        if pdu.type == PduType.RELEASE_RQ:
            self._wire.send([RELEASE_RP], self._timeouts.release_s)
            raise _Left("released the association")
        raise Violation(f"sent {pdu.type.name} out of turn", Reason.UNEXPECTED_PDU)

    def _context_of(self, message: Message) -> Context | None:
        return next((each for each in self._contexts if each.id == message.context_id), None)

    def _oblige(self, message: Message, data: bytes | None) -> None:
        """Answer a request of the peer's: event reports yes, anything else no."""
        if message.command.CommandField == Command.C_CANCEL:
            return
        context = self._context_of(message)
        request = Request(context, message.command)
        response = Response(UNRECOGNIZED_OPERATION)
        event = request.field == Command.N_EVENT_REPORT and context is not None
        if event:
            response = Response(0, fields={"EventTypeID": message.command.get("EventTypeID")})
        encoded = command_bytes(response_command(request, response), with_dataset=False)
        # A printer that reports, answers and leaves at once has answered all the same: the next
        # read tells whether it has left.
        with suppress(WireBroken):
            self._wire.send(
                packed(message.context_id, encoded, (), self._send_pdu), self._timeouts.release_s
            )
        if event and self._on_event_report is not None:
            self._on_event_report(EventReport.of(request, data))

    def _listen_for_abort(self) -> None:
        """After a failed send: what the peer sent before it left tells more than the failure."""
        while self._wire.pending:
            self._expect(self._wire.receive(time.monotonic() + ABORT_PATIENCE_S), PduType.DATA)

    def _broken(
        self, exc: WireBroken, doing: str, timeout_s: float, *, asked: bool = False
    ) -> Broken:
        words = str(exc)
        if isinstance(exc, TimedOut):
            words = f"took longer than {seconds_told(timeout_s)} {doing}"
            self._say_abort(abort_pdu(by_provider=False))
        elif isinstance(exc, Violation):
            words = f"violated the protocol: {exc}"
            self._say_abort(abort_pdu(by_provider=True, reason=exc.reason))
        else:
            words += f" instead of {doing}"
        self._close("the association is over")
        return Broken(f"{self._where} {words}", connected=self._connected, asked=asked)

    def _say_abort(self, pdu: bytes) -> None:
        try:
            self._wire.send([pdu], ABORT_PATIENCE_S)
        except WireBroken:
            self._wire.cut()

    def _close(self, words: str) -> None:
        self._closed = words
        self._wire.close()


class _Left(WireBroken):
    """The peer released or aborted the association."""
