"""Nothing of a patient is anywhere but on the job's own page, which is for operators."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import httpx

from broker.model.jobs.job import Level, PrintRequest
from broker.model.printers.printer import Address, Duty
from broker.web.rendering.page import commands
from tests.web.print_room import PATIENT, PrintRoom, film
from tests.web.served_page import served_page

PLACES = (
    "/",
    "/?state=sent",
    "/printers/oki-1",
    "/api",
    "/api/broker",
    "/api/printers",
    "/api/printers/oki-1",
    "/api/jobs",
    "/api/jobs/1",
    "/api/jobs/1/explain",
    "/api/refusals",
    "/api/openapi.json",
    "/refusals",
    "/sessions",
    "/metrics",
    "/readyz",
)


def first_event(url: str) -> str:
    """What a page gets as soon as it listens."""
    with httpx.stream("GET", f"{url}/events", timeout=30) as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                return line
    raise AssertionError("the stream ended")


def test_a_patient_is_on_the_jobs_page_alone(room: PrintRoom) -> None:
    """Pages, events, API, figures, commands and log: the name that the modality sent with the film
    session is in none of them; it is on the job's page.
    """
    room.print(40)
    room.process.wait_for("job sent")
    told = {place: httpx.get(room.url + place).text for place in PLACES}
    told["/events"] = first_event(room.url)
    for command in (["jobs", "--all"], ["jobs", "show", "1"], ["jobs", "explain", "1"]):
        told[" ".join(command)] = room.broker(*command)
    assert PATIENT in httpx.get(f"{room.url}/jobs/1").text
    room.process.end(signal.SIGTERM)
    told["log"] = json.dumps(room.process.lines)
    assert [place for place, text in told.items() if re.search("synthetic", text, re.I)] == []
    assert "job-1" in told["/events"]


def test_a_command_in_a_sentence_is_a_place_of_the_page_and_all_else_is_text() -> None:
    """Between backticks stands what a terminal is told; whatever a peer called itself is text."""
    said = "CT<1>: `broker jobs release 4` prints it, `<b>` too"

    assert commands(said) == ("CT&lt;1&gt;: “Release” at job 4 prints it, &lt;b&gt; too")


def test_no_control_character_of_a_peer_is_on_a_page(tmp_path: Path) -> None:
    """Neither in text nor in words that are set apart, and nothing that turns the direction of a
    line or ends one; what is copied from a page to a terminal does no harm there."""
    with served_page(tmp_path) as served:
        served.store.printers.sync([Address("oki-1", "OKI1", "127.0.0.1", 1)])
        served.store.printers.set_duty("oki-1", Duty.MAINT, "jam \x1b[2J\x9b2J\u202e\u2028!")
        job = served.store.submission.add(
            PrintRequest(
                "CT\x1b]0;\u202ex",
                "BROKER",
                "10.0.0.9:1",
                "s",
                Level.FILM_BOX,
                {"FilmSessionLabel": ("\x1b[2J<b>\x1b$B%F\x1b(B\x95\\",)},
                (film(None)[0],),
            )
        )
        served.store.commands.hold(job, "why \x1b[2J `a\x9b\u2066b`")
        with served.visitor() as client:
            pages = [client.get(path) for path in ("/", f"/jobs/{job}", "/printers/oki-1")]

    assert [page.status_code for page in pages] == [200, 200, 200]
    assert any("jam ?[2J?2J? !" in page.text for page in pages)
    assert "?[2J&lt;b&gt;?$B%F?(B?\\" in pages[1].text
    unwanted = "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]"
    assert [page.text for page in pages if re.search(unwanted, page.text)] == []
