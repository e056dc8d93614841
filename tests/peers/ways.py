"""Ways of printing that must come out alike with and without the broker between."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """One way of printing a film with dcmpsprt and dcmprscu."""

    profile: str
    """Of the dcmprscp that prints it."""
    layout: tuple[int, int] = (1, 1)
    """Columns and rows of images."""
    bits: int = 12
    session: bool = False
    """N-ACTION on the film session instead of the film box."""
    lut: tuple[str, ...] = ()
    """For dcmpsprt: which Presentation LUT."""
    implicit: bool = False
    """Implicit VR Little Endian to the broker, instead of Explicit."""
    options: tuple[str, ...] = ()
    """For dcmpsprt: what the film is like."""
    wishes: tuple[str, ...] = ()
    """For dcmprscu: what the film session asks for."""
    size: tuple[int, int] = (120, 96)
    """Rows and columns of its pictures."""

    def __str__(self) -> str:
        parts = [self.profile, f"{self.layout[0]}x{self.layout[1]}", f"{self.bits}bit"]
        parts += ["session"] if self.session else ["box"]
        parts += [self.lut[0].strip("-")] if self.lut else []
        parts += ["implicit" if self.implicit else "explicit"]
        parts += [each.strip("-") for each in self.options[:1] + self.wishes[:1]]
        parts += ["odd"] if self.size[0] % 2 else []
        return "-".join(parts)


IDENTITY = ("--identity",)
LINEAR = ("--lin-od", "--illumination", "1500", "--reflection", "7")
TABLE = ("--plut", "LIGHTEN")
SESSION = (
    *("--copies", "3", "--priority", "HIGH", "--medium-type", "BLUE FILM"),
    *("--destination", "BIN_2", "--label", "Grüße", "--owner", "room 2"),
)
WAYS = [
    Way("IHEFULL"),
    Way("IHEFULL", implicit=True),
    Way("IHEFULL", bits=8),
    Way("IHEFULL", session=True),
    Way("IHEFULL", layout=(2, 3)),
    Way("IHEFULL", layout=(2, 3), bits=8, session=True, implicit=True),
    Way("IHEFULL", layout=(2, 3), lut=IDENTITY),
    Way("IHEFULL", lut=IDENTITY, bits=8),
    Way("IHEFULL", lut=TABLE),
    Way("IHEFULL", lut=TABLE, bits=8),
    Way("IHEFULL", lut=TABLE, layout=(2, 3), session=True, implicit=True),
    Way("IHEFULL", lut=IDENTITY, session=True, implicit=True),
    Way(
        "IHEFULL", options=("--landscape", "--trim", "--border", "BLACK", "--empty-image", "WHITE")
    ),
    Way("IHEFULL", options=("--magnification", "CUBIC", "--min-density", "30")),
    Way("IHEFULL", options=("--resolution", "HIGH", "--max-density", "300", "--no-trim")),
    Way("IHEFULL", options=("--img-polarity", "REVERSE", "--img-request-size", "150")),
    Way("IHEFULL", options=("--request-crop", "--img-magnification", "BILINEAR")),
    Way("IHEFULL", layout=(3, 2), options=("--landscape",)),
    Way("IHEFULL", bits=8, size=(121, 97)),
    Way("IHEFULL", bits=8, size=(121, 97), implicit=True, wishes=("--monochrome1",)),
    Way("IHEFULL", size=(512, 400), layout=(1, 2)),
    Way("IHEFULL", lut=LINEAR),
    Way("IHEFULL", wishes=SESSION),
    Way("IHEFULL", wishes=SESSION[2:], session=True, implicit=True),
    Way("IHERESTRICTED"),
    Way("IHERESTRICTED", bits=8, implicit=True),
    Way("IHERESTRICTED", session=True),
    Way("IHERESTRICTED", lut=IDENTITY),
    Way("IHERESTRICTED", lut=IDENTITY, session=True, implicit=True),
    Way("KODAK"),
    Way("KODAK", layout=(2, 2), implicit=True),
    Way("KODAK", bits=8, session=True),
    Way("KODAK", lut=IDENTITY),
    Way("KODAK", lut=TABLE, bits=8, implicit=True),
    Way("KODAK", options=("--smoothing", "3", "--magnification", "CUBIC", "--configinfo", "CS001")),
    Way("KODAK", options=("--img-configinfo", "CS001", "--img-smoothing", "2")),
    Way("AGFA"),
    Way("AGFA", layout=(2, 3), session=True, implicit=True),
    Way("AGFA", layout=(2, 3), bits=8),
    Way("AGFA", lut=IDENTITY),
    Way("AGFA", lut=TABLE),
    Way("AGFA", lut=LINEAR, layout=(2, 3)),
    Way("AGFA", lut=IDENTITY, session=True),
]
