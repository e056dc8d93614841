"""What a printing job waits for, on the page."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from broker.config.file import load
from broker.operations.opened import Store, store_of
from broker.operations.overview import overview_state
from broker.store.occupancy import Occupancy
from broker.web.rendering.rows import job_row, printer_rows
from tests.cli.conftest import Site, site

__all__ = ["site"]


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's, as the page opens it while a broker runs."""
    occupancy = Occupancy.take(site.folder / "broker-data")
    with store_of(load(site.file)) as opened:
        yield opened
    occupancy.close()


def test_rows_say_what_an_attempt_waits_for(site: Site, store: Store) -> None:
    """Job and printer, once the answer takes long; the seconds are those of the row's moment."""
    site.printing()
    asked_at = site.jobs.queries.films(1)[0].asked_at
    assert asked_at is not None
    seen = overview_state(store, time.time())
    (found,), printer = seen.jobs, seen.printers[0]

    assert job_row(found, asked_at + 2).said == ()
    assert job_row(found, asked_at + 14.5).said == (
        "oki-1: waits for the answer to N-ACTION for film 1, 14 s",
    )
    said = printer_rows([printer], asked_at + 14.5, running=seen.running)[0].said
    assert said == ("a job waits for the answer to N-ACTION, 14 s",)
