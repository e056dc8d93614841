"""Success means stable (promise 1): when films cannot be kept, the modality hears so."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRINTER, PRINTER_INSTANCE
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


@pytest.mark.parametrize(
    ("sop_class", "status"),
    [(FILM_BOX, statuses.FILM_BOX_QUEUE_FULL), (FILM_SESSION, statuses.SESSION_QUEUE_FULL)],
    ids=["box", "session"],
)
def test_no_success_without_rows(relay: MakeRelay, sop_class: str, status: int) -> None:
    """The database fails: a failure status, no job, and no pixels left behind."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    with sqlite3.connect(room.folder / "broker-data" / "broker.db") as database:
        database.execute("ALTER TABLE films RENAME TO gone")
    database.close()

    uid = ct.film_box if sop_class == FILM_BOX else ct.session
    answer = ct.action(sop_class, uid)

    assert f"0x{answer.status:04X}" == f"0x{status:04X}"
    assert room.jobs() == []
    assert list(room.service.spool.names()) == []

    with sqlite3.connect(room.folder / "broker-data" / "broker.db") as database:
        database.execute("ALTER TABLE gone RENAME TO films")
    database.close()
    assert ct.action(sop_class, uid).status == statuses.SUCCESS, "the association goes on"
    ct.release()
    room.forgive_storage()


def test_no_success_without_pixels(relay: MakeRelay) -> None:
    """The spool fails: N-SET answers that there is no memory for the image, and no film is made."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box()
    incoming = room.folder / "broker-data" / "spool" / "incoming"
    shutil.rmtree(incoming)

    assert ct.set_image().status == statuses.NO_MEMORY_FOR_IMAGE
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.EMPTY_FILM_BOX
    assert room.jobs() == []

    incoming.mkdir()
    assert ct.set_image().status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()


def test_pixels_that_vanish_before_the_request_are_missed(relay: MakeRelay) -> None:
    """Received pixels that are gone at N-ACTION make a failure, never a success."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    for file in (room.folder / "broker-data" / "spool" / "incoming").iterdir():
        file.unlink()
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.FILM_BOX_QUEUE_FULL
    assert room.jobs() == []


def test_the_pool_says_when_nothing_can_be_kept(relay: MakeRelay) -> None:
    """N-GET of the Printer is NORMAL, then FAILURE when the database is unusable."""
    room = relay(1)
    ct = room.speaker()
    answer = ct.get(PRINTER, PRINTER_INSTANCE)
    assert answer.dataset is not None
    assert answer.dataset.PrinterStatus == "NORMAL"
    with sqlite3.connect(room.folder / "broker-data" / "broker.db") as database:
        database.execute("ALTER TABLE sendings RENAME TO gone")
    database.close()
    answer = ct.get(PRINTER, PRINTER_INSTANCE)
    assert answer.dataset is not None
    assert answer.dataset.PrinterStatus == "FAILURE"
    with sqlite3.connect(room.folder / "broker-data" / "broker.db") as database:
        database.execute("ALTER TABLE gone RENAME TO sendings")
    database.close()
    room.forgive_storage()
