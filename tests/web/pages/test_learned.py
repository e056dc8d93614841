"""The printer's page shows what was learned of it, and forgets it."""

from __future__ import annotations

import time

import httpx

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.printer_identity import IdentityAnswer, IdentityReply
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.printers import Printers
from tests.web.print_room import PrintRoom
from tests.web.served_page import form

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")


def test_the_page_shows_and_forgets_what_was_learned(room: PrintRoom) -> None:
    """With a button that says what it does; what was ordered is recorded."""
    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    try:
        capabilities = Capabilities(database, time.time)
        capabilities.learn("oki-1", Capability(Lesson.REFUSES, SIZE, frozenset({SIZE}), 0x0106))
        with httpx.Client(base_url=room.url, timeout=30, follow_redirects=True) as client:
            page = client.get("/printers/oki-1").text
            assert "refuses FilmSizeID 14INX17IN of the film box" in page
            assert "known to refuse FilmSizeID 14INX17IN" in page
            sent = form(page, "/printers/oki-1/commands")
            sent |= {"command": "forget", "confirmed": "1"}
            headers = {"Origin": room.url, "Referer": f"{room.url}/printers/oki-1"}
            page = client.post("/printers/oki-1/commands", data=sent, headers=headers).text
        assert "forgot 1 thing learned of oki-1" in page
        assert "Nothing was learned of what it takes and refuses." in page
        assert capabilities.of("oki-1") == ()
    finally:
        database.close()


def test_the_page_says_who_the_printer_is(room: PrintRoom) -> None:
    """As the printer told it, a moment after it came up; the API has it in fields of its own."""
    told = room.process.wait_for("printer said", printer="oki-1")
    assert str(told["reason"]).startswith("is DICOM print broker Emulated printer")
    with httpx.Client(base_url=room.url, timeout=30) as client:
        page = client.get("/printers/oki-1").text
        assert "<dt>Model</dt><dd>DICOM print broker Emulated printer</dd>" in page
        assert "<dt>Serial number</dt><dd>EMULATED-oki-1</dd>" in page
        document = client.get("/api/printers/oki-1").json()
    assert document["model"] == "Emulated printer"
    assert document["serial_number"] == "EMULATED-oki-1"
    assert (document["identity_answer"], document["identify"]) == ("told", True)


def test_the_page_says_that_a_printer_did_not_answer_who_it_is(room: PrintRoom) -> None:
    """That is another thing than a refusal; what it told before stands beside it."""
    room.process.wait_for("printer said", printer="oki-1")
    database = Database.open(f"sqlite:///{room.folder}/broker-data/broker.db")
    try:
        printers = Printers(database, time.time)
        silent = IdentityReply(IdentityAnswer.SILENT)
        printers.identified("oki-1", silent, printers.get("oki-1").address)
        with httpx.Client(base_url=room.url, timeout=30) as client:
            page = client.get("/printers/oki-1").text
            document = client.get("/api/printers/oki-1").json()
    finally:
        database.close()
    model = page.partition("<dt>Model</dt>")[2].partition("</dd>")[0]
    assert "DICOM print broker Emulated printer (told " in model
    assert model.endswith(", it did not answer since)")
    assert document["identity_answer"] == "no answer"
