"""What `broker demo` shows: modalities, a broker with its page, and printers, in one folder."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from broker.config.file import load
from broker.emulator.modality import Modality
from broker.emulator.paper_path import Sheet
from broker.emulator.printer import EmulatedPrinter
from broker.emulator.sample_films import sample_films
from broker.events import Event, Facts
from broker.model.films.film import Film
from broker.model.jobs.job import FINISHED, Level, State
from broker.model.printers.printer import Health
from broker.model.printers.trouble import Trouble
from broker.operations.words.failures import Failure
from broker.service.service import Service
from broker.service.web_process import Page

MODALITIES = {"CT1": Level.FILM_BOX, "MR1": Level.FILM_SESSION, "US1": Level.FILM_BOX}
"""AE title, and where it sends its N-ACTION: both habits are met in hospitals."""
LATE_MODALITY = "XA1"
"""It prints one film more, for a demo that stays up."""
PRINTERS = ("oki-1", "oki-2", "oki-3", "oki-4")
SECONDS_PER_FILM = 0.3
PATIENCE_S = 120.0

News = Callable[[Event, Facts], None]

_CONFIGURATION = """\
# Written by `broker demo`: a broker and its emulated printers on this machine.
[broker]
ae_title = "BROKER"
host = "127.0.0.1"
port = {port}
data_dir = "broker-data"

[web]
host = "127.0.0.1"
port = {web_port}

[health]
interval_s = 0.5

[retry]
first_delay_s = 0.5

[log]
level = "warning"
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


@dataclass(frozen=True)
class LeftOver:
    """What waits for a person in the end."""

    job: int
    """Held: its film is on paper, and its printer never said so."""
    printer: str
    """Where that film lies."""
    jammed: str
    """The printer that has a film jam."""


@dataclass
class Hospital:
    """Everything that the demo shows. `start` it, and `close` it in any case."""

    folder: Path
    news: News
    web_port: int = 0
    """Where the page listens; 0: the system chooses."""
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
        self._running = ExitStack()
        self._page: Facts | None = None
        """That the page is served, or why not."""

    @property
    def url(self) -> str:
        """Of the page."""
        return str(self._page["url"]) if self._page else ""

    @property
    def total(self) -> int:
        """Films that the modalities will print, all together."""
        return len(self.films) * len(MODALITIES)

    @property
    def configuration(self) -> Path:
        """The file that every other command can be given while the demo runs."""
        return self.folder / "broker.toml"

    def start(self) -> None:
        """Switch the printers on, then the broker and its page; returns when the page can be asked.

        Raises: Failure: when the page's port cannot be had.
        """
        for printer in self.printers.values():
            printer.start()
            self._running.callback(printer.kill)
        self._configure(0, self.web_port)
        self.service = Service(load(self.configuration), self._note)
        beside: dict[str, Callable[[], object]] = {}
        self._running.callback(lambda: self.service.stop(beside))
        self.service.start()
        self._configure(self.service.port, self.web_port)
        page = Page(load(self.configuration), self._note, self.service.users.any)
        beside["page"] = page.stop
        page.start()
        self._wait_for(lambda: self._page is not None)
        if self._page is None or "port" not in self._page:
            why = self._page["why"] if self._page else "it did not begin"
            raise Failure(f"the page: {why}; --web-port names another port")
        self._configure(self.service.port, int(str(self._page["port"])))

    def wait_for_printers(self) -> None:
        """Return when all printers are up."""
        self._wait_for(
            lambda: all(each.health is Health.UP for each in self.service.printers.list())
        )

    def _configure(self, port: int, web_port: int) -> None:
        text = _CONFIGURATION.format(port=port, web_port=web_port)
        for printer in self.printers.values():
            text += _PRINTER.format(name=printer.name, ae_title=printer.ae_title, port=printer.port)
        self.configuration.write_text(text)

    def print_films(self) -> None:
        """Every modality prints every film; returns when all of them were taken or refused."""
        threads = [
            threading.Thread(target=self._print, args=(name, level, self.films), name=name)
            for name, level in MODALITIES.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _print(self, name: str, level: Level, films: tuple[Film, ...]) -> None:
        try:
            answers = Modality(name).print(
                "127.0.0.1",
                self.service.port,
                "BROKER",
                films,
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

    def leave_trouble(self) -> LeftOver:
        """All printers are repaired; then one prints a film and dies before it answers, and is
        repaired, too; another one has a film jam. Returns when the broker has seen all of it.

        Raises: Failure: when that takes too long.
        """
        for printer in self.printers.values():
            printer.revive()
        self.wait_for_printers()
        for printer in self.printers.values():
            printer.set_scenario("prints-and-dies")
        self._print(LATE_MODALITY, Level.FILM_BOX, self.films[:1])
        if not self._wait_for(lambda: bool(self.service.jobs.queries.list({State.HELD}))):
            raise Failure(f"the film of {LATE_MODALITY} was not held in {PATIENCE_S:.0f} s")
        job = self.service.jobs.queries.list({State.HELD})[0]
        jammed = next(name for name in reversed(self.printers) if name != job.printer)
        for name, printer in self.printers.items():
            printer.set_scenario("jam" if name == jammed else "ok")
        self._wait_for(
            lambda: all(
                "JAM" in each.reason if each.name == jammed else each.health is Health.UP
                for each in self.service.printers.list()
            )
        )
        return LeftOver(job.id, job.printer, jammed)

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
        """Stop the broker and its page, then the printers."""
        self._running.close()

    def _note(self, event: Event, facts: Facts) -> None:
        self.news(event, facts)
        if event in (Event.PAGE_SERVED, Event.PAGE_NOT_SERVED):
            self._page = facts
        with self._changed:
            self._changed.notify_all()

    def _wait_for(self, so: Callable[[], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(so, PATIENCE_S)


def _of_film(film: Film) -> Paper:
    return film.display_format, film.film_size, film.spooled


def _of_sheet(sheet: Sheet) -> Paper:
    return sheet.display_format, sheet.film_size, tuple(each.pixels for each in sheet.images)
