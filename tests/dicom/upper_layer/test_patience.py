"""How long an association waits for its peer."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command, command_bytes, command_of
from broker.dicom.upper_layer.message import Request, Response
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import (
    ECHO,
    GRAYSCALE_META,
    OFFERS,
    Scripted,
    Taking,
    accepting,
    opened,
    success,
)
from tests.peers.raw import ABORT, RELEASE_RP, RELEASE_RQ, Raw, data_pdu, echo


def test_only_requests_keep_an_association_alive() -> None:
    """An endless row of messages that ask for nothing does not put off the end of an idle one."""
    with accepting(idle_timeout_s=0.3) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        over = threading.Event()

        def cancel() -> None:
            while not over.wait(0.02):
                with suppress(OSError):
                    raw.say(1, {"CommandField": Command.C_CANCEL, "MessageIDBeingRespondedTo": 1})

        thread = threading.Thread(target=cancel)
        thread.start()
        answer = raw.pdu()
        over.set()
        thread.join()
        assert seen.wait_for("aborted")["kind"] == Refusal.IDLE

    assert (answer[0], answer[8]) == (7, 2)


def test_an_end_with_unprinted_images_is_one_refusal() -> None:
    """Two events tell of it, and only one of them is counted."""
    with accepting(idle_timeout_s=0.3) as (acceptor, seen):

        def serve(association: AcceptedAssociation) -> Scripted:
            service = Scripted(association, success, seen)
            service.unprinted = 2
            return service

        acceptor._new_service = serve
        with Raw.connect(acceptor.port) as raw:
            raw.associate(*OFFERS)
            assert seen.wait_for("aborted")["kind"] == Refusal.IDLE
            assert seen.wait_for("ended with unprinted images")["images"] == 2

    assert [fields["kind"] for _, fields in seen.events if "kind" in fields] == [Refusal.IDLE]


def test_echoes_keep_an_association_alive() -> None:
    """Requests do, whatever they ask for, for much longer than the idle time."""
    with accepting(idle_timeout_s=0.3) as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*OFFERS)
        pause = threading.Event()
        for number in range(1, 11):
            pause.wait(0.1)
            raw.say(1, echo(number))
            assert raw.hear().MessageIDBeingRespondedTo == number
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP
        seen.wait_for("released")


def test_a_message_that_keeps_moving_may_take_its_time() -> None:
    """Twice as long as message_timeout_s and more, whether its bytes are kept or not."""
    said = {**echo(1), "CommandField": Command.N_SET}
    with (
        accepting(message_timeout_s=0.5) as (acceptor, seen),
        Raw.connect(acceptor.port) as raw,
    ):
        raw.associate(*OFFERS)
        began = time.monotonic()
        raw.send(data_pdu(3, 0x03, command_bytes(command_of(said), with_dataset=True)))
        pause = threading.Event()
        for number in range(12):
            pause.wait(0.1)
            raw.send(data_pdu(3, 0x02 if number == 11 else 0x00, bytes(16_000)))
        answer = raw.hear()
        took = time.monotonic() - began
        raw.send(ABORT)
        seen.wait_for("aborted")

    assert answer.Status == statuses.SUCCESS
    assert took > 1


def test_a_message_that_moved_and_stalls_is_aborted() -> None:
    """What came fast is no reason to wait for the rest for long."""
    said = {**echo(1), "CommandField": Command.N_SET}
    with (
        accepting(message_timeout_s=0.3) as (acceptor, seen),
        Raw.connect(acceptor.port) as raw,
    ):
        raw.associate(*OFFERS)
        raw.send(data_pdu(3, 0x03, command_bytes(command_of(said), with_dataset=True)))
        for _ in range(100):
            raw.send(data_pdu(3, 0x00, bytes(16_000)))
        began = time.monotonic()
        answer = raw.pdu()
        took = time.monotonic() - began
        assert seen.wait_for("aborted")["kind"] == Refusal.SLOW

    assert answer[0] == 7
    assert took < 5


def test_a_disk_that_is_slow_is_not_the_peers_fault() -> None:
    """The time in which they are taken is not the time in which they come."""
    item, image = Dataset(), Dataset()
    item.PixelData = bytes(16_000)
    image.BasicGrayscaleImageSequence = [item]
    taking = Taking(pause_s=0.5)
    with (
        accepting(taking, message_timeout_s=0.3, max_pdu=4096) as (acceptor, _),
        opened(acceptor.port) as requestor,
    ):
        context = requestor.context(GRAYSCALE_META)
        assert context is not None
        answer = requestor.request(
            context, {**ECHO, "CommandField": Command.N_SET}, image, timeout_s=20
        )

    assert answer.status == statuses.SUCCESS
    assert [len(each.content) for each in taking.taken] == [16_000]


def test_fragments_without_a_byte_are_no_progress() -> None:
    """However fast they come: the message does not move."""
    with (
        accepting(message_timeout_s=0.3) as (acceptor, seen),
        Raw.connect(acceptor.port) as raw,
    ):
        raw.associate(*OFFERS)
        over = threading.Event()

        def hurry() -> None:
            with suppress(OSError):
                while not over.wait(0.001):
                    raw.send(data_pdu(1, 0x01, b"") * 1000)

        thread = threading.Thread(target=hurry)
        thread.start()
        assert seen.wait_for("aborted")["kind"] == Refusal.SLOW
        over.set()
        thread.join()


def test_a_peer_that_takes_no_answers_is_aborted() -> None:
    """The time for a message is the time for its answer, too."""
    large = Dataset()
    large.PixelData = bytes(8_000_000)

    def answering(_association: AcceptedAssociation, _request: Request) -> Response:
        return Response(statuses.SUCCESS, large)

    with (
        accepting(answering, message_timeout_s=0.3) as (acceptor, seen),
        Raw.connect(acceptor.port) as raw,
    ):
        raw.associate(*OFFERS)
        for number in range(1, 10):
            raw.say(3, {**echo(number), "CommandField": Command.N_GET})
        assert seen.wait_for("aborted")["kind"] == Refusal.NOT_READING
