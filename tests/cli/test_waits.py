"""What a printing job waits for, and since when, in tables and for scripts."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from broker.store.queue.jobs import Jobs
from tests.cli.conftest import Site


def earlier(site: Site, seconds: float) -> Site:
    """The same site, so long ago."""
    return replace(site, jobs=Jobs(site.database, lambda: time.time() - seconds))


@pytest.mark.usefixtures("running")
def test_an_answer_that_takes_long_is_said_to(site: Site) -> None:
    """Job and printer say for which film the answer to N-ACTION is missing, and for how long."""
    job = earlier(site, 14).printing(films=2)

    for command in (("jobs",), ("jobs", "show", str(job))):
        said = " ".join(site.broker(*command).out.split())
        assert "oki-1: waits for the answer to N-ACTION for film 1, 14 s" in said
    said = " ".join(site.broker("printers").out.split())
    assert "a job waits for the answer to N-ACTION, 14 s" in said


@pytest.mark.usefixtures("running")
def test_a_film_that_is_not_taken_is_said_to_be_waited_for(site: Site) -> None:
    """Before N-ACTION it is the film that the printer does not take."""
    then = earlier(site, 14)
    assert then.jobs.claims.claim(then.job(), "oki-1") is not None

    said = " ".join(site.broker("jobs").out.split())
    assert "oki-1: waits for the printer to take the next film, 14 s" in said
    (printer, _) = json.loads(site.broker("printers", "--json").out)
    assert printer["waits_for"] == "film"


@pytest.mark.usefixtures("running")
def test_the_end_of_an_association_is_said_to_be_waited_for(site: Site) -> None:
    """Every film is accepted, and the printer does not answer N-DELETE or A-RELEASE-RQ."""
    then = earlier(site, 14)
    claim = then.jobs.claims.claim(then.job(), "oki-1")
    assert claim is not None
    film = then.jobs.queries.films(claim.job_id)[0].id
    then.jobs.claims.asked(claim, film)
    then.jobs.claims.accepted(claim, film)

    said = " ".join(site.broker("jobs").out.split())
    assert "oki-1: waits for the end of the association, 14 s" in said


@pytest.mark.usefixtures("running")
def test_scripts_are_told_at_once(site: Site) -> None:
    """What is waited for and since when has fields of its own, empty where no attempt runs."""
    site.printing()
    site.job()

    printing, queued = json.loads(site.broker("jobs", "--json").out)
    assert printing["waits_for"] == "N-ACTION"
    assert printing["waits_since"] == printing["unanswered"][0]["asked_at"]
    assert printing["reason"] == ""
    assert (queued["waits_for"], queued["waits_since"]) == (None, None)
    busy, idle = json.loads(site.broker("printers", "--json").out)
    assert (busy["waits_for"], busy["waits_since"]) == ("N-ACTION", printing["waits_since"])
    assert (idle["waits_for"], idle["waits_since"]) == (None, None)


def test_nothing_is_waited_for_where_no_broker_runs(site: Site) -> None:
    """What was cut off waits for the next start."""
    earlier(site, 14).printing()

    for command in ("jobs", "printers"):
        assert "waits for the answer" not in " ".join(site.broker(command).out.split())
