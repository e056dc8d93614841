"""Adaptations by name: what a film may be printed without, where its printer does not take it.

`adapt` of a printer reads these names: it allows what makes another film, and with `no-` before a
name it forbids what is harmless.
"""

from __future__ import annotations

from collections.abc import Mapping

from broker.model.films.capabilities import DEPTH, LUT, PrintObject

OTHERS = "other elements"
"""Stands for all elements that print does not name, at one level."""

SESSION, BOX, IMAGE = PrintObject.SESSION, PrintObject.FILM_BOX, PrintObject.IMAGE_BOX
HARMLESS: Mapping[str, tuple[tuple[PrintObject, str], ...]] = {
    "other-elements": ((SESSION, OTHERS), (BOX, OTHERS), (IMAGE, OTHERS)),
    "priority": ((SESSION, "PrintPriority"),),
    "memory": ((SESSION, "MemoryAllocation"),),
    "labels": (
        (SESSION, "OwnerID"),
        (SESSION, "FilmSessionLabel"),
        (SESSION, "SpecificCharacterSet"),
    ),
    "destination": ((SESSION, "FilmDestination"),),
    "configuration-information": (
        (BOX, "ConfigurationInformation"),
        (IMAGE, "ConfigurationInformation"),
    ),
    "smoothing": ((BOX, "SmoothingType"), (IMAGE, "SmoothingType")),
    "magnification": ((BOX, "MagnificationType"), (IMAGE, "MagnificationType")),
    "trim": ((BOX, "Trim"),),
    "resolution": ((BOX, "RequestedResolutionID"),),
    "annotation": ((BOX, "AnnotationDisplayFormatID"),),
    "density": (
        (BOX, "BorderDensity"),
        (BOX, "EmptyImageDensity"),
        (BOX, "MinDensity"),
        (BOX, "MaxDensity"),
        (IMAGE, "MinDensity"),
        (IMAGE, "MaxDensity"),
    ),
    "lighting": (
        (SESSION, "Illumination"),
        (SESSION, "ReflectedAmbientLight"),
        (BOX, "Illumination"),
        (BOX, "ReflectedAmbientLight"),
    ),
}
"""Adaptations that every printer may get, by name, that which costs least first."""
ALLOWED: Mapping[str, tuple[tuple[PrintObject, str], ...]] = {
    "medium": ((SESSION, "MediumType"),),
    "film-size": ((BOX, "FilmSizeID"),),
    "film-orientation": ((BOX, "FilmOrientation"),),
    "image-size": ((BOX, "RequestedImageSize"), (IMAGE, "RequestedImageSize")),
    "crop": ((BOX, "RequestedDecimateCropBehavior"), (IMAGE, "RequestedDecimateCropBehavior")),
    "lut": ((BOX, LUT),),
    "12-to-8-bit": ((IMAGE, DEPTH),),
}
"""Those that make another film: for a printer whose `adapt` names them."""
SCALE = frozenset({("MagnificationType", "NONE")})
"""Values of harmless attributes that are none: an image that is to be printed as it is, pixel by
pixel (PS3.3 C.13.3), would be printed at another scale."""
DECIMATE = "decimate"
"""What asks for what a printer does anyhow is left out: see `capabilities.is_harmless`."""
LUT_LEVEL = "lut-level"
"""The Presentation LUT is given in the film session, where the film box is not the place."""
IMPLICIT = "implicit"
"""Implicit VR, where the printer accepts Explicit VR and fails on it."""

NAMES = (*HARMLESS, DECIMATE, LUT_LEVEL, IMPLICIT)
"""Of the harmless ones."""
ALL = (*ALLOWED, *(f"no-{each}" for each in NAMES))
"""What `adapt` of a printer may say."""


OMITTED = tuple(
    dict.fromkeys(
        keyword
        for pairs in (*HARMLESS.values(), *ALLOWED.values())
        for _, keyword in pairs
        if keyword != DEPTH
    )
)
"""What `omit` of a printer may say."""


def may(adapt: tuple[str, ...], name: str) -> bool:
    """Whether a printer may get this adaptation."""
    return name in adapt if name in ALLOWED else f"no-{name}" not in adapt
