"""A site whose stored films are damaged on purpose: one printer, a broker, films told by pixels."""

from __future__ import annotations

import ctypes
import random
import time
from collections.abc import Callable, Collection
from pathlib import Path

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.emulator.printer import EmulatedPrinter
from broker.model.printers.printer import Duty
from broker.spool.stored import name_of
from broker.store.database import Database
from broker.store.printers import Printers
from broker.store.queue.jobs import Jobs
from tests.peers.broker_process import BrokerProcess
from tests.peers.speaker import Speaker, image_box, picture

PRINTER = "oki-1"
SIDE = 96
"""Rows and columns of each image: more bytes than a data set copies."""
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 1, 2

CONFIGURATION = """
[broker]
host = "127.0.0.1"
port = 0
grace_s = 2.0
{more}
[health]
interval_s = 0.2
rise = 1
timeout_s = 2
[retry]
first_delay_s = 0.05
max_delay_s = 0.1
[log]
format = "json"
[[printers]]
name = "{name}"
ae_title = "OKI1"
host = "127.0.0.1"
port = {port}
"""


def obey_modes() -> None:
    """From now on, files that their mode forbids to read cannot be read, also by root.

    For a process that is about to begin another program.
    """
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def pixels_of(number: int) -> bytes:
    """The image of that film; no two are equal."""
    return random.Random(number).randbytes(SIDE * SIDE)


def name_of_film(number: int) -> str:
    """What the spool calls it."""
    return name_of(pixels_of(number))


class DamageSite:
    """A folder with a configuration, for a printer that outlives its brokers."""

    def __init__(self, folder: Path, printer: EmulatedPrinter) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.printer = printer
        self.config = folder / "broker.toml"
        self.configure()

    def configure(self, more: str = "", database: str = "") -> None:
        """Write the configuration, with more lines for [broker], or another database."""
        text = CONFIGURATION.format(name=PRINTER, port=self.printer.port, more=more)
        if database:
            text += f'[database]\nurl = "{database}"\n'
        self.config.write_text(text)

    @property
    def data_dir(self) -> Path:
        """Database and spool."""
        return self.folder / "broker-data"

    @property
    def database_file(self) -> Path:
        """The SQLite file."""
        return self.data_dir / "broker.db"

    def spool_file(self, name: str) -> Path:
        """Where the spool keeps that."""
        return self.data_dir / "spool" / name[:2] / name

    def begin(self) -> BrokerProcess:
        """Start a broker; AssertionError when it does not come to listen."""
        return BrokerProcess(self.config, preexec=obey_modes)

    def open(self) -> tuple[Database, Jobs, Printers]:
        """Its store; the database is to be closed."""
        database = Database.open(f"sqlite:///{self.database_file}")
        return database, Jobs(database, time.time), Printers(database, time.time)


def print_films(port: int, films: Collection[int], calling_ae: str = "CT1") -> None:
    """One job: a film by N-ACTION on its film box, several by N-ACTION on their film session."""
    ct = Speaker(port, calling_ae=calling_ae)
    ct.open_session(MediumType="BLUE FILM", NumberOfCopies="1")
    for number in films:
        ct.open_film_box(FilmSizeID="14INX17IN", FilmOrientation="PORTRAIT", BorderDensity="BLACK")
        made = picture(Rows=SIDE, Columns=SIDE, PixelData=pixels_of(number))
        assert ct.set_image(1, image_box(1, made, Polarity="NORMAL")).status == statuses.SUCCESS
    on = (FILM_SESSION, ct.session) if len(films) > 1 else (FILM_BOX, ct.film_box)
    assert ct.action(*on).status == statuses.SUCCESS
    ct.release()


def wait_until(what: Callable[[], bool], patience_s: float) -> bool:
    """Whether it comes to be so in time, looked at every few milliseconds."""
    end = time.monotonic() + patience_s
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)  # another process changes the rows and the files: no event tells of it
    return True


def set_duty(printers: Printers, duty: Duty) -> None:
    """The operator's word for the printer."""
    printers.set_duty(PRINTER, duty, "")
