"""The objects of one association, found by UID (PS3.4 H.2.4).

Nothing here is shared between associations, and nothing outlives one: what was not actioned is
forgotten with it (PS3.4 H.5).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from broker.dicom import statuses
from broker.dicom.scp.open_film import OpenFilmBox, OpenFilmSession, OpenImageBox, OpenLut, Received
from broker.dicom.statuses import Fault
from broker.dicom.uids import FILM_BOX, PRESENTATION_LUT, PRINTER_INSTANCE, fresh_uid

IMAGE_BOXES_EACH = 10
"""Image boxes that a film session may have for every film box that it may have."""
MAX_LUTS = 640
"""Each has a table of up to 8 KB."""

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
    def empty(self) -> bool:
        """Whether there is no object. Any thread may ask."""
        return not self._nodes

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
