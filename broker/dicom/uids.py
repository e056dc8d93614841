"""UIDs of the SOP classes and instances of print management (PS3.4 H.3, PS3.6 A)."""

from __future__ import annotations

from pydicom.uid import generate_uid

VERIFICATION = "1.2.840.10008.1.1"
GRAYSCALE_META = "1.2.840.10008.5.1.1.9"
COLOR_META = "1.2.840.10008.5.1.1.18"

FILM_SESSION = "1.2.840.10008.5.1.1.1"
FILM_BOX = "1.2.840.10008.5.1.1.2"
GRAYSCALE_IMAGE_BOX = "1.2.840.10008.5.1.1.4"
COLOR_IMAGE_BOX = "1.2.840.10008.5.1.1.4.1"
PRINT_JOB = "1.2.840.10008.5.1.1.14"
ANNOTATION_BOX = "1.2.840.10008.5.1.1.15"
PRINTER = "1.2.840.10008.5.1.1.16"
PRINTER_CONFIGURATION = "1.2.840.10008.5.1.1.16.376"
PRESENTATION_LUT = "1.2.840.10008.5.1.1.23"

PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"

META_MEMBERS = {
    GRAYSCALE_META: frozenset({FILM_SESSION, FILM_BOX, GRAYSCALE_IMAGE_BOX, PRINTER}),
    COLOR_META: frozenset({FILM_SESSION, FILM_BOX, COLOR_IMAGE_BOX, PRINTER}),
}
"""The classes that are asked for on a Meta class's presentation context (PS3.4 H.3.2.2)."""
OFFERED = (
    GRAYSCALE_META,
    PRESENTATION_LUT,
    FILM_SESSION,
    FILM_BOX,
    GRAYSCALE_IMAGE_BOX,
    PRINTER,
)
"""What the broker takes from modalities, beside Verification: the Meta class, or its classes each
in a presentation context of its own (PS3.4 H.3.2.1)."""
CARRY_IMAGES = frozenset({GRAYSCALE_META, COLOR_META, GRAYSCALE_IMAGE_BOX, COLOR_IMAGE_BOX})
"""A modality that is to print proposes one of these, and needs one."""
BESIDE_IMAGES = frozenset(
    {
        VERIFICATION,
        FILM_SESSION,
        FILM_BOX,
        ANNOTATION_BOX,
        PRINT_JOB,
        PRINTER,
        PRINTER_CONFIGURATION,
        PRESENTATION_LUT,
    }
)
"""What alone prints no film: a peer that proposes nothing else wants to check, or to ask."""
SYNTAXES_TAKEN = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)
"""In which modalities may send it, the preferred first: Big Endian, which is retired (PS3.5 A.3),
where a modality proposes nothing else."""


def fresh_uid() -> str:
    """A UID that is used nowhere else (PS3.5 B.2)."""
    return str(generate_uid(prefix=None))
