"""What is agreed while an association is being established (PS3.8 7.1, 9.3.2 to 9.3.4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from broker.dicom.upper_layer.dataset_reader import IMPLICIT_LE
from broker.dicom.upper_layer.message import Context
from broker.model.printable import printable

_CONTROL = frozenset({*range(0x20), 0x7F})


class TitleFault(StrEnum):
    """Why a field is no AE title."""

    BLANK = "is blank"
    CONTROL = "holds a control character"


def title_fault(field: bytes) -> TitleFault | None:
    """What is wrong with the field, or None.

    A value of spaces alone "shall not be used" (PS3.8 table 9-11); control characters
    are outside of what an AE title may hold (PS3.5 6.2, VR AE). The backslash and bytes from 0x80
    up are outside of it too, but they are harmless and printers take them: they are accepted.
    """
    title = _title(field)
    if not title:
        return TitleFault.BLANK
    return TitleFault.CONTROL if _CONTROL.intersection(title) else None


def shown_title(field: bytes) -> str:
    """The title as text of printable characters, safe for logs, tables and terminals.

    Bytes from 0x80 up are shown as Latin-1, so that two such titles stay two.
    """
    return printable(_title(field).decode("latin-1"))


def _title(field: bytes) -> bytes:
    """The title in the field: leading and trailing spaces do not count (PS3.8 table 9-11), nor does
    anything from the first NUL on. Some modalities pad with NULs, and others copy a C string into
    the field and leave behind its end what was there before.
    """
    return field.partition(b"\0")[0].strip(b" ")


APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
PROTOCOL_VERSION = 0x0001
MAX_CONTEXTS = 128
"""Odd ids from 1 to 255."""


class Result(IntEnum):
    """Result/Reason of a presentation context (PS3.8 table 9-18)."""

    ACCEPTED = 0
    ABSTRACT_SYNTAX = 3
    TRANSFER_SYNTAXES = 4


@dataclass(frozen=True)
class Offer:
    """An abstract syntax and its transfer syntaxes, the preferred first."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class Proposed:
    """A presentation context as the requestor proposes it."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """A presentation context as the acceptor answers it."""

    id: int
    result: int
    transfer_syntax: str


@dataclass(frozen=True)
class Proposal:
    """An A-ASSOCIATE-RQ, as far as it matters here."""

    calling_ae: str
    called_ae: str
    application_context: str
    protocol_version: int
    contexts: tuple[Proposed, ...]
    max_pdu: int
    """0 sets no limit."""
    repeated: bytes = field(default=bytes(64), compare=False)
    """Both AE titles as they came, and the reserved bytes after them: the A-ASSOCIATE-AC sends them
    back unchanged (PS3.8 table 9-17)."""
    calling_fault: TitleFault | None = None
    called_fault: TitleFault | None = None


@dataclass(frozen=True)
class Rejection:
    """An A-ASSOCIATE-RJ (PS3.8 9.3.4)."""

    words: str
    result: int
    """1 permanent, 2 transient."""
    source: int
    """1 service-user, 2 service-provider (ACSE), 3 service-provider (presentation)."""
    reason: int

    @property
    def transient(self) -> bool:
        """Whether trying again later may help."""
        # Presentation layer reasons are congestion and limits, whatever result a printer gives.
        return self.result == 2 or (self.source == 3 and self.reason in (1, 2))


class TurnedAway(Exception):
    """Raise it from `new_service` to answer with this rejection."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.words)
        self.rejection = rejection


WRONG_CALLED_AE = Rejection("called AE title not recognized", 1, 1, 7)
WRONG_CALLING_AE = Rejection("calling AE title not recognized", 1, 1, 3)
WRONG_APPLICATION_CONTEXT = Rejection("application context name not supported", 1, 1, 2)
WRONG_PROTOCOL_VERSION = Rejection("protocol version not supported", 1, 2, 2)
UNUSABLE_CALLED_AE = Rejection("called AE title is blank, or holds a control character", 1, 1, 7)
UNUSABLE_CALLING_AE = Rejection("calling AE title is blank, or holds a control character", 1, 1, 3)
"""No Application Entity can have that title (PS3.8 7.1.1.3, 7.1.1.4; PS3.5 6.2)."""
CONGESTED = Rejection("temporary congestion", 2, 3, 1)
TOO_MANY = Rejection("local limit exceeded", 2, 3, 2)
_REJECTIONS = {
    (each.source, each.reason): each.words
    for each in (
        WRONG_CALLED_AE,
        WRONG_CALLING_AE,
        WRONG_APPLICATION_CONTEXT,
        WRONG_PROTOCOL_VERSION,
        CONGESTED,
        TOO_MANY,
    )
} | {(1, 1): "no reason given", (2, 1): "no reason given"}


def rejection(result: int, source: int, reason: int) -> Rejection:
    """A rejection as it came, with a text even where its reason is not known."""
    words = _REJECTIONS.get((source, reason), f"source {source}, reason {reason}")
    return Rejection(words, result, source, reason)


def judge(proposal: Proposal, *, called: Collection[str] | None) -> Rejection | None:
    """Why this association must not be, or None; `called` are the AE titles that may be called,
    None for any."""
    if not proposal.protocol_version & PROTOCOL_VERSION:
        return WRONG_PROTOCOL_VERSION
    if proposal.application_context != APPLICATION_CONTEXT:
        return WRONG_APPLICATION_CONTEXT
    if called is not None:
        if proposal.called_fault is not None:
            return UNUSABLE_CALLED_AE
        if proposal.called_ae not in called:
            return WRONG_CALLED_AE
    if proposal.calling_fault is not None:
        return UNUSABLE_CALLING_AE
    return None


def negotiate(proposed: Sequence[Proposed], offers: Sequence[Offer]) -> tuple[Answered, ...]:
    """The answer to each context: the first transfer syntax of the offer that was proposed."""
    known = {offer.abstract_syntax: offer.transfer_syntaxes for offer in offers}
    return tuple(_negotiated(context, known.get(context.abstract_syntax)) for context in proposed)


def _negotiated(context: Proposed, ours: tuple[str, ...] | None) -> Answered:
    # A rejected context still names a transfer syntax, which has no meaning (PS3.8 9.3.3.2).
    named = next(filter(None, context.transfer_syntaxes), IMPLICIT_LE)
    if ours is None:
        return Answered(context.id, Result.ABSTRACT_SYNTAX, named)
    for syntax in ours:
        if syntax in context.transfer_syntaxes:
            return Answered(context.id, Result.ACCEPTED, syntax)
    return Answered(context.id, Result.TRANSFER_SYNTAXES, named)


def accepted(proposed: Sequence[Proposed], answered: Sequence[Answered]) -> tuple[Context, ...]:
    """The contexts on which both sides agree."""
    by_id = {context.id: context for context in proposed}
    return tuple(
        Context(answer.id, by_id[answer.id].abstract_syntax, answer.transfer_syntax)
        for answer in answered
        if answer.result == Result.ACCEPTED
        and answer.id in by_id
        and answer.transfer_syntax in by_id[answer.id].transfer_syntaxes
    )


def proposed_contexts(offers: Sequence[Offer]) -> tuple[Proposed, ...]:
    """The offers with their ids. At most MAX_CONTEXTS."""
    if len(offers) > MAX_CONTEXTS:
        raise ValueError(f"more than {MAX_CONTEXTS} presentation contexts")
    return tuple(
        Proposed(2 * index + 1, offer.abstract_syntax, offer.transfer_syntaxes)
        for index, offer in enumerate(offers)
    )
