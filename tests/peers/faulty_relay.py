"""A broker in this process whose printers are scripted, and what its tables say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from broker.cli.output import queue_tables
from broker.config.file import parse
from broker.dicom import statuses
from broker.dicom.uids import FILM_SESSION, PRESENTATION_LUT
from broker.model.jobs.job import FINISHED, Job, State
from broker.model.printers.printer import Printer
from broker.operations.jobs.job_status import JobStatus
from tests.peers.scripted_printer import ScriptedPrinter
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference
from tests.relay.conftest import Relay

UPPER, LOWER = bytes(16), bytes([9] * 16)
"""The two pictures of a film; the first pixel of each is the film's number."""
SETTLES_S = 20.0
WIDE = 1000
"""Columns of a terminal on which nothing is folded."""


Seen = TypeVar("Seen")


class FaultyRelay(Relay):
    """A relay with short delays. `patience_s` is what a printer has for each of its answers."""

    def __init__(
        self,
        folder: Path,
        *printers: ScriptedPrinter,
        patience_s: float = 10.0,
        first_delay_s: float = 0.1,
        max_delay_s: float = 5.0,
        fall: int = 3,
    ) -> None:
        self.scripted = {printer.name: printer for printer in printers}
        self._sections = {
            "broker": 'host = "127.0.0.1"\nport = 0\ngrace_s = 5',
            "retention": "floor_mb = 0",
            "duplicates": "window_s = 0",
            "health": f"interval_s = 0.1\ntimeout_s = {patience_s}\nfall = {fall}",
            "retry": "tries = 3\ngive_up_s = 0\n"
            f"first_delay_s = {first_delay_s}\nmax_delay_s = {max_delay_s}",
            "printing": "\n".join(
                f"{step}_s = {patience_s}"
                for step in ("connect", "association", "create", "set", "action", "delete")
            ),
        }
        super().__init__(folder, [printer.address for printer in printers])

    def config(self) -> Any:
        """The configuration, as an operator would write it."""
        text = "".join(f"[{name}]\n{keys}\n" for name, keys in self._sections.items())
        for printer in self.addresses:
            text += (
                f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
                f'host = "{printer.host}"\nport = {printer.port}\n'
            )
        return parse(text, folder=self.folder)

    def ask_for_films(self, number: int = 1, *, label: str = "", ct: Speaker | None = None) -> None:
        """A modality asks for `number` films of two pictures and a LUT, in one film session."""
        ct = ct or self.speaker()
        lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
        named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
        ct.open_session(FilmSessionLabel=label)
        for film in range(1, number + 1):
            ct.open_film_box(r"STANDARD\1,2", ReferencedPresentationLUTSequence=[named])
            for position, pixels in enumerate(film_of(film), start=1):
                ct.set_image(position, image_box(position, picture(PixelData=pixels)))
        assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
        ct.delete(FILM_SESSION, ct.session)

    def ended(self) -> int:
        """How many attempts have been settled."""
        return sum(event in ("attempt failed", "job sent") for event, _ in self.notes)

    def wait_until_settled(self, attempts: int) -> None:
        """Wait until each job is held or finished, or there were `attempts` attempts."""
        rest = FINISHED | {State.HELD}

        def over() -> bool:
            still = {str(facts["job"]) for event, facts in self.notes if event in _SETTLED}
            jobs = self.jobs()
            resting = all(job.state in rest and str(job.id) in still for job in jobs)
            return resting or self.ended() >= attempts

        self.wait_for(over, f"neither settled nor tried {attempts} times")

    def settled(self, wanted: Seen, look: Callable[[], Seen]) -> Seen:
        """What one sees as soon as it is as wanted; as it is after some seconds otherwise."""
        seen = look()

        def as_wanted() -> bool:
            nonlocal seen
            seen = look()
            return seen == wanted

        with self._changed:
            self._changed.wait_for(as_wanted, timeout=SETTLES_S)
        return seen

    def films_out(self) -> dict[str, list[int]]:
        """The numbers of the films that came out of each printer, in order."""
        return {
            name: [number_of(paper.pixels) for paper in printer.films]
            for name, printer in self.scripted.items()
        }

    def printer(self, name: str) -> Printer:
        """Its row."""
        return self.service.printers.get(name)

    def plain(self, text: str) -> str:
        """Words without what differs from run to run."""
        for printer in self.addresses:
            text = text.replace(f"{printer.host}:{printer.port}", "HOST")
        return text

    def jobs_table(self, *jobs: Job) -> str:
        """What `broker jobs` shows of these, on a wide terminal."""
        return self._drawn(queue_tables.jobs([JobStatus(job) for job in jobs], self._now(), WIDE))

    def printers_table(self, *printers: Printer) -> str:
        """What `broker printers` shows of these."""
        return self._drawn(queue_tables.printers(printers, self._now(), WIDE))

    def _now(self) -> float:
        return max(job.updated_at for job in self.jobs())

    def _drawn(self, lines: list[Any]) -> str:
        return self.plain("\n".join(line.plain for line in lines))


_SETTLED = ("attempt failed", "job sent")
_ONE_AT_A_TIME = Lock()
"""Migrations know only one database at a time in a process: relays begin one after the other."""


def film_of(number: int) -> tuple[bytes, bytes]:
    """The pixels of a film's two pictures."""
    return bytes([number]) + UPPER[1:], bytes([number]) + LOWER[1:]


def number_of(pixels: tuple[bytes, ...]) -> int:
    """The film that has these pixels; AssertionError when they are not whole, or mixed up."""
    number = pixels[0][0]
    assert pixels == film_of(number)
    return number


@contextmanager
def faulty_relay(folder: Path, *printers: ScriptedPrinter, **options: Any) -> Iterator[FaultyRelay]:
    """A running relay whose printers have all been found up."""
    with ExitStack() as last:
        for printer in printers:
            last.callback(printer.close)
        with _ONE_AT_A_TIME:
            relay = FaultyRelay(folder, *printers, **options)
        last.callback(relay.close)
        relay.wait_until_up()
        yield relay
    assert relay.broken == []
