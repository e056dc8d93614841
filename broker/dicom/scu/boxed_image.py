"""An image in its image box, as N-SET gives it to a printer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom import attributes, pixels
from broker.dicom.other_elements import relay
from broker.dicom.scu.adaptation import Asked, LeftOut
from broker.dicom.scu.adapted_request import PrinterRequest
from broker.dicom.scu.print_scu import PrintScu, ScuAnswer
from broker.dicom.upper_layer.dataset import Pieces
from broker.model.films.adaptations import OTHERS
from broker.model.films.capabilities import (
    DEPTH,
    LUT,
    Combination,
    PrintObject,
    depth,
    traits_of_film_box,
    traits_of_image,
)
from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut, first

SAMPLE = 64
"""Rows and columns of the image by which it is found out what a printer refuses of an image box."""


class Content(Protocol):
    """Pixels in pieces, open as long as they are sent."""

    @property
    def length(self) -> int:
        """In bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Raises: SpoolDamaged: before the last piece, when they are not what they were."""


class OpenPixels(Protocol):
    """Opens pixels."""

    def __call__(self, name: str, length: int) -> AbstractContextManager[Content]:
        """The pixels of that spool name.

        Raises: SpoolDamaged: when they have not that length, in bytes.
        """


Set = Callable[[Dataset], ScuAnswer]
"""N-SET of the image box."""
Refer = Callable[[PresentationLut, Dataset], bool]
"""Refers to a LUT in a data set; whether it is there."""


@dataclass(frozen=True)
class BoxedImage:
    """One image, its image box and its film."""

    film: Film
    box: ImageBox
    image: Image
    of_session: Combination
    """What matters of the film session."""

    @property
    def among(self) -> Combination:
        """What matters of it and of all above it."""
        film, box = self.film, self.box
        of_box = self.of_session | traits_of_film_box(film.attributes, film.lut)
        return of_box | traits_of_image(box.attributes, self.image, film.lut, box.lut)

    @property
    def is_true_size(self) -> bool:
        """Whether the image must come out at its own scale, or not at all (PS3.3 C.13.5)."""
        return is_true_size({**self.film.attributes, **self.box.attributes})

    def request(
        self, printer: str, scu: PrintScu, set_box: Set, refer: Refer, read: OpenPixels
    ) -> PrinterRequest:
        """N-SET with it, for a printer that may not take all of it."""
        box = self.box

        def fill(image: Image, left_out: LeftOut, content: Content) -> ScuAnswer:
            dataset = Dataset()
            attributes.put(dataset, "ImageBoxPosition", (str(box.position),))
            keywords = [each for each in attributes.IMAGE_BOX if each not in left_out]
            attributes.write(box.attributes, dataset, keywords)
            relay(b"" if OTHERS in left_out else box.more, dataset)
            if box.lut is not None:
                refer(box.lut, dataset)
            if DEPTH in left_out:
                image, content = pixels.in_8_bits(image, content)
            item = pixels.write(image, Pieces(content.length, content))
            relay(b"" if OTHERS in left_out else box.image_more, item)
            keyword = f"Basic{'Color' if image.samples == 3 else 'Grayscale'}ImageSequence"
            attributes.put_items(dataset, keyword, [item])
            return set_box(dataset)

        def send(left_out: LeftOut) -> ScuAnswer:
            # Another length than the image has is no image: found before the first byte is sent.
            with read(self.image.pixels, self.image.length) as content:
                return fill(self.image, left_out, content)

        def experiment(left_out: LeftOut) -> ScuAnswer:
            small = pixels.blank(self.image, SAMPLE, other_depth=LUT in left_out)
            return fill(small, left_out, Blank(small.length))

        asked = with_others(box.attributes, box.more + box.image_more)
        lut = box.lut or self.film.lut
        if lut is not None or not scu.lut:
            # Otherwise it may refuse the image because it has no LUT.
            asked |= depth(self.image, lut)
        return PrinterRequest(
            printer,
            f"N-SET of image {box.position}",
            Asked(PrintObject.IMAGE_BOX, asked, self.among),
            send,
            lambda _: None,
            experiment=experiment,
        )


def is_true_size(asked: Attributes) -> bool:
    """Whether what is asked for must come out at its own scale, or not at all (PS3.3 C.13.5)."""
    behavior = first(asked, "RequestedDecimateCropBehavior")
    return "RequestedImageSize" in asked or behavior == "FAIL"


class Blank:
    """Pixels that are all zero."""

    def __init__(self, length: int) -> None:
        self.length = length

    def __iter__(self) -> Iterator[bytes]:
        yield bytes(self.length)


def with_others(asked: Attributes, more: bytes) -> dict[str, tuple[str, ...]]:
    """Attributes, and one that stands for all elements that print does not name: a printer that
    does not take them takes none of them, whatever their values."""
    return {OTHERS: ("",), **asked} if more else dict(asked)
