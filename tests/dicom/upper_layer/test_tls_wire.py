"""PDUs over TLS: records that are not PDUs, a peer that takes slowly, and ends."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from broker.dicom.upper_layer.tls import TlsWire
from broker.dicom.upper_layer.wire import Closed, PduType, TimedOut
from broker.model.peers.refusal import Refusal
from broker.model.storage.disk import MB
from tests.peers.certificates import HOST, Authority
from tests.peers.raw import ABORT, RELEASE_RQ, data_pdu, sip

SITE = Authority()
SERVER, CLIENT = SITE.server(), SITE.client()
Pair = tuple[TlsWire, ssl.SSLSocket]


def connected() -> tuple[socket.socket, socket.socket]:
    """Who was called, and who called."""
    with socket.create_server((HOST, 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    return ours, theirs


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A wire that was called, and the other end of it; the handshake is complete."""
    ours, theirs = connected()
    wire = TlsWire(ours, SERVER, max_pdu=8 * MB)
    shaking = threading.Thread(target=wire.handshake, args=(time.monotonic() + 10,))
    shaking.start()
    with CLIENT.wrap_socket(theirs, server_hostname=HOST) as sealed:
        shaking.join()
        yield wire, sealed
    wire.close()


def soon() -> float:
    """A deadline that is far off."""
    return time.monotonic() + 10


@pytest.mark.parametrize("size", [1, 5000, 16_384, 300_000, 5 * MB])
def test_a_pdu_of_any_size_comes_whole(pair: Pair, size: int) -> None:
    """However many records it takes, its bytes are what was sent, and so are the next one's."""
    wire, theirs = pair
    content = bytes(range(251)) * (size // 251 + 1)
    pdus = [data_pdu(1, 0, content[:size]), data_pdu(1, 2, content[1:100])]
    thread = threading.Thread(target=theirs.sendall, args=(b"".join(pdus),))
    thread.start()
    heard = [bytes(wire.receive(soon()).body) for _ in pdus]
    thread.join()
    assert heard == [pdu[6:] for pdu in pdus]


def test_many_pdus_in_one_record_are_all_received(pair: Pair) -> None:
    """Nothing is waited for in the socket while bytes are there already."""
    wire, theirs = pair
    theirs.sendall(RELEASE_RQ * 1000)
    for _ in range(1000):
        assert wire.receive(soon()).type is PduType.RELEASE_RQ
    assert not wire.pending


def test_pending_takes_nothing_away(pair: Pair) -> None:
    """What is looked at is received all the same; the end is something, too."""
    wire, theirs = pair
    assert not wire.pending
    wire.check_open()
    theirs.sendall(RELEASE_RQ)
    wire.wait(soon())
    assert wire.pending
    wire.check_open()
    assert wire.receive(soon()).type is PduType.RELEASE_RQ
    theirs.sendall(ABORT)
    assert select.select([wire], [], [], 10)[0]
    assert wire.pending
    assert wire.receive(soon()).type is PduType.ABORT
    theirs.close()
    assert select.select([wire], [], [], 10)[0]
    assert wire.pending
    with pytest.raises(Closed, match="closed the connection"):
        wire.check_open()
    with pytest.raises(Closed, match="closed the connection"):
        wire.receive(soon())


def test_a_peer_that_drips_is_given_up(pair: Pair) -> None:
    """A little progress at times does not stretch the time that a message may take to leave.

    What was given up in the middle does not spoil what is said next, as far as it can leave.
    """
    wire, theirs = pair
    over = threading.Event()
    sipping = sip(theirs, 10, over)
    began = time.monotonic()
    with pytest.raises(TimedOut) as caught:
        wire.send([bytes(64 * MB)], 0.3)
    took = time.monotonic() - began
    over.set()
    sipping.join()
    assert caught.value.kind is Refusal.NOT_READING
    assert took < 5
    with pytest.raises(TimedOut):
        wire.send([ABORT], 0)


def test_records_stay_whole_after_one_was_given_up(pair: Pair) -> None:
    """The peer decrypts all of it, the last word included."""
    wire, theirs = pair
    with pytest.raises(TimedOut):
        wire.send([bytes(64 * MB)], 0.1)
    heard = bytearray()

    def listen() -> None:
        while piece := theirs.recv(1 << 16):
            heard.extend(piece)

    listening = threading.Thread(target=listen)
    listening.start()
    wire.send([ABORT], 10)
    wire.shut_down()
    listening.join(10)
    assert heard.endswith(ABORT)
    assert not any(heard[: -len(ABORT)])


def test_a_peer_that_takes_steadily_may_take_its_time(pair: Pair) -> None:
    """Several times the patience, as long as it takes more than the floor."""
    wire, theirs = pair
    over = threading.Event()
    sipping = sip(theirs, 100_000, over)
    began = time.monotonic()
    wire.send([bytes(6 * MB)], 0.5)
    took = time.monotonic() - began
    over.set()
    sipping.join()
    assert took > 1


def test_a_cut_from_another_thread_is_told_to_who_receives(pair: Pair) -> None:
    """At once; the peer reads the end in due form."""
    wire, theirs = pair
    caught: list[str] = []

    def receive() -> None:
        with pytest.raises(Closed) as closed:
            wire.receive(soon())
        caught.append(str(closed.value))

    receiving = threading.Thread(target=receive)
    receiving.start()
    wire.cut()
    receiving.join(5)
    assert caught == ["closed the connection"]
    assert theirs.recv(10) == b""


def test_a_record_that_was_changed_on_the_way(pair: Pair) -> None:
    """It is an end in words, and nothing of it is received."""
    wire, theirs = pair
    with socket.socket(fileno=socket.dup(theirs.fileno())) as beneath:
        beneath.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
        with pytest.raises(Closed, match="violates TLS"):
            wire.receive(soon())


def test_both_directions_at_once() -> None:
    """At each end one thread receives megabytes while another sends as many."""
    ours, theirs = connected()
    called = TlsWire(ours, SERVER, max_pdu=MB)
    caller = TlsWire(theirs, CLIENT, max_pdu=MB, server_name=HOST)
    content = bytes(range(256)) * 400
    pdus = [data_pdu(1, 2, content)] * 80
    came: list[list[bytes]] = []

    def talk(wire: TlsWire) -> None:
        wire.handshake(soon())
        sending = threading.Thread(target=wire.send, args=(pdus, 20))
        sending.start()
        came.append([bytes(wire.receive(soon()).body) for _ in pdus])
        sending.join()

    threads = [threading.Thread(target=talk, args=(wire,)) for wire in (called, caller)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for wire in (called, caller):
        wire.close()
    assert came == [[pdu[6:] for pdu in pdus]] * 2


def test_what_was_sealed_counts_as_handed_over(pair: Pair) -> None:
    """A record leaves before the next one, even where its sender gave up: the peer may act on it,
    so it may not be said that no byte has left."""
    wire, _ = pair
    given_up: list[bool] = []
    number = 0
    while len(given_up) < 2:
        number += 1
        try:
            wire.send([b"%0200d" % number], 0)
        except TimedOut as exc:
            given_up.append(exc.handed)

    assert given_up == [True, False], "and what has to wait behind it was not handed over"
