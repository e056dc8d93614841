"""The last 24 hours as small pictures, a table, and JSON."""

from __future__ import annotations

import re

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.web.pages.day_page import HEIGHT, drawn
from tests.cli.conftest import Site, site
from tests.peers.attempts import print_films
from tests.web.served_page import served_page, words

__all__ = ["site"]


def test_bars_are_as_high_as_their_films() -> None:
    """Of one scale where pictures are compared; hours without films have none."""
    picture = drawn([0, 2, 4], 0.0, highest=8)
    assert [(bar.x, bar.height) for bar in picture.bars] == [(11, HEIGHT / 4), (21, HEIGHT / 2)]
    assert picture.bars[1].label == "4 from 02:00 UTC"
    assert picture.words == "6 films in 24 hours, most in the hour from 02:00 UTC: 4"
    assert drawn([0, 0], 0.0).words == "0 films in 24 hours"
    assert drawn([0, 1], 0.0).words.startswith("1 film in 24 hours")


def test_the_page_says_who_sent_and_who_printed(site: Site) -> None:
    """Pictures have words for a reader who does not see them."""
    job_id = site.job(films=3)
    print_films(site.jobs, job_id, "oki-1")
    site.job()
    with served_page(site.folder) as served, served.visitor() as client:
        page = client.get("/day").text
        assert "CT1" in words(page)
        assert "oki-1" in words(page)
        labels = re.findall(r'aria-label="(\d+) films in 24 hours', page)
        assert labels == ["4", "3", "4", "3"]
        found = client.get("/api/day").json()
    (modality,), (printer,) = found["modalities"], found["printers"]
    assert (modality["films"], modality["films_by_hour"][-1]) == (4, 4)
    assert (printer["name"], printer["films"]) == ("oki-1", 3)
    assert 0 <= printer["mean_s"] <= printer["longest_s"] < 60


def test_a_printers_page_has_its_day_and_its_troubles(site: Site) -> None:
    """What it accepted, how long it took, and which attempts failed, with their jobs."""
    print_films(site.jobs, site.job(films=2), "oki-1")
    claim = site.jobs.claims.claim(site.job(), "oki-1")
    assert claim is not None
    held = Settlement(State.HELD, "every printer refused it")
    site.jobs.claims.finish(claim, Outcome.REFUSED, "no such size", settlement=held)
    with served_page(site.folder) as served, served.visitor() as client:
        page = words(client.get("/printers/oki-1").text)
        assert "2 films in 24 hours" in page
        assert "from success to acceptance, at most" in page
        assert "refused no such size" in page
        other = words(client.get("/printers/oki-2").text)
        assert "It accepted no films." in other
        assert "None that is remembered." in other
