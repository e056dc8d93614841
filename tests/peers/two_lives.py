"""Two lives of a broker: one that ends at a step, and one that goes on from there.

The data is the same, and the printer outlives both. Films are told apart by their pixels, so that
every sheet is known.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.dicom.upper_layer.connection import Broken
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import FilmState, State
from broker.spool.files import Spool
from broker.spool.stored import name_of
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.peers.broker_process import BrokerProcess
from tests.peers.configuration import UNREACHABLE
from tests.peers.doomed_broker import FRONT_DOOR, Nursery
from tests.peers.speaker import Speaker, image_box, picture

PATIENCE_S = 40.0
"""A broker whose films have not come out by then is killed, and its log says how far it came."""
FILMS = {1: (b"\x01", b"\x02"), 2: (b"\x03",), 3: (b"\x04",), 4: (b"\x05", b"\x06")}
"""The gray levels of each film's images. Job 1 is a film session of films 1 and 2, job 2 is film 3;
film 4 is what is being received in the cases of the front door."""
NAMES = {tuple(name_of(level * 16) for level in levels): film for film, levels in FILMS.items()}
"""A sheet's pixels -> the film."""

ASKED = ("asked", "n-action-left", "answered")
"""Steps at which a film has been asked for, and what was answered is not written down."""


@dataclass(frozen=True)
class Case:
    """Where the first broker dies; and, for `start`, where the second one dies."""

    step: str
    nth: int = 1
    film: int = 0
    """The film of job 1 that was in hand; 0 for none."""
    on_uncertain: str = "hold"
    start: str = ""

    def __str__(self) -> str:
        nth = f"film-{self.film}" if self.film else str(self.nth) if self.nth > 1 else ""
        image = str(self.nth) if self.step == "image-set" else ""
        reprint = "reprint" if self.on_uncertain == "reprint" else ""
        return "-".join(filter(None, (self.step, image, nth, reprint, self.start)))

    @property
    def uncertain(self) -> bool:
        """Whether a film is left of which it is not known whether it was printed."""
        return self.step in ASKED

    @property
    def on_paper(self) -> int:
        """Sheets that came out in the first life."""
        before_n_action = ("film-box-created", "image-set", "asked")
        if self.film:
            return self.film - (self.step in before_n_action)
        return 2 if self.step in ("lingers", "finished", "film-session-deleted", "released") else 0


@dataclass
class Evidence:
    """What a case has left behind, when everything that can be printed was printed."""

    witnesses: list[str] = field(default_factory=list)
    """Where brokers died, in their own words."""
    heard: int | None = None
    """The status that the modality heard for film 4."""
    held: dict[int, str] = field(default_factory=dict)
    """Held jobs and their reasons, before a person releases them."""
    states: dict[int, FilmState] = field(default_factory=dict)
    """Film of a held job -> its state."""
    before: Mapping[int, int] = field(default_factory=dict)
    """Film -> sheets, before a person releases anything."""
    sheets: Mapping[int, int] = field(default_factory=dict)
    """Film -> sheets, in the end."""
    orphans: set[str] = field(default_factory=set)
    """Spool files that no job refers to."""


def configured(folder: Path, printer: EmulatedPrinter | None, on_uncertain: str = "hold") -> Path:
    """The configuration file, with that printer, or with one that cannot be reached."""
    text = (
        '[broker]\nhost = "127.0.0.1"\nport = 0\n[health]\ninterval_s = 0.2\n[retry]\n'
        f'first_delay_s = 0.05\nmax_delay_s = 0.1\non_uncertain = "{on_uncertain}"\n'
        '[log]\nformat = "json"\n'
    )
    if printer is None:
        text += UNREACHABLE
    else:
        text += (
            f'[[printers]]\nname = "{printer.name}"\nae_title = "{printer.ae_title}"\n'
            f'host = "127.0.0.1"\nport = {printer.port}\n'
        )
    path = folder / "broker.toml"
    path.write_text(text)
    return path


def lay_out(ct: Speaker, film: int) -> None:
    """A film box with the film's pictures in its image boxes."""
    levels = FILMS[film]
    ct.open_film_box(rf"STANDARD\1,{len(levels)}", FilmSizeID="8INX10IN")
    for position, level in enumerate(levels, start=1):
        made = image_box(position, picture(PixelData=level * 16))
        assert ct.set_image(position, made).status == statuses.SUCCESS


def queue_films(folder: Path) -> None:
    """A broker whose printer cannot be reached takes films 1, 2 and 3, and is killed."""
    with BrokerProcess(configured(folder, None)) as broker:
        ct = Speaker(broker.port)
        ct.open_session()
        lay_out(ct, 1)
        lay_out(ct, 2)
        assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
        ct.release()
        ct = Speaker(broker.port)
        ct.open_session()
        lay_out(ct, 3)
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        ct.release()


def print_film_4(port: int) -> int | None:
    """A modality prints a film on a broker that is about to die; None when no answer came."""
    heard = None
    try:
        ct = Speaker(port)
        ct.open_session()
        lay_out(ct, 4)
        heard = ct.action(FILM_BOX, ct.film_box).status
        ct.release()
    except Broken:
        return heard
    return heard


class Aftermath:
    """The last life: a broker that is started as ever, and who looks at what it does."""

    def __init__(self, config: Path, printer: EmulatedPrinter) -> None:
        self.config = config
        self.printer = printer
        self.data_dir = config.parent / "broker-data"

    def look(self, evidence: Evidence, *, printed: bool) -> None:
        """Let everything come out, release what is held as a person would, and write it down."""
        with ExitStack() as stack:
            broker = stack.enter_context(BrokerProcess(self.config))
            watch = threading.Timer(PATIENCE_S, broker.process.kill)
            watch.start()
            stack.callback(watch.join)
            stack.callback(watch.cancel)
            database = Database.open(f"sqlite:///{self.data_dir / 'broker.db'}")
            stack.callback(database.close)
            jobs = Jobs(database, time.time)
            self._settle(broker, jobs)
            held = jobs.queries.list([State.HELD])
            evidence.held = {job.id: job.reason for job in held}
            evidence.states = {
                NAMES[film.film.spooled]: film.state
                for job in held
                for film in jobs.queries.films(job.id)
            }
            evidence.before = self._sheets()
            for job in held:
                jobs.commands.release(job.id, printed=printed)
            self._settle(broker, jobs)
            evidence.sheets = self._sheets()
            kept = set(Spool(self.data_dir / "spool").names())
            incoming = {path.name for path in (self.data_dir / "spool" / "incoming").iterdir()}
            evidence.orphans = (kept - jobs.references.spooled()) | incoming

    @staticmethod
    def _settle(broker: BrokerProcess, jobs: Jobs) -> None:
        for job in jobs.queries.list([State.QUEUED, State.PRINTING]):
            broker.wait_for("job sent", job=job.id)

    def _sheets(self) -> Mapping[int, int]:
        return Counter(NAMES[sheet.pixels] for sheet in self.printer.sheets)


def run(case: Case, nursery: Nursery, queued: Path, folder: Path) -> Evidence:
    """Play a case on its own copy of the queued films."""
    shutil.copytree(queued, folder)
    evidence = Evidence()
    front = case.step in FRONT_DOOR
    with EmulatedPrinter("oki-1", "OKI1", folder / "tray", dpi=10) as printer:
        config = configured(folder, None if front else printer, case.on_uncertain)
        nursery.bear(config, case.step, case.nth)
        if front:
            evidence.heard = print_film_4(nursery.wait_for_port())
        evidence.witnesses.append(nursery.wait_for_death())
        if front:
            configured(folder, printer)
        else:
            printer.wait_for_sheets(case.on_paper)
        if case.start:
            nursery.bear(config, case.start, 1)
            evidence.witnesses.append(nursery.wait_for_death())
        Aftermath(config, printer).look(evidence, printed=case.step != "asked")
    return evidence
