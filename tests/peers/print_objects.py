"""The objects that print requests make, in plain data: PS3.3 B.18 and PS3.4 Annex H.

For the model of the Print SCP, and independent of the broker like it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from broker.dicom import statuses
from tests.peers.print_values import Elements, Lut, Picture, Place, Sheet, Values

SESSION, FILM_BOX, IMAGE_BOX = "film session", "film box", "image box"
LUT, PRINTER = "presentation LUT", "printer"
PRINTER_UID = "1.2.840.10008.5.1.1.17"


@dataclass
class Box:
    """An image box."""

    uid: str
    position: int
    attributes: Values = field(default_factory=dict)
    picture: Picture | None = None
    lut: Lut | None = None


@dataclass
class FilmBox:
    """A film box."""

    uid: str
    attributes: Values
    lut: Lut | None
    boxes: list[Box]

    @property
    def empty(self) -> bool:
        """Whether there is nothing on it."""
        return all(box.picture is None for box in self.boxes)

    def sheet(self, session: Session) -> Sheet:
        """What must come out; the film session's LUT and lighting hold where it has none."""
        boxes = sorted(self.boxes, key=lambda box: box.position)
        return Sheet(
            attributes=session.lighting | self.attributes,
            lut=self.lut or session.lut,
            places=tuple(Place(b.position, b.attributes, b.picture, b.lut) for b in boxes),
        )


@dataclass
class Session:
    """A film session."""

    uid: str
    number: int
    attributes: Values
    lighting: Values
    lut: Lut | None
    films: list[FilmBox] = field(default_factory=list)

    def reply(self) -> Values:
        """What N-CREATE and N-SET answer with: what was set, and the defaults."""
        defaults = {"NumberOfCopies": ("1",), "PrintPriority": ("MED",)}
        return defaults | self.attributes | self.lighting


class Objects:
    """All of one association's."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.luts: dict[str, Lut] = {}

    def objects(self) -> Iterator[tuple[str, str]]:
        """UID and class of all there is, the oldest of a class first."""
        yield PRINTER_UID, PRINTER
        if self.session is not None:
            yield self.session.uid, SESSION
            for film in self.session.films:
                yield film.uid, FILM_BOX
                yield from ((box.uid, IMAGE_BOX) for box in film.boxes)
        yield from ((uid, LUT) for uid in self.luts)

    def pictures(self) -> int:
        """How many may still be asked for."""
        films = self.session.films if self.session is not None else []
        return sum(box.picture is not None for film in films for box in film.boxes)

    def box(self, uid: str) -> tuple[FilmBox, Box]:
        """An image box and the film that it lies on."""
        assert self.session is not None
        return next((f, b) for f in self.session.films for b in f.boxes if b.uid == uid)

    def film(self, uid: str) -> FilmBox:
        """A film box."""
        assert self.session is not None
        return next(film for film in self.session.films if film.uid == uid)

    def named(self, sop_class: str, uid: str) -> tuple[str, set[int]]:
        """The instance that is meant, or why there is none (PS3.7 10.1)."""
        of_class = [uid for uid, each in self.objects() if each == sop_class]
        if not uid:
            return (
                (of_class[0], set())
                if len(of_class) == 1
                else ("", {statuses.NO_SUCH_SOP_INSTANCE})
            )
        if uid in of_class:
            return uid, set()
        # The Printer is not among the objects of an association: it may count as none of them.
        printers = PRINTER in (sop_class, dict(self.objects()).get(uid))
        if uid in dict(self.objects()):
            return "", {
                statuses.CLASS_INSTANCE_CONFLICT,
                statuses.NO_SUCH_SOP_INSTANCE,
            } if printers else {statuses.CLASS_INSTANCE_CONFLICT}
        return "", {statuses.NO_SUCH_SOP_INSTANCE}

    def referenced(self, elements: Elements) -> tuple[Lut | None, set[int]]:
        """The Presentation LUT that is referred to, if any, or what is wrong with that."""
        named = [
            each.get("ReferencedSOPInstanceUID")
            for each in elements.get("ReferencedPresentationLUTSequence") or []
        ]
        if not named:
            return None, set()
        if len(named) > 1 or named[0] not in self.luts:
            return None, {statuses.INVALID_ATTRIBUTE_VALUE}
        return self.luts[named[0]], set()

    def forget(self, uid: str) -> None:
        """It is deleted; with a film session all its films go (H.4.1.2.3)."""
        if self.luts.pop(uid, None) is not None or self.session is None:
            return
        if self.session.uid == uid:
            self.session = None
        else:
            self.session.films = [film for film in self.session.films if film.uid != uid]
