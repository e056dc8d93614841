"""Films of DCMTK's print SCU for printers that lack one thing, and for DCMTK's profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.peers.dcmtk_console import TABLE
from tests.peers.printer_profiles import profile

GENEROUS = {
    "BorderDensity": r"BLACK\WHITE\150",
    "Configuration_1": "CS000",
    "Configuration_2": "CS001",
    "DisableNewVRs": "false",
    "DisplayFormat": r"1,1\1,2\2,2\2,3\3,3\7,9",
    "EmptyImageDensity": r"BLACK\WHITE\20",
    "FilmDestination": r"MAGAZINE\PROCESSOR\BIN_1",
    "FilmSizeID": r"8INX10IN\14INX17IN\24CMX30CM",
    "ImplicitOnly": "false",
    "MagnificationType": r"REPLICATE\BILINEAR\CUBIC\NONE",
    "MaxDensity": r"320\300",
    "MaxPDU": "131072",
    "MediumType": r"PAPER\CLEAR FILM\BLUE FILM",
    "MinDensity": r"20\30",
    "OmitSOPClassUIDFromCreateResponse": "false",
    "PresentationLUTMatchRequired": "false",
    "PresentationLUTPreferSCPRendering": "true",
    "PresentationLUTinFilmSession": "false",
    "ResolutionID": r"STANDARD\HIGH",
    "SmoothingType": r"NONE\MEDIUM",
    "Supports12Bit": "true",
    "SupportsDecimateCrop": "true",
    "SupportsImageSize": "true",
    "SupportsPresentationLUT": "true",
    "SupportsTrim": "true",
}
"""A printer that takes everything that dcmprscp can take."""


@dataclass(frozen=True)
class Composed:
    """A film as DCMTK's programs compose and print it, for a printer with certain keys."""

    printer: str
    """What it lacks, or its profile."""
    keys: Mapping[str, str]
    composed: tuple[str, ...] = ()
    """For dcmpsprt."""
    wishes: tuple[str, ...] = ()
    """For dcmprscu."""
    images: int = 1

    def __str__(self) -> str:
        return f"{self.printer}: {' '.join([*self.composed, *self.wishes]) or 'plain'}"


def _without(
    key: str, value: str | None, composed: tuple[str, ...] = (), *wishes: str, images: int = 1
) -> Composed:
    """For a printer that is generous but for one key; None: it has no such key."""
    keys = {each: said for each, said in GENEROUS.items() if each != key}
    if value is not None:
        keys[key] = value
    return Composed(f"{key}={value or 'none'}", keys, composed, wishes, images)


_LOOKS = (("--identity",), ("--lin-od",), ("--plut", TABLE))

LACKING = (
    _without("SupportsTrim", "false", ("--trim",)),
    _without("SupportsTrim", "false", ("--no-trim",)),
    _without("SupportsImageSize", "false", ("--img-request-size", "150")),
    _without("SupportsDecimateCrop", "false", ("--request-decimate",)),
    _without("SupportsDecimateCrop", "false", ("--request-crop",)),
    _without("SupportsDecimateCrop", "false", ("--request-fail",)),
    _without("Supports12Bit", "false"),
    *(_without("Supports12Bit", "false", each) for each in _LOOKS),
    *(_without("SupportsPresentationLUT", "false", each) for each in _LOOKS),
    *(_without("PresentationLUTMatchRequired", "true", each) for each in ((), *_LOOKS)),
    *(_without("PresentationLUTinFilmSession", "true", each) for each in ((), *_LOOKS)),
    _without("BorderDensity", None, ("--border", "BLACK")),
    _without("BorderDensity", "WHITE", ("--border", "BLACK")),
    _without("EmptyImageDensity", None, ("--empty-image", "WHITE")),
    _without("EmptyImageDensity", "BLACK", ("--empty-image", "WHITE")),
    _without("FilmSizeID", None, ("--filmsize", "14INX17IN")),
    _without("FilmSizeID", "8INX10IN", ("--filmsize", "14INX17IN")),
    _without("MediumType", None, (), "--medium-type", "BLUE FILM"),
    _without("MediumType", "PAPER", (), "--medium-type", "BLUE FILM"),
    _without("FilmDestination", None, (), "--destination", "BIN_1"),
    _without("FilmDestination", "MAGAZINE", (), "--destination", "BIN_1"),
    _without("MagnificationType", "REPLICATE", ("--magnification", "CUBIC")),
    _without("MagnificationType", "REPLICATE", ("--img-magnification", "CUBIC")),
    _without("SmoothingType", None, ("--smoothing", "MEDIUM")),
    _without("SmoothingType", "NONE", ("--smoothing", "MEDIUM")),
    _without("SmoothingType", None, ("--img-smoothing", "MEDIUM")),
    _without("ResolutionID", None, ("--resolution", "HIGH")),
    _without("ResolutionID", "STANDARD", ("--resolution", "HIGH")),
    _without("MinDensity", None, ("--min-density", "30")),
    _without("MinDensity", "20", ("--min-density", "30")),
    _without("MaxDensity", None, ("--max-density", "300")),
    _without("MaxDensity", "320", ("--max-density", "300")),
    _without("Configuration_2", None, ("--configinfo", "CS001")),
    _without("Configuration_2", None, ("--img-configinfo", "CS001")),
    _without("DisplayFormat", "1,1", ("--layout", "2", "3"), images=6),
    _without("ImplicitOnly", "true"),
    _without("ImplicitOnly", "true", ("--identity",)),
    _without("ImplicitOnly", "true", ("--plut", TABLE)),
    _without("DisableNewVRs", "true"),
    _without("MaxPDU", "4096"),
    _without("OmitSOPClassUIDFromCreateResponse", "true"),
)
"""Films for printers that lack one thing."""


def on_profile(name: str) -> list[Composed]:
    """Films for a printer with a profile of DCMTK's printers.cfg."""
    keys = {**profile(name), "PresentationLUTPreferSCPRendering": "true"}
    wishes = ("--copies", "2", "--priority", "HIGH", "--label", "LABEL", "--owner", "ROOM 2")
    composed = [
        *((), *_LOOKS),
        *(("--trim",), ("--filmsize", "14INX17IN"), ("--border", "BLACK"), ("--landscape",)),
        *(("--img-polarity", "REVERSE"), ("--img-request-size", "150"), ("--request-crop",)),
        ("--smoothing", "MEDIUM"),
    ]
    films = [Composed(name, keys, each) for each in composed]
    films.append(Composed(name, keys, wishes=wishes))
    films.append(Composed(name, keys, wishes=("--medium-type", "BLUE FILM")))
    return [*films, Composed(name, keys, ("--layout", "2", "3"), images=6)]
