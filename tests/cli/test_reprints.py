"""A held job says that it was printed again while that is so."""

from __future__ import annotations

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from tests.cli.conftest import Site
from tests.peers.attempts import print_films


def reprinted(site: Site) -> tuple[int, int]:
    """A held job and its reprint."""
    held = site.uncertain()
    return held, site.jobs.commands.reprint(held)


def test_a_reprint_that_was_cancelled_unprinted_is_none(site: Site) -> None:
    """What else is to be known of the held job stays."""
    held, first = reprinted(site)
    second = site.jobs.commands.reprint(held, again=True)
    site.jobs.commands.cancel(first)
    assert site.jobs.queries.get(held).remark == f"printed again as job {second}"
    site.jobs.commands.cancel(second)
    assert site.jobs.queries.get(held).remark == ""


def test_a_reprint_that_was_cancelled_before_its_first_film_is_none(site: Site) -> None:
    """A person wanted it while it was claimed; nothing was asked for."""
    held, new = reprinted(site)
    claim = site.jobs.claims.claim(new, "oki-2")
    assert claim is not None
    site.jobs.commands.cancel(new)
    site.jobs.claims.finish(claim, Outcome.UNAVAILABLE, "", settlement=Settlement(State.QUEUED, ""))
    assert site.jobs.queries.get(new).state is State.CANCELLED
    assert site.jobs.queries.get(held).remark == ""


def test_a_reprint_that_may_be_on_paper_stays_told(site: Site) -> None:
    """Asked for and not answered, or accepted: a release of the other prints it twice."""
    held, new = reprinted(site)
    claim = site.jobs.claims.claim(new, "oki-2")
    assert claim is not None
    site.jobs.claims.asked(claim, site.jobs.queries.films(new)[0].id)
    site.jobs.recovery.recover()
    site.jobs.commands.cancel(new)
    assert site.jobs.queries.get(held).remark == f"printed again as job {new}"
    other, printed = reprinted(site)
    print_films(site.jobs, printed, "oki-2")
    assert site.jobs.queries.get(other).remark == f"printed again as job {printed}"


def test_a_reprint_of_too_many_sheets_says_what_may_be_chosen(site: Site) -> None:
    """It is held to the limit of modalities' print requests, and queues nothing."""
    site.file.write_text(f"{site.file.read_text()}\n[limits]\nsheets = 10\n")
    job_id = site.sent(films=3)
    refused = site.broker("jobs", "reprint", str(job_id), "--copies", "4")
    assert refused.code == 1
    assert "3 films in 4 copies are 12 sheets; limits.sheets allows 10" in refused.err
    assert "choose at most 3 copies, or fewer films" in refused.err
    assert len(site.jobs.queries.list()) == 1
    assert site.broker("jobs", "reprint", str(job_id), "--copies", "3").code == 0
