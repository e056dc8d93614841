"""Printers that answer oddly, and disks that fail at the worst moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    VERIFICATION,
)
from broker.dicom.upper_layer.acceptor import Acceptor, AcceptorSettings
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.dicom.upper_layer.negotiation import Offer
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Address, Health
from tests.relay.conftest import Relay

Answer = Callable[[Request], Response | None]


class OddPrinter:
    """Answers as a test says; everything else as a printer should."""

    def __init__(self, odd: Answer, heard: list[Request]) -> None:
        self._odd = odd
        self._heard = heard

    def answer(self, request: Request) -> Response:
        """The odd answer, or the usual one."""
        self._heard.append(request)
        answer = self._odd(request)
        if answer is not None:
            return answer
        if request.field == Command.N_CREATE and request.class_uid == FILM_BOX:
            item, reply = Dataset(), Dataset()
            item.ReferencedSOPClassUID = GRAYSCALE_IMAGE_BOX
            item.ReferencedSOPInstanceUID = "1.2.3"
            reply.ReferencedImageBoxSequence = [item]
            return Response(statuses.SUCCESS, reply)
        return Response(statuses.SUCCESS)

    def closed(self, _how: Ending, /) -> None:
        """Nothing to forget."""


@contextmanager
def odd_printer(folder: Path, odd: Answer, *more: Offer) -> Iterator[tuple[Relay, list[Request]]]:
    """A relay with one odd printer, and what that printer hears."""
    heard: list[Request] = []
    syntaxes = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
    offers = [*(Offer(each, syntaxes) for each in (VERIFICATION, GRAYSCALE_META)), *more]
    acceptor = Acceptor(
        AcceptorSettings(host="127.0.0.1", port=0, called={"ODD"}),
        lambda: offers,
        lambda _association: OddPrinter(odd, heard),
    )
    acceptor.start()
    relay = Relay(folder, [Address("odd", "ODD", "127.0.0.1", acceptor.port)])
    try:
        yield relay, heard
        assert relay.broken == []
    finally:
        relay.close()
        acceptor.stop(0)


def test_a_status_of_two_values_is_no_health(tmp_path: Path) -> None:
    """C-ECHO answered with nonsense counts as a failed check, and the watch goes on."""

    def odd(request: Request) -> Response | None:
        if request.field == Command.C_ECHO:
            return Response(statuses.SUCCESS, None, {"Status": [0, 0]})
        return None

    with odd_printer(tmp_path, odd) as (relay, _heard):
        relay.wait_for(lambda: relay.service.printers.get("odd").health is Health.DOWN)


def test_a_nonsense_answer_to_the_print_request_is_uncertain(tmp_path: Path) -> None:
    """N-ACTION answered with nonsense: asked once, held for a person."""

    def odd(request: Request) -> Response | None:
        if request.field == Command.N_ACTION:
            return Response(statuses.SUCCESS, None, {"Status": [0, 0]})
        return None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        relay.print_films(1)
        (job,) = relay.wait_until(State.HELD, 1)
        assert "uncertain" in job.reason
        asked = [request for request in heard if request.field == Command.N_ACTION]
        assert len(asked) == 1


@pytest.mark.parametrize("boxes", ["none", "text", "two"])
def test_wrong_image_boxes_are_noticed_before_anything_is_printed(
    tmp_path: Path, boxes: str
) -> None:
    """A printer whose film box has not the places of the layout refused it, as far as we go."""

    def odd(request: Request) -> Response | None:
        if request.field != Command.N_CREATE or request.class_uid != FILM_BOX:
            return None
        reply = Dataset()
        if boxes == "text":
            reply.add(DataElement(0x20100510, "LO", "x"))
        if boxes == "two":
            reply.ReferencedImageBoxSequence = [Dataset(), Dataset()]
        return Response(statuses.SUCCESS, reply)

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        relay.print_films(1)
        (job,) = relay.wait_until(State.HELD, 1)
        assert "image boxes for STANDARD\\1,1" in job.reason
        assert all(request.field != Command.N_ACTION for request in heard)


def test_an_accepted_film_is_written_down_when_the_disk_is_back(tmp_path: Path) -> None:
    """The database fails while the printer says yes: the film is accepted in the end, once."""
    database = tmp_path / "broker-data" / "broker.db"

    def rename(old: str, new: str) -> None:
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    def odd(request: Request) -> Response | None:
        if request.field == Command.N_ACTION:
            rename("sendings", "gone")
        return None

    with odd_printer(tmp_path, odd) as (relay, heard):
        relay.wait_until_up()
        relay.print_films(1)
        relay.wait_for(lambda: any(event == "storage failed" for event, _ in relay.notes))
        rename("gone", "sendings")
        relay.wait_for(lambda: any(event == "job sent" for event, _ in relay.notes))
        relay.forgive_storage()
        (film,) = relay.service.jobs.queries.films(1)
        assert film.state is FilmState.ACCEPTED
        assert sum(request.field == Command.N_ACTION for request in heard) == 1


def test_a_printer_that_shows_trouble_keeps_the_film(tmp_path: Path) -> None:
    """While it says WARNING itself, what it refuses for now is its own affair: the only film on the
    only printer is tried again beyond all tries, and comes out when the printer is mended."""
    mended = threading.Event()
    asked: list[int] = []

    def odd(request: Request) -> Response | None:
        if request.field == Command.N_GET:
            words = ("NORMAL", "NORMAL") if mended.is_set() else ("WARNING", "SUPPLY EMPTY")
            return Response(statuses.SUCCESS, printer_words(*words))
        if request.field == Command.N_ACTION and not mended.is_set():
            asked.append(request.message_id)
            return Response(statuses.PROCESSING_FAILURE)
        return None

    with odd_printer(tmp_path, odd) as (relay, _):
        relay.wait_for(lambda: "SUPPLY EMPTY" in relay.service.printers.get("odd").reason)
        relay.print_films(1)
        relay.wait_for(lambda: len(asked) > 5)
        assert relay.service.jobs.queries.get(1).state in (State.QUEUED, State.PRINTING)
        mended.set()
        relay.wait_until(State.SENT, 1)


def printer_words(status: str, info: str) -> Dataset:
    """The Printer's answer to N-GET."""
    made = Dataset()
    made.PrinterStatus, made.PrinterStatusInfo = status, info
    return made
