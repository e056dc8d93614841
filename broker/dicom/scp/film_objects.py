"""From the data sets of N-CREATE and N-SET to the objects of an association, and back.

Every function either leaves its object as it was and raises a Fault, or changes it whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from broker.dicom import attributes, luts, pixels, statuses
from broker.dicom.scp.film_tree import FilmTree
from broker.dicom.scp.open_film import OpenFilmBox, OpenFilmSession, OpenImageBox, OpenLut, Received
from broker.dicom.statuses import Fault
from broker.dicom.uids import COLOR_IMAGE_BOX, FILM_SESSION, GRAYSCALE_IMAGE_BOX, fresh_uid
from broker.model.film import Attributes, Image, PresentationLut
from broker.model.layout import Layout, UnreadableLayout

_LIGHTING = ("Illumination", "ReflectedAmbientLight")


def set_session(session: OpenFilmSession, dataset: Dataset, tree: FilmTree) -> None:
    """N-CREATE and N-SET of the film session (PS3.4 H.4.1.2.1)."""
    changed = attributes.read(dataset, attributes.FILM_SESSION)
    lighting = attributes.read(dataset, _LIGHTING)
    lut = _referenced_lut(dataset, tree)
    session.attributes = {**session.attributes, **changed}
    session.lighting = {**session.lighting, **lighting}
    session.lut = lut or session.lut


def session_reply(session: OpenFilmSession) -> Dataset:
    """The attributes as accepted, with the defaults that were used."""
    reply = Dataset()
    defaults = {"NumberOfCopies": ("1",), "PrintPriority": ("MED",)}
    attributes.write({**defaults, **session.attributes, **session.lighting}, reply)
    return reply


def film_box(uid: str, dataset: Dataset, tree: FilmTree, *, color: bool) -> OpenFilmBox:
    """N-CREATE of a film box, with one image box for every place of its layout.

    Raises: Fault: 0x0117 before there is a film session, 0x0120 or 0x0121 without a reference to it
    or without a format, 0x0106 for the reference of another session or a format that cannot be read
    or has too many places (PS3.4 H.4.2.2.1).
    """
    if tree.session is None:
        raise Fault(statuses.INVALID_SOP_INSTANCE, "a film box needs a film session first")
    _check_session_reference(dataset, tree.session)
    layout = _layout(dataset)
    sent = attributes.read(dataset, attributes.FILM_BOX)
    lut = _referenced_lut(dataset, tree)
    image_class = COLOR_IMAGE_BOX if color else GRAYSCALE_IMAGE_BOX
    boxes = [
        OpenImageBox(fresh_uid(), image_class, position) for position in range(1, layout.boxes + 1)
    ]
    # As the standard spells it: printers may be stricter than we are.
    sent["ImageDisplayFormat"] = (layout.text,)
    return OpenFilmBox(uid, layout, sent, boxes, lut)


def _check_session_reference(dataset: Dataset, session: OpenFilmSession) -> None:
    keyword = "ReferencedFilmSessionSequence"
    references = attributes.items(dataset, keyword)
    if references is None:
        raise attributes.missing(keyword)
    if not references:
        raise attributes.missing_value(keyword)
    if len(references) > 1 or attributes.referenced_instance(references[0]) != session.uid:
        raise attributes.invalid(keyword, "is not this association's")


def _layout(dataset: Dataset) -> Layout:
    keyword = "ImageDisplayFormat"
    content = attributes.raw(dataset, keyword)
    if content is None:
        raise attributes.missing(keyword)
    sent = attributes.values(dataset, keyword)
    if not sent:
        raise attributes.missing_value(keyword)
    try:
        return Layout.parse(sent[0])
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


def set_film_box(box: OpenFilmBox, dataset: Dataset, tree: FilmTree) -> None:
    """N-SET of a film box (PS3.4 H.4.2.2.1).

    Raises: Fault: 0x0105 for an attribute that is fixed once it is created and would change.
    """
    fixed = attributes.read(dataset, attributes.FILM_BOX_CREATE_ONLY)
    if "ImageDisplayFormat" in fixed:
        fixed["ImageDisplayFormat"] = (_layout(dataset).text,)
    for keyword, sent in fixed.items():
        if sent != box.attributes.get(keyword):
            raise Fault(
                statuses.NO_SUCH_ATTRIBUTE,
                f"{keyword} cannot be set later",
                [attributes.tag(keyword)],
            )
    changed = attributes.read(dataset, attributes.FILM_BOX_SET)
    lut = _referenced_lut(dataset, tree)
    box.attributes = {**box.attributes, **changed}
    box.lut = lut or box.lut


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

    def apply(self, box: OpenImageBox, received: Received | None) -> None:
        """Make the change, now that the image's pixels were received."""
        box.attributes = self.attributes
        box.lut = self.lut
        box.received = received
        box.printed = False
        box.image = (
            replace(self.image, pixels=received.name)
            if self.image is not None and received is not None
            else None
        )


def image_change(box: OpenImageBox, dataset: Dataset, tree: FilmTree) -> ImageChange:
    """N-SET of an image box (PS3.4 H.4.3.1.2.1); changes nothing yet.

    Raises: Fault: 0x0121 without position or image sequence, 0x0106 for a value that is wrong.
    """
    color = box.sop_class == COLOR_IMAGE_BOX
    keyword = "BasicColorImageSequence" if color else "BasicGrayscaleImageSequence"
    sent = attributes.values(dataset, "ImageBoxPosition")
    if not sent:
        raise attributes.missing_value("ImageBoxPosition")
    content = attributes.items(dataset, keyword)
    if content is None:
        raise attributes.missing_value(keyword)
    if len(content) > 1:
        raise attributes.invalid(keyword, "has more than one item")
    return ImageChange(
        position=int(sent[0]),
        attributes=attributes.read(dataset, attributes.IMAGE_BOX),
        image=pixels.read(content[0], color=color) if content else None,
        lut=_referenced_lut(dataset, tree),
    )


def lut(uid: str, dataset: Dataset) -> OpenLut:
    """N-CREATE of a Presentation LUT."""
    return OpenLut(uid, luts.read(dataset))


def lut_reply(node: OpenLut) -> Dataset:
    """The LUT as accepted."""
    return luts.write(node.lut)


def _referenced_lut(dataset: Dataset, tree: FilmTree) -> PresentationLut | None:
    keyword = "ReferencedPresentationLUTSequence"
    references = attributes.items(dataset, keyword)
    if not references:
        return None
    node = tree.lut(attributes.referenced_instance(references[0]))
    if node is None or len(references) > 1:
        raise attributes.invalid(keyword, "names no LUT of this association")
    return node.lut
