"""Wrong peers on the TLS port: half a handshake, none, or one that is not accepted."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from broker.dicom import statuses
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import (
    OFFERS,
    accepting,
    echoed,
    opened,
)
from tests.peers.certificates import HOST, Authority, calling, hello, old
from tests.peers.raw import RELEASE_RQ, Raw

SITE = Authority()
OTHER = Authority()
SERVER = SITE.server()
CLIENT = SITE.client()
TLS = {"tls_port": 0, "tls": lambda: SERVER}


def test_an_a_associate_rq_may_come_byte_by_byte() -> None:
    """Each in a record of its own."""
    with accepting(**TLS) as (acceptor, _), calling(acceptor.tls_port, CLIENT) as raw:
        whole = bytearray()
        keep = Keep(whole)
        keep.associate(*OFFERS)
        for at in range(len(whole)):
            raw.send(bytes(whole[at : at + 1]))
        assert raw.pdu()[0] == 2


class Keep(Raw):
    """Writes down what it would send."""

    def __init__(self, whole: bytearray) -> None:
        self._whole = whole

    def send(self, data: bytes) -> None:
        """Nothing leaves."""
        self._whole += data

    def pdu(self) -> bytes:
        """No answer comes."""
        return b""


def test_a_client_hello_may_come_byte_by_byte() -> None:
    """As TCP may deliver it; no other connection waits meanwhile, and there is an association."""
    with accepting(**TLS) as (acceptor, seen), ExitStack() as stack:
        slow = stack.enter_context(Raw.connect(acceptor.tls_port))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        records = CLIENT.wrap_bio(incoming, outgoing, server_hostname=HOST)
        other = stack.enter_context(opened(acceptor.tls_port, tls=CLIENT))

        def handshake_done() -> bool:
            try:
                records.do_handshake()
            except ssl.SSLWantReadError:
                return False
            return True

        while not handshake_done():
            said = outgoing.read()
            for at in range(len(said)):
                slow.send(said[at : at + 1])
                assert at % 50 or echoed(other) == statuses.SUCCESS
            incoming.write(slow.sock.recv(4096))
        slow.send(outgoing.read())
        records.write(RELEASE_RQ)
        slow.send(outgoing.read())
        assert seen.wait_for("refused")["kind"] == Refusal.NOT_DICOM


def half(whole: bytes) -> bytes:
    """The first half."""
    return whole[: len(whole) // 2]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (lambda: b"", "sent nothing"),
        (lambda: half(hello(CLIENT)), "the TLS handshake was not completed"),
        (lambda: hello(CLIENT), "the TLS handshake was not completed"),
    ],
    ids=["nothing", "half a ClientHello", "a ClientHello"],
)
def test_a_handshake_has_a_deadline(said: Callable[[], bytes], words: str) -> None:
    """That of an association: silence before or within a handshake does not last."""
    with (
        accepting(**TLS, establish_timeout_s=0.2) as (acceptor, seen),
        Raw.connect(acceptor.tls_port) as raw,
    ):
        raw.send(said())
        refused = seen.wait_for("refused")
        while not raw.closed():
            pass

    assert refused["words"] == words
    assert seen.names == ["refused"]


def test_silence_after_the_handshake_has_the_same_deadline() -> None:
    """No connection stays pending longer by shaking hands; the end is said in due form."""
    with (
        accepting(**TLS, establish_timeout_s=0.2) as (acceptor, seen),
        calling(acceptor.tls_port, CLIENT) as raw,
    ):
        assert seen.wait_for("refused")["words"] == "A-ASSOCIATE-RQ was not completed"
        assert raw.pdu()[0] == 7
        assert raw.closed()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (RELEASE_RQ, "the peer does not speak TLS, but plain DICOM"),
        (b"GET / HTTP/1.1\r\n\r\n", "the peer does not speak TLS"),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x7f", None),
        (b"\x16\x03\x01\xff\xff" + bytes(70_000), None),
        (b"\x16" * 100_000, None),
    ],
    ids=["plain DICOM", "HTTP", "half a handshake", "a record too long", "garbage"],
)
def test_what_is_no_tls_is_cut(said: bytes, words: str | None) -> None:
    """Told by kind and in words, and the next one is heard."""
    with accepting(**TLS, establish_timeout_s=0.5) as (acceptor, seen):
        with Raw.connect(acceptor.tls_port) as raw:
            raw.send(said)
            refused = seen.wait_for("refused")
            while not raw.closed():
                pass
        with opened(acceptor.tls_port, tls=CLIENT) as requestor:
            assert echoed(requestor) == statuses.SUCCESS

    if words is None:
        assert refused["kind"] in (Refusal.TLS_FAILED, Refusal.SLOW)
    else:
        assert (refused["kind"], refused["words"]) == (Refusal.TLS_FAILED, words)
    assert "fault" not in seen.names


def test_plain_dicom_on_the_tls_port_and_tls_on_the_plain_one() -> None:
    """Both are closed at once, and counted under what helps."""
    with accepting(**TLS) as (acceptor, seen):
        with Raw.connect(acceptor.tls_port) as raw:
            assert raw.associate(*OFFERS) == b""
        assert seen.wait_for("refused")["kind"] == Refusal.TLS_FAILED
        with Raw.connect(acceptor.port) as raw:
            raw.send(hello(CLIENT))
            assert raw.pdu()[0] == 7
        refused = seen.wait_for("refused", 2)

    assert refused["kind"] == Refusal.NOT_DICOM


def test_somebody_who_shakes_hands_and_leaves() -> None:
    """A check of a monitor: refused as broken off, and nothing else."""
    with accepting(**TLS) as (acceptor, seen):
        with calling(acceptor.tls_port, CLIENT):
            pass
        assert seen.wait_for("refused")["kind"] == Refusal.BROKEN_OFF
        with Raw.connect(acceptor.tls_port):
            pass
        seen.wait_for("probe")

    assert seen.names == ["refused", "probe"]


@pytest.mark.parametrize("client", [CLIENT, old(SITE.client())], ids=["TLS 1.3", "TLS 1.2"])
def test_a_certificate_of_the_modality_may_be_demanded(client: ssl.SSLContext) -> None:
    """Without one, or with that of another authority, there is no association."""
    server = SITE.server()
    server.verify_mode = ssl.CERT_REQUIRED
    SITE.trust(server)
    unknown = SITE.client()
    unknown.maximum_version = client.maximum_version
    OTHER.issue().configure_cert(unknown)
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        for number, (context, words) in enumerate(
            [
                (client, "the peer shows no certificate"),
                (unknown, "the peer shows a certificate that is not trusted"),
            ],
            start=1,
        ):
            with pytest.raises(OSError), ExitStack() as stack:  # noqa: PT011 - alert or reset
                stack.enter_context(calling(acceptor.tls_port, context)).associate(*OFFERS)
            refused = seen.wait_for("refused", number)
            assert refused["kind"] == Refusal.TLS_FAILED
            assert str(refused["words"]).startswith(words)
        known = SITE.client()
        SITE.issue().configure_cert(known)
        with opened(acceptor.tls_port, tls=known) as requestor:
            assert echoed(requestor) == statuses.SUCCESS


def test_silent_connections_do_not_stop_others() -> None:
    """With more than are kept, silent before or within the handshake, films go on."""
    with accepting(**TLS) as (acceptor, seen), ExitStack() as stack:
        beginning = half(hello(CLIENT))
        for number in range(80):
            raw = stack.enter_context(Raw.connect(acceptor.tls_port))
            if number % 2:
                raw.send(beginning)
        with opened(acceptor.tls_port, tls=CLIENT) as requestor:
            assert echoed(requestor) == statuses.SUCCESS
        assert seen.wait_for("refused")["kind"] == Refusal.PENDING_CUT
        with opened(acceptor.port) as requestor:
            assert echoed(requestor) == statuses.SUCCESS
