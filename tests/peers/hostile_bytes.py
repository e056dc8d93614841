"""Peers whose bytes are wrong, too many, too slow or not DICOM at all."""

from __future__ import annotations

import random
import struct
import threading
import time

from broker.dicom.upper_layer.associate_pdus import associate_rq
from broker.dicom.upper_layer.negotiation import proposed_contexts
from broker.model.peers.refusal import Refusal
from tests.peers.hostile import (
    INVALID,
    OFFERS,
    PRINT,
    UNEXPECTED,
    UNRECOGNIZED,
    UNSPECIFIED,
    Answered,
    Case,
    Hostile,
    first,
    later,
)
from tests.peers.hostile_site import ESTABLISH_S, MESSAGE_S, Site
from tests.peers.raw import RELEASE_RQ, data_pdu

FOUR_GB = b"\xff\xff\xff\xff"
DRIP_S = 0.05
"""Between two bytes of a slow peer."""
GRACE_S = 1.0
"""What a deadline may be missed by on a busy machine."""


def proposal() -> bytes:
    """An A-ASSOCIATE-RQ as it should be."""
    contexts = proposed_contexts(OFFERS)
    return associate_rq(calling_ae="HOSTILE", called_ae="BROKER", contexts=contexts, max_pdu=0)


def dripping(peer: Hostile, data: bytes) -> Answered:
    """Byte by byte, and slowly, until the broker has enough of it."""
    over = threading.Event()

    def drip() -> None:
        for at in range(len(data)):
            try:
                peer.send(data[at : at + 1])
            except OSError:
                return
            if over.wait(DRIP_S):
                return

    since = time.monotonic()
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        return peer.last_word(since)
    finally:
        over.set()
        thread.join()


def slow_proposal(site: Site) -> Answered:
    """An A-ASSOCIATE-RQ that would take half a minute."""
    with Hostile.call(site) as peer:
        return dripping(peer, proposal() + bytes(1000))


def slow_association(site: Site) -> Answered:
    """A P-DATA-TF that would take minutes."""
    with Hostile.associated(site) as peer:
        return dripping(peer, HALF)


def endless_message(site: Site) -> Answered:
    """Fragments without a byte in them, each a whole PDU, for ever."""
    with Hostile.associated(site) as peer:
        return dripping(peer, data_pdu(PRINT, 0x01, b"") * 1000)


def hello() -> bytes:
    """A TLS ClientHello."""
    body = b"\x03\x03" + bytes(range(32)) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    shake = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(shake)) + shake


GARBAGE = b"\xee" + random.Random(7).randbytes(4095)
HALF = data_pdu(PRINT, 0x01, bytes(4000))[:2000]
LIAR = struct.pack(">BBII", 4, 0, 16, 0xFFFFFFFF) + bytes(12)
"""A presentation data value that announces 4 GB in a P-DATA-TF of 16 bytes."""
HTTP = b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n"
TOO_LONG = Refusal.PDU_TOO_LONG
BROKEN = Refusal.BROKEN_PROTOCOL
BY_ESTABLISH_S = ESTABLISH_S + GRACE_S
BY_MESSAGE_S = MESSAGE_S + GRACE_S

CASES = (
    Case("first PDU announces 4 GB", first(b"\x01\x00" + FOUR_GB), INVALID, kind=TOO_LONG),
    Case("first PDU is a P-DATA of 4 GB", first(b"\x04\x00" + FOUR_GB), INVALID, kind=TOO_LONG),
    Case("P-DATA announces 4 GB", later(b"\x04\x00" + FOUR_GB), INVALID, kind=TOO_LONG),
    Case("PDV announces 4 GB", later(LIAR), INVALID, kind=BROKEN),
    Case("PDU longer than negotiated", later(b"\x04\x00\x00\x02\x00\x01"), INVALID, kind=TOO_LONG),
    Case("PDU of no type", later(b"\x99\x00\x00\x00\x00\x04abcd"), UNRECOGNIZED, kind=BROKEN),
    Case("release before association", first(RELEASE_RQ), UNEXPECTED, kind=Refusal.NOT_DICOM),
    Case("random bytes", first(GARBAGE), UNRECOGNIZED, kind=Refusal.NOT_DICOM),
    Case("HTTP request", first(HTTP), UNRECOGNIZED, kind=Refusal.NOT_DICOM),
    Case("TLS ClientHello", first(hello()), UNRECOGNIZED, kind=Refusal.NOT_DICOM),
    Case(
        "half an A-ASSOCIATE-RQ, and silence",
        first(proposal()[:100]),
        UNSPECIFIED,
        BY_ESTABLISH_S,
        Refusal.SLOW,
    ),
    Case("half a P-DATA, and silence", later(HALF), UNSPECIFIED, BY_MESSAGE_S, Refusal.SLOW),
    Case("A-ASSOCIATE-RQ byte by byte", slow_proposal, UNSPECIFIED, BY_ESTABLISH_S, Refusal.SLOW),
    Case("P-DATA byte by byte", slow_association, UNSPECIFIED, BY_MESSAGE_S, Refusal.SLOW),
    Case("message that never ends", endless_message, UNSPECIFIED, BY_MESSAGE_S, Refusal.SLOW),
)
