"""PDUs over a real connection: memory that is taken as bytes come, and time for the whole."""

from __future__ import annotations

import fcntl
import socket
import struct
import termios
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from broker.dicom.upper_layer.wire import PduType, TimedOut, Violation, Wire
from broker.model.peers.refusal import Refusal
from broker.model.storage.disk import MB
from tests.peers.raw import data_pdu, sip


@pytest.fixture
def pair() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire, and the other end of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    wire = Wire(ours, max_pdu=8 * MB)
    with theirs:
        yield wire, theirs
    wire.close()


def soon() -> float:
    """A deadline that has no time to wait in."""
    return time.monotonic() + 0.05


def test_what_is_announced_takes_no_memory(pair: tuple[Wire, socket.socket]) -> None:
    """Eight megabytes announced and a few bytes sent: a few kilobytes are taken."""
    wire, theirs = pair
    theirs.sendall(b"\x04\x00\x00\x80\x00\x00" + bytes(100))
    tracemalloc.start()
    with pytest.raises(TimedOut) as caught:
        wire.receive(soon())
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MB // 8
    assert caught.value.kind is Refusal.SLOW


@pytest.mark.parametrize("size", [1, 5000, 300_000, 5 * MB])
def test_a_pdu_of_any_size_comes_whole(pair: tuple[Wire, socket.socket], size: int) -> None:
    """However much room it needs, its bytes are what was sent, and so are the next one's."""
    wire, theirs = pair
    content = bytes(range(251)) * (size // 251 + 1)
    pdus = [data_pdu(1, 0, content[:size]), data_pdu(1, 2, content[1:100])]
    thread = threading.Thread(target=theirs.sendall, args=(b"".join(pdus),))
    thread.start()
    heard = [bytes(wire.receive(time.monotonic() + 10).body) for _ in pdus]
    thread.join()
    assert heard == [pdu[6:] for pdu in pdus]


def test_a_resting_wire_gives_its_memory_back(pair: tuple[Wire, socket.socket]) -> None:
    """After a large PDU, an association that waits for the next costs a few kilobytes."""
    wire, theirs = pair
    tracemalloc.start()
    thread = threading.Thread(target=theirs.sendall, args=(data_pdu(1, 2, bytes(5 * MB)),))
    thread.start()
    assert wire.receive(time.monotonic() + 10).type is PduType.DATA
    thread.join()
    with pytest.raises(TimedOut) as caught:
        wire.wait(soon())
    now, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now < MB // 4
    assert caught.value.kind is Refusal.IDLE


def test_a_peer_that_drips_is_given_up(pair: tuple[Wire, socket.socket]) -> None:
    """A little progress at times does not stretch the time that a message may take to leave."""
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


def test_a_peer_that_takes_steadily_may_take_its_time(pair: tuple[Wire, socket.socket]) -> None:
    """Several times the patience, as long as it takes more than the floor."""
    wire, theirs = pair
    over = threading.Event()
    sipping = sip(theirs, 100_000, over)
    began = time.monotonic()
    wire.send([bytes(12 * MB)], 0.5)
    took = time.monotonic() - began
    over.set()
    sipping.join()
    assert took > 1


def test_our_own_slowness_is_not_the_peers(pair: tuple[Wire, socket.socket]) -> None:
    """Chunks that come late from our disk do not use up the time of the one who takes them."""
    wire, theirs = pair
    over = threading.Event()
    sipping = sip(theirs, 100_000, over)

    def chunks() -> Iterator[bytes]:
        yield bytes(1)
        over.wait(1.2)
        yield bytes(6 * MB)

    wire.send(chunks(), 1.0, floor=1 << 40)  # so that bytes earn no time
    over.set()
    sipping.join()


def test_what_the_peer_does_not_take_stays_with_us(pair: tuple[Wire, socket.socket]) -> None:
    """The system takes little that it cannot send: what it has taken is progress of the peer's."""
    wire, _ = pair
    with pytest.raises(TimedOut):
        wire.send([bytes(64 * MB)], 0.1)
    (waiting,) = struct.unpack("i", fcntl.ioctl(wire.fileno(), termios.TIOCOUTQ, bytes(4)))
    assert waiting < MB // 2


def test_too_long_is_a_kind_of_its_own(pair: tuple[Wire, socket.socket]) -> None:
    """A PDU of more than the negotiated maximum is told apart from other nonsense."""
    wire, theirs = pair
    theirs.sendall(b"\x04\x00\xff\xff\xff\xff")
    with pytest.raises(Violation) as caught:
        wire.receive(time.monotonic() + 10)
    assert caught.value.kind is Refusal.PDU_TOO_LONG
