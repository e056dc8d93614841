"""A modality that says exactly what a test tells it to, well-formed or not."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
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
    PRINTER,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.connection import Timeouts
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Answer, Requestor

PATIENCE_S = 20.0


class Speaker:
    """One association with a Print SCP, and the seven operations in any form."""

    def __init__(
        self,
        port: int,
        *,
        called_ae: str = "BROKER",
        calling_ae: str = "CT1",
        transfer_syntaxes: tuple[str, ...] = (EXPLICIT_LITTLE, IMPLICIT_LITTLE),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = port
        self.wire = Requestor.open(
            "127.0.0.1",
            port,
            calling_ae=calling_ae,
            called_ae=called_ae,
            proposals=[
                Offer(VERIFICATION, transfer_syntaxes),
                Offer(GRAYSCALE_META, transfer_syntaxes),
                Offer(PRESENTATION_LUT, transfer_syntaxes),
            ],
            timeouts=Timeouts(),
            tls=tls,
        )
        self.session = ""
        self.film_box = ""
        self.boxes: list[str] = []

    def say(
        self, operation: Command, dataset: Dataset | None = None, *, on: str = "", **command: Any
    ) -> Answer:
        """Any request: the command's elements by keyword, on the context of a class."""
        context = self.wire.context(on or GRAYSCALE_META)
        assert context is not None
        said: Mapping[str, Any] = {"CommandField": operation, **command}
        return self.wire.request(context, said, dataset, timeout_s=PATIENCE_S)

    def create(self, sop_class: str, dataset: Dataset | None, uid: str = "") -> Answer:
        """N-CREATE, with or without an instance UID."""
        named = {"AffectedSOPInstanceUID": uid} if uid else {}
        on = PRESENTATION_LUT if sop_class == PRESENTATION_LUT else GRAYSCALE_META
        return self.say(Command.N_CREATE, dataset, on=on, AffectedSOPClassUID=sop_class, **named)

    def set(self, sop_class: str, uid: str, dataset: Dataset | None) -> Answer:
        """N-SET."""
        return self.say(Command.N_SET, dataset, **_requested(sop_class, uid))

    def get(self, sop_class: str, uid: str, asked: list[int] | None = None) -> Answer:
        """N-GET."""
        listed = {"AttributeIdentifierList": asked} if asked else {}
        return self.say(Command.N_GET, **_requested(sop_class, uid), **listed)

    def action(self, sop_class: str, uid: str, action: int | None = 1) -> Answer:
        """N-ACTION."""
        typed = {} if action is None else {"ActionTypeID": action}
        return self.say(Command.N_ACTION, **_requested(sop_class, uid), **typed)

    def delete(self, sop_class: str, uid: str) -> Answer:
        """N-DELETE."""
        on = PRESENTATION_LUT if sop_class == PRESENTATION_LUT else GRAYSCALE_META
        return self.say(Command.N_DELETE, on=on, **_requested(sop_class, uid))

    def open_session(self, **attributes: Any) -> Answer:
        """N-CREATE of a film session; its UID is remembered."""
        answer = self.create(FILM_SESSION, dataset(**attributes) if attributes else None)
        self.session = str(answer.command.get("AffectedSOPInstanceUID", ""))
        return answer

    def open_film_box(self, display_format: str = r"STANDARD\1,1", **attributes: Any) -> Answer:
        """N-CREATE of a film box of the session; its image boxes are remembered."""
        answer = self.create(FILM_BOX, self.film_box_of(display_format, **attributes))
        if answer.status == 0:
            assert answer.dataset is not None
            self.film_box = str(answer.command.AffectedSOPInstanceUID)
            self.boxes = [
                str(item.ReferencedSOPInstanceUID)
                for item in answer.dataset.ReferencedImageBoxSequence
            ]
        return answer

    def film_box_of(self, display_format: str | None, **attributes: Any) -> Dataset:
        """The data set that creates a film box in the session."""
        made = dataset(**attributes)
        if display_format is not None:
            made.ImageDisplayFormat = display_format
        made.ReferencedFilmSessionSequence = [reference(FILM_SESSION, self.session)]
        return made

    def set_image(self, position: int = 1, made: Dataset | None = None) -> Answer:
        """N-SET of the image box at a position with a small picture."""
        return self.set(GRAYSCALE_IMAGE_BOX, self.boxes[position - 1], made or image_box(position))

    def print_film(self) -> int:
        """A whole film from session to N-ACTION on the film box; its status."""
        self.open_session()
        self.open_film_box()
        self.set_image()
        return self.action(FILM_BOX, self.film_box).status

    def release(self) -> None:
        """Release the association."""
        self.wire.release()

    def abort(self) -> None:
        """Close without A-RELEASE or A-ABORT."""
        self.wire.abort()


def _requested(sop_class: str, uid: str) -> dict[str, Any]:
    named = {"RequestedSOPInstanceUID": uid} if uid else {}
    return {"RequestedSOPClassUID": sop_class, **named}


def dataset(**attributes: Any) -> Dataset:
    """A data set from keywords."""
    made = Dataset()
    for keyword, value in attributes.items():
        setattr(made, keyword, value)
    return made


def reference(sop_class: str, uid: str) -> Dataset:
    """A reference item."""
    return dataset(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid)


def picture(**changed: Any) -> Dataset:
    """The Image Pixel module of a 4x4 picture of 8 bits; None takes an element away."""
    made = dataset(
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=4,
        Columns=4,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
        PixelRepresentation=0,
    )
    made.add_new("PixelData", "OW", bytes(range(16)))
    for keyword, value in changed.items():
        if value is None:
            delattr(made, keyword)
        elif keyword == "PixelData":
            made.add_new("PixelData", "OW", value)
        else:
            setattr(made, keyword, value)
    return made


def image_box(position: int | None = 1, *pictures: Dataset, **attributes: Any) -> Dataset:
    """The data set that sets an image box; without pictures, a small one."""
    made = dataset(**attributes)
    if position is not None:
        made.ImageBoxPosition = position
    made.BasicGrayscaleImageSequence = list(pictures) or [picture()]
    return made


__all__ = ["PRINTER", "Speaker", "dataset", "image_box", "picture", "reference"]
