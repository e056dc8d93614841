"""Associations over TLS: whole films both ways, and every kind of end."""

from __future__ import annotations

import random
import ssl
import threading
from contextlib import ExitStack

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import (
    ECHO,
    GRAYSCALE_META,
    OFFERS,
    Taking,
    accepting,
    echoed,
    opened,
)
from tests.peers.certificates import Authority, calling, old
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, echo

SITE = Authority()
OTHER = Authority()
SERVER = SITE.server()
CLIENT = SITE.client()
TLS = {"tls_port": 0, "tls": lambda: SERVER}


def test_both_ports_are_one_acceptor() -> None:
    """The caps are shared, and each port speaks what it is for."""
    with accepting(**TLS, max_associations=2) as (acceptor, seen), ExitStack() as stack:
        plain = stack.enter_context(opened(acceptor.port))
        sealed = stack.enter_context(opened(acceptor.tls_port, tls=CLIENT))
        assert (echoed(plain), echoed(sealed)) == (statuses.SUCCESS, statuses.SUCCESS)
        with Raw.connect(acceptor.port) as raw:
            assert raw.associate(*OFFERS)[0] == 3
        assert seen.wait_for("rejected")["kind"] == Refusal.TOO_MANY_OF_ONE


def test_tls_alone() -> None:
    """Without a plain port there is none."""
    with accepting(**TLS, port=None) as (acceptor, _):
        assert acceptor.port == 0
        with opened(acceptor.tls_port, tls=CLIENT) as requestor:
            assert echoed(requestor) == statuses.SUCCESS


@pytest.mark.parametrize("client", [CLIENT, old(SITE.client())], ids=["TLS 1.3", "TLS 1.2"])
@pytest.mark.parametrize("max_pdu", [64, 16384, 131072])
def test_films_pass_both_ways(max_pdu: int, client: ssl.SSLContext) -> None:
    """Megabytes come back as they were sent, at every PDU length: records and PDUs do not match."""
    pixels = random.Random(max_pdu).randbytes(60_000 if max_pdu == 64 else 6_000_000)

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        item = Dataset()
        _, item.PixelData = Taking().read(request)
        answer = Dataset()
        answer.BasicGrayscaleImageSequence = [item]
        return Response(statuses.SUCCESS, answer)

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
        return Response(statuses.SUCCESS, request.dataset())

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
            assert raw.hear().Status == statuses.SUCCESS
            raw.send(RELEASE_RQ)
            assert raw.pdu() == RELEASE_RP
            assert raw.closed()
        with calling(acceptor.tls_port, CLIENT) as raw:
            raw.associate(*OFFERS)
            assert isinstance(raw.sock, ssl.SSLSocket)
            raw.sock.unwrap()
        assert seen.wait_for("lost")["words"] == "the peer closed the connection"


def test_abort_from_another_thread_while_receiving() -> None:
    """The association that is waited on ends at once; the peer reads A-ABORT over TLS."""
    running: list[AcceptedAssociation] = []

    def answering(association: AcceptedAssociation, _request: Request) -> Response:
        running.append(association)
        return Response(statuses.SUCCESS)

    with (
        accepting(answering, **TLS) as (acceptor, seen),
        calling(acceptor.tls_port, CLIENT) as raw,
    ):
        raw.associate(*OFFERS)
        raw.say(1, echo(1))
        assert raw.hear().Status == statuses.SUCCESS
        # Nothing else is on its way: what was not read would reset the connection.
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
        assert echoed(newcomer) == statuses.SUCCESS
        busy.say(1, echo(1))
        assert busy.hear().Status == statuses.SUCCESS


def test_a_renewed_certificate_is_for_the_next_connection() -> None:
    """Each connection asks for the context; those that run keep theirs."""
    contexts = [SITE.server(), OTHER.server()]
    with (
        accepting(tls_port=0, tls=lambda: contexts[0]) as (acceptor, _),
        opened(acceptor.tls_port, tls=CLIENT) as first,
    ):
        contexts.reverse()
        with opened(acceptor.tls_port, tls=OTHER.client()) as second:
            assert (echoed(first), echoed(second)) == (statuses.SUCCESS, statuses.SUCCESS)
