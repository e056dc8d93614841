"""A printer's capabilities: what it was seen to accept or refuse, and what a film asks of one.

They are learned from its answers before the line, kept as rows, and shown. They stand beside its
health: a printer that does not take a film size is well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.model.films.film import Attributes, Film, Image, PresentationLut

ANY = ""
"""Stands for every value of an attribute."""


class PrintObject(StrEnum):
    """The request that an attribute stands in."""

    SESSION = "film session"
    FILM_BOX = "film box"
    IMAGE_BOX = "image box"


@dataclass(frozen=True, order=True)
class Trait:
    """One thing that a film asks of its printer: an attribute and its value."""

    level: PrintObject
    keyword: str
    value: str
    """As it came, several with backslashes between; ANY for all of them."""

    @property
    def words(self) -> str:
        """The attribute and its value, for a person."""
        return f"{_NAMES.get(self.keyword, self.keyword)} {self.value}".rstrip()


class Lesson(StrEnum):
    """What was learned of a printer. Stable: rows name it."""

    WITHOUT = "takes films without"
    """It refuses a film with this, among the same others, and takes the same film without it: it is
    left out."""
    REFUSES = "refuses"
    """It refuses every film with this, among the same others, and it cannot be left out."""
    LUT_IN_SESSION = "Presentation LUT in the film session"
    """As before CP 173; it refuses one in the film box."""
    LUT_IN_BOX = "Presentation LUT in the film box"
    """It refuses one in the film session."""
    LUT_WHERE_USED = "Presentation LUT class where it is used"
    """It refuses a film that has no LUT on an association that has the class."""
    IMPLICIT = "Implicit VR alone"
    """It accepts Explicit VR, and fails on data sets in it."""
    IMAGE_BOXES = "image boxes"
    """How many it makes for this format."""


Combination = frozenset[Trait]
"""All that a request asks for, as far as it matters. Printers refuse values for each other: a film
size for its medium, a format for its film size."""


@dataclass(frozen=True)
class Capability:
    """One lesson."""

    lesson: Lesson
    trait: Trait
    among: Combination = frozenset()
    """What was asked for when it was learned, this too: the lesson holds for nothing else."""
    answer: int = 0
    """The status by which it refused; or the number of image boxes."""
    learned_at: float = 0.0
    """In seconds since the epoch."""

    @property
    def words(self) -> str:
        """What it says of its printer, for a person."""
        match self.lesson:
            case Lesson.WITHOUT:
                return f"is not asked for {self.trait.words} of the {self.trait.level}"
            case Lesson.REFUSES:
                return f"refuses {self.refused} of the {self.trait.level}"
            case Lesson.IMAGE_BOXES:
                return f"makes {self.answer} image boxes for {self.trait.value}"
            case Lesson.IMPLICIT:
                return "gets data sets in Implicit VR: it fails on Explicit VR"
            case Lesson.LUT_WHERE_USED:
                return "gets films without a Presentation LUT without that class"
            case Lesson.LUT_IN_BOX:
                return "gets the Presentation LUT in the film box"
            case Lesson.LUT_IN_SESSION:
                return "gets the Presentation LUT in the film session"

    @property
    def refused(self) -> str:
        """What it refuses, and beside what, for a person."""
        others = sorted(self.among - {self.trait})
        beside = [each.words for each in others if each.keyword in ESSENTIAL[each.level]]
        return " with ".join([self.trait.words, *([", ".join(beside)] if beside else [])])


DEPTH = "BitsStored"
"""Stands for the depth of an image's pixels."""
LUT = "ReferencedPresentationLUTSequence"
"""Stands for a Presentation LUT, by its form."""
_HARMLESS = (
    ("RequestedDecimateCropBehavior", "DECIMATE"),
    ("Polarity", "NORMAL"),
    (LUT, "IDENTITY"),
)

SIMPLEST = ("STANDARD\\1,1",)
"""The format that every printer has, which is asked for in the place of one that is left out."""

ESSENTIAL: Mapping[PrintObject, tuple[str, ...]] = {
    PrintObject.SESSION: ("MediumType",),
    PrintObject.FILM_BOX: (
        "FilmSizeID",
        "FilmOrientation",
        "RequestedImageSize",
        "RequestedDecimateCropBehavior",
        "ImageDisplayFormat",
        LUT,
    ),
    PrintObject.IMAGE_BOX: (
        "Polarity",
        "RequestedImageSize",
        "RequestedDecimateCropBehavior",
        DEPTH,
        LUT,
    ),
}
"""What makes another film where it is left out: where a printer refuses one of these, another one
is to be found. The number of copies is not among them: it follows from how a film is asked for."""


_NAMES = {LUT: "Presentation LUT", DEPTH: "Bits Stored"}


def depth(image: Image, lut: PresentationLut | None) -> Attributes:
    """What an image asks for by its depth, beside the Presentation LUT that holds for it.

    Some printers take a depth only with a table of as many entries: there, both are one thing. More
    than eight bits are one by themselves.
    """
    bits = f"{image.bits_stored} in {image.bits_allocated}"
    if lut is not None and lut.descriptor is not None and not lut.identity:
        return {LUT: (f"of {form(lut)} with images of {bits} bits",)}
    if image.bits_allocated == 8:
        return {}
    return {DEPTH: (bits if lut is None else f"{bits} with {form(lut)}",)}


def form(lut: PresentationLut) -> str:
    """The value of LUT for a Presentation LUT: its content is the film's affair."""
    if lut.descriptor is None or lut.identity:
        return lut.shape or "IDENTITY"
    return f"{lut.entries} entries of {lut.descriptor[2]} bits"


def traits(level: PrintObject, attributes: Attributes) -> frozenset[Trait]:
    """What these attributes ask of a printer at that level.

    All of them: a printer may refuse one for the value, or the absence, of any other. Not what may
    name a patient, nor what follows from how a film is asked for: copies and priority.
    """
    return frozenset(
        Trait(level, keyword, "\\".join(values))
        for keyword, values in attributes.items()
        if values
        and keyword not in _UNTOLD
        and not is_harmless(keyword, values)
        and values != SIMPLEST
    )


_UNTOLD = frozenset(
    {"FilmSessionLabel", "OwnerID", "SpecificCharacterSet", "NumberOfCopies", "PrintPriority"}
)


def is_harmless(keyword: str, values: tuple[str, ...]) -> bool:
    """Whether a value asks for what a printer does anyhow (PS3.3 C.13.5)."""
    return (keyword, *values) in _HARMLESS


def combinations(session: Attributes, film: Film) -> frozenset[Combination]:
    """All that a film asks of a printer: by its film session, its film box, and each image."""
    of_session = traits(PrintObject.SESSION, session)
    of_box = of_session | traits_of_film_box(film.attributes, film.lut)
    of_images = {
        of_box | traits_of_image(box.attributes, box.image, film.lut, box.lut)
        for box in film.image_boxes
        if box.image is not None
    }
    return frozenset(filter(None, {of_session, of_box, *of_images}))


def traits_of_film_box(attributes: Attributes, lut: PresentationLut | None) -> frozenset[Trait]:
    """What a film box asks of a printer, but for its images."""
    return traits(PrintObject.FILM_BOX, attributes) | _of_lut(lut)


def _of_lut(lut: PresentationLut | None) -> frozenset[Trait]:
    if lut is None or lut.identity:
        return frozenset()
    return frozenset({Trait(PrintObject.FILM_BOX, LUT, form(lut))})


def traits_of_image(
    attributes: Attributes,
    image: Image | None,
    film_lut: PresentationLut | None,
    lut: PresentationLut | None = None,
) -> frozenset[Trait]:
    """What an image box asks of a printer, with its own LUT or its film's."""
    own = {} if image is None else depth(image, lut or film_lut)
    return traits(PrintObject.IMAGE_BOX, {**attributes, **own}) | _of_lut(lut)


def refused(known: Iterable[Capability], asked: Collection[Combination]) -> Capability | None:
    """The first of a printer's capabilities by which it refuses what is asked; None where none
    does: what is not known is never refused."""
    return next(
        (each for each in known if each.lesson is Lesson.REFUSES and each.among in asked), None
    )


@dataclass(frozen=True)
class Impossible:
    """What no printer of the pool takes."""

    refusals: Mapping[str, Capability]
    """By which each of them refuses, by its name; at least one."""

    @property
    def first(self) -> Capability:
        """That of the first printer."""
        return next(iter(self.refusals.values()))


def impossible(
    printers: Mapping[str, Iterable[Capability]], asked: Collection[Combination]
) -> Impossible | None:
    """What of this every printer is known to refuse; None where one of them may take it."""
    found: dict[str, Capability] = {}
    for name, known in printers.items():
        refusal = refused(known, asked)
        if refusal is None:
            return None
        found[name] = refusal
    return Impossible(found) if found else None
