"""A modality that asks for one kind of film in the same words wherever it prints."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Timeouts
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Answer, Requestor
from tests.peers.film_kinds import Kind, Look
from tests.peers.speaker import dataset, image_box, picture, reference

ROWS, COLUMNS = 20, 24
PATIENCE_S = 20.0
_SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
_PRIVATE = 0x00291000
_NOT_OFFERED = 0x0122
"""SOP class not supported: what a modality makes of a context that was not accepted."""
_WARNINGS = (0x0000, 0x0001, 0x0107, 0x0116)
"""Success, and what says of it that something is otherwise; so do those from 0xB000 on."""


@dataclass(frozen=True)
class Told:
    """What became of a kind, as its modality was told."""

    refused: str = ""
    """The step that was refused; empty when all was accepted."""
    status: int = 0

    @property
    def printed(self) -> bool:
        """Whether the modality was told that it is printed."""
        return not self.refused

    def __str__(self) -> str:
        return f"{self.refused} 0x{self.status:04X}" if self.refused else "accepted"


class _Refused(Exception):
    def __init__(self, told: Told) -> None:
        self.told = told


@dataclass(frozen=True)
class _Console:
    """An association, and what is asked on it."""

    wire: Requestor

    @classmethod
    def open(cls, port: int, called_ae: str, kind: Kind) -> _Console:
        """Printers may take a film otherwise when Presentation LUT is offered: only who needs it
        offers it."""
        lut = [PRESENTATION_LUT] if kind.look or kind.offers_lut else []
        offers = [Offer(each, _SYNTAXES) for each in (GRAYSCALE_META, *lut)]
        return cls(
            Requestor.open(
                "127.0.0.1",
                port,
                calling_ae="CONSOLE",
                called_ae=called_ae,
                proposals=offers,
                timeouts=Timeouts(),
            )
        )

    def say(
        self,
        step: str,
        operation: Command,
        dataset: Dataset | None = None,
        on: str = GRAYSCALE_META,
        **command: Any,
    ) -> Answer:
        """The answer. Raises: _Refused: when it is a failure; warnings are none (PS3.7 C)."""
        context = self.wire.context(on)
        if context is None:
            raise _Refused(Told(step, _NOT_OFFERED))
        said: dict[str, Any] = {"CommandField": operation, **command}
        answer = self.wire.request(context, said, dataset, timeout_s=PATIENCE_S)
        if answer.status not in _WARNINGS and not 0xB000 <= answer.status <= 0xBFFF:
            raise _Refused(Told(step, answer.status))
        return answer

    def create(self, step: str, sop_class: str, dataset: Dataset) -> Answer:
        """N-CREATE."""
        on = PRESENTATION_LUT if sop_class == PRESENTATION_LUT else GRAYSCALE_META
        return self.say(step, Command.N_CREATE, dataset, on, AffectedSOPClassUID=sop_class)

    def fill(self, uid: str, dataset: Dataset) -> None:
        """N-SET of an image box."""
        self.say("image box", Command.N_SET, dataset, **_named(GRAYSCALE_IMAGE_BOX, uid))

    def print(self, sop_class: str, uid: str) -> None:
        """N-ACTION."""
        self.say("N-ACTION", Command.N_ACTION, **_named(sop_class, uid), ActionTypeID=1)


def ask(port: int, called_ae: str, kind: Kind, seed: int) -> Told:
    """Ask for a film of that kind on an association of its own; `seed` is that of its pixels.

    It stops at the first failure, as modalities do.
    """
    console = _Console.open(port, called_ae, kind)
    try:
        _ask(console, kind, seed)
    except _Refused as refused:
        return refused.told
    finally:
        console.wire.release()
    return Told()


def _ask(console: _Console, kind: Kind, seed: int) -> None:
    look = _look(console, kind)
    wanted = _attributes(kind.session, kind.private == "session")
    if look is not None and kind.look_in_session:
        wanted.ReferencedPresentationLUTSequence = [look]
    session = _uid(console.create("film session", FILM_SESSION, wanted))
    for film in range(kind.films):
        here = look if film == 0 and not kind.look_in_session else None
        box = _film(console, kind, session, seed + film, here)
        if not kind.whole_session:
            console.print(FILM_BOX, box)
    if kind.whole_session:
        console.print(FILM_SESSION, session)


def _film(console: _Console, kind: Kind, session: str, seed: int, look: Dataset | None) -> str:
    wanted = _attributes(kind.box, kind.private == "box")
    wanted.ImageDisplayFormat = kind.layout
    wanted.ReferencedFilmSessionSequence = [reference(FILM_SESSION, session)]
    if look is not None:
        wanted.ReferencedPresentationLUTSequence = [look]
    made = console.create("film box", FILM_BOX, wanted)
    assert made.dataset is not None
    items = made.dataset.ReferencedImageBoxSequence
    for position in range(1, kind.images + 1):
        image = _attributes(kind.image, kind.private == "image")
        for element in image_box(position, _picture(kind.bits, seed + 100 * position)):
            image.add(element)
        console.fill(str(items[position - 1].ReferencedSOPInstanceUID), image)
    return _uid(made)


def _look(console: _Console, kind: Kind) -> Dataset | None:
    """A reference to the LUT, once it is made."""
    if kind.look is Look.NONE:
        return None
    if kind.look in (Look.IDENTITY, Look.LIN_OD):
        wanted = dataset(PresentationLUTShape=str(kind.look))
    else:
        deep = (kind.bits == 12) == (kind.look is Look.TABLE)
        wanted = Dataset()
        wanted.PresentationLUTSequence = [_table(4096 if deep else 256)]
    made = console.create("Presentation LUT", PRESENTATION_LUT, wanted)
    return reference(PRESENTATION_LUT, _uid(made))


def _uid(made: Answer) -> str:
    return str(made.command.AffectedSOPInstanceUID)


def _named(sop_class: str, uid: str) -> dict[str, Any]:
    return {"RequestedSOPClassUID": sop_class, "RequestedSOPInstanceUID": uid}


def _table(entries: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [entries, 0, 12])
    steps = [round((each / (entries - 1)) ** 0.7 * 4095) for each in range(entries)]
    item.add_new("LUTData", "OW", struct.pack(f"<{entries}H", *steps))
    return item


def _attributes(wanted: Any, private: bool) -> Dataset:
    made = dataset(**wanted)
    if private:
        made.add_new(_PRIVATE - 0x1000 + 0x0010, "LO", "ACME")
        made.add_new(_PRIVATE + 0x0001, "LO", "X")
    return made


def _picture(bits: int, seed: int) -> Dataset:
    """Noise that no other seed has."""
    chance = random.Random(seed)
    if bits == 8:
        return picture(Rows=ROWS, Columns=COLUMNS, PixelData=chance.randbytes(ROWS * COLUMNS))
    levels = [chance.randrange(4096) for _ in range(ROWS * COLUMNS)]
    return picture(
        Rows=ROWS,
        Columns=COLUMNS,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelData=struct.pack(f"<{len(levels)}H", *levels),
    )
