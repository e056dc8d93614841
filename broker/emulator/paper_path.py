"""The inside of an emulated printer: from pixels that came in to sheets in the tray."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from PIL import Image as pictures

from broker.emulator.print_jobs import Execution, PrintJob, PrintJobs
from broker.emulator.scenario import Scenario
from broker.events import Event, Note
from broker.model.films.film import Attributes, Film, ImageBox, PresentationLut, first
from broker.model.jobs.job import PrintRequest, Priority
from broker.model.printers.printer import NORMAL, PoolStatus
from broker.model.printers.trouble import CannotStore
from broker.preview.paper import compose
from broker.spool.stored import name_of

_NUMBERED = re.compile(r"(\d{4,})\.(?:png|json)")

_SESSION = ("MediumType", "FilmDestination", "MemoryAllocation")
"""Of the film session, what a slip tells. Labels and owners name people and stay out."""


@dataclass(frozen=True)
class PrintedImage:
    """One image box of a sheet."""

    position: int
    rows: int
    columns: int
    bits: int
    photometric: str
    pixels: str
    """What they are called: see `broker.spool.stored`."""
    lut: str
    """IDENTITY, LIN OD, `table of 4096`, or empty without a Presentation LUT."""
    attributes: dict[str, list[str]]
    """Of the image box alone."""


@dataclass(frozen=True)
class Sheet:
    """One film on paper: what its slip says."""

    number: int
    """From 1; also the name of its files."""
    printed_at: str
    """ISO 8601."""
    calling_ae: str
    called_ae: str
    film_size: str
    orientation: str
    display_format: str
    copies: int
    priority: str
    session: dict[str, str]
    film_box: dict[str, list[str]]
    """Its densities, magnification, trim and the like, as they came."""
    images: tuple[PrintedImage, ...]
    """Empty places are left out."""

    @property
    def pixels(self) -> tuple[str, ...]:
        """The name of each image's pixels, in order of position: tells one film from another."""
        return tuple(image.pixels for image in self.images)


class Tray:
    """Sheets as `0001.png` and `0001.json`, numbered on where an earlier run stopped."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = Lock()
        taken = (_NUMBERED.fullmatch(path.name) for path in directory.iterdir())
        self._last = max((int(name[1]) for name in taken if name), default=0)

    def put(
        self,
        film: Film,
        picture: pictures.Image,
        *,
        printed_at: str,
        calling_ae: str,
        called_ae: str,
        copies: int = 1,
        priority: Priority = Priority.MED,
        session: Attributes | None = None,
    ) -> Sheet:
        """Lay one sheet into the tray. Its slip comes last: a sheet without one is not finished."""
        with self._lock:
            self._last += 1
            number = self._last
        sheet = Sheet(
            number=number,
            printed_at=printed_at,
            calling_ae=calling_ae,
            called_ae=called_ae,
            film_size=film.film_size,
            orientation=first(film.attributes, "FilmOrientation"),
            display_format=film.display_format,
            copies=copies,
            priority=str(priority),
            session=_chosen(session or {}),
            film_box=_listed(film.attributes),
            images=tuple(_image(film, box) for box in film.image_boxes if box.image is not None),
        )
        partial = self.directory / f".{number:04}.png.part"
        picture.save(partial, format="PNG", compress_level=1)
        partial.replace(self.picture(sheet))
        partial = self.directory / f".{number:04}.json.part"
        partial.write_text(json.dumps(asdict(sheet), indent=2) + "\n", encoding="utf-8")
        partial.replace(self.slip(sheet))
        return sheet

    def picture(self, sheet: Sheet) -> Path:
        """Where the picture of a sheet lies."""
        return self.directory / f"{sheet.number:04}.png"

    def slip(self, sheet: Sheet) -> Path:
        """Where the facts about a sheet lie."""
        return self.directory / f"{sheet.number:04}.json"


def _chosen(session: Attributes) -> dict[str, str]:
    return {keyword: first(session, keyword) for keyword in _SESSION if first(session, keyword)}


def _listed(attributes: Attributes) -> dict[str, list[str]]:
    return {keyword: list(values) for keyword, values in attributes.items()}


def _image(film: Film, box: ImageBox) -> PrintedImage:
    assert box.image is not None
    return PrintedImage(
        position=box.position,
        rows=box.image.rows,
        columns=box.image.columns,
        bits=box.image.bits_stored,
        photometric=box.image.photometric,
        pixels=box.image.pixels,
        lut=_lut(box.lut or film.lut),
        attributes=_listed(box.attributes),
    )


def _lut(lut: PresentationLut | None) -> str:
    if lut is None:
        return ""
    return lut.shape if lut.descriptor is None else f"table of {lut.entries}"


JAMMED = PoolStatus("FAILURE", "FILM JAM")
"""What a jammed printer says of itself (PS3.3 C.13.9.1)."""


@dataclass(frozen=True)
class HeldPixels:
    """Pixels that came in and are not on paper yet."""

    name: str
    content: bytes


class Holding:
    """Pixels that are coming in."""

    def __init__(self) -> None:
        self._content = bytearray()

    def fill(self, pieces: Iterable[memoryview]) -> None:
        """All that comes."""
        for piece in pieces:
            self._content += piece

    def finish(self, length: int) -> HeldPixels:
        """No more comes; `length` bytes of it are pixels."""
        content = bytes(self._content[:length])
        return HeldPixels(name_of(content), content)

    def discard(self) -> None:
        """They are not wanted."""
        self._content = bytearray()


class PaperPath:
    """Sheets come out one after the other, for all associations; it moves while it is on.

    It is the Intake of the printer's Print SCP: what is asked for is on paper when `accept`
    returns. While jammed, `accept` returns at once and keeps the film until the jam is cleared:
    that is what printers with a queue of their own do.
    """

    def __init__(
        self,
        name: str,
        tray: Tray,
        print_jobs: PrintJobs,
        scenario: Scenario,
        *,
        seconds_per_film: float,
        dpi: float,
        clock: Callable[[], datetime],
        note: Note,
    ) -> None:
        self._name = name
        self._tray = tray
        self._print_jobs = print_jobs
        self._scenario = scenario
        self._seconds_per_film = seconds_per_film
        self._dpi = dpi
        self._clock = clock
        self._note = note
        self._changed = threading.Condition()
        self._one_at_a_time = threading.Lock()
        self._on = False
        self._waiting: deque[tuple[PrintJob, Mapping[str, bytes]]] = deque()
        self._sheets: list[Sheet] = []

    @property
    def on(self) -> bool:
        """Whether anything can be printed."""
        with self._changed:
            return self._on

    @property
    def scenario(self) -> Scenario:
        """What is wrong with it now."""
        with self._changed:
            return self._scenario

    @property
    def sheets(self) -> list[Sheet]:
        """The sheets that came out, in order."""
        with self._changed:
            return list(self._sheets)

    def wait_for_sheets(self, number: int, timeout: float) -> list[Sheet]:
        """The sheets, as soon as there are `number`.

        Raises: TimeoutError: when there never are.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._sheets) >= number, timeout):
                raise TimeoutError(f"{self._name}: {len(self._sheets)} sheets, not {number}")
            return list(self._sheets)

    def switch(self, *, on: bool) -> None:
        """Switch on or off. What is on its way through when it is switched off is lost."""
        with self._changed:
            self._on = on
            self._changed.notify_all()

    def suffer(self, scenario: Scenario) -> None:
        """Change what is wrong."""
        with self._changed:
            self._scenario = scenario

    def resume(self) -> None:
        """Print what was taken during a jam, on a thread of its own, if it can be printed now."""
        threading.Thread(target=self._print_waiting, name=f"{self._name}-queue").start()

    # As the Print SCP's Intake

    def check_room(self, calling_ae: str, peer: str) -> None:
        """A printer keeps nothing for long."""

    def status(self) -> PoolStatus:
        """What N-GET of the Printer tells."""
        scenario = self.scenario
        if scenario.jam:
            return JAMMED
        return PoolStatus("WARNING", scenario.warning) if scenario.warning else NORMAL

    def receive(self, size: int, calling_ae: str, peer: str) -> Holding:  # noqa: ARG002 - in memory
        """Keep pixels in memory."""
        return Holding()

    def forget(self, received: Sequence[HeldPixels]) -> None:
        """Nothing to do: they are kept nowhere else."""

    def accept(
        self,
        request: PrintRequest,
        received: Sequence[HeldPixels],
        came: float,  # noqa: ARG002 - it is not counted here
    ) -> int:
        """Print, or keep while jammed; the Print Job's number.

        Raises: CannotStore: when it is switched off meanwhile, or the tray cannot be written.
        """
        pixels = {held.name: held.content for held in received}
        created = self._clock().strftime("%Y%m%d%H%M%S")
        with self._changed:
            jammed = self._scenario.jam
            job = self._print_jobs.begin(request, created, "FILM JAM" if jammed else "QUEUED")
            if jammed:
                self._waiting.append((job, pixels))
        if not jammed:
            self._print(job, pixels)
        return job.number

    def _print_waiting(self) -> None:
        while True:
            with self._changed:
                if not self._waiting or self._scenario.jam or not self._on:
                    return
                job, pixels = self._waiting.popleft()
            try:
                self._print(job, pixels)
            except CannotStore as error:
                # The modality was told success long ago; only the Print Job can say it now.
                self._note(Event.FILM_NOT_PRINTED, {"printer": self._name, "why": str(error)})

    def _print(self, job: PrintJob, pixels: Mapping[str, bytes]) -> None:
        with self._one_at_a_time:
            self._print_jobs.move(job, Execution.PRINTING)
            for film in job.request.films:
                if not self._turn_rollers(job.request.copies):
                    self._print_jobs.move(job, Execution.FAILURE, "PRINTER DOWN")
                    raise CannotStore("the printer was switched off while printing")
                try:
                    sheet = self._lay_down(film, job.request, pixels)
                except OSError as error:
                    self._print_jobs.move(job, Execution.FAILURE, "RECEIVER FULL")
                    raise CannotStore(f"the tray cannot be written: {error.strerror}") from error
                with self._changed:
                    self._sheets.append(sheet)
                    self._changed.notify_all()
            self._print_jobs.move(job, Execution.DONE)

    def _turn_rollers(self, copies: int) -> bool:
        """Take the time that the sheets take; False when it was switched off meanwhile."""
        with self._changed:
            slow = self._scenario.seconds
            seconds = (self._seconds_per_film if slow is None else slow) * copies
            return not self._changed.wait_for(lambda: not self._on, seconds)

    def _lay_down(self, film: Film, request: PrintRequest, pixels: Mapping[str, bytes]) -> Sheet:
        return self._tray.put(
            film,
            compose(film, pixels.__getitem__, self._dpi),
            printed_at=self._clock().isoformat(timespec="seconds"),
            calling_ae=request.calling_ae,
            called_ae=request.called_ae,
            copies=request.copies,
            priority=request.priority,
            session=request.session,
        )
