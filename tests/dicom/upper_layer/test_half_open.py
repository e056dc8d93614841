"""Peers that lose their power, or stand still, with an association open (RFC 9293 3.5.1).

All lose it at once, in a network of the test's own; how long each was waited for is looked at
afterwards, so that the whole takes as long as the slowest.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset

from broker.dicom.upper_layer import peer_watch, wire
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of
from broker.dicom.upper_layer.connection import Broken, Timeouts
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE
from broker.dicom.upper_layer.message import Context
from broker.dicom.upper_layer.peer_watch import (
    CALLER_SILENT_S,
    IDLE_S,
    INTERVAL_S,
    SILENT_S,
    PeerWatch,
    watch,
)
from broker.dicom.upper_layer.requestor import Requestor
from tests.peers.acceptor import Seen, Taking, accepting
from tests.peers.certificates import Authority, hello
from tests.peers.coming_dataset import image as encoded_image
from tests.peers.network import HERE, Machine, Network
from tests.peers.raw import Raw, data_pdu, listening
from tests.peers.requesting import ACTION, META, OFFERS, opened

PORT = 104
NOTICED_S = 26.0
"""Nothing that has lost its power is waited for any longer."""
PATIENT = Timeouts(connect_s=5, associate_s=40, release_s=40)
LONG_S = 40.0
STANDS_STILL_S = SILENT_S + 4
PIXELS = bytes(64 << 20)


@dataclass
class Lost:
    """One peer, and what became of the wait for it."""

    machine: Machine
    ready: threading.Event = field(default_factory=threading.Event)
    """It is as far as it should come."""
    off: threading.Event = field(default_factory=threading.Event)
    """Its power is gone."""
    over: threading.Event = field(default_factory=threading.Event)
    """The test has seen enough."""
    lost_at: float = 0.0
    back: bool = False
    """Whether it is there again at once."""


Case = Callable[[Lost], object]
"""Waits for a peer; gives what it was told, or raises it."""


def _peer(lost: Lost, script: Callable[[Raw], object]) -> None:
    """Play the script for the first connection there, and fall silent."""
    with lost.machine.inside():
        server = socket.create_server(("0.0.0.0", PORT))

    def play() -> None:
        with server, Raw(server.accept()[0]) as raw:
            script(raw)
            lost.ready.set()
            lost.over.wait(LONG_S)

    threading.Thread(target=play, daemon=True).start()


def _associated(lost: Lost) -> tuple[Requestor, Context]:
    requestor = Requestor.open(
        lost.machine.address,
        PORT,
        calling_ae="BROKER",
        called_ae="OKI1",
        proposals=OFFERS,
        timeouts=PATIENT,
    )
    context = requestor.context(META)
    assert context is not None
    return requestor, context


def _association(lost: Lost) -> object:
    _peer(lost, lambda raw: raw.pdu())
    return _associated(lost)


def _handshake(lost: Lost) -> object:
    _peer(lost, lambda raw: raw.sock.recv(1))
    return Requestor.open(
        lost.machine.address,
        PORT,
        calling_ae="BROKER",
        called_ae="OKI1",
        proposals=OFFERS,
        timeouts=PATIENT,
        tls=ssl.create_default_context(),
    )


def _answer(lost: Lost) -> object:
    _peer(lost, lambda raw: (raw.accept(), raw.hear()))
    requestor, context = _associated(lost)
    return requestor.request(context, ACTION, timeout_s=LONG_S)


def _unheard(lost: Lost) -> object:
    """It is asked after it has lost its power."""
    _peer(lost, lambda raw: raw.accept())
    requestor, context = _associated(lost)
    lost.off.wait(LONG_S)
    return requestor.request(context, ACTION, timeout_s=LONG_S)


def _pixels(lost: Lost) -> object:
    """It has taken a part of an image."""
    taken = threading.Event()

    def take(raw: Raw) -> None:
        raw.accept()
        raw.sock.recv(1 << 20)
        taken.set()
        lost.ready.set()
        while not lost.off.is_set():
            raw.sock.recv(1 << 10)
            lost.off.wait(0.01)

    _peer(lost, take)
    requestor, context = _associated(lost)
    return requestor.request(context, SET, image(), timeout_s=LONG_S)


def _full(lost: Lost) -> object:
    """Its buffer was full when it lost its power."""

    def take(raw: Raw) -> None:
        raw.accept()
        before = -1
        while before < (before := _held(raw.sock)):
            lost.off.wait(0.3)

    _peer(lost, take)
    requestor, context = _associated(lost)
    return requestor.request(context, SET, image(), timeout_s=LONG_S)


def _held(sock: socket.socket) -> int:
    """Bytes that have come, and that no program has taken."""
    return int.from_bytes(fcntl.ioctl(sock, termios.FIONREAD, bytes(4)), sys.byteorder)


REQUESTED: Mapping[str, Case] = {
    "association": _association,
    "TLS handshake": _handshake,
    "answer": _answer,
    "unheard": _unheard,
    "pixels": _pixels,
    "full": _full,
    "back": _answer,
}
SET = {
    "RequestedSOPClassUID": "1.2.840.10008.5.1.1.4",
    "CommandField": Command.N_SET,
    "RequestedSOPInstanceUID": "1.2.3",
}


def image() -> Dataset:
    """More than any buffer of the system takes."""
    made = Dataset()
    made.add_new(0x7FE00010, "OW", PIXELS)
    return made


def _idle(raw: Raw) -> None:
    raw.associate(*OFFERS)


def _half_an_image(raw: Raw) -> None:
    raw.associate(*OFFERS)
    command = command_bytes(command_of({**SET, "MessageID": 1}), with_dataset=True)
    raw.send(data_pdu(1, 0x03, command))
    raw.send(data_pdu(1, 0x00, encoded_image(EXPLICIT_LE, bytes(3000))[:1500]))


def _half_a_proposal(raw: Raw) -> None:
    raw.send(b"\x01\x00\x00\x00")


def _half_a_hello(raw: Raw) -> None:
    raw.send(hello(ssl.create_default_context())[:50])


@dataclass(frozen=True)
class Waited:
    """How a wait ended."""

    seconds: float
    """From the loss of power."""
    told: object
    """What was raised, where something was."""


@pytest.fixture(scope="module")
def waits(network: Network) -> Iterator[Mapping[str, Waited]]:
    """Every printer of REQUESTED loses its power, and every modality that is connected with us."""
    with ExitStack() as stack:
        stack.enter_context(network.inside())
        pool = stack.enter_context(ThreadPoolExecutor(len(REQUESTED) + 8))
        running: dict[str, tuple[Lost, Future[Any]]] = {}
        for name, case in REQUESTED.items():
            lost = Lost(network.machine(), back=name == "back")
            stack.callback(lost.over.set)
            running[name] = lost, pool.submit(_timed, case, lost)
        for name, kind, said in (
            ("idle", "plain", _idle),
            ("half an image", "plain", _half_an_image),
            ("half a proposal", "plain", _half_a_proposal),
            ("half a hello", "TLS", _half_a_hello),
        ):
            lost = Lost(network.machine())
            taking = Taking()
            seen, port = stack.enter_context(_acceptor(taking, sealed=kind == "TLS"))
            with lost.machine.inside():
                raw = stack.enter_context(Raw(socket.create_connection((HERE, port), timeout=5)))
            said(raw)
            lost.ready.set()
            running[name] = lost, pool.submit(_timed, _ended(seen, taking), lost)
        over = threading.Event()
        stack.callback(over.set)
        living = {
            "takes long to answer": pool.submit(_outwaited, ACTION, None, over),
            "takes no data": pool.submit(_outwaited, SET, image(), over),
        }
        for lost, _ in running.values():
            assert lost.ready.wait(20)
            if lost.back:
                with lost.machine.prepared():
                    pass
        for lost, _ in running.values():
            lost.lost_at = time.monotonic()
            lost.machine.lose_power()
            if lost.back:
                lost.machine.switch_on()
            lost.off.set()
        found = {name: future.result(2 * LONG_S) for name, (_, future) in running.items()}
        yield found | {name: future.result(2 * LONG_S) for name, future in living.items()}


def _timed(case: Case, lost: Lost) -> Waited:
    try:
        told = case(lost)
    except Broken as exc:
        told = exc
    return Waited(time.monotonic() - lost.lost_at, told)


def _outwaited(
    command: Mapping[str, Any], dataset: Dataset | None, over: threading.Event
) -> Waited:
    """A printer whose program stands still before it takes the request."""
    began = time.monotonic()

    def script(raw: Raw) -> None:
        raw.accept()
        over.wait(STANDS_STILL_S)
        raw.answer(raw.hear_all())
        raw.closed()

    with listening(script) as port, opened(port, timeouts=PATIENT) as requestor:
        context = requestor.context(META)
        assert context is not None
        answer = requestor.request(context, command, dataset, timeout_s=LONG_S)
        requestor.abort()
    return Waited(time.monotonic() - began, answer.status)


@contextmanager
def _acceptor(taking: Taking, *, sealed: bool) -> Iterator[tuple[Seen, int]]:
    """Where modalities connect, and what it tells."""
    more: dict[str, Any] = {"host": HERE, "establish_timeout_s": LONG_S, "idle_timeout_s": 3600}
    more["silent_s"] = SILENT_S  # rather than CALLER_SILENT_S: the test is over sooner
    if sealed:
        server = Authority().server(HERE)
        more |= {"port": None, "tls_port": 0, "tls": lambda: server}
    with accepting(taking, **more) as (acceptor, seen):
        yield seen, acceptor.tls_port if sealed else acceptor.port


def _ended(seen: Seen, taking: Taking) -> Case:
    def wait(lost: Lost) -> object:
        lost.off.wait(LONG_S)
        before = [each.over.is_set() for each in taking.taken]
        told = seen.first_of("lost", "probe", "refused", patience_s=LONG_S)
        return told and (before, [each.over.is_set() for each in taking.taken])

    return wait


@pytest.mark.parametrize("name", ["answer", "unheard"])
def test_a_printer_that_loses_its_power_is_uncertain_soon(
    name: str, waits: Mapping[str, Waited]
) -> None:
    """Whether or not its system has acknowledged the request, which may have been obeyed."""
    found = waits[name]

    assert isinstance(found.told, Broken)
    assert found.told.asked
    assert "acknowledges nothing any more" in found.told.words
    assert found.seconds < NOTICED_S


def test_a_printer_that_is_back_at_once_has_forgotten_the_association(
    waits: Mapping[str, Waited],
) -> None:
    """Its system answers the first probe with a reset."""
    found = waits["back"]

    assert isinstance(found.told, Broken)
    assert found.told.asked
    assert "reset the connection instead of answering N-ACTION" in found.told.words
    assert found.seconds < 10


@pytest.mark.parametrize("name", ["association", "TLS handshake", "pixels", "full"])
def test_a_printer_that_loses_its_power_at_another_step(
    name: str, waits: Mapping[str, Waited]
) -> None:
    """It is waited for no longer than one that was asked to print."""
    found = waits[name]

    assert isinstance(found.told, Broken)
    assert found.seconds < NOTICED_S


@pytest.mark.parametrize("name", ["idle", "half an image", "half a proposal", "half a hello"])
def test_a_modality_that_loses_its_power_holds_no_place(
    name: str, waits: Mapping[str, Waited]
) -> None:
    """Its association ends, whatever it was about to say; so does a connection without one."""
    assert waits[name].told
    assert waits[name].seconds < NOTICED_S


def test_what_a_modality_has_sent_of_an_image_is_given_back(waits: Mapping[str, Waited]) -> None:
    """The pixels are discarded when it has lost its power, and not before."""
    assert waits["half an image"].told == ([False], [True])


def test_connections_that_a_watched_listener_takes_are_watched() -> None:
    """As the page's are, whose connections its own process takes."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        watch(listener)
        with (
            socket.create_connection(listener.getsockname()),
            listener.accept()[0] as taken,
        ):
            assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) < SILENT_S
            limit_ms = taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert limit_ms == SILENT_S * 1000


def test_a_modality_has_longer_than_a_printer(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upload outlives a network that finds other ways for 50 s; printers are watched as ever."""
    watched: list[tuple[int, int]] = []

    def keep(sock: socket.socket, silent_s: int) -> PeerWatch:
        made = PeerWatch(sock, silent_s)
        limit_ms = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        probes = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT)
        watched.append((limit_ms, IDLE_S + probes * INTERVAL_S))
        return made

    monkeypatch.setattr(wire, "PeerWatch", keep)
    with (
        accepting(called=None) as (acceptor, seen),
        opened(acceptor.port) as requestor,
    ):
        seen.wait_for("accepted")
        requestor.release()

    assert sorted(watched) == [
        (SILENT_S * 1000, SILENT_S),
        (CALLER_SILENT_S * 1000, CALLER_SILENT_S),
    ]
    assert CALLER_SILENT_S > 50


def test_a_kernel_that_tells_no_window_ends_no_living_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before Linux 5.4: nothing says there whether the peer's buffer is full, so that data may wait
    for as long as the deadlines say; the probes go on."""
    monkeypatch.setattr(peer_watch, "_TCP_INFO", struct.Struct("=800x"))
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as sock,
    ):
        watched = PeerWatch(sock)
        watched.look()
        watched.look()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


@pytest.mark.parametrize("name", ["takes long to answer", "takes no data"])
def test_a_printer_that_lives_is_waited_for(name: str, waits: Mapping[str, Waited]) -> None:
    """Its program stands still, its system acknowledges: neither an answer that takes long nor a
    buffer that is full for long ends the association."""
    assert waits[name].told == 0
    assert waits[name].seconds > SILENT_S
