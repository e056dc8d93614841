"""Printers that break at every step, before the line and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRINTER, PRINTER_INSTANCE
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.model.printers.health import Check
from broker.model.printers.trouble import Unavailable, Uncertain
from tests.peers.acceptor import accepting
from tests.peers.impatient_scu import opened
from tests.peers.raw import ABORT, RELEASE_RP, Raw, listening
from tests.peers.speaker import dataset, image_box

BREAKS: list[Any] = [
    pytest.param(lambda _: None, "closed the connection", id="closes"),
    pytest.param(lambda raw: raw.reset(), "reset the connection", id="resets"),
    pytest.param(lambda raw: raw.send(ABORT), "aborted the association", id="aborts"),
    pytest.param(lambda raw: raw.pdu(), "took longer than 0.3 s", id="is silent"),
    pytest.param(
        lambda raw: raw.send(b"\x99" * 10) or raw.pdu(), "violated the protocol", id="babbles"
    ),
]


def after_a_request(then: Callable[[Raw], object]) -> Callable[[Raw], None]:
    """Accept, hear one request, then do this instead of answering."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.hear_all()
        then(raw)

    return script


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_before_the_line_a_break_is_unavailable(then: Callable[[Raw], object], words: str) -> None:
    """N-CREATE, N-SET and N-GET may be repeated anywhere."""
    requests: list[Callable[[PrintScu], object]] = [
        lambda scu: scu.create(FILM_SESSION, None, "1.2.3"),
        lambda scu: scu.set(FILM_BOX, "1.2.3", image_box()),
        lambda scu: scu.get(PRINTER, PRINTER_INSTANCE),
    ]
    for request in requests:
        with listening(after_a_request(then)) as port:
            scu = opened(port)
            with pytest.raises(Unavailable, match=words) as caught:
                request(scu)
            scu.abort()
        assert caught.value.words.startswith(f"oki-1: 127.0.0.1:{port} ")
        assert caught.value.associated


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_after_the_line_a_break_is_uncertain(then: Callable[[Raw], object], words: str) -> None:
    """N-ACTION that has left may have been printed."""
    with listening(after_a_request(then)) as port:
        scu = opened(port)
        with pytest.raises(Uncertain, match=words) as caught:
            scu.action(FILM_BOX, "1.2.3")
        scu.close()

    assert caught.value.words.endswith("N-ACTION") or "protocol" in caught.value.words


def test_an_action_that_cannot_leave_is_unavailable() -> None:
    """The printer aborted after the film was set: nothing was asked, nothing is uncertain."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear())
        raw.send(ABORT)
        raw.sock.shutdown(1)
        raw.pdu()

    with listening(script) as port:
        scu = opened(port)
        scu.get(PRINTER, PRINTER_INSTANCE)
        raw_end = scu.delete(FILM_BOX, "1.2.3")
        with pytest.raises(Unavailable):
            scu.action(FILM_BOX, "1.2.3")

    assert raw_end is None


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_tidying_up_never_fails(then: Callable[[Raw], object], words: str) -> None:
    """After the film was accepted a broken N-DELETE or release changes nothing."""
    with listening(after_a_request(then)) as port:
        scu = opened(port)
        assert scu.delete(FILM_BOX, "1.2.3") is None, words
        scu.close()


def test_a_printer_that_releases_properly() -> None:
    """Delete and close against one that answers both."""

    def script(raw: Raw) -> None:
        raw.accept()
        raw.answer(raw.hear(), statuses.NO_SUCH_SOP_INSTANCE)
        raw.pdu()
        raw.send(RELEASE_RP)
        assert raw.closed()

    with listening(script) as port:
        scu = opened(port)
        deleted = scu.delete(FILM_BOX, "1.2.3")
        scu.close()

    assert deleted is not None
    assert deleted.status == statuses.NO_SUCH_SOP_INSTANCE


@pytest.mark.parametrize(("then", "words"), BREAKS)
def test_a_printer_that_does_not_tell_its_status_is_closed_all_the_same(
    then: Callable[[Raw], object], words: str
) -> None:
    """It is asked before the release, once, and where it breaks that off there is no error."""
    asked: list[Check | None] = []
    with listening(after_a_request(then)) as port:
        scu = opened(port, before_release=lambda scu: asked.append(scu.status()))
        scu.close()
        scu.close()
    assert asked == [None], words


def test_nothing_is_asked_before_a_release_that_must_be_quick() -> None:
    """While the broker stops, and on an association that is over already."""
    asked: list[PrintScu] = []
    with listening(after_a_request(lambda raw: raw.send(ABORT))) as port:
        scu = opened(port, before_release=asked.append)
        with pytest.raises(Unavailable):
            scu.get(PRINTER, PRINTER_INSTANCE)
        scu.close()
    with accepting(called={"OKI1"}) as (acceptor, _):
        opened(acceptor.port, before_release=asked.append).close(2.0)
    assert asked == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (dataset(PrinterStatus="WARNING", PrinterStatusInfo="SUPPLY LOW"), "WARNING: SUPPLY LOW"),
        (dataset(PrinterStatus="FAILURE"), "FAILURE"),
        (dataset(PrinterStatusInfo="SUPPLY LOW"), None),
        (None, None),
    ],
)
def test_a_status_is_one_where_it_is_told(answer: Dataset | None, expected: str | None) -> None:
    """An answer without it tells nothing, whatever its own status is."""

    def answering(_association: AcceptedAssociation, request: Request) -> Response:
        assert request.field == Command.N_GET
        return Response(statuses.SUCCESS, answer)

    with accepting(answering, called={"OKI1"}) as (acceptor, _):
        scu = opened(acceptor.port)
        check = scu.status()
        scu.close()
    assert (None if check is None else check.words) == expected
