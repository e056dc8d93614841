"""Between the words of the Print SCP's model and those of DICOM and of the store."""

from __future__ import annotations

from collections.abc import Callable

from pydicom.dataset import Dataset

from broker.dicom.uids import FILM_BOX as FILM_BOX_CLASS
from broker.dicom.uids import (
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINTER,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.requestor import Answer
from broker.model.films.film import Film, ImageBox, PresentationLut
from broker.model.jobs.job import PrintRequest
from tests.peers import print_model
from tests.peers.print_model import FILM_BOX, IMAGE_BOX, LUT, SESSION, Asked
from tests.peers.print_requests import ABSENT, Elements
from tests.peers.print_values import Lut, Picture, Place, Printed, Sheet
from tests.peers.speaker import Speaker

CLASSES = {
    SESSION: FILM_SESSION,
    FILM_BOX: FILM_BOX_CLASS,
    IMAGE_BOX: GRAYSCALE_IMAGE_BOX,
    LUT: PRESENTATION_LUT,
    print_model.PRINTER: PRINTER,
}
CONTEXTS = {"print": GRAYSCALE_META, "lut": PRESENTATION_LUT}
COMMANDS = {
    "create": Command.N_CREATE,
    "set": Command.N_SET,
    "get": Command.N_GET,
    "action": Command.N_ACTION,
    "delete": Command.N_DELETE,
}

Read = Callable[[str], bytes]
"""The pixels of that name."""


def said(elements: Elements) -> Elements:
    """What is sent of it, also within its items."""
    return {
        keyword: [said(each) for each in value] if _is_sequence(value) else value
        for keyword, value in elements.items()
        if value is not ABSENT
    }


def _is_sequence(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def say(speaker: Speaker, asked: Asked, dataset: Dataset | None, **more: object) -> Answer:
    """Send a request as it is."""
    whose = "Affected" if asked.operation == "create" else "Requested"
    command = {f"{whose}SOPClassUID": CLASSES[asked.sop_class], **more}
    if asked.uid:
        command[f"{whose}SOPInstanceUID"] = asked.uid
    return speaker.say(COMMANDS[asked.operation], dataset, on=CONTEXTS[asked.context], **command)


def image_boxes_of(answer: Answer) -> list[str]:
    """The image boxes that were created, in the order of their positions."""
    found = [] if answer.dataset is None else answer.dataset.get("ReferencedImageBoxSequence", [])
    assert {str(each.ReferencedSOPClassUID) for each in found} <= {GRAYSCALE_IMAGE_BOX}
    return [str(each.ReferencedSOPInstanceUID) for each in found]


def text_of(dataset: Dataset | None) -> dict[str, str]:
    """The attributes of a reply as text, without its sequences."""
    found = {}
    for element in dataset or ():
        if element.VR != "SQ":
            values = [element.value] if element.VM == 1 else element.value
            found[element.keyword] = "\\".join(map(str, values))
    return found


def printed_of(job: PrintRequest, film_session: int, read: Read) -> Printed:
    """A job as it was recorded, in the model's words, with its pixels."""
    return Printed(
        film_session=film_session,
        level=str(job.level),
        session=dict(job.session),
        copies=job.copies,
        priority=str(job.priority),
        sheets=tuple(_sheet(film, read) for film in job.films),
    )


def _sheet(film: Film, read: Read) -> Sheet:
    return Sheet(
        attributes=dict(film.attributes),
        lut=_lut(film.lut),
        places=tuple(
            Place(box.position, dict(box.attributes), _picture(box, read), _lut(box.lut))
            for box in film.image_boxes
        ),
    )


def _picture(box: ImageBox, read: Read) -> Picture | None:
    image = box.image
    if image is None:
        return None
    content = read(image.pixels)
    assert image.length == len(content)
    return Picture(
        rows=image.rows,
        columns=image.columns,
        bits=(image.bits_allocated, image.bits_stored),
        photometric=image.photometric,
        aspect=image.aspect_ratio,
        content=content,
    )


def _lut(lut: PresentationLut | None) -> Lut | None:
    return None if lut is None else (lut.shape, lut.descriptor or (), lut.table)
