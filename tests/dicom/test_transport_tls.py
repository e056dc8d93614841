"""Associations over TLS: whole films both ways, and who gets no handshake."""

from __future__ import annotations

import random
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from pydicom.dataset import Dataset

from broker.dicom.transport.acceptor import AcceptedAssociation, Ending
from broker.dicom.transport.dataset import decode_dataset
from broker.dicom.transport.message import Command, Request, Response
from broker.model.refusal import Refusal
from tests.peers.acceptor import (
    ECHO,
    GRAYSCALE_META,
    OFFERS,
    Kept,
    accepting,
    echoed,
    opened,
)
from tests.peers.certificates import HOST, Authority, calling, hello
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, echo

SITE = Authority()
OTHER = Authority()
SERVER = SITE.server()
CLIENT = SITE.client()
TLS = {"tls_port": 0, "tls": lambda: SERVER}


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same, with TLS 1.2 at most."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_both_ports_are_one_acceptor() -> None:
    """The caps are shared, and each port speaks what it is for."""
    with accepting(**TLS, max_associations=2) as (acceptor, seen), ExitStack() as stack:
        plain = stack.enter_context(opened(acceptor.port))
        sealed = stack.enter_context(opened(acceptor.tls_port, tls=CLIENT))
        assert (echoed(plain), echoed(sealed)) == (0x0000, 0x0000)
        with Raw.connect(acceptor.port) as raw:
            assert raw.associate(*OFFERS)[0] == 3
        assert seen.wait_for("rejected")["kind"] == Refusal.TOO_MANY_OF_ONE


def test_tls_alone() -> None:
    """Without a plain port there is none."""
    with accepting(**TLS, port=None) as (acceptor, _):
        assert acceptor.port == 0
        with opened(acceptor.tls_port, tls=CLIENT) as requestor:
            assert echoed(requestor) == 0x0000


@pytest.mark.parametrize("client", [CLIENT, old(SITE.client())], ids=["TLS 1.3", "TLS 1.2"])
@pytest.mark.parametrize("max_pdu", [64, 16384, 131072])
def test_films_pass_both_ways(max_pdu: int, client: ssl.SSLContext) -> None:
    """Megabytes come back as they were sent, at every PDU length: records and PDUs do not match."""
    pixels = random.Random(max_pdu).randbytes(60_000 if max_pdu == 64 else 6_000_000)

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        assert isinstance(request.sink, Kept)
        item = Dataset()
        item.PixelData = bytes(request.sink.content)
        answer = Dataset()
        answer.BasicGrayscaleImageSequence = [item]
        return Response(0x0000, answer)

    item = Dataset()
    item.BitsAllocated = 16
    item.PixelData = pixels
    dataset = Dataset()
    dataset.BasicGrayscaleImageSequence = [item]
    with (
        accepting(answering, **TLS, max_pdu=max_pdu) as (acceptor, seen),
        opened(acceptor.tls_port, tls=client, max_pdu=max_pdu) as requestor,
    ):
        context = requestor.context(GRAYSCALE_META)
        assert context is not None
        for _ in range(2):
            answer = requestor.request(
                context, {**ECHO, "CommandField": Command.N_SET}, dataset, timeout_s=20
            )
            assert answer.dataset is not None
            assert answer.dataset.BasicGrayscaleImageSequence[0].PixelData == pixels
        requestor.release()
        seen.wait_for("released")

    assert seen.endings == [Ending.RELEASED]


def test_many_associations_lose_no_answer() -> None:
    """Twelve at once, a hundred requests each: every one gets its own answer."""
    wrong: list[object] = []

    def answering(association: AcceptedAssociation, request: Request) -> Response:
        assert request.context is not None
        association.event_report(request.context, "1.2", "1.2.3", 1)
        return Response(0x0000, decode_dataset(request.data, request.context.transfer_syntax))

    def work(port: int, number: int) -> None:
        with opened(port, tls=CLIENT) as requestor:
            context = requestor.context(GRAYSCALE_META)
            assert context is not None
            for count in range(100):
                dataset = Dataset()
                dataset.FilmSessionLabel = f"{number} {count}"
                answer = requestor.request(
                    context, {**ECHO, "CommandField": Command.N_ACTION}, dataset, timeout_s=20
                )
                if answer.dataset != dataset:
                    wrong.append(answer)

    with accepting(answering, **TLS) as (acceptor, seen):
        threads = [
            threading.Thread(target=work, args=(acceptor.tls_port, number)) for number in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seen.wait_for("released", 12)

    assert wrong == []
    assert seen.endings == [Ending.RELEASED] * 12


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
        """Nobody answers."""
        return b""


def test_a_client_hello_may_come_byte_by_byte() -> None:
    """As TCP may deliver it; nobody else waits meanwhile, and there is an association."""
    with accepting(**TLS) as (acceptor, seen), ExitStack() as stack:
        slow = stack.enter_context(Raw.connect(acceptor.tls_port))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        records = CLIENT.wrap_bio(incoming, outgoing, server_hostname=HOST)
        other = stack.enter_context(opened(acceptor.tls_port, tls=CLIENT))

        def shaken() -> bool:
            try:
                records.do_handshake()
            except ssl.SSLWantReadError:
                return False
            return True

        while not shaken():
            said = outgoing.read()
            for at in range(len(said)):
                slow.send(said[at : at + 1])
                assert at % 50 or echoed(other) == 0x0000
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
        (lambda: b"", "said nothing"),
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
    """Nobody stays a stranger longer by shaking hands; the end is said in due form."""
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
            assert echoed(requestor) == 0x0000

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


def test_a_peer_that_goes_without_close_notify_is_gone() -> None:
    """A bare FIN, or a reset, ends the association as it does without TLS."""
    with accepting(**TLS) as (acceptor, seen):
        for number in (1, 2):
            raw = calling(acceptor.tls_port, CLIENT)
            raw.associate(*OFFERS)
            seen.wait_for("accepted", number)
            if number == 1:
                raw.sock.close()
            else:
                raw.reset()
            seen.wait_for("lost", number)

    assert seen.endings == [Ending.LOST] * 2


def test_a_peer_that_closes_in_due_form_hears_the_same() -> None:
    """close_notify is an end, and is answered with one: no peer logs an error for us."""
    with accepting(**TLS) as (acceptor, seen):
        with calling(acceptor.tls_port, CLIENT) as raw:
            raw.associate(*OFFERS)
            raw.say(1, echo(1))
            assert raw.hear().Status == 0x0000
            raw.send(RELEASE_RQ)
            assert raw.pdu() == RELEASE_RP
            assert raw.closed()
        with calling(acceptor.tls_port, CLIENT) as raw:
            raw.associate(*OFFERS)
            assert isinstance(raw.sock, ssl.SSLSocket)
            raw.sock.unwrap()
        assert seen.wait_for("lost")["words"] == "the peer closed the connection"


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
    stranger = SITE.client()
    stranger.maximum_version = client.maximum_version
    OTHER.issue().configure_cert(stranger)
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        for number, (context, words) in enumerate(
            [
                (client, "the peer shows no certificate"),
                (stranger, "the peer shows a certificate that is not trusted"),
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
            assert echoed(requestor) == 0x0000


def test_abort_from_another_thread_while_receiving() -> None:
    """The association that is waited on ends at once; the peer reads A-ABORT over TLS."""
    running: list[AcceptedAssociation] = []

    def answering(association: AcceptedAssociation, _request: Request) -> Response:
        running.append(association)
        return Response(0x0000)

    with (
        accepting(answering, **TLS) as (acceptor, seen),
        calling(acceptor.tls_port, CLIENT) as raw,
    ):
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        assert raw.hear().Status == 0x0000
        raw.send(struct.pack(">BBI", 4, 0, 5000) + bytes(100))
        running[0].abort()
        assert raw.pdu() == ABORT
        assert raw.closed()
        assert seen.wait_for("aborted")["words"] == "aborted by us"


def test_one_that_is_not_used_makes_room() -> None:
    """Looking whether something has come takes nothing away from who waits for it."""
    with accepting(**TLS, max_associations=2, spare_s=0) as (acceptor, seen), ExitStack() as stack:
        left, busy = (stack.enter_context(calling(acceptor.tls_port, CLIENT)) for _ in range(2))
        for each in (left, busy):
            each.associate(*OFFERS)
        newcomer = stack.enter_context(opened(acceptor.tls_port, tls=CLIENT))
        assert seen.wait_for("aborted")["kind"] == Refusal.MADE_ROOM
        assert left.pdu()[0] == 7
        assert echoed(newcomer) == 0x0000
        busy.say(1, echo(1))
        assert busy.hear().Status == 0x0000


def test_silent_strangers_do_not_stop_anybody() -> None:
    """With more than are kept, silent before or within the handshake, films go on."""
    with accepting(**TLS) as (acceptor, seen), ExitStack() as stack:
        beginning = half(hello(CLIENT))
        for number in range(80):
            raw = stack.enter_context(Raw.connect(acceptor.tls_port))
            if number % 2:
                raw.send(beginning)
        with opened(acceptor.tls_port, tls=CLIENT) as requestor:
            assert echoed(requestor) == 0x0000
        assert seen.wait_for("refused")["kind"] == Refusal.STRANGER_CUT
        with opened(acceptor.port) as requestor:
            assert echoed(requestor) == 0x0000


def test_a_renewed_certificate_is_for_the_next_connection() -> None:
    """Each connection asks for the context; those that run keep theirs."""
    contexts = [SITE.server(), OTHER.server()]
    with (
        accepting(tls_port=0, tls=lambda: contexts[0]) as (acceptor, _),
        opened(acceptor.tls_port, tls=CLIENT) as first,
    ):
        contexts.reverse()
        with opened(acceptor.tls_port, tls=OTHER.client()) as second:
            assert (echoed(first), echoed(second)) == (0x0000, 0x0000)
