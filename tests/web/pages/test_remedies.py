"""What stands beside each printer on the page: what to press, and what `ready` is called."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.printers.health import Observation
from broker.model.printers.printer import Health
from broker.operations.commands.recorded import print_film
from tests.web.served_page import served_page

SIZE = Trait(PrintObject.FILM_BOX, "FilmSizeID", "14INX17IN")


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
