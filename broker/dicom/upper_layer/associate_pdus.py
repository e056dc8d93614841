"""The PDUs that establish and end an association (PS3.8 9.3.2 to 9.3.8), as bytes.

They are written with pynetdicom's items. Items of types that are not known are skipped when
reading, as PS3.8 9.3.1 demands, so the walk over them is our own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pydicom.uid import UID
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_items import (
    AbstractSyntaxSubItem,
    ApplicationContextItem,
    ImplementationClassUIDSubItem,
    ImplementationVersionNameSubItem,
    MaximumLengthSubItem,
    PresentationContextItemAC,
    PresentationContextItemRQ,
    TransferSyntaxSubItem,
    UserInformationItem,
)

from broker.dicom.upper_layer.negotiation import (
    APPLICATION_CONTEXT,
    MAX_CONTEXTS,
    Answered,
    Proposal,
    Proposed,
    Rejection,
    rejection,
    shown_title,
    title_fault,
)
from broker.dicom.upper_layer.wire import Reason, Violation

IMPLEMENTATION_CLASS_UID = "2.25.70275147566734991365372523959851388322"
"""Ours, for ever (PS3.7 D.3.3.2)."""
IMPLEMENTATION_VERSION_NAME = "PRINTBROKER_0_1"

RELEASE_RQ = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
RELEASE_RP = b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00"

_ITEM = struct.Struct(">BxH")
_ACCEPTING = struct.Struct(">BxIH2x64s")
"""An A-ASSOCIATE-AC before its items."""
_FIXED = 68
"""Bytes of an A-ASSOCIATE-RQ or -AC before its items, without the header."""


def associate_rq(
    *, calling_ae: str, called_ae: str, contexts: Sequence[Proposed], max_pdu: int
) -> bytes:
    """An A-ASSOCIATE-RQ, header and all.

    Raises: ValueError: for an AE title that DICOM does not allow.
    """
    pdu = A_ASSOCIATE_RQ()
    pdu.calling_ae_title = calling_ae
    pdu.called_ae_title = called_ae
    pdu.variable_items = [
        _application_context(),
        *(_proposed_item(context) for context in contexts),
        _user_information(max_pdu),
    ]
    return pdu.encode()


def associate_ac(proposal: Proposal, answered: Sequence[Answered], *, max_pdu: int) -> bytes:
    """An A-ASSOCIATE-AC, header and all (PS3.8 9.3.3)."""
    items = b"".join((_own_context(), *map(_answered, answered), _own_information(max_pdu)))
    return _ACCEPTING.pack(2, _FIXED + len(items), 1, proposal.repeated) + items


def associate_rj(why: Rejection) -> bytes:
    """An A-ASSOCIATE-RJ, header and all."""
    pdu = A_ASSOCIATE_RJ()
    pdu.result = why.result
    pdu.source = why.source
    pdu.reason_diagnostic = why.reason
    return pdu.encode()


def abort_pdu(*, by_provider: bool, reason: Reason = Reason.NOT_SPECIFIED) -> bytes:
    """An A-ABORT, header and all (PS3.8 9.3.8)."""
    pdu = A_ABORT_RQ()
    pdu.source = 2 if by_provider else 0
    pdu.reason_diagnostic = reason if by_provider else 0
    return pdu.encode()


def read_proposal(body: memoryview) -> Proposal:
    """The A-ASSOCIATE-RQ in `body`.

    Raises: Violation: when it cannot be read.
    """
    data = bytes(body)
    if len(data) < _FIXED:
        raise Violation("an A-ASSOCIATE-RQ is cut off", Reason.INVALID_PARAMETER)
    application_context = ""
    contexts: list[Proposed] = []
    max_pdu = 0
    for kind, item in _items(data[_FIXED:]):
        if kind == 0x10:
            application_context = _uid(item[_ITEM.size :])
        elif kind == 0x20:
            contexts.append(_read_proposed(item))
            if len(contexts) > MAX_CONTEXTS:
                raise Violation("too many presentation contexts", Reason.INVALID_PARAMETER)
        elif kind == 0x50:
            max_pdu = _read_max_pdu(item)
    if len({context.id for context in contexts}) != len(contexts):
        raise Violation("two presentation contexts have one id", Reason.INVALID_PARAMETER)
    return Proposal(
        calling_ae=shown_title(data[20:36]),
        called_ae=shown_title(data[4:20]),
        application_context=application_context,
        protocol_version=int.from_bytes(data[0:2], "big"),
        contexts=tuple(contexts),
        max_pdu=max_pdu,
        repeated=data[4:_FIXED],
        calling_fault=title_fault(data[20:36]),
        called_fault=title_fault(data[4:20]),
    )


def read_answer(body: memoryview) -> tuple[tuple[Answered, ...], int]:
    """The contexts and the maximum PDU length of the A-ASSOCIATE-AC.

    Raises: Violation: when it cannot be read.
    """
    data = bytes(body)
    if len(data) < _FIXED:
        raise Violation("an A-ASSOCIATE-AC is cut off", Reason.INVALID_PARAMETER)
    answered: list[Answered] = []
    max_pdu = 0
    for kind, item in _items(data[_FIXED:]):
        if kind == 0x21 and len(item) >= 8:
            syntaxes = [
                _uid(sub[_ITEM.size :]) for sub_kind, sub in _items(item[8:]) if sub_kind == 0x40
            ]
            answered.append(Answered(item[4], item[6], syntaxes[0] if syntaxes else ""))
        elif kind == 0x50:
            max_pdu = _read_max_pdu(item)
    return tuple(answered), max_pdu


def read_rejection(body: memoryview) -> Rejection:
    """The A-ASSOCIATE-RJ in `body`.

    Raises: Violation: when it cannot be read.
    """
    if len(body) < 4:
        raise Violation("an A-ASSOCIATE-RJ is cut off", Reason.INVALID_PARAMETER)
    _, result, source, reason = body[:4]
    return rejection(result, source, reason)


def _application_context() -> ApplicationContextItem:
    item = ApplicationContextItem()
    item.application_context_name = UID(APPLICATION_CONTEXT)
    return item


def _proposed_item(context: Proposed) -> PresentationContextItemRQ:
    abstract = AbstractSyntaxSubItem()
    abstract.abstract_syntax_name = UID(context.abstract_syntax)
    item = PresentationContextItemRQ()
    item.presentation_context_id = context.id
    item.abstract_transfer_syntax_sub_items = [
        abstract,
        *(_transfer_syntax(uid) for uid in context.transfer_syntaxes),
    ]
    return item


# A modality opens an association for nearly every film, and says the same each time.
@lru_cache(maxsize=512)
def _answered(context: Answered) -> bytes:
    item = PresentationContextItemAC()
    item.presentation_context_id = context.id
    item.result_reason = context.result
    item.transfer_syntax_sub_item = [_transfer_syntax(context.transfer_syntax)]
    return bytes(item.encode())


@lru_cache(maxsize=1)
def _own_context() -> bytes:
    return bytes(_application_context().encode())


@lru_cache(maxsize=8)
def _own_information(max_pdu: int) -> bytes:
    return bytes(_user_information(max_pdu).encode())


def _transfer_syntax(uid: str) -> TransferSyntaxSubItem:
    item = TransferSyntaxSubItem()
    item.transfer_syntax_name = UID(uid)
    return item


def _user_information(max_pdu: int) -> UserInformationItem:
    length = MaximumLengthSubItem()
    length.maximum_length_received = max_pdu
    implementation = ImplementationClassUIDSubItem()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameSubItem()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    item = UserInformationItem()
    item.user_data = [length, implementation, version]
    return item


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each item's type, and the item with its header."""
    at = 0
    while at < len(data):
        if len(data) - at < _ITEM.size:
            raise Violation("an item is cut off", Reason.INVALID_PARAMETER)
        kind, length = _ITEM.unpack_from(data, at)
        end = at + _ITEM.size + length
        if end > len(data):
            raise Violation("an item is cut off", Reason.INVALID_PARAMETER)
        yield kind, data[at:end]
        at = end


def _read_proposed(item: bytes) -> Proposed:
    if len(item) < 8:
        raise Violation("a presentation context is cut off", Reason.INVALID_PARAMETER)
    subs = list(_items(item[8:]))
    abstract = [_uid(sub[_ITEM.size :]) for kind, sub in subs if kind == 0x30]
    transfer = [_uid(sub[_ITEM.size :]) for kind, sub in subs if kind == 0x40]
    return Proposed(item[4], abstract[0] if abstract else "", tuple(transfer))


def _read_max_pdu(item: bytes) -> int:
    for kind, sub in _items(item[_ITEM.size :]):
        if kind == 0x51 and len(sub) == 8:
            return int.from_bytes(sub[4:], "big")
    return 0


def _uid(data: bytes) -> str:
    text = data.decode("latin-1").strip(" \0")
    if len(text) > 64 or not all(part.isascii() and part.isdigit() for part in text.split(".")):
        # It matches nothing that we know, and is not sent back.
        return ""
    return text
