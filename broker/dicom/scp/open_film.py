"""The objects of a print that a modality may still change: film session, film boxes, image boxes,
Presentation LUTs (PS3.4 H.2.4), and how they are frozen into a print request.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Protocol

from broker.dicom.attributes import invalid
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRESENTATION_LUT
from broker.model.films.capabilities import Combination, PrintObject, traits, traits_of_film_box
from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut, first
from broker.model.films.layout import Layout
from broker.model.jobs.job import Level, PrintRequest, Priority


class Received(Protocol):
    """Pixels that arrived and wait to be asked for or forgotten."""

    @property
    def name(self) -> str:
        """Name in the spool."""


@dataclass(eq=False)
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
    more: bytes = b""
    """Elements that print does not name: see `dicom.other_elements`."""
    image_more: bytes = b""
    not_relayed: tuple[str, ...] = ()
    refused: str = ""
    """The status by which the last image for it was refused; empty when another came since."""
    printed: bool = False
    """Whether a job has a copy of the image: then its pixels are the job's."""

    @property
    def unprinted_bytes(self) -> int:
        """Of pixels that are kept for this association alone."""
        return 0 if self.printed or self.image is None else self.image.length


@dataclass(eq=False)
class OpenFilmBox:
    """One film box while the modality may still set it."""

    uid: str
    layout: Layout
    attributes: Attributes
    image_boxes: list[OpenImageBox]
    lut: PresentationLut | None = None
    more: bytes = b""
    not_relayed: tuple[str, ...] = ()
    sop_class: str = FILM_BOX

    def place(self, box: OpenImageBox, position: int) -> None:
        """Give an image box its place. An empty box that was created for that place is moved.

        Raises: Fault: 0x0106 when there is no such place, or another image has it.
        """
        keyword = "ImageBoxPosition"
        if not 1 <= position <= len(self.image_boxes):
            raise invalid(keyword, f"is not 1 to {len(self.image_boxes)}")
        other = next(each for each in self.image_boxes if each.position == position)
        if other is not box:
            if other.image is not None:
                raise invalid(keyword, "is that of another image")
            other.position, box.position = box.position, position

    def freeze(self, session: OpenFilmSession) -> Film:
        """Its frozen copy; the film session's LUT and lighting hold where it is silent."""
        ordered = sorted(self.image_boxes, key=lambda box: box.position)
        return Film(
            attributes={**session.lighting, **self.attributes},
            image_boxes=tuple(
                ImageBox(
                    box.position,
                    dict(box.attributes),
                    box.image,
                    box.lut,
                    box.more,
                    box.image_more,
                    box.refused,
                )
                for box in ordered
            ),
            lut=self.lut or session.lut,
            lut_of_session=self.lut is None and session.lut is not None,
            more=self.more,
            session_more=session.more,
            not_relayed=tuple(
                dict.fromkeys(
                    chain(
                        session.not_relayed,
                        self.not_relayed,
                        *(box.not_relayed for box in ordered),
                    )
                )
            ),
        )

    def asks(self, session: OpenFilmSession) -> Combination:
        """What it asks of a printer, with its film session, but for its images."""
        own = {**session.lighting, **self.attributes}
        return session.asks | traits_of_film_box(own, self.lut or session.lut)

    @property
    def more_bytes(self) -> int:
        """Of elements that print does not name, on the film box and its image boxes."""
        return len(self.more) + sum(len(box.more) + len(box.image_more) for box in self.image_boxes)

    @property
    def has_image(self) -> bool:
        """Whether anything lies on it."""
        return any(box.image is not None for box in self.image_boxes)

    def received(self) -> list[Received]:
        """The pixels of its images."""
        return [box.received for box in self.image_boxes if box.received is not None]


@dataclass(eq=False)
class OpenFilmSession:
    """The film session of an association."""

    uid: str
    attributes: Attributes
    lighting: Attributes = field(default_factory=dict)
    """Illumination and ReflectedAmbientLight, from modalities older than CP 173."""
    lut: PresentationLut | None = None
    more: bytes = b""
    not_relayed: tuple[str, ...] = ()
    film_boxes: list[OpenFilmBox] = field(default_factory=list)
    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells it from every other film session that ever was; UIDs of modalities may repeat."""
    sop_class: str = FILM_SESSION

    @property
    def asks(self) -> Combination:
        """What it asks of a printer."""
        return traits(PrintObject.SESSION, self.attributes)

    @property
    def copies(self) -> int:
        """Number of Copies, 1 by default."""
        return int(first(self.attributes, "NumberOfCopies", "1"))

    @property
    def priority(self) -> Priority:
        """How urgent it is; as MED where it has a word of its own for that."""
        sent = first(self.attributes, "PrintPriority")
        return Priority(sent) if sent in tuple(Priority) else Priority.MED

    def freeze(
        self,
        boxes: Sequence[OpenFilmBox],
        level: Level,
        *,
        calling_ae: str,
        called_ae: str,
        peer: str,
        lut_class: bool = False,
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
            copies=self.copies,
            priority=self.priority,
            lut_class=lut_class,
        )


@dataclass(eq=False)
class OpenLut:
    """A Presentation LUT; lives until N-DELETE or the end of the association (PS3.4 H.4.9.1)."""

    uid: str
    lut: PresentationLut
    not_relayed: tuple[str, ...] = ()
    sop_class: str = PRESENTATION_LUT
