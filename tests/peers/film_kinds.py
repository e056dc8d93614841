"""Kinds of film: what modalities ask of printers, one thing at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from tests.peers.printer_profiles import Keys, values

Attributes = Mapping[str, object]


class Look(StrEnum):
    """A Presentation LUT."""

    NONE = ""
    IDENTITY = "IDENTITY"
    LIN_OD = "LIN OD"
    TABLE = "table"
    """As many entries as the image has gray levels."""
    OTHER_TABLE = "table of the other depth"


@dataclass(frozen=True)
class Kind:
    """One film, or several of one film session, as a modality asks for it."""

    name: str
    session: Attributes = field(default_factory=dict)
    box: Attributes = field(default_factory=dict)
    image: Attributes = field(default_factory=dict)
    layout: str = r"STANDARD\1,1"
    images: int = 1
    """In the first image boxes."""
    bits: int = 12
    look: Look = Look.NONE
    look_in_session: bool = False
    """Whether the LUT is referred to in the film session, as before CP 173."""
    films: int = 1
    whole_session: bool = False
    """N-ACTION on the film session instead of each film box."""
    offers_lut: bool = False
    """Whether Presentation LUT is offered, though no film has one."""
    private: str = ""
    """`session`, `box` or `image`: where a private attribute stands."""

    def __str__(self) -> str:
        return self.name


def kinds(keys: Keys) -> list[Kind]:
    """All kinds for a printer that takes what the keys say: of what it lists, a value that it
    takes and one that it does not."""
    return [*_bases(), *_sessions(keys), *_boxes(keys), *_layouts(), *_images(keys), *_looks()]


def in_all_forms(kinds: list[Kind]) -> list[Kind]:
    """Each kind with 12 bits, with 8, and with 12 and a LUT in the film box."""
    deep = [replace(each, name=f"12 bit, {each.name}") for each in kinds]
    flat = [replace(each, name=f"8 bit, {each.name}", bits=8) for each in kinds]
    seen = [
        replace(each, name=f"12 bit with IDENTITY, {each.name}", look=Look.IDENTITY)
        for each in kinds
        if each.look is Look.NONE
    ]
    return [*deep, *flat, *seen]


def _bases() -> list[Kind]:
    return [
        Kind("plain"),
        Kind("Presentation LUT offered and not used", offers_lut=True),
        Kind("two film boxes, one by one", films=2),
        Kind("two film boxes, the film session", films=2, whole_session=True),
    ]


def _sessions(keys: Keys) -> list[Kind]:
    medium = known(keys, "MediumType", "BLUE FILM")
    destination = known(keys, "FilmDestination", "MAGAZINE")
    return [
        Kind("copies 2", {"NumberOfCopies": "2"}),
        Kind("priority HIGH", {"PrintPriority": "HIGH"}),
        Kind(f"medium {medium}", {"MediumType": medium}),
        Kind("medium not known", {"MediumType": "MAMMO BLUE FILM"}),
        Kind(f"destination {destination}", {"FilmDestination": destination}),
        Kind("destination not known", {"FilmDestination": "BIN_9"}),
        Kind("label and owner", {"FilmSessionLabel": "LABEL", "OwnerID": "ROOM 2"}),
        Kind("memory allocation", {"MemoryAllocation": "100"}),
        Kind(
            "character set",
            {"SpecificCharacterSet": "ISO_IR 100", "FilmSessionLabel": "Gr\xfc\xdfe"},
        ),
        Kind("private attribute in the film session", private="session"),
    ]


def _boxes(keys: Keys) -> list[Kind]:
    size = known(keys, "FilmSizeID", "14INX17IN")
    smoothing = known(keys, "SmoothingType", "MEDIUM")
    magnification = known(keys, "MagnificationType", "CUBIC")
    resolution = known(keys, "ResolutionID", "HIGH")
    configuration = keys.get("Configuration_1", "CS001")
    return [
        Kind(f"film size {size}", box={"FilmSizeID": size}),
        Kind("film size not known", box={"FilmSizeID": "A3"}),
        Kind("Trim YES", box={"Trim": "YES"}),
        Kind("border density BLACK", box={"BorderDensity": "BLACK"}),
        Kind("border density 77", box={"BorderDensity": "77"}),
        Kind("empty image density WHITE", box={"EmptyImageDensity": "WHITE"}),
        Kind("empty image density 77", box={"EmptyImageDensity": "77"}),
        Kind("min density 30", box={"MinDensity": 30}),
        Kind("max density 280", box={"MaxDensity": 280}),
        Kind(f"magnification {magnification}", box={"MagnificationType": magnification}),
        Kind("magnification not known", box={"MagnificationType": "LANCZOS"}),
        Kind(f"smoothing {smoothing}", box={"SmoothingType": smoothing}),
        Kind("smoothing not known", box={"SmoothingType": "WILD"}),
        Kind(f"resolution {resolution}", box={"RequestedResolutionID": resolution}),
        Kind("resolution not known", box={"RequestedResolutionID": "ULTRA"}),
        Kind("configuration", box={"ConfigurationInformation": configuration}),
        Kind("configuration not known", box={"ConfigurationInformation": "ZZZ"}),
        Kind("annotation format", box={"AnnotationDisplayFormatID": "LABEL"}),
        Kind("image size in the film box", box={"RequestedImageSize": "150"}),
        Kind("CROP in the film box", box={"RequestedDecimateCropBehavior": "CROP"}),
        Kind("illumination without LUT", box={"Illumination": 2000, "ReflectedAmbientLight": 10}),
        Kind(
            "illumination, Presentation LUT offered",
            box={"Illumination": 1500, "ReflectedAmbientLight": 7},
            offers_lut=True,
        ),
        Kind("private attribute in the film box", private="box"),
        Kind(
            "five at once",
            box={"Trim": "YES", "SmoothingType": "WILD", "MinDensity": 30}
            | {"BorderDensity": "BLACK", "ConfigurationInformation": "ZZZ"},
        ),
    ]


def _layouts() -> list[Kind]:
    lying = {"FilmOrientation": "LANDSCAPE"}
    return [
        Kind(r"STANDARD\2,3", layout=r"STANDARD\2,3", images=6),
        Kind(r"STANDARD\3,2 LANDSCAPE", box=lying, layout=r"STANDARD\3,2", images=6),
        Kind(r"STANDARD\7,9", layout=r"STANDARD\7,9", images=2),
        Kind(r"ROW\2", layout=r"ROW\2", images=2),
        Kind("LANDSCAPE", box=lying),
        Kind("an empty image box", layout=r"STANDARD\1,2"),
    ]


def _images(keys: Keys) -> list[Kind]:
    smoothing = known(keys, "SmoothingType", "MEDIUM")
    magnification = known(keys, "MagnificationType", "CUBIC")
    configuration = keys.get("Configuration_1", "CS001")
    return [
        Kind("image size 150", image={"RequestedImageSize": "150"}),
        Kind("DECIMATE", image={"RequestedDecimateCropBehavior": "DECIMATE"}),
        Kind("CROP", image={"RequestedDecimateCropBehavior": "CROP"}),
        Kind("FAIL", image={"RequestedDecimateCropBehavior": "FAIL"}),
        Kind("REVERSE", image={"Polarity": "REVERSE"}),
        Kind("magnification of the image", image={"MagnificationType": magnification}),
        Kind(
            "magnification of the image, smoothing not known",
            image={"MagnificationType": magnification, "SmoothingType": "WILD"},
        ),
        Kind("magnification of the image not known", image={"MagnificationType": "LANCZOS"}),
        Kind("smoothing of the image", image={"SmoothingType": smoothing}),
        Kind("smoothing of the image not known", image={"SmoothingType": "WILD"}),
        Kind("configuration of the image", image={"ConfigurationInformation": configuration}),
        Kind("min density of the image", image={"MinDensity": 30}),
        Kind("private attribute in the image box", private="image"),
    ]


def _looks() -> list[Kind]:
    light = {"Illumination": 2000, "ReflectedAmbientLight": 10}
    found = []
    for look in list(Look)[1:]:
        lit = light if look is Look.LIN_OD else {}
        found += [
            Kind(f"{look} in the film box", box=lit, look=look),
            Kind(f"{look} in the film session", lit, look=look, look_in_session=True),
        ]
    found.append(Kind("two film boxes, the first with a table", look=Look.TABLE, films=2))
    return found


def known(keys: Keys, key: str, otherwise: str) -> str:
    """The last value that a printer lists; `otherwise` where it lists none, and takes none."""
    return (values(keys, key) or [otherwise])[-1]
