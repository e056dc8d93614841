"""What stands beside each printer on the page: what to press, and what `ready` is called."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path

import httpx

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.health import Observation
from broker.model.printers.printer import Duty, Health
from broker.model.printers.retry import PrinterVerdict
from broker.operations.commands.recorded import print_film
from broker.store.database import Database
from broker.store.printers import blame
from tests.web.served_page import served_page

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")
READY = re.compile(r'<button [^>]*value="ready"[^>]*>')


def test_ready_is_called_what_it_does(tmp_path: Path) -> None:
    """At a printer that is ready and refuses something it is `Mended, try again`, and there is no
    such button at one that is well; at one that is out of service it is `Ready`."""
    with served_page(tmp_path) as page, httpx.Client(base_url=page.url, timeout=30) as client:
        for name in ("oki-1", "oki-2"):
            page.store.printers.observe(
                name, lambda _: Observation(Health.UP, "", 2, 0, time.time(), True)
            )
        assert "Mended, try again" not in client.get("/").text
        page.store.capabilities.learn(
            "oki-1", Capability(Lesson.REFUSES, SIZE, frozenset({SIZE}), 0x0106)
        )
        text = client.get("/").text
        assert text.count('value="ready">Mended, try again</button>') == 1
        assert "“Mended, try again” has it asked again" in text


def test_what_a_status_says_has_its_remedy_on_the_row(tmp_path: Path) -> None:
    """A jam, and a printer that cannot be reached: beside the reason, without anything to type."""
    with served_page(tmp_path) as page, httpx.Client(base_url=page.url, timeout=30) as client:
        page.store.printers.observe(
            "oki-1",
            lambda _: Observation(Health.DEGRADED, "WARNING: FILM JAM", 2, 0, time.time(), True),
        )
        words = "oki-2: 10.0.0.1:104 could not be reached: No route to host"
        page.store.printers.observe(
            "oki-2", lambda _: Observation(Health.DOWN, words, 0, 3, time.time())
        )
        text = client.get("/").text
        assert "Take the jammed film out of oki-1, and close it." in text
        assert "Look whether the power is on at oki-2" in text
        assert "`" not in text


def test_mended_stands_out_only_where_a_person_is_waited_for(tmp_path: Path) -> None:
    """A printer that is down comes back by itself: pressing helps nothing there. One that leaves
    films unanswered, and one that was taken out, wait for that button."""
    with (
        served_page(tmp_path) as page,
        httpx.Client(base_url=page.url, timeout=30) as client,
        closing(Database.open(f"sqlite:///{page.store.config.database_file}")) as database,
    ):

        def buttons() -> dict[str, bool]:
            """By printer: whether its `ready` is a primary button."""
            text = client.get("/").text
            rows = re.split(r'<tbody id="printer-', text)[1:]
            found = {row.partition('"')[0]: READY.search(row) for row in rows}
            return {name: "primary" in each[0] for name, each in found.items() if each}

        def failed(name: str, words: str, health: Health) -> None:
            verdict = PrinterVerdict(True, words, 0.0, health)
            with database.write() as connection:
                blame(connection, name, verdict, time.time())

        failed("oki-2", "oki-2: 10.0.0.1:104 could not be reached: No route to host", Health.DOWN)
        assert buttons() == {"oki-2": False}

        failed("oki-1", "leaves films unanswered: N-ACTION", Health.DEGRADED)
        assert buttons() == {"oki-1": True, "oki-2": False}

        page.store.printers.set_duty("oki-2", Duty.MAINT, "new drum")
        assert buttons() == {"oki-1": True, "oki-2": True}


def test_a_job_whose_films_cannot_be_read_is_shown(tmp_path: Path) -> None:
    """Its page and the API have its row, say that it cannot be printed, and let it be cancelled;
    nothing promises that it prints."""
    with served_page(tmp_path) as page, httpx.Client(base_url=page.url, timeout=30) as client:
        job_id = print_film(page.store, "ruth", "oki-1")
        with page.store._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM sendings")
        page.store.commands.hold(job_id)
        answer = client.get(f"/jobs/{job_id}")
        assert answer.status_code == 200
        assert "what the database keeps of its films cannot be read" in answer.text
        assert 'value="cancel"' in answer.text
        document = client.get(f"/api/jobs/{job_id}").json()
        assert (document["state"], document["film_list"]) == ("held", [])
