"""A held job says that it was printed again while that is so."""

from __future__ import annotations

from broker.model.job import Outcome, State
from broker.model.retry import Settlement
from tests.cli.conftest import Site
from tests.peers.attempts import print_films


def reprinted(site: Site) -> tuple[int, int]:
    """A held job and its reprint."""
    held = site.uncertain()
    return held, site.jobs.reprint(held)


def test_a_reprint_that_was_cancelled_unprinted_is_none(site: Site) -> None:
    """What else is to be known of the held job stays."""
    held, first = reprinted(site)
    second = site.jobs.reprint(held)
    site.jobs.cancel(first)
    assert site.jobs.get(held).remark == f"printed again as job {second}"
    site.jobs.cancel(second)
    assert site.jobs.get(held).remark == ""


def test_a_reprint_that_was_cancelled_before_its_first_film_is_none(site: Site) -> None:
    """A person wanted it while it was claimed; nothing was asked for."""
    held, new = reprinted(site)
    claim = site.jobs.claim(new, "oki-2")
    assert claim is not None
    site.jobs.cancel(new)
    site.jobs.finish(claim, Outcome.UNAVAILABLE, "", settlement=Settlement(State.QUEUED, ""))
    assert site.jobs.get(new).state is State.CANCELLED
    assert site.jobs.get(held).remark == ""


def test_a_reprint_that_may_be_on_paper_stays_told(site: Site) -> None:
    """Asked for and not answered, or accepted: a release of the other prints it twice."""
    held, new = reprinted(site)
    claim = site.jobs.claim(new, "oki-2")
    assert claim is not None
    site.jobs.asked(claim, site.jobs.films(new)[0].id)
    site.jobs.recover()
    site.jobs.cancel(new)
    assert site.jobs.get(held).remark == f"printed again as job {new}"
    other, printed = reprinted(site)
    print_films(site.jobs, printed, "oki-2")
    assert site.jobs.get(other).remark == f"printed again as job {printed}"
