"""What is agreed when an association is established."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ

from broker.dicom.upper_layer.associate_pdus import (
    IMPLEMENTATION_CLASS_UID,
    associate_ac,
    associate_rj,
    associate_rq,
    read_answer,
    read_proposal,
    read_rejection,
)
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.negotiation import (
    APPLICATION_CONTEXT,
    CONGESTED,
    TOO_MANY,
    WRONG_APPLICATION_CONTEXT,
    WRONG_CALLED_AE,
    WRONG_PROTOCOL_VERSION,
    Answered,
    Offer,
    Proposal,
    Proposed,
    Rejection,
    accepted,
    judge,
    negotiate,
    proposed_contexts,
)
from broker.dicom.upper_layer.wire import Violation

BIG_ENDIAN = "1.2.840.10008.1.2.2"
META = "1.2.840.10008.5.1.1.9"
OFFERS = (Offer(META, (EXPLICIT_LE, IMPLICIT_LE)),)


def request(*contexts: Proposed) -> bytes:
    """An A-ASSOCIATE-RQ from CT1 to BROKER."""
    return associate_rq(calling_ae="CT1", called_ae="BROKER", contexts=contexts, max_pdu=16384)


def read(pdu: bytes) -> Proposal:
    """The proposal in a PDU with its header."""
    return read_proposal(memoryview(pdu)[6:])


def test_our_order_of_transfer_syntaxes_decides() -> None:
    """The first of the offer that was proposed, in any order of the peer's."""
    proposed = (
        Proposed(1, META, (IMPLICIT_LE, BIG_ENDIAN, EXPLICIT_LE)),
        Proposed(3, META, (BIG_ENDIAN, IMPLICIT_LE)),
    )

    answered = negotiate(proposed, OFFERS)

    assert answered == (Answered(1, 0, EXPLICIT_LE), Answered(3, 0, IMPLICIT_LE))
    assert accepted(proposed, answered) == (
        Context(1, META, EXPLICIT_LE),
        Context(3, META, IMPLICIT_LE),
    )


def test_each_refusal_says_why() -> None:
    """3 for an abstract syntax, 4 for transfer syntaxes, even when none at all was proposed."""
    proposed = (
        Proposed(1, "1.2.3", (IMPLICIT_LE,)),
        Proposed(3, META, (BIG_ENDIAN,)),
        Proposed(5, META, ()),
        Proposed(7, "", ("",)),
    )

    answered = negotiate(proposed, OFFERS)

    assert [answer.result for answer in answered] == [3, 4, 4, 3]
    assert accepted(proposed, answered) == ()


def test_a_context_accepted_with_a_syntax_never_proposed_is_not_used() -> None:
    """An acceptor cannot talk us into a transfer syntax."""
    proposed = (Proposed(1, META, (IMPLICIT_LE,)),)

    assert accepted(proposed, (Answered(1, 0, EXPLICIT_LE), Answered(9, 0, IMPLICIT_LE))) == ()


def test_a_proposal_comes_through() -> None:
    """What is written is read again, by us and by pynetdicom."""
    contexts = proposed_contexts([*OFFERS, Offer("1.2.840.10008.1.1", (IMPLICIT_LE,))])

    proposal = read(request(*contexts))
    theirs = A_ASSOCIATE_RQ()
    theirs.decode(request(*contexts))

    assert proposal == Proposal("CT1", "BROKER", APPLICATION_CONTEXT, 1, contexts, 16384)
    assert [each.context_id for each in theirs.presentation_context] == [1, 3]
    assert theirs.user_information.implementation_class_uid == IMPLEMENTATION_CLASS_UID


def test_an_answer_comes_through() -> None:
    """What is answered is read again, by us and by pynetdicom."""
    answered = (Answered(1, 0, EXPLICIT_LE), Answered(3, 3, IMPLICIT_LE))
    pdu = associate_ac(read(request()), answered, max_pdu=65536)

    theirs = A_ASSOCIATE_AC()
    theirs.decode(pdu)

    assert read_answer(memoryview(pdu)[6:]) == (answered, 65536)
    assert [each.result for each in theirs.presentation_context] == [0, 3]


def test_items_that_are_not_known_are_skipped() -> None:
    """Extended negotiation, user identity and items of the future change nothing."""
    pdu = request(*proposed_contexts(OFFERS))
    strange = b"\x5a\x00\x00\x02ab" + b"\x99\x00\x00\x00"

    assert read(pdu + strange) == read(pdu)


@pytest.mark.parametrize(
    ("field", "value", "rejection"),
    [
        ("called_ae", "OTHER", WRONG_CALLED_AE),
        ("called_ae", "", WRONG_CALLED_AE),
        ("application_context", "1.2.3", WRONG_APPLICATION_CONTEXT),
        ("application_context", "", WRONG_APPLICATION_CONTEXT),
        ("protocol_version", 2, WRONG_PROTOCOL_VERSION),
        ("protocol_version", 3, None),
        ("calling_ae", "", None),
    ],
)
def test_who_is_turned_away(field: str, value: object, rejection: Rejection | None) -> None:
    """Each fault has its rejection; a version beside ours does no harm."""
    proposal = read(request(*proposed_contexts(OFFERS)))
    changed = Proposal(**{**vars(proposal), field: value})

    assert judge(changed, called={"BROKER"}) == rejection


def test_any_called_ae_when_it_is_not_checked() -> None:
    """A site may choose to answer to every name."""
    changed = Proposal("CT1", "OTHER", APPLICATION_CONTEXT, 1, (), 0)

    assert judge(changed, called=None) is None


@pytest.mark.parametrize("rejection", [WRONG_CALLED_AE, CONGESTED, TOO_MANY])
def test_a_rejection_comes_through(rejection: Rejection) -> None:
    """Words and kind are the same on the other side."""
    assert read_rejection(memoryview(associate_rj(rejection))[6:]) == rejection


def test_a_rejection_that_is_not_known_still_has_words() -> None:
    """Private reasons are shown as numbers."""
    unknown = read_rejection(memoryview(b"\x00\x02\x03\x07"))

    assert (unknown.transient, unknown.words) == (True, "source 3, reason 7")


def test_two_contexts_with_one_id_are_a_violation() -> None:
    """It could not be said which one a message is on."""
    with pytest.raises(Violation):
        read(request(Proposed(1, META, (IMPLICIT_LE,)), Proposed(1, META, (EXPLICIT_LE,))))


@given(st.binary(max_size=120))
def test_no_bytes_do_any_harm(tail: bytes) -> None:
    """Whatever follows the fixed part, it is a proposal or a violation."""
    pdu = request(*proposed_contexts(OFFERS))
    for body in (tail, pdu[6:74] + tail, pdu[6:-40] + tail):
        for reading in (read_proposal, read_answer, read_rejection):
            try:
                reading(memoryview(body))
            except Violation:
                continue


@pytest.mark.parametrize("odd", [b"9.8.\xb2", b"9.8.\xb9", b"9.8.x"])
def test_a_uid_of_other_digits_is_none(odd: bytes) -> None:
    """Superscripts are digits to Python and not to DICOM (PS3.5 9.1): the context is rejected, its
    text is not sent back, and the others are answered."""
    proposed = (Proposed(1, META, (IMPLICIT_LE,)), Proposed(3, "1.2.3", ("9.8.7",)))
    proposal = read(request(*proposed).replace(b"9.8.7", odd))
    answered = negotiate(proposal.contexts, OFFERS)

    pdu = associate_ac(proposal, answered, max_pdu=16384)

    assert [each.result == 0 for each in answered] == [True, False]
    assert odd not in pdu
    assert read_answer(memoryview(pdu)[6:])[0] == answered


def test_ae_titles_may_be_padded_with_zeros() -> None:
    """Some modalities do, and mean the same."""
    pdu = request(Proposed(1, META, (IMPLICIT_LE,)))
    padded = pdu.replace(b"BROKER".ljust(16), b"BROKER".ljust(16, b"\0"))

    assert read(padded).called_ae == "BROKER"
