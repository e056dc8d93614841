"""What a Print SCP has to answer and to print, in plain data: PS3.4 Annex H and our leniencies.

Written from the standard and not from the broker, to be compared with it.

The order in which several mistakes are found is free: then each of their statuses is expected.
Leniencies, beyond the standard's: any film box may be set, printed and deleted, not the last one
only; without an instance UID the only object of its class is meant; an image may come with any
image box of its film, and an empty one gives way to it; a Presentation LUT may be deleted while
films refer to it; the film session's LUT and lighting hold for films without their own; enumerated
values and layouts may come in small letters; zero length means not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from broker.dicom import statuses
from tests.peers.print_objects import (
    FILM_BOX,
    IMAGE_BOX,
    LUT,
    PRINTER,
    SESSION,
    Box,
    FilmBox,
    Objects,
    Session,
)
from tests.peers.print_values import (
    FILM_KEYWORDS,
    FIXED_KEYWORDS,
    IMAGE_KEYWORDS,
    LIGHTING,
    SESSION_KEYWORDS,
    Elements,
    Picture,
    Printed,
    Values,
    after,
    lut_of,
    picture_of,
    places_of,
    read,
    values_of,
)

MEMBERS = {"print": (SESSION, FILM_BOX, IMAGE_BOX, PRINTER), "lut": (LUT,)}
"""Presentation context -> the classes that are asked for on it (H.3.2.2)."""
SERVICES = {
    SESSION: ("create", "set", "action", "delete"),
    FILM_BOX: ("create", "set", "action", "delete"),
    IMAGE_BOX: ("set",),
    LUT: ("create", "delete"),
    PRINTER: ("get",),
}
"""The tables of services in H.4.1.2, H.4.2.2, H.4.3.1.2, H.4.9.2 and H.4.6.2."""


@dataclass(frozen=True)
class Asked:
    """One request; its context is `print`, the Meta class's, or `lut`."""

    operation: str
    sop_class: str
    uid: str = ""
    context: str = "print"
    elements: Elements = field(default_factory=dict)
    action: int | None = 1


@dataclass(frozen=True)
class Expected:
    """What it has to be answered with, and what is so from then on if it is answered 0x0000."""

    statuses: frozenset[int]
    uid: str = ""
    """Affected SOP Instance UID of a success or warning; empty for a new one."""
    reply: Values | None = None
    """The attributes of the data set; None where it does not matter."""
    image_boxes: int = 0
    """How many are created with it."""
    then: Callable[[str, Sequence[str]], None] = lambda *_: None
    """Told the UIDs of the object and of its image boxes."""


class PrintModel(Objects):
    """One association: its objects, and what it must be answered."""

    def __init__(self) -> None:
        super().__init__()
        self.sessions = 0
        self.printed: list[Printed] = []

    def expect(self, asked: Asked) -> Expected:
        """What a request must be answered with; `then` makes it so."""
        if asked.sop_class not in MEMBERS[asked.context]:
            return _refused(statuses.NO_SUCH_SOP_CLASS)
        if asked.operation not in SERVICES[asked.sop_class]:
            return _refused(
                statuses.NO_SUCH_SOP_CLASS
                if asked.operation == "create"
                else statuses.UNRECOGNIZED_OPERATION
            )
        if asked.operation == "create":
            return self._create(asked)
        uid, faults = self.named(asked.sop_class, asked.uid)
        if asked.operation == "action":
            return self._action(asked, uid, faults)
        if faults:
            return _refused(*faults)
        if asked.operation == "set":
            change = {
                SESSION: self._set_session,
                FILM_BOX: self._set_film,
                IMAGE_BOX: self._set_box,
            }
            return change[asked.sop_class](asked, uid)
        if asked.operation == "delete":
            return Expected(frozenset({statuses.SUCCESS}), uid, then=lambda *_: self.forget(uid))
        return Expected(frozenset({statuses.SUCCESS}), uid)

    def _create(self, asked: Asked) -> Expected:
        faults = set()
        if asked.uid and not re.fullmatch(r"[0-9.]{1,64}", asked.uid):
            faults.add(statuses.INVALID_SOP_INSTANCE)
        if asked.uid in dict(self.objects()):
            faults.add(statuses.DUPLICATE_SOP_INSTANCE)
        if asked.sop_class == SESSION:
            return self._create_session(asked, faults)
        if asked.sop_class == FILM_BOX:
            return self._create_film(asked, faults)
        lut, wrong = lut_of(asked.elements)
        if faults | wrong:
            return _refused(*faults | wrong)
        return Expected(
            frozenset({statuses.SUCCESS}),
            asked.uid,
            then=lambda uid, _: self.luts.update({uid: lut}),
        )

    def _create_session(self, asked: Asked, faults: set[int]) -> Expected:
        """One film session on an association at a time (H.4.1.2.1.3)."""
        if self.session is not None:
            faults.add(statuses.DUPLICATE_SOP_INSTANCE)
        made = Session("", self.sessions + 1, {}, {}, None)
        faults |= self._change_session(made, asked.elements)
        if faults:
            return _refused(*faults)

        def then(uid: str, _: Sequence[str]) -> None:
            made.uid, self.sessions, self.session = uid, made.number, made

        return Expected(frozenset({statuses.SUCCESS}), asked.uid, made.reply(), then=then)

    def _set_session(self, asked: Asked, uid: str) -> Expected:
        session = self.session
        assert session is not None
        changed = Session(
            uid, session.number, session.attributes, session.lighting, session.lut, session.films
        )
        faults = self._change_session(changed, asked.elements)
        if faults:
            return _refused(*faults)

        def then(*_: object) -> None:
            self.session = changed

        return Expected(frozenset({statuses.SUCCESS}), uid, changed.reply(), then=then)

    def _change_session(self, session: Session, elements: Elements) -> set[int]:
        attributes, wrong = after(session.attributes, elements, SESSION_KEYWORDS)
        lighting, wrong_light = after(session.lighting, elements, LIGHTING)
        lut, wrong_lut = self.referenced(elements)
        session.attributes, session.lighting = attributes, lighting
        session.lut = lut or session.lut
        return wrong | wrong_light | wrong_lut

    def _create_film(self, asked: Asked, faults: set[int]) -> Expected:
        """A film box, and an image box for each place of its layout (H.4.2.2.1)."""
        if self.session is None:
            faults.add(statuses.INVALID_SOP_INSTANCE)
        references = asked.elements.get("ReferencedFilmSessionSequence", "absent")
        if references == "absent":
            faults.add(statuses.MISSING_ATTRIBUTE)
        elif not references:
            faults.add(statuses.MISSING_ATTRIBUTE_VALUE)
        elif self.session is not None and [
            each.get("ReferencedSOPInstanceUID") for each in references
        ] != [self.session.uid]:
            faults.add(statuses.INVALID_ATTRIBUTE_VALUE)
        layout = asked.elements.get("ImageDisplayFormat", "absent")
        if layout == "absent":
            faults.add(statuses.MISSING_ATTRIBUTE)
        elif not layout:
            faults.add(statuses.MISSING_ATTRIBUTE_VALUE)
        attributes, wrong = read(asked.elements, FIXED_KEYWORDS + FILM_KEYWORDS)
        lut, wrong_lut = self.referenced(asked.elements)
        faults |= wrong | wrong_lut
        if faults:
            return _refused(*faults)
        places = places_of(attributes["ImageDisplayFormat"][0])

        def then(uid: str, image_boxes: Sequence[str]) -> None:
            boxes = [Box(each, place) for place, each in enumerate(image_boxes, start=1)]
            assert self.session is not None
            self.session.films.append(FilmBox(uid, attributes, lut, boxes))

        return Expected(frozenset({statuses.SUCCESS}), asked.uid, attributes, places, then)

    def _set_film(self, asked: Asked, uid: str) -> Expected:
        """What is fixed at creation may be said again, but not be changed (H.4.2.2.2)."""
        film = self.film(uid)
        fixed, faults = read(asked.elements, FIXED_KEYWORDS)
        attributes, wrong = after(film.attributes, asked.elements, FILM_KEYWORDS)
        lut, wrong_lut = self.referenced(asked.elements)
        faults |= wrong | wrong_lut
        said = {each for each in FIXED_KEYWORDS if values_of(asked.elements, each)}
        if any(fixed.get(each) != film.attributes.get(each) for each in said):
            faults.add(statuses.NO_SUCH_ATTRIBUTE)
        if faults:
            return _refused(*faults)

        def then(*_: object) -> None:
            film.attributes, film.lut = attributes, lut or film.lut

        settable = {each: attributes[each] for each in FILM_KEYWORDS if each in attributes}
        return Expected(frozenset({statuses.SUCCESS}), uid, settable, then=then)

    def _set_box(self, asked: Asked, uid: str) -> Expected:
        """What is not said stays, but for the image: no item erases it (H.4.3.1.2.1)."""
        film, box = self.box(uid)
        attributes, faults = after(box.attributes, asked.elements, IMAGE_KEYWORDS)
        lut, wrong_lut = self.referenced(asked.elements)
        position, wrong = read(asked.elements, ["ImageBoxPosition"])
        faults |= wrong | wrong_lut
        items = asked.elements.get("BasicGrayscaleImageSequence", "absent")
        picture: Picture | None = None
        if items == "absent" or not (position or wrong):
            faults.add(statuses.MISSING_ATTRIBUTE_VALUE)
        if items != "absent" and items:
            picture, wrong_picture = picture_of(items[0])
            faults |= wrong_picture | (
                {statuses.INVALID_ATTRIBUTE_VALUE} if len(items) > 1 else set()
            )
        place = int(position["ImageBoxPosition"][0]) if position else 0
        there = [each for each in film.boxes if each.position == place]
        if position and (not there or (there[0] is not box and there[0].picture is not None)):
            faults.add(statuses.INVALID_ATTRIBUTE_VALUE)
        if faults:
            return _refused(*faults)

        def then(*_: object) -> None:
            there[0].position, box.position = box.position, place
            box.attributes, box.picture, box.lut = attributes, picture, lut or box.lut

        return Expected(frozenset({statuses.SUCCESS}), uid, then=then)

    def _action(self, asked: Asked, uid: str, faults: set[int]) -> Expected:
        """Empty films are not printed; one with nothing else is answered by a warning."""
        if asked.action != 1:
            faults.add(statuses.NO_SUCH_ACTION)
        session = self.session
        if not uid or session is None:
            return _refused(*faults)
        whole = asked.sop_class == SESSION
        films = session.films if whole else [self.film(uid)]
        full = [film for film in films if not film.empty]
        if not films:
            faults.add(statuses.NO_FILM_BOXES)
        elif not full:
            faults.add(statuses.EMPTY_FILM_SESSION if whole else statuses.EMPTY_FILM_BOX)
        if faults:
            return Expected(frozenset(faults), uid)

        def then(*_: object) -> None:
            self.printed.append(
                Printed(
                    film_session=session.number,
                    level=asked.sop_class,
                    session=session.attributes,
                    copies=int(session.attributes.get("NumberOfCopies", ("1",))[0]),
                    priority=session.attributes.get("PrintPriority", ("MED",))[0],
                    sheets=tuple(film.sheet(session) for film in full),
                )
            )

        return Expected(frozenset({statuses.SUCCESS}), uid, then=then)


def _refused(*allowed: int) -> Expected:
    return Expected(frozenset(allowed))
