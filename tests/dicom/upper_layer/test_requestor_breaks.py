"""Printers that leave, stall or drip while the requestor talks to them."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Broken, Timeouts
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, listening
from tests.peers.requesting import (
    ACTION,
    ANSWERED,
    META,
    SHORT,
    acted,
    drip,
    heard,
    opened,
    silent,
)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (lambda raw: raw.pdu(), "closed the connection instead of answering A-ASSOCIATE-RQ"),
        (lambda raw: raw.pdu() and raw.reset(), "reset the connection instead of answering"),
        (
            lambda raw: raw.pdu() and raw.send(ABORT),
            "aborted the association instead of answering A-ASSOCIATE-RQ",
        ),
        (
            lambda raw: raw.pdu() and (raw.send(b"\x02\x00\x00\x00\x00\x04abcd") or raw.pdu()),
            "violated the protocol",
        ),
        (
            lambda raw: raw.pdu() and (raw.send(b"\x02\x00\xff\xff\xff\xff") or raw.pdu()),
            "violated the protocol",
        ),
        (lambda raw: raw.accept(max_pdu=8) or raw.pdu(), "violated the protocol"),
        (silent, "took longer than 0.2 s answering A-ASSOCIATE-RQ"),
        (drip, "took longer than 0.2 s answering A-ASSOCIATE-RQ"),
    ],
)
def test_a_peer_that_leaves_while_associating(script: Callable[[Raw], None], words: str) -> None:
    """Broken, not connected, and nothing was asked."""
    with listening(script) as port, pytest.raises(Broken) as caught:
        opened(port, timeouts=SHORT)

    assert caught.value.words.startswith(f"127.0.0.1:{port} {words}")
    assert (caught.value.connected, caught.value.asked) == (False, False)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (heard(lambda _raw, _: None), "closed the connection instead of answering N-ACTION"),
        (heard(lambda raw, _: raw.reset()), "reset the connection instead of answering N-ACTION"),
        (heard(lambda raw, _: raw.send(ABORT)), "aborted the association instead of answering"),
        (
            heard(lambda raw, _: raw.send(RELEASE_RQ) or raw.pdu()),
            "released the association instead of answering N-ACTION",
        ),
        (heard(lambda raw, _: raw.send(b"\x04\x00\x00")), "closed the connection instead"),
        (
            heard(lambda raw, _: raw.send(b"\x04\x00\xff\xff\xff\xff") or raw.pdu()),
            "violated the protocol",
        ),
        (
            heard(lambda raw, _: raw.send(data_pdu(1, 3, b"garbage")) or raw.pdu()),
            "violated the protocol",
        ),
        (
            heard(lambda raw, request: raw.answer(request, CommandField=0x8140) or raw.pdu()),
            "violated the protocol",
        ),
        (
            heard(lambda raw, request: raw.answer(request, Status=None) or raw.pdu()),
            "violated the protocol",
        ),
        (heard(lambda raw, _: raw.pdu()), "took longer than 0.2 s answering N-ACTION"),
    ],
)
def test_a_peer_that_leaves_when_it_is_asked(script: Callable[[Raw], None], words: str) -> None:
    """Broken after the line: it may have printed."""
    with listening(script) as port:
        requestor = opened(port)
        with pytest.raises(Broken) as caught:
            acted(requestor, timeout_s=0.2)

    assert caught.value.words.startswith(f"127.0.0.1:{port} {words}")
    assert (caught.value.connected, caught.value.asked) == (True, True)


@pytest.mark.parametrize(
    ("leave", "words"),
    [
        (lambda _: None, "closed the connection"),
        (lambda raw: raw.send(ABORT), "aborted the association"),
        (lambda raw: raw.send(RELEASE_RQ), "released the association"),
    ],
)
def test_a_peer_that_left_before_it_was_asked(leave: Callable[[Raw], None], words: str) -> None:
    """Broken before the line: nothing has left, so it surely did not print."""
    gone = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        leave(raw)
        raw.sock.shutdown(socket.SHUT_WR)
        gone.set()
        raw.pdu()

    with listening(script) as port:
        requestor = opened(port)
        assert gone.wait(20)
        with pytest.raises(Broken, match=words) as caught:
            acted(requestor)
        with pytest.raises(Broken, match="the association is over") as again:
            acted(requestor)

    assert (caught.value.connected, caught.value.asked) == (True, False)
    assert (again.value.connected, again.value.asked) == (True, False)


def test_a_peer_that_aborts_in_the_middle_of_the_pixels_is_quoted() -> None:
    """What it said before it left is what the operator reads."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.pdu()
        raw.send(ABORT)
        raw.sock.shutdown(socket.SHUT_WR)
        while raw.sock.recv(65536):
            pass

    dataset = Dataset()
    dataset.PixelData = bytes(32 << 20)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        with pytest.raises(Broken, match="aborted the association instead of answering N-SET"):
            requestor.request(
                context, {**ACTION, "CommandField": Command.N_SET}, dataset, timeout_s=10
            )


def test_a_peer_that_takes_no_data_is_not_waited_for() -> None:
    """Time without progress ends it, and it counts as asked."""
    done = threading.Event()

    def script(raw: Raw) -> None:
        raw.accept()
        assert done.wait(20)

    dataset = Dataset()
    dataset.PixelData = bytes(32 << 20)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        with pytest.raises(Broken, match=r"took longer than 0.2 s answering N-SET") as caught:
            requestor.request(
                context, {**ACTION, "CommandField": Command.N_SET}, dataset, timeout_s=0.2
            )
        done.set()

    assert caught.value.asked


@pytest.mark.parametrize(
    ("sip", "given_up"),
    [pytest.param(65536, False, id="steadily"), pytest.param(64, True, id="by the drop")],
)
def test_a_slow_printer_may_take_its_time(sip: int, given_up: bool) -> None:
    """As long as it takes data steadily; its answer counts, however long the pixels took."""
    done = threading.Event()

    def script(raw: Raw) -> None:
        # What lies unread in its own buffer has left, as far as can be known.
        raw.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        raw.accept()
        taken = 0
        while taken < size and not done.wait(0.01):
            taken += len(raw.sock.recv(sip))
        if not given_up:
            raw.say(1, ANSWERED)
        done.wait(20)

    dataset = Dataset()
    dataset.PixelData = bytes(8 << 20)
    size = len(dataset.PixelData)
    with listening(script) as port:
        requestor = opened(port)
        context = requestor.context(META)
        assert context is not None
        command = {**ACTION, "CommandField": Command.N_SET}
        began = time.monotonic()
        if given_up:
            with pytest.raises(Broken, match=r"took longer than 0.5 s answering N-SET"):
                requestor.request(context, command, dataset, timeout_s=0.5)
        else:
            assert (
                requestor.request(context, command, dataset, timeout_s=0.5).status
                == statuses.SUCCESS
            )
            assert time.monotonic() - began > 1
            requestor.abort()
        done.set()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda raw: raw.send(RELEASE_RP), id="answered"),
        pytest.param(
            lambda raw: raw.send(RELEASE_RQ) or (raw.pdu() == RELEASE_RP and raw.send(RELEASE_RP)),
            id="both at once",
        ),
        pytest.param(lambda _: None, id="closed"),
        pytest.param(lambda raw: raw.reset(), id="reset"),
        pytest.param(lambda raw: raw.send(ABORT), id="aborted"),
        pytest.param(lambda raw: raw.pdu(), id="silent"),
        pytest.param(lambda raw: raw.send(b"\x99" * 20) or raw.pdu(), id="garbage"),
    ],
)
def test_releasing_never_fails(script: Callable[[Raw], object]) -> None:
    """Whatever the peer does about it, the association is over and the socket closed."""

    def play(raw: Raw) -> None:
        raw.accept()
        assert raw.pdu() == RELEASE_RQ
        script(raw)

    with listening(play) as port:
        requestor = opened(port, timeouts=Timeouts(release_s=0.2))
        requestor.release()
        requestor.release()


def test_a_printer_that_is_silent_at_release_costs_little() -> None:
    """Every film was accepted by then: those behind wait for 5 s at most, and a stop for less."""

    def play(raw: Raw) -> None:
        raw.accept()
        silent(raw)

    for patience_s, most_s in ((math.inf, 5.0), (0.2, 0.2)):
        with listening(play) as port:
            requestor = opened(port)
            began = time.monotonic()
            requestor.release(patience_s)
        assert most_s <= time.monotonic() - began < most_s + 2


def test_a_printer_that_takes_its_time_at_release_is_not_aborted() -> None:
    """A controller that drops its queue at an abort would lose films that it had accepted."""
    said: list[bytes] = []

    def play(raw: Raw) -> None:
        raw.accept()
        assert raw.pdu() == RELEASE_RQ
        threading.Event().wait(3)
        raw.send(RELEASE_RP)
        raw.sock.settimeout(10)
        said.append(raw.sock.recv(100))

    with listening(play) as port:
        opened(port).release()

    assert said == [b""]


def test_leaving_with_an_exception_aborts() -> None:
    """A failed film is not released as if all were well."""
    said: list[bytes] = []

    def script(raw: Raw) -> None:
        raw.accept()
        said.append(raw.pdu())

    with listening(script) as port, pytest.raises(RuntimeError), opened(port):
        raise RuntimeError

    assert said == [ABORT]
