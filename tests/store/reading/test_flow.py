"""What waits and since when, what was accepted last, and how the last attempts ended."""

from __future__ import annotations

import pytest

from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.store.reading.flow import FlowQueries
from tests.cli.conftest import Site, site

__all__ = ["site"]


@pytest.fixture
def queries(site: Site) -> FlowQueries:
    """Over the site's database."""
    return FlowQueries(site.database)


def test_an_empty_queue_has_nothing(queries: FlowQueries) -> None:
    """No job, no time, no try."""
    flow = queries.flow()
    assert flow.waiting == 0
    assert (flow.oldest_at, flow.unbound_at, flow.accepted_at) == (None, None, None)
    assert queries.last_tries() == []


def test_a_job_that_is_bound_to_a_printer_is_the_oldest_and_not_the_oldest_unbound(
    site: Site, queries: FlowQueries
) -> None:
    """A held or finished one is neither; the film that was accepted last has its time."""
    site.sent()
    site.uncertain()
    bound, free = site.job(), site.job()
    site.jobs.commands.move(bound, "oki-1")
    flow = queries.flow()
    assert flow.waiting == 2
    assert flow.oldest_at == site.jobs.queries.get(bound).created_at
    assert flow.unbound_at == site.jobs.queries.get(free).created_at
    (film,) = site.jobs.queries.films(1)
    assert flow.accepted_at == film.accepted_at


def test_the_last_tries_come_first(site: Site, queries: FlowQueries) -> None:
    """Those that have ended, with what a printer said for good; one that runs is not among them."""
    for words, permanent in (("0x0106", True), ("0xC000", False)):
        claim = site.jobs.claims.claim(site.job(), "oki-1")
        assert claim is not None
        site.jobs.claims.finish(
            claim,
            Outcome.REFUSED,
            words,
            permanent=permanent,
            strike=True,
            settlement=Settlement(State.HELD, words),
        )
    site.printing()
    assert [(each.job_id, each.printer, each.permanent) for each in queries.last_tries()] == [
        (2, "oki-1", False),
        (1, "oki-1", True),
    ]
