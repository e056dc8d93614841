"""Pending connections: how many are kept, which is cut, and that none is waited for."""

from __future__ import annotations

import selectors
import socket
import ssl
from contextlib import ExitStack, suppress

from broker.dicom import statuses
from broker.dicom.upper_layer.associate_pdus import associate_rq
from broker.dicom.upper_layer.pending import PendingConnection, PendingConnections
from broker.dicom.upper_layer.tls import TlsWire
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import OFFERS, accepting, echoed, opened
from tests.peers.certificates import HOST, Authority
from tests.peers.raw import RELEASE_RP, RELEASE_RQ, Raw


def called_from(source: str, port: int) -> Raw:
    """A connection from an address of this machine."""
    return Raw(socket.create_connection(("127.0.0.1", port), source_address=(source, 0)))


def test_a_flood_cuts_its_own_connections() -> None:
    """A connection from another address stays, though it is older than the flood."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting())
        early = stack.enter_context(called_from("127.0.0.2", acceptor.port))
        flood = [stack.enter_context(Raw.connect(acceptor.port)) for _ in range(100)]
        assert seen.wait_for("refused")["kind"] == Refusal.PENDING_CUT
        assert flood[0].closed()
        assert early.associate(*OFFERS)[:1] == b"\x02"


def test_an_a_associate_rq_may_come_in_pieces() -> None:
    """As TCP may deliver it; no other connection waits meanwhile."""
    with ExitStack() as stack:
        acceptor, seen = stack.enter_context(accepting())
        slow = stack.enter_context(Raw.connect(acceptor.port))
        slow.send(b"\x01\x00")
        other = stack.enter_context(opened(acceptor.port))
        assert echoed(other) == statuses.SUCCESS
        slow.send(b"\x00\x00\x00\x04abcd")
        assert slow.pdu()[0] == 7
        assert seen.wait_for("refused")["kind"] == Refusal.NOT_DICOM


def test_the_last_pdu_is_read() -> None:
    """Though more is sent than is read, the peer finds A-RELEASE-RP and then the end."""
    with accepting() as (acceptor, _), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        raw.send(RELEASE_RQ + bytes(50_000))
        assert raw.pdu() == RELEASE_RP
        assert raw.closed()


def test_a_handshake_waits_for_room_to_write() -> None:
    """No thread spins for a peer that does not read its part, and it goes on when it does."""
    site = Authority()
    with socket.create_server((HOST, 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    ours.setblocking(False)
    full = 0
    with suppress(BlockingIOError):
        while True:
            full += ours.send(bytes(1 << 16))
    told: list[str] = []
    with theirs, selectors.DefaultSelector() as selector:
        pending = PendingConnections(
            selector, limit=4, establish_timeout_s=20, on_event=lambda name, _: told.append(name)
        )
        connection = PendingConnection(TlsWire(ours, site.server(), max_pdu=16384), HOST, "peer")
        pending.enter(connection, 0)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        records = site.client().wrap_bio(incoming, outgoing, server_hostname=HOST)
        with suppress(ssl.SSLWantReadError):
            records.do_handshake()
        theirs.sendall(outgoing.read())
        assert selector.select(10)
        assert pending.receive(connection, 0) is None
        assert selector.select(0) == []

        while full:
            full -= len(theirs.recv(min(full, 1 << 16)))
        ((key, events),) = selector.select(10)
        assert (key.data, events) == (connection, selectors.EVENT_WRITE)
        assert pending.receive(connection, 0) is None
        assert selector.select(0) == []
        incoming.write(theirs.recv(1 << 16))
        records.do_handshake()
        records.write(associate_rq(calling_ae="RAW", called_ae="B", contexts=[], max_pdu=16384))
        theirs.sendall(outgoing.read())
        assert selector.select(10)
        proposal = pending.receive(connection, 0)
        assert proposal is not None
        assert proposal.calling_ae == "RAW"
        connection.wire.close()
    assert told == []
