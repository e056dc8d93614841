"""The objects of one association: its film session, film boxes, image boxes and LUTs (PS3.4 H.2.4).

Nothing here is shared between associations, and nothing outlives one: what was not actioned is
forgotten with it (PS3.4 H.5).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydicom.uid import generate_uid

from broker.dicom import statuses
from broker.dicom.sop_classes import (
    FILM_BOX,
    FILM_SESSION,
    PRESENTATION_LUT,
    PRINTER_INSTANCE,
)
from broker.dicom.statuses import Fault
from broker.model.film import Attributes, Film, Image, ImageBox, PresentationLut, first
from broker.model.job import Level, PrintRequest, Priority
from broker.model.layout import Layout


class Received(Protocol):
    """Pixels that arrived and wait to be asked for or forgotten."""

    @property
    def name(self) -> str:
        """SHA-256 of the bytes, in hex."""


@dataclass
class OpenImageBox:
    """One image box while the modality may still set it."""

    uid: str
    sop_class: str
    position: int
    """As set by the modality; until then, as created."""
    attributes: Attributes = field(default_factory=dict)
    image: Image | None = None
    received: Received | None = None
    lut: PresentationLut | None = None


@dataclass
class OpenFilmBox:
    """One film box while the modality may still set it."""

    uid: str
    layout: Layout
    attributes: Attributes
    image_boxes: list[OpenImageBox]
    lut: PresentationLut | None = None
    sop_class: str = FILM_BOX

    def place(self, box: OpenImageBox, position: int) -> None:
        """Give an image box its place; Fault 0x0106 when another image lies there.

        An empty box that was created for that place moves out of the way.
        """
        if not 1 <= position <= len(self.image_boxes):
            raise Fault(
                statuses.INVALID_ATTRIBUTE_VALUE,
                f"Image Box Position is not 1 to {len(self.image_boxes)}",
            )
        other = next(each for each in self.image_boxes if each.position == position)
        if other is not box:
            if other.image is not None:
                raise Fault(
                    statuses.INVALID_ATTRIBUTE_VALUE, "another image has that Image Box Position"
                )
            other.position, box.position = box.position, position

    def freeze(self, session: OpenFilmSession) -> Film:
        """Its frozen copy; the film session's LUT and lighting hold where it is silent."""
        ordered = sorted(self.image_boxes, key=lambda box: box.position)
        return Film(
            attributes={**session.lighting, **self.attributes},
            image_boxes=tuple(
                ImageBox(box.position, dict(box.attributes), box.image, box.lut) for box in ordered
            ),
            lut=self.lut or session.lut,
        )

    @property
    def has_image(self) -> bool:
        """Whether anything lies on it."""
        return any(box.image is not None for box in self.image_boxes)

    def received(self) -> list[Received]:
        """The pixels of its images."""
        return [box.received for box in self.image_boxes if box.received is not None]


@dataclass
class OpenFilmSession:
    """The film session of an association."""

    uid: str
    attributes: Attributes
    lighting: Attributes = field(default_factory=dict)
    """Illumination and ReflectedAmbientLight, from modalities older than CP 173."""
    lut: PresentationLut | None = None
    film_boxes: list[OpenFilmBox] = field(default_factory=list)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells it from every other film session that ever was; UIDs of modalities may repeat."""
    sop_class: str = FILM_SESSION

    def freeze(
        self,
        boxes: Sequence[OpenFilmBox],
        level: Level,
        *,
        calling_ae: str,
        called_ae: str,
        peer: str,
    ) -> PrintRequest:
        """The frozen copy of what a print request asks for, these film boxes being its films."""
        return PrintRequest(
            calling_ae=calling_ae,
            called_ae=called_ae,
            peer=peer,
            film_session=self.key,
            level=level,
            session=dict(self.attributes),
            films=tuple(box.freeze(self) for box in boxes),
            copies=int(first(self.attributes, "NumberOfCopies", "1")),
            priority=Priority(first(self.attributes, "PrintPriority", "MED")),
        )


@dataclass
class OpenLut:
    """A Presentation LUT; lives until N-DELETE or the end of the association (PS3.4 H.4.9.1)."""

    uid: str
    lut: PresentationLut
    sop_class: str = PRESENTATION_LUT


IMAGE_BOXES_EACH = 10
"""Image boxes that a film session may have for every film box that it may have."""
MAX_LUTS = 640
"""Each has a table of up to 8 KB."""

Node = OpenFilmSession | OpenFilmBox | OpenImageBox | OpenLut


class FilmTree:
    """All objects of one association, found by UID."""

    def __init__(self, film_boxes: int) -> None:
        """With room for so many film boxes."""
        self._film_boxes = film_boxes
        self.session: OpenFilmSession | None = None
        self.luts: dict[str, OpenLut] = {}

    def nodes(self) -> Iterable[Node]:
        """Every object, film session first."""
        if self.session is not None:
            yield self.session
            for film_box in self.session.film_boxes:
                yield film_box
                yield from film_box.image_boxes
        yield from self.luts.values()

    def check_room(self, sop_class: str) -> None:
        """Fault 0x0213 when there are as many of a class as any print needs (promise 9)."""
        boxes = self.session.film_boxes if self.session is not None else []
        full = {
            FILM_BOX: len(boxes) >= self._film_boxes
            or sum(len(box.image_boxes) for box in boxes) >= self._film_boxes * IMAGE_BOXES_EACH,
            PRESENTATION_LUT: len(self.luts) >= MAX_LUTS,
        }
        if full.get(sop_class):
            raise Fault(statuses.RESOURCE_LIMITATION, "the association has too many of them")

    def find(self, uid: str, sop_class: str) -> Node:
        """The object that a request names.

        Without a UID, the only one of its class: some modalities send none. Fault 0x0112 when there
        is none, 0x0119 when the UID is of another class.
        """
        if not uid:
            candidates = [node for node in self.nodes() if node.sop_class == sop_class]
            if len(candidates) == 1:
                return candidates[0]
            raise Fault(
                statuses.NO_SUCH_SOP_INSTANCE,
                f"no instance named, and {len(candidates)} to choose from",
            )
        for node in self.nodes():
            if node.uid == uid:
                if node.sop_class != sop_class:
                    raise Fault(
                        statuses.CLASS_INSTANCE_CONFLICT, "the instance is of another class"
                    )
                return node
        raise Fault(statuses.NO_SUCH_SOP_INSTANCE, "no such instance on this association")

    def new_uid(self, asked: str) -> str:
        """The UID for a new object: the one asked for, or a fresh one.

        Fault 0x0117 when it is no UID, 0x0111 when it is taken; the Printer's always is.
        """
        if not asked:
            return fresh_uid()
        if not _is_uid(asked):
            raise Fault(statuses.INVALID_SOP_INSTANCE, "the instance UID is no UID")
        if asked == PRINTER_INSTANCE or any(node.uid == asked for node in self.nodes()):
            raise Fault(statuses.DUPLICATE_SOP_INSTANCE, "the instance UID is taken")
        return asked

    def film_box_of(self, image_box: OpenImageBox) -> OpenFilmBox:
        """The film box that an image box lies on."""
        assert self.session is not None
        return next(box for box in self.session.film_boxes if image_box in box.image_boxes)

    @property
    def pixel_bytes(self) -> int:
        """Of all images that lie on open image boxes."""
        return sum(
            node.image.length
            for node in self.nodes()
            if isinstance(node, OpenImageBox) and node.image is not None
        )

    def received(self) -> list[Received]:
        """All pixels that arrived for objects which still are."""
        return [
            node.received
            for node in self.nodes()
            if isinstance(node, OpenImageBox) and node.received is not None
        ]


def fresh_uid() -> str:
    """A UID that nobody else has (PS3.5 B.2)."""
    return str(generate_uid(prefix=None))


def _is_uid(text: str) -> bool:
    """Digits and dots, at most 64.

    Zeros in front of a component are let pass: some modalities put a date or a time there.
    """
    return len(text) <= 64 and set(text) <= set("0123456789.")
