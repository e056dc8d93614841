"""The objects of one association, found by UID (PS3.4 H.2.4), and the way to them and back from the
data sets of N-CREATE and N-SET.

Nothing here is shared between associations, and nothing outlives one: what was not actioned is
forgotten with it (PS3.4 H.5). Every function either leaves its object as it was and raises a Fault,
or changes it whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from broker.dicom import attributes, luts, pixels, statuses
from broker.dicom.other_elements import LONGEST, others
from broker.dicom.scp.open_film import OpenFilmBox, OpenFilmSession, OpenImageBox, OpenLut, Received
from broker.dicom.statuses import Fault
from broker.dicom.tolerance import Tolerate, Tolerated
from broker.dicom.uids import (
    COLOR_IMAGE_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    PRESENTATION_LUT,
    PRINTER_INSTANCE,
    fresh_uid,
)
from broker.model.films.film import Attributes, Image, PresentationLut
from broker.model.films.layout import PRINTERS_OWN, Layout, UnreadableLayout

IMAGE_BOXES_EACH = 10
"""Image boxes that a film session may have for every film box that it may have."""
MAX_LUTS = 640
"""Each has a table of mostly 8 KB, and up to 4 KB of elements that print does not name."""

Node = OpenFilmSession | OpenFilmBox | OpenImageBox | OpenLut


class FilmTree:
    """All objects of one association.

    No request takes longer because there are many: a modality may have thousands.
    """

    def __init__(self, film_boxes: int) -> None:
        """A film session may have `film_boxes` film boxes."""
        self._film_boxes = film_boxes
        self.session: OpenFilmSession | None = None
        self._nodes: dict[str, Node] = {}
        """By UID."""
        self._numbers: Counter[str] = Counter()
        """SOP class -> how many there are."""
        self._lies_on: dict[str, OpenFilmBox] = {}
        """UID of an image box -> its film box."""
        self.unprinted_bytes = 0
        """Of all images that no job has a copy of."""
        self.unprinted_images = 0
        """How many these are. Any thread may ask."""
        self._unprinted_films: set[str] = set()
        """UIDs of film boxes that no job has a copy of."""

    @property
    def unfinished(self) -> bool:
        """Whether there is a film box or an image that no job has a copy of. Any thread may ask."""
        return bool(self._unprinted_films or self.unprinted_images)

    def add(self, node: OpenFilmSession | OpenFilmBox | OpenLut) -> None:
        """Take in a new object; a film box with its image boxes."""
        self._enter(node)
        if isinstance(node, OpenFilmSession):
            self.session = node
        elif isinstance(node, OpenFilmBox):
            assert self.session is not None
            self.session.film_boxes.append(node)
            self._unprinted_films.add(node.uid)
            for box in node.image_boxes:
                self._enter(box)
                self._lies_on[box.uid] = node

    def remove(self, node: Node) -> list[Received]:
        """Forget an object and all below it; the pixels that arrived for them."""
        if isinstance(node, OpenFilmSession):
            self._leave(node)
            self.session = None
            return [each for box in node.film_boxes for each in self._clear(box)]
        if isinstance(node, OpenFilmBox):
            assert self.session is not None
            self.session.film_boxes.remove(node)
            return self._clear(node)
        self._leave(node)
        return []

    def check_room(self, sop_class: str) -> None:
        """Raises: Fault: 0x0213 when there are as many of a class as a print needs (promise 9)."""
        full = {
            FILM_BOX: self._numbers[FILM_BOX] >= self._film_boxes
            or len(self._lies_on) >= self._film_boxes * IMAGE_BOXES_EACH,
            PRESENTATION_LUT: self._numbers[PRESENTATION_LUT] >= MAX_LUTS,
        }
        if full.get(sop_class):
            raise Fault(statuses.RESOURCE_LIMITATION, "the association has too many of them")

    def find(self, uid: str, sop_class: str) -> Node:
        """The object that a request names.

        Without a UID, the only one of its class: some modalities send none.

        Raises: Fault: 0x0112 when there is none, 0x0119 when the UID is of another class.
        """
        if not uid:
            number = self._numbers[sop_class]
            if number == 1:
                return next(node for node in self._nodes.values() if node.sop_class == sop_class)
            raise Fault(
                statuses.NO_SUCH_SOP_INSTANCE, f"no instance named, and {number} to choose from"
            )
        node = self._nodes.get(uid)
        if node is None:
            raise Fault(statuses.NO_SUCH_SOP_INSTANCE, "no such instance on this association")
        if node.sop_class != sop_class:
            raise Fault(statuses.CLASS_INSTANCE_CONFLICT, "the instance is of another class")
        return node

    def lut(self, uid: str) -> OpenLut | None:
        """The Presentation LUT of that UID, if there is one."""
        node = self._nodes.get(uid)
        return node if isinstance(node, OpenLut) else None

    def new_uid(self, asked: str) -> str:
        """The UID for a new object: the one asked for, or a fresh one.

        Raises: Fault: 0x0117 when it is no UID, 0x0111 when it is taken; the Printer's always is.
        """
        if not asked:
            return fresh_uid()
        if not _is_uid(asked):
            raise Fault(statuses.INVALID_SOP_INSTANCE, "the instance UID is no UID")
        if asked == PRINTER_INSTANCE or asked in self._nodes:
            raise Fault(statuses.DUPLICATE_SOP_INSTANCE, "the instance UID is taken")
        return asked

    def film_box_of(self, image_box: OpenImageBox) -> OpenFilmBox:
        """The film box that an image box lies on."""
        return self._lies_on[image_box.uid]

    def to_print(self, node: Node) -> list[OpenFilmBox]:
        """The film boxes of a film session, or this one, as far as anything lies on them.

        Raises: Fault: 0xC600 for a film session that has none at all.
        """
        if isinstance(node, OpenFilmSession) and not node.film_boxes:
            raise Fault(statuses.NO_FILM_BOXES, "the film session has no film boxes")
        boxes = node.film_boxes if isinstance(node, OpenFilmSession) else [node]
        return [box for box in boxes if isinstance(box, OpenFilmBox) and box.has_image]

    def recount(self, image_box: OpenImageBox, before: int) -> None:
        """An image box has another image now, or a job has its image: it had so many unprinted
        bytes before."""
        now = image_box.unprinted_bytes
        self.unprinted_bytes += now - before
        self.unprinted_images += bool(now) - bool(before)

    def printed(self, film_boxes: Iterable[OpenFilmBox]) -> None:
        """A job has a copy of these films."""
        for film_box in film_boxes:
            self._unprinted_films.discard(film_box.uid)
            for box in film_box.image_boxes:
                before = box.unprinted_bytes
                box.printed = True
                self.recount(box, before)

    def received(self) -> list[Received]:
        """All pixels that arrived for objects which still are."""
        boxes = self.session.film_boxes if self.session is not None else []
        return [each for box in boxes for each in box.received()]

    def _clear(self, film_box: OpenFilmBox) -> list[Received]:
        self._leave(film_box)
        self._unprinted_films.discard(film_box.uid)
        for box in film_box.image_boxes:
            self._leave(box)
            del self._lies_on[box.uid]
            self.unprinted_bytes -= box.unprinted_bytes
            self.unprinted_images -= bool(box.unprinted_bytes)
        return film_box.received()

    def _enter(self, node: Node) -> None:
        self._nodes[node.uid] = node
        self._numbers[node.sop_class] += 1

    def _leave(self, node: Node) -> None:
        del self._nodes[node.uid]
        self._numbers[node.sop_class] -= 1


def _is_uid(text: str) -> bool:
    """Digits and dots, at most 64.

    Zeros in front of a component are let pass: some modalities put a date or a time there.
    """
    return len(text) <= 64 and set(text) <= set("0123456789.")


def _tags(*keywords: str) -> frozenset[BaseTag]:
    return frozenset(map(attributes.tag, keywords))


_LUT = "ReferencedPresentationLUTSequence"
_OF_SESSION = _tags(*attributes.FILM_SESSION, *attributes.LIGHTING, _LUT)
_OF_FILM_BOX = _tags(*attributes.FILM_BOX, _LUT, "ReferencedFilmSessionSequence")
_OF_IMAGE_BOX = _tags(*attributes.IMAGE_BOX, _LUT, "ImageBoxPosition")
_OF_IMAGE = _tags(
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "PixelAspectRatio",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)


def set_session(
    session: OpenFilmSession, dataset: Dataset, tree: FilmTree, tolerate: Tolerate
) -> None:
    """N-CREATE and N-SET of the film session (PS3.4 H.4.1.2.1)."""
    changed = attributes.changed(session.attributes, dataset, attributes.FILM_SESSION, tolerate)
    lighting = attributes.changed(session.lighting, dataset, attributes.LIGHTING)
    lut = _referenced_lut(dataset, tree)
    session.attributes, session.lighting = changed, lighting
    session.more, left_out = others(dataset, _OF_SESSION, session.more)
    session.not_relayed = (*session.not_relayed, *left_out)
    _look_like(session, lut, dataset)


def session_reply(session: OpenFilmSession) -> Dataset:
    """The attributes as accepted, with the defaults that were used."""
    reply = Dataset()
    defaults = {"NumberOfCopies": ("1",), "PrintPriority": ("MED",)}
    attributes.write({**defaults, **session.attributes, **session.lighting}, reply)
    return reply


def printers_own(dataset: Dataset) -> Attributes | None:
    """The attributes of a film box whose format is the printer's own affair, the format as the
    standard spells it; else None, also where they cannot be read."""
    try:
        layout = _layout(dataset, made=1)
    except Fault:
        return None
    if layout.kind not in PRINTERS_OWN:
        return None
    sent = attributes.read(dataset, attributes.FILM_BOX, lambda *_: None)
    return {**sent, "ImageDisplayFormat": (layout.text,)}


def film_box(
    uid: str,
    dataset: Dataset,
    tree: FilmTree,
    tolerate: Tolerate,
    *,
    color: bool,
    made: int = 0,
) -> OpenFilmBox:
    """N-CREATE of a film box, with one image box for every place of its layout; `made` are those
    that a printer makes, where the format is its own affair.

    Raises: Fault: 0x0117 before there is a film session, 0x0120 or 0x0121 without a format, 0x0106
    for a format that cannot be read or has too many places (PS3.4 H.4.2.2.1); what is not tolerated
    of its reference to the film session, and of its values.
    """
    if tree.session is None:
        raise Fault(statuses.INVALID_SOP_INSTANCE, "a film box needs a film session first")
    _check_session_reference(dataset, tree.session, tolerate)
    layout = _layout(dataset, made)
    sent = attributes.read(dataset, attributes.FILM_BOX, tolerate)
    lut = _referenced_lut(dataset, tree)
    image_class = COLOR_IMAGE_BOX if color else GRAYSCALE_IMAGE_BOX
    boxes = [
        OpenImageBox(fresh_uid(), image_class, position) for position in range(1, layout.boxes + 1)
    ]
    # As the standard spells it: printers may be stricter than we are.
    sent["ImageDisplayFormat"] = (layout.text,)
    more, left_out = others(dataset, _OF_FILM_BOX)
    box = OpenFilmBox(uid, layout, sent, boxes, None, more, left_out)
    _look_like(box, lut, dataset)
    return box


def _check_session_reference(
    dataset: Dataset, session: OpenFilmSession, tolerate: Tolerate
) -> None:
    """An association has one film session: it is meant, whatever the reference says."""
    keyword = "ReferencedFilmSessionSequence"
    references = attributes.items(dataset, keyword)
    if references is None:
        tolerate(Tolerated.SESSION_REFERENCE, attributes.missing(keyword))
    elif not references:
        tolerate(Tolerated.SESSION_REFERENCE, attributes.missing_value(keyword))
    elif len(references) > 1 or attributes.referenced_instance(references[0]) != session.uid:
        fault = attributes.invalid(keyword, "is not this association's")
        tolerate(Tolerated.SESSION_REFERENCE, fault)


def _layout(dataset: Dataset, made: int = 0) -> Layout:
    keyword = "ImageDisplayFormat"
    content = attributes.raw(dataset, keyword)
    if content is None:
        raise attributes.missing(keyword)
    sent = attributes.values(dataset, keyword)
    if not sent:
        raise attributes.missing_value(keyword)
    try:
        return Layout.parse(sent[0], made)
    except UnreadableLayout as error:
        raise attributes.invalid(keyword, str(error)) from error


def film_box_reply(box: OpenFilmBox, session: OpenFilmSession) -> Dataset:
    """The attributes as accepted, and the image boxes in the order of their positions."""
    reply = Dataset()
    attributes.write(box.attributes, reply)
    attributes.put_items(
        reply,
        "ReferencedFilmSessionSequence",
        [attributes.reference(FILM_SESSION, session.uid)],
    )
    attributes.put_items(
        reply,
        "ReferencedImageBoxSequence",
        [attributes.reference(each.sop_class, each.uid) for each in box.image_boxes],
    )
    return reply


def set_film_box(box: OpenFilmBox, dataset: Dataset, tree: FilmTree, tolerate: Tolerate) -> None:
    """N-SET of a film box (PS3.4 H.4.2.2.1).

    Raises: Fault: 0x0105 for an attribute that is fixed once it is created and would change.
    """
    fixed = attributes.read(dataset, attributes.FILM_BOX_CREATE_ONLY, tolerate)
    if "ImageDisplayFormat" in fixed:
        fixed["ImageDisplayFormat"] = (_layout(dataset, box.layout.made).text,)
    for keyword, sent in fixed.items():
        if sent != box.attributes.get(keyword):
            raise Fault(
                statuses.NO_SUCH_ATTRIBUTE,
                f"{keyword} cannot be set later",
                [attributes.tag(keyword)],
            )
    changed = attributes.changed(box.attributes, dataset, attributes.FILM_BOX_SET, tolerate)
    lut = _referenced_lut(dataset, tree)
    box.attributes = changed
    _look_like(box, lut, dataset)
    room = LONGEST - box.more_bytes + len(box.more)
    box.more, left_out = others(dataset, _OF_FILM_BOX, box.more, room)
    box.not_relayed = (*box.not_relayed, *left_out)


def settable_reply(box: OpenFilmBox) -> Dataset:
    """What N-SET of a film box answers: the settable attributes as they are now."""
    reply = Dataset()
    settable = {
        keyword: box.attributes[keyword]
        for keyword in attributes.FILM_BOX_SET
        if keyword in box.attributes
    }
    attributes.write(settable, reply)
    return reply


@dataclass(frozen=True)
class ImageChange:
    """What an N-SET of an image box asks for, checked."""

    position: int
    attributes: Attributes
    image: Image | None
    """Without a name yet; None erases the image (PS3.4 H.4.3.1.2.1)."""
    lut: PresentationLut | None
    more: bytes = b""
    image_more: bytes = b""
    not_relayed: tuple[str, ...] = ()

    def apply(self, box: OpenImageBox, received: Received | None) -> None:
        """Make the change, now that the image's pixels were received."""
        box.attributes = self.attributes
        box.lut = self.lut
        box.more, box.image_more = self.more, self.image_more
        box.not_relayed = self.not_relayed
        box.received = received
        box.refused = ""
        box.printed = False
        box.image = (
            replace(self.image, pixels=received.name)
            if self.image is not None and received is not None
            else None
        )


def image_change(
    box: OpenImageBox, dataset: Dataset, tree: FilmTree, tolerate: Tolerate
) -> ImageChange:
    """N-SET of an image box (PS3.4 H.4.3.1.2.1); changes nothing yet.

    Raises: Fault: 0x0121 without image sequence, 0x0106 for a value that is wrong; what is not
    tolerated.
    """
    color = box.sop_class == COLOR_IMAGE_BOX
    keyword = "BasicColorImageSequence" if color else "BasicGrayscaleImageSequence"
    sent = attributes.values(dataset, "ImageBoxPosition")
    if not sent:
        tolerate(Tolerated.IMAGE_POSITION, attributes.missing_value("ImageBoxPosition"))
    content = attributes.items(dataset, keyword)
    if content is None:
        raise attributes.missing_value(keyword)
    if len(content) > 1:
        raise attributes.invalid(keyword, "has more than one item")
    film = tree.film_box_of(box)
    room = LONGEST - film.more_bytes + len(box.more) + len(box.image_more)
    more, left_out = others(dataset, _OF_IMAGE_BOX | _tags(keyword), box.more, room)
    lut = _referenced_lut(dataset, tree)
    if lut is not None:
        left_out += lut.not_relayed
    image_more, left_out_of_image = b"", tuple[str, ...]()
    if content:
        of_image = _OF_IMAGE | _tags("PlanarConfiguration") if color else _OF_IMAGE
        image_more, left_out_of_image = others(content[0], of_image, b"", room - len(more))
    return ImageChange(
        more=more,
        image_more=image_more,
        not_relayed=(*left_out, *left_out_of_image),
        position=int(sent[0]) if sent else box.position,
        attributes=attributes.changed(box.attributes, dataset, attributes.IMAGE_BOX, tolerate),
        image=pixels.read(content[0], tolerate, color=color) if content else None,
        lut=_lut_of_image(box, lut, dataset),
    )


def lut(uid: str, dataset: Dataset, tolerate: Tolerate) -> OpenLut:
    """N-CREATE of a Presentation LUT."""
    return OpenLut(uid, *luts.with_others(luts.read(dataset, tolerate), dataset))


def lut_reply(node: OpenLut) -> Dataset:
    """The LUT as accepted."""
    return luts.write(node.lut.plain)


def _look_like(node: OpenFilmSession | OpenFilmBox, lut: OpenLut | None, dataset: Dataset) -> None:
    """Take over a LUT that was referred to, or taken back by a reference of zero length."""
    if _takes_lut_back(dataset):
        node.lut = None
    if lut is not None:
        node.lut = lut.lut
        node.not_relayed += lut.not_relayed


def _lut_of_image(
    box: OpenImageBox, lut: OpenLut | None, dataset: Dataset
) -> PresentationLut | None:
    if lut is not None:
        return lut.lut
    return None if _takes_lut_back(dataset) else box.lut


def _takes_lut_back(dataset: Dataset) -> bool:
    """Whether there is a reference of zero length (PS3.7 10.1.3)."""
    return attributes.items(dataset, "ReferencedPresentationLUTSequence") == []


def _referenced_lut(dataset: Dataset, tree: FilmTree) -> OpenLut | None:
    keyword = "ReferencedPresentationLUTSequence"
    references = attributes.items(dataset, keyword)
    if not references:
        return None
    node = tree.lut(attributes.referenced_instance(references[0]))
    if node is None or len(references) > 1:
        raise attributes.invalid(keyword, "names no LUT of this association")
    return node
