"""Printers that lose their power while they answer N-ACTION, and say nothing about it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import State
from broker.model.printers.printer import Address, Health
from tests.peers.network import Machine, Network
from tests.relay.conftest import PATIENCE_S, Relay

PORT = 104
FOR_EVER_S = 3600.0
FILMS_BEHIND = 5
NOTICED_S = 26.0


class Site:
    """A broker, and printers on machines of their own."""

    def __init__(self, folder: Path, network: Network, stack: ExitStack) -> None:
        self.folder = folder
        self._network = network
        self._stack = stack
        self.machines: dict[str, Machine] = {}
        self.lives: dict[str, list[EmulatedPrinter]] = {}

    def add(self, name: str, seconds: float = 0.0) -> None:
        """One more printer."""
        self.machines[name] = self._network.machine()
        with self.machines[name].inside():
            self._begin(name, seconds)

    def begin(self, **options: str) -> Relay:
        """The broker, with every printer up."""
        addresses = [
            Address(name, _ae_title(name), machine.address, PORT)
            for name, machine in self.machines.items()
        ]
        relay = Relay(self.folder, addresses, **options)
        self._stack.callback(relay.close)
        relay.wait_until_up()
        return relay

    def lose_power(self, name: str) -> None:
        """Without a word: nothing of it is ever heard again."""
        self.machines[name].lose_power()

    def lose_power_for_a_moment(self, name: str) -> None:
        """It is back at once, and has forgotten everything."""
        machine = self.machines[name]
        with machine.prepared():
            self._begin(name, 0.0)
        machine.lose_power()
        machine.switch_on()

    def _begin(self, name: str, seconds: float) -> None:
        lives = self.lives.setdefault(name, [])
        printer = EmulatedPrinter(
            name,
            _ae_title(name),
            self.folder / f"{name}-{len(lives)}",
            host="0.0.0.0",
            port=PORT,
            seconds_per_film=seconds,
        )
        printer.start()
        self._stack.callback(printer.kill)
        lives.append(printer)


def _ae_title(name: str) -> str:
    return name.replace("-", "").upper()


@pytest.fixture
def site(tmp_path: Path, network: Network) -> Iterator[Site]:
    """No printer and no broker yet."""
    with ExitStack() as stack:
        stack.enter_context(network.inside())
        yield Site(tmp_path, network, stack)


def until(what: Callable[[], bool], why: str) -> None:
    """Return when it is so, though the broker notes nothing of it."""
    pause, deadline = threading.Event(), time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, why
        pause.wait(0.02)


def wait_until_asked(relay: Relay, films: int = 1) -> None:
    """Return when printers were asked for `films` films, and have answered for none."""
    until(lambda: len(relay.service.jobs.queries.unanswered()) == films, "not asked")


def test_films_behind_a_printer_that_is_back_at_once(site: Site) -> None:
    """The film in hand is uncertain as soon as its printer is probed; the films behind it are out
    right after."""
    site.add("oki-1", FOR_EVER_S)
    relay = site.begin()
    relay.print_films(1 + FILMS_BEHIND)
    wait_until_asked(relay)
    began = time.monotonic()

    site.lose_power_for_a_moment("oki-1")
    relay.wait_until(State.SENT, *range(2, 2 + FILMS_BEHIND))

    assert time.monotonic() - began < 20
    (job,) = relay.jobs(1)
    assert job.state is State.HELD
    assert job.reason.startswith("uncertain: film 1 may be on paper: ")
    assert "reset the connection instead of answering N-ACTION" in job.reason
    assert len(site.lives["oki-1"][-1].sheets) == FILMS_BEHIND


def test_films_behind_a_printer_that_is_gone(site: Site) -> None:
    """They go to the other one at once; the film in hand is uncertain soon, its printer down."""
    site.add("oki-1", FOR_EVER_S)
    site.add("oki-2")
    relay = site.begin()
    relay.print_films(1)
    wait_until_asked(relay)
    began = time.monotonic()

    site.lose_power("oki-1")
    relay.print_films(FILMS_BEHIND)
    relay.wait_until(State.SENT, *range(2, 2 + FILMS_BEHIND))
    assert time.monotonic() - began < 10
    assert relay.jobs(1)[0].state is State.PRINTING
    relay.wait_until(State.HELD, 1)

    assert time.monotonic() - began < NOTICED_S
    assert "acknowledges nothing any more" in relay.jobs(1)[0].reason
    relay.wait_for(lambda: relay.service.printers.get("oki-1").health is Health.DOWN, "not down")


def test_films_lined_up_with_a_printer_that_does_not_answer_checks_change_over(site: Site) -> None:
    """They do not wait until the attempt there has ended, nor until they have waited for long."""
    site.add("oki-1", FOR_EVER_S)
    site.add("oki-2", FOR_EVER_S)
    relay = site.begin()
    relay.print_films(4)
    wait_until_asked(relay, 2)

    def lined_up() -> int:
        queued = [job for job in relay.jobs() if job.state is State.QUEUED]
        return sum(job.printer == "oki-1" for job in queued)

    until(lambda: lined_up() == 1, "not lined up")
    site.lose_power("oki-1")
    until(lambda: lined_up() == 0, "it stays there")

    assert {job.state for job in relay.jobs(1, 2)} == {State.PRINTING}


def test_a_printer_that_jams_while_it_is_waited_for_is_said_to(
    relay: Callable[..., Relay],
) -> None:
    """It is checked on another association once the answer takes long."""
    site = relay(1, seconds=FOR_EVER_S)
    site.print_films(1)
    wait_until_asked(site)
    site.printers["oki-1"].set_scenario("jam")

    site.wait_for(lambda: "FILM JAM" in site.service.printers.get("oki-1").reason, "not said")

    assert site.jobs(1)[0].state is State.PRINTING
