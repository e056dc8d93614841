"""What is asked before a command puts paper out or cannot be undone: number, modality, films."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from broker.config.file import load
from broker.model.printers.printer import Health
from broker.operations.commands import questions
from broker.operations.jobs.job_status import job_status
from broker.operations.opened import Store, store_of
from tests.cli.conftest import Site, site

__all__ = ["site"]


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """The site's."""
    with store_of(load(site.file)) as opened:
        yield opened


def asked(store: Store, command: str, printer: str = "") -> str:
    """Of job 1."""
    return questions.of_job(job_status(store, store.jobs.get(1)), command, printer)


def test_a_finished_job(site: Site, store: Store) -> None:
    """A reprint is asked about, and says that there was one already."""
    site.sent(films=3)
    assert asked(store, "reprint") == "Print job 1 of CT1 again: 3 films?"
    site.jobs.commands.reprint(1)
    assert asked(store, "reprint") == (
        "Print job 1 of CT1 again: 3 films? It was printed again as job 2."
    )
    assert asked(store, "cancel") == asked(store, "release") == ""


def test_a_queued_job(site: Site, store: Store) -> None:
    """What puts no more paper out and can be undone is not asked about."""
    site.job(films=2, copies=3)
    assert asked(store, "cancel") == (
        "Cancel job 1 of CT1: 2 of 2 films, 3 copies each will not be printed?"
    )
    for command in ("hold", "move", "priority"):
        assert asked(store, command, "oki-2") == ""


def test_a_held_job(site: Site, store: Store) -> None:
    """To release it prints it, also by a move."""
    site.jobs.commands.hold(site.job(films=2))
    assert asked(store, "release") == "Release job 1 of CT1: print 2 of 2 films?"
    assert asked(store, "move", "oki-2") == (
        "Release job 1 of CT1 and move it to oki-2: print 2 of 2 films?"
    )
    assert "to any printer" in asked(store, "move")


def test_an_uncertain_job(site: Site, store: Store) -> None:
    """Both answers are asked about by the numbers of the films."""
    site.uncertain(films=3)
    assert asked(store, "release") == (
        "Release job 1 of CT1: print 3 of 3 films, though film 1 may be on paper already?"
    )
    assert asked(store, "release-printed") == (
        "Release job 1 of CT1: film 1 is on paper, print the other 2?"
    )


def test_an_uncertain_film_that_is_the_only_one(site: Site, store: Store) -> None:
    """It needs no number."""
    site.uncertain(films=1)
    assert asked(store, "release") == (
        "Release job 1 of CT1: print 1 of 1 film, though it may be on paper already?"
    )


def test_a_printer(site: Site, store: Store) -> None:
    """A test film is a sheet, that comes later from one that is down; what was learned does not
    come back."""
    site.up("oki-1")
    oki = store.printers.get("oki-1")
    assert questions.of_printer(oki, "test-print") == "Print a test film on oki-1?"
    down = replace(oki, health=Health.DOWN)
    assert questions.of_printer(down, "test-print") == (
        "Print a test film on oki-1? oki-1 is down: it prints when oki-1 is back."
    )
    assert questions.of_printer(oki, "forget").startswith("Forget what was learned of oki-1?")
    assert questions.of_printer(oki, "ready") == ""


def test_several_jobs(site: Site, store: Store) -> None:
    """How many, of whom, which; and that uncertain films are printed once more."""
    site.uncertain(films=3)
    site.jobs.commands.hold(site.job(films=2))
    found = [job_status(store, store.jobs.get(number)) for number in (2, 1)]
    assert questions.of_jobs(found, "release") == (
        "Release 2 jobs (CT1 2): 5 films? Jobs 1, 2. 1 film of them may be on paper, and is "
        "printed once more."
    )
    assert questions.of_jobs(found, "move", "oki-2").startswith("Move 2 jobs to oki-2 (CT1 2)")
    assert questions.of_jobs(found, "cancel") == "Cancel 2 jobs (CT1 2): 5 films? Jobs 1, 2."
