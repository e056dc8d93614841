"""Modalities that print without a pause on a broker that is killed again and again.

Every film has pixels of its own. What was asked for, and what the broker said of it, stands in a
ledger; a film without 0x0000 was not accepted, whatever became of it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.dicom.upper_layer.connection import Broken, Rejected
from broker.dicom.upper_layer.requestor import Answer
from broker.spool.stored import name_of
from tests.bench.fates import Pixels
from tests.peers.speaker import Speaker, image_box, picture

MODALITIES = 4
SIDES = (4, 4, 4, 256)
"""Rows and columns of images; the large ones take several PDUs and writes."""


@dataclass
class Asked:
    """One film that a modality has laid out and asked for."""

    round: int
    accepted: bool = False
    """Whether the modality heard 0x0000."""


class Ledger:
    """Every film that was ever asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._films: dict[Pixels, Asked] = {}

    def ask(self, films: list[Pixels], round_number: int) -> None:
        """N-ACTION is about to leave for these."""
        with self._lock:
            self._films |= {film: Asked(round_number) for film in films}

    def accept(self, films: list[Pixels]) -> None:
        """0x0000 has come for these."""
        with self._lock:
            for film in films:
                self._films[film].accepted = True

    def films(self) -> Mapping[Pixels, Asked]:
        """All of them, as of now."""
        with self._lock:
            return dict(self._films)


class Door:
    """Where modalities find the broker of the moment, or wait for one."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._life = 0
        self._port = 0
        self._round = 0
        self._busy = 0
        self._over = False

    def open(self, port: int, round_number: int) -> None:
        """A new life of the broker listens."""
        with self._changed:
            self._life, self._port, self._round = self._life + 1, port, round_number
            self._changed.notify_all()

    def shut(self) -> None:
        """No modality opens an association any more; returns when none is open."""
        with self._changed:
            self._port = 0
            self._changed.wait_for(lambda: not self._busy)

    def close(self) -> None:
        """There will be no further life."""
        with self._changed:
            self._over, self._port = True, 0
            self._changed.notify_all()

    def enter(self, after: int) -> tuple[int, int, int] | None:
        """Life, port and round, as soon as a life after that one listens; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._port and self._life > after))
            if self._over:
                return None
            self._busy += 1
            return self._life, self._port, self._round

    def leave(self) -> None:
        """An association has ended."""
        with self._changed:
            self._busy -= 1
            self._changed.notify_all()


class Refused(Exception):
    """The broker answered a request with a failure status."""


class Modality:
    """Prints film after film until there is no broker any more."""

    def __init__(self, name: str, seed: int, ledger: Ledger, door: Door) -> None:
        self.name = name
        self.refusals = 0
        self.fault: BaseException | None = None
        self._random = random.Random(f"{seed} {name}")
        self._ledger = ledger
        self._door = door
        self._seed = seed
        self._images = 0
        self._thread = threading.Thread(target=self._work, name=name)

    def start(self) -> None:
        """Begin to wait for a broker."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end; raises what went wrong with it."""
        self._thread.join()
        if self.fault is not None:
            raise self.fault

    def _work(self) -> None:
        dead = 0
        while (entered := self._door.enter(dead)) is not None:
            life, port, round_number = entered
            try:
                self._associate(port, round_number)
            except (Broken, Rejected):
                dead = life
            except Refused:
                self.refusals += 1
            except BaseException as fault:  # noqa: BLE001 - told by `join`
                self.fault = fault
                return
            finally:
                self._door.leave()

    def _associate(self, port: int, round_number: int) -> None:
        ct = Speaker(port, calling_ae=self.name)
        try:
            _demand(ct.open_session())
            for _ in range(self._random.randint(1, 3)):
                self._print(ct, round_number)
            if self._random.random() < 0.8:
                ct.release()
                return
        finally:
            ct.abort()  # of no effect after a release

    def _print(self, ct: Speaker, round_number: int) -> None:
        """One print request, on a film box or on a film session of several."""
        whole = self._random.random() < 0.3
        films = [self._lay_out(ct) for _ in range(self._random.randint(1, 3) if whole else 1)]
        self._ledger.ask(films, round_number)
        if whole:
            _demand(ct.action(FILM_SESSION, ct.session))
            self._ledger.accept(films)
            # All its film boxes would be printed again by the next N-ACTION.
            _demand(ct.delete(FILM_SESSION, ct.session))
            _demand(ct.open_session())
            return
        _demand(ct.action(FILM_BOX, ct.film_box))
        self._ledger.accept(films)
        _demand(ct.delete(FILM_BOX, ct.film_box))

    def _lay_out(self, ct: Speaker) -> Pixels:
        images = self._random.randint(1, 2)
        _demand(ct.open_film_box(rf"STANDARD\1,{images}", FilmSizeID="8INX10IN"))
        names = []
        for position in range(1, images + 1):
            content, made = self._image(position)
            _demand(ct.set_image(position, made))
            names.append(name_of(content))
        return tuple(names)

    def _image(self, position: int) -> tuple[bytes, Dataset]:
        self._images += 1
        side = self._random.choice(SIDES)
        content = random.Random(f"{self._seed} {self.name} {self._images}").randbytes(side * side)
        shown = picture(Rows=side, Columns=side, PixelData=content)
        return content, image_box(position, shown)


class Modalities:
    """Four of them. Use it as a context manager: they print while their door is open, and have
    ended at the end, which raises what went wrong with one."""

    def __init__(self, seed: int, ledger: Ledger) -> None:
        self.door = Door()
        self._all = [
            Modality(f"CT{number}", seed, ledger, self.door) for number in range(1, MODALITIES + 1)
        ]

    def __enter__(self) -> Self:
        for each in self._all:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.door.close()
        for each in self._all:
            each.join()

    @property
    def refusals(self) -> int:
        """Requests that were answered with a failure status."""
        return sum(each.refusals for each in self._all)


def _demand(answer: Answer) -> None:
    if answer.status != statuses.SUCCESS:
        raise Refused(f"{answer.status:04x}")
