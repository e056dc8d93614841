"""What `broker demo` shows: modalities, a broker and printers, in one process and one folder."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from broker.config.file import load
from broker.emulator.modality import Modality
from broker.emulator.paper_path import Sheet
from broker.emulator.printer import EmulatedPrinter
from broker.emulator.sample_films import sample_films
from broker.events import Event, Facts
from broker.model.film import Film
from broker.model.job import FINISHED, Level
from broker.model.printer import Health
from broker.model.trouble import Trouble
from broker.service.service import Service

MODALITIES = {"CT1": Level.FILM_BOX, "MR1": Level.FILM_SESSION, "US1": Level.FILM_BOX}
"""AE title, and where it sends its N-ACTION: both habits are met in hospitals."""
PRINTERS = ("oki-1", "oki-2", "oki-3")
SECONDS_PER_FILM = 0.3
PATIENCE_S = 120.0

News = Callable[[Event, Facts], None]

_CONFIGURATION = """\
# Written by `broker demo`: a broker and three emulated printers on this machine.
[broker]
ae_title = "BROKER"
host = "127.0.0.1"
port = {port}
data_dir = "broker-data"

[health]
interval_s = 0.5

[retry]
first_delay_s = 0.5
"""
_PRINTER = """
[[printers]]
name = "{name}"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
"""

Paper = tuple[str, str, tuple[str, ...]]
"""What tells one film from another: format, size, and the pixels in its places."""


@dataclass
class Hospital:
    """Everything that the demo shows, in one process and one folder."""

    folder: Path
    news: News
    films: tuple[Film, ...] = ()
    refused: list[str] = field(default_factory=list)
    """What a modality was answered that was not success; it must be empty."""

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.films, self._pixels = sample_films()
        self.printers = {
            name: EmulatedPrinter(
                name,
                name.replace("-", "").upper(),
                self.folder / name,
                seconds_per_film=SECONDS_PER_FILM,
            )
            for name in PRINTERS
        }
        self._changed = threading.Condition()

    @property
    def total(self) -> int:
        """Films that the modalities will print, all together."""
        return len(self.films) * len(MODALITIES)

    @property
    def configuration(self) -> Path:
        """The file that every other command can be given while the demo runs."""
        return self.folder / "broker.toml"

    def open(self) -> None:
        """Switch the printers on, then the broker; returns when all printers are up."""
        for printer in self.printers.values():
            printer.start()
        self._configure(0)
        self.service = Service(load(self.configuration), self._note)
        self.service.start()
        self._configure(self.service.port)
        self._wait_for(
            lambda: all(each.health is Health.UP for each in self.service.printers.list())
        )

    def _configure(self, port: int) -> None:
        text = _CONFIGURATION.format(port=port)
        for printer in self.printers.values():
            text += _PRINTER.format(name=printer.name, ae_title=printer.ae_title, port=printer.port)
        self.configuration.write_text(text)

    def print_films(self) -> None:
        """Every modality prints every film; returns when all of them were taken or refused."""
        threads = [
            threading.Thread(target=self._print, args=(name, level), name=name)
            for name, level in MODALITIES.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _print(self, name: str, level: Level) -> None:
        try:
            answers = Modality(name).print(
                "127.0.0.1",
                self.service.port,
                "BROKER",
                self.films,
                self._pixels.__getitem__,
                level=level,
            )
        except Trouble as trouble:
            self.refused.append(f"{name}: {trouble.words}")
            return
        for answer in answers:
            if not answer.printed:
                self.refused.append(f"{name}: {answer.step} answered 0x{answer.status:04X}")

    def break_printer(self, name: str) -> None:
        """The printer will die while it receives its next image."""
        self.printers[name].set_scenario("dies-in-set")

    def wait_for_films(self, number: int) -> None:
        """Wait until `number` films are on paper."""
        self._wait_for(lambda: len(self.sheets()) >= number)

    def wait_for_jobs(self) -> bool:
        """Wait until every job is finished; False when some are not after two minutes."""
        return self._wait_for(
            lambda: all(job.state in FINISHED for job in self.service.jobs.queries.list())
        )

    def sheets(self) -> list[Sheet]:
        """What lies in the trays."""
        return [sheet for printer in self.printers.values() for sheet in printer.sheets]

    def audit(self) -> tuple[int, int]:
        """Films that are missing on paper, and sheets too many."""
        expected = Counter(_of_film(film) for film in self.films)
        wanted = Counter({paper: n * len(MODALITIES) for paper, n in expected.items()})
        printed = Counter(_of_sheet(sheet) for sheet in self.sheets())
        return (wanted - printed).total(), (printed - wanted).total()

    def close(self) -> None:
        """Stop the broker, then the printers."""
        self.service.stop()
        for printer in self.printers.values():
            printer.kill()

    def _note(self, event: Event, facts: Facts) -> None:
        self.news(event, facts)
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, so: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(so, PATIENCE_S)


def _of_film(film: Film) -> Paper:
    return film.display_format, film.film_size, film.spooled


def _of_sheet(sheet: Sheet) -> Paper:
    return sheet.display_format, sheet.film_size, tuple(each.pixels for each in sheet.images)
