"""AE titles that no Application Entity can have are rejected; harmless ones are taken."""

from __future__ import annotations

import pytest

from broker.dicom.upper_layer.associate_pdus import associate_rq
from broker.dicom.upper_layer.negotiation import (
    TitleFault,
    proposed_contexts,
    shown_title,
    title_fault,
)
from broker.dicom.upper_layer.wire import PduType
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import OFFERS, accepting
from tests.peers.raw import RELEASE_RP, RELEASE_RQ, Raw

UNUSABLE = [
    b"",
    b"\0" * 16,
    b" \0 \0",
    b"\0CT1",
    b"  \0CT1",
    b"CT1\x1b[31m",
    b"CT1\x1b[31m\0",
    b"\rCT1",
    b"CT1\x7f",
    b"CT\n1",
]


def request(*, calling: bytes = b"CT1", called: bytes = b"BROKER") -> bytes:
    """An A-ASSOCIATE-RQ with these bytes for AE titles, padded with spaces."""
    pdu = associate_rq(
        calling_ae="CT1", called_ae="BROKER", contexts=proposed_contexts(OFFERS), max_pdu=16384
    )
    return pdu[:10] + called.ljust(16) + calling.ljust(16) + pdu[42:]


@pytest.mark.parametrize("title", UNUSABLE, ids=repr)
def test_an_unusable_calling_ae_title_is_rejected_for_good(title: bytes) -> None:
    """Permanent, by the service-user, reason 3, counted as a kind of its own; what is told of it
    holds no control characters."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(request(calling=title))
        answer = raw.pdu()
        rejected = seen.wait_for("rejected")

    assert answer == b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x03"
    assert rejected["kind"] == Refusal.CALLING_AE
    assert all(str(each).isprintable() for each in rejected.values())
    assert seen.endings == []


@pytest.mark.parametrize("title", UNUSABLE, ids=repr)
def test_an_unusable_called_ae_title_is_rejected_for_good(title: bytes) -> None:
    """Reason 7; what is told of it holds no control characters."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(request(called=title))
        answer = raw.pdu()
        rejected = seen.wait_for("rejected")

    assert answer == b"\x03\x00\x00\x00\x00\x04\x00\x01\x01\x07"
    assert rejected["kind"] == Refusal.CALLED_AE
    assert all(str(each).isprintable() for each in rejected.values())


@pytest.mark.parametrize("title", UNUSABLE, ids=repr)
def test_where_any_called_ae_title_is_taken_one_that_is_none_is_too(title: bytes) -> None:
    """A load balancer never looked at it."""
    with accepting(called=None) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(request(called=title))
        answer = raw.pdu()
        accepted = seen.wait_for("accepted")

    assert answer[0] == PduType.ASSOCIATE_AC
    assert str(accepted["called_ae"]).isprintable()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (b"CT1", "CT1"),
        (b"  CT 1", "CT 1"),
        (b"CT1" + bytes(13), "CT1"),
        (b"CT1\0garbage\x1b[2J", "CT1"),
        (b"CT1 \0 \0CT2", "CT1"),
        (b"CT\"/*'1", "CT\"/*'1"),
        (b"CT\\1", "CT\\1"),
        (b"M\xfcller", "Müller"),
        (b"CT\x9b31m\xa0\xad\x80", "CT?31m???"),
    ],
    ids=repr,
)
def test_a_harmless_calling_ae_title_is_taken(title: bytes, shown: str) -> None:
    """It is told as printable text, and sent back as it came, with the reserved bytes after it
    (PS3.8 table 9-17)."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        asked = request(calling=title)
        asked = asked[:42] + bytes(range(32)) + asked[74:]
        raw.send(asked)
        answer = raw.pdu()
        told = seen.wait_for("accepted")
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP

    assert (answer[0], answer[10:74]) == (2, asked[10:74])
    assert told["calling_ae"] == shown


@pytest.mark.parametrize("called", [b"BROKER\0garbage", b"  BROKER \0\x1b[2J"], ids=repr)
def test_a_called_ae_title_ends_at_its_first_nul(called: bytes) -> None:
    """What is left in the field behind a C string is not compared with ours, and not told."""
    with accepting(called={"BROKER"}) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        asked = request(called=called)
        raw.send(asked)
        answer = raw.pdu()
        told = seen.wait_for("accepted")
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP

    assert (answer[0], answer[10:74]) == (2, asked[10:74])
    assert told["called_ae"] == "BROKER"


def test_a_called_ae_title_with_a_control_character_is_not_one_with_a_question_mark() -> None:
    """What stands for a character in the log is never compared."""
    with accepting(called={"BRO?KER"}) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(request(called=b"BRO\x1bKER"))
        assert raw.pdu()[0] == 3
        assert seen.wait_for("rejected")["kind"] == Refusal.CALLED_AE


def test_each_fault_is_told_apart() -> None:
    """Blank, and characters that no title may have."""
    assert title_fault(b" " * 16) is TitleFault.BLANK
    assert title_fault(b"A\tB".ljust(16)) is TitleFault.CONTROL
    assert title_fault(b"CT1".ljust(16)) is None
    assert title_fault(b"CT1\0\n".ljust(16)) is None
    assert shown_title(b"\x1b]0;x\x07") == "?]0;x?"
