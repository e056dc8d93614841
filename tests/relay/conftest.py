"""The whole relay in one process: a real broker, real printers that are programs, real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from broker.config.file import parse
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import Job, State
from broker.model.printers.printer import Address, Health
from broker.service.service import Service
from tests.peers.small_disk import Disk
from tests.peers.speaker import Speaker

PATIENCE_S = 30.0

QUICK = """
[broker]
host = "127.0.0.1"
port = 0
grace_s = 5
[health]
interval_s = 0.2
timeout_s = 2
[retry]
tries = 3
give_up_s = 0
first_delay_s = 0.05
max_delay_s = 0.2
"""


class Relay:
    """A broker and its printers; whatever happens in it wakes the threads that wait."""

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[Address],
        printers: Sequence[EmulatedPrinter] = (),
        **options: Any,
    ) -> None:
        self.folder = folder
        self.addresses = addresses
        self.printers = {printer.name: printer for printer in printers}
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self._changed = threading.Condition()
        self._lut_level: str = options.pop("lut_level", "film box")
        self._weights: dict[str, int] = options.pop("weights", {})
        self._clock: Callable[[], float] = options.pop("clock", time.time)
        self._more: str = options.pop("more", "")
        self._broker: str = options.pop("broker", "")
        self._status_while_kept: str = options.pop("status_while_kept", "WARNING")
        self._send_events: bool = options.pop("send_events", False)
        self._options: dict[str, str] = options
        self._speakers: list[Speaker] = []
        self.service = self.begin()

    def begin(self, *, new_spool: bool = False) -> Service:
        """Start a broker on the folder; also after another one has ended there."""
        self.service = Service(self.config(), self._note, clock=self._clock, new_spool=new_spool)
        self.service.start()
        return self.service

    def restart(self) -> None:
        """Stop the broker, and start another one on the folder; its printers are up."""
        self.service.stop()
        self.begin()
        self.wait_until_up()

    def config(self) -> Any:
        """The configuration, as an operator would write it."""
        heard = f'[health]\nstatus_while_kept = "{self._status_while_kept}"\n'
        text = QUICK.replace("[health]\n", heard)
        text = text.replace("[broker]\n", f"[broker]\n{self._broker}")
        if self._send_events:
            text = text.replace("[broker]\n", "[broker]\nsend_events = true\n")
        for key, value in self._options.items():
            text += f"{key} = {value}\n"
        for printer in self.addresses:
            text += (
                f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
                f'host = "{printer.host}"\nport = {printer.port}\n'
                f'lut_level = "{self._lut_level}"\n'
                f"weight = {self._weights.get(printer.name, printer.weight)}\n"
            )
        return parse(text + self._more, folder=self.folder)

    def _note(self, event: str, facts: Mapping[str, object]) -> None:
        with self._changed:
            self.notes.append((event, facts))
            self._changed.notify_all()

    def wait_for(self, what: Callable[[], bool], why: str = "") -> None:
        """Return when it is so; looked at again whenever the broker notes something."""
        with self._changed:
            happened = self._changed.wait_for(what, timeout=PATIENCE_S)
        if not happened:
            jobs = [
                (job.id, str(job.state), job.reason) for job in self.service.jobs.queries.list()
            ]
            raise AssertionError(f"{why}: {jobs}")

    def wait_until_up(self, *names: str) -> None:
        """Wait until these printers are up; all of them when none is named."""
        wanted = set(names or [each.name for each in self.addresses])

        def up() -> bool:
            found = self.service.printers.list()
            return wanted <= {each.name for each in found if each.health is Health.UP}

        self.wait_for(up, "printers are not up")

    def wait_until(self, state: State, *jobs: int) -> list[Job]:
        """Wait until these jobs, or all there are, have that state."""

        def there() -> bool:
            return all(job.state is state for job in self.jobs(*jobs))

        self.wait_for(there, f"not {state}")
        return self.jobs(*jobs)

    def jobs(self, *numbers: int) -> list[Job]:
        """These jobs, or all, oldest first."""
        return [job for job in self.service.jobs.queries.list() if not numbers or job.id in numbers]

    def speaker(self, **options: Any) -> Speaker:
        """A modality that has associated with the broker."""
        self._speakers.append(Speaker(self.service.port, **options))
        return self._speakers[-1]

    def forgive_storage(self) -> None:
        """What must be noted while the test spoils the database is no failure."""
        expected = {"dispatcher failed", "monitor failed", "upkeep failed", "attempt broke"}
        self.notes[:] = [note for note in self.notes if note[0] not in expected]

    def close(self) -> None:
        """Stop the broker, and end the associations that are still open."""
        for speaker in self._speakers:
            speaker.abort()
        self.service.stop()

    def print_films(self, number: int, **session: Any) -> None:
        """A modality prints `number` films, each in a film session of its own."""
        for _ in range(number):
            ct = self.speaker()
            ct.open_session(**session)
            ct.open_film_box()
            ct.set_image()
            assert ct.action("1.2.840.10008.5.1.1.2", ct.film_box).status == 0
            ct.release()

    def sheets(self) -> dict[str, int]:
        """Sheets that came out of each printer."""
        return {name: len(printer.sheets) for name, printer in self.printers.items()}

    @property
    def broken(self) -> list[tuple[str, Mapping[str, object]]]:
        """What must never be noted."""
        never = {
            "association fault",
            "attempt broke",
            "dispatcher failed",
            "monitor failed",
            "upkeep failed",
        }
        return [(event, facts) for event, facts in self.notes if event in never]


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """One printer, `oki-1`, which keeps its sheets outside the disk that a test fills."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "oki-1") as made:
        yield made


@contextmanager
def relay_on(disk: Disk, printer: EmulatedPrinter, more: str) -> Iterator[Relay]:
    """A broker whose data are on that disk, and its printer is up; `more` is configuration."""
    made = Relay(disk.folder, [printer.address], [printer], more=more)
    try:
        made.wait_until_up()
        yield made
    finally:
        made.close()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Callable[..., Relay]]:
    """Makes a relay with as many printers; options are keys of [retry], or `weights`, `clock`,
    `status_while_kept`, `send_events`, or text of the configuration: `broker` with keys of that
    table, `more`."""
    made: list[Relay] = []
    printers: list[EmulatedPrinter] = []

    def make(number: int = 3, *, seconds: float = 0.0, **options: Any) -> Relay:
        for each in range(1, number + 1):
            printers.append(
                EmulatedPrinter(
                    f"oki-{each}", f"OKI{each}", tmp_path / f"oki-{each}", seconds_per_film=seconds
                )
            )
            printers[-1].start()
        addresses = [printer.address for printer in printers]
        made.append(Relay(tmp_path, addresses, printers, **options))
        made[-1].wait_until_up()
        return made[-1]

    yield make
    for each in made:
        each.close()
    for printer in printers:
        printer.kill()
    for each in made:
        assert each.broken == []
