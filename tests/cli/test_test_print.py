"""`broker test-print` sends one film the whole way: spool, queue, broker, printer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.config.file import load
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.operations.commands.recorded import print_film
from broker.operations.opened import Store, store_of
from broker.operations.words.failures import Failure
from broker.service.service import Service
from broker.spool.files import Spool
from tests.cli.conftest import Site


@pytest.fixture
def printer(site: Site, tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """The only printer of the site, oki-1."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", dpi=20) as started:
        site.file.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\n[health]\ninterval_s = 0.1\n'
            '[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
            f"port = {started.port}\n"
        )
        yield started


@pytest.fixture
def service(site: Site, printer: EmulatedPrinter) -> Iterator[Service]:
    """A running broker with one printer."""
    assert printer.alive
    started = Service(load(site.file), lambda _event, _facts: None)
    started.start()
    yield started
    started.stop()


@pytest.mark.usefixtures("service")
def test_a_test_film_comes_out_of_the_printer(site: Site, printer: EmulatedPrinter) -> None:
    """The command waits until the printer has accepted it; exit 0."""
    ended = site.broker("test-print", "--printer", "oki-1", "--film-size", "A3")
    assert (ended.code, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "job 1 is queued: one A3 test film, for oki-1 and no other printer"
    assert lines[-1] == "job 1 is sent: oki-1 accepted it"
    (sheet,) = printer.sheets
    assert sheet.film_size == "A3"


@pytest.mark.usefixtures("service")
def test_a_film_that_the_printer_refuses_is_held_and_exit_1(
    site: Site, printer: EmulatedPrinter
) -> None:
    """The printer's own words are said."""
    printer.set_scenario("refuse-size:A3")
    ended = site.broker("test-print", "--film-size", "A3")
    assert ended.code == 1
    assert "job 1 is held: " in ended.out


@pytest.mark.usefixtures("service")
def test_no_wait_leaves_at_once(site: Site) -> None:
    """The film is queued, its pixels are in the spool; what happens next is not waited for."""
    ended = site.broker("test-print", "--no-wait")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "job 1 is queued: one A4 test film, for any printer\n"


def test_without_a_broker_the_film_waits_and_that_is_said(site: Site) -> None:
    """Exit 1 for who wanted to wait, 0 for who did not; the film stays queued either way."""
    waits = "no broker is running here: the film waits until `broker serve` prints it\n"
    ended = site.broker("test-print", "-p", "oki-2")
    assert (ended.code, ended.err) == (1, waits)
    ended = site.broker("test-print", "--no-wait")
    assert (ended.code, ended.err) == (0, waits)
    first, second = site.jobs.queries.list()
    assert (first.state, first.pinned) == (State.QUEUED, "oki-2")
    assert (second.state, second.pinned) == (State.QUEUED, "")
    assert site.jobs.references.spooled() <= set(
        Spool(site.folder / "broker-data" / "spool").names()
    )


def test_a_film_that_is_not_sent_in_time_is_exit_1(site: Site, printer: EmulatedPrinter) -> None:
    """The command says why it waits, and leaves the film in the queue."""
    printer.kill()
    service = Service(load(site.file), lambda _event, _facts: None)
    service.start()
    ended = site.broker("test-print", "--timeout", "3.5")
    service.stop()
    assert ended.code == 1
    assert "Job 1 is queued and waits: no printer can take it now." in ended.out
    assert ended.err == (
        "job 1 is still queued after 3.5 s; it stays in the queue, "
        "`broker jobs cancel 1` gives it up\n"
    )


def test_what_cannot_be_is_said_before_anything_is_queued(site: Site) -> None:
    """An unknown printer is exit 1, an unknown film size exit 2; no job is made."""
    ended = site.broker("test-print", "-p", "oki-9")
    assert (ended.code, ended.err) == (
        1,
        "there is no printer oki-9; there are: oki-1, oki-2\n",
    )
    assert site.broker("test-print", "--film-size", "A5").code == 2
    assert site.jobs.queries.list() == []


def test_a_disk_that_is_nearly_full_is_said(site: Site) -> None:
    """The test film is taken, and proves nothing about modalities."""
    site.file.write_text(site.file.read_text() + "[retention]\nfloor_mb = 10000000\n")
    ended = site.broker("test-print", "--no-wait")
    assert ended.code == 0
    words = "the disk is nearly full: films of modalities are refused, this one is taken"
    assert words in ended.err.splitlines()


def test_a_test_film_that_cannot_be_queued_leaves_no_pixels(site: Site) -> None:
    """They would be set aside as orphans, and told, although it is known that no job needs them."""
    with site.database.write() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON jobs BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    with store_of(load(site.folder / "broker.toml")) as store:
        before = set(store.spool().names())
        with pytest.raises(Failure):
            _print_in(store)
        assert set(store.spool().names()) == before


def _print_in(store: Store) -> None:
    with store_of(store.config) as again:
        print_film(again, "a person")
