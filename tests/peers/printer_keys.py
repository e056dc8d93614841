"""Each key of DCMTK's printers.cfg that restricts a printer, and films that it restricts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.peers.dcmtk_console import TABLE

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
class Restriction:
    """A printer that is generous but for one key, and a film that is composed for the other."""

    key: str
    value: str | None
    """None: the printer has no such key."""
    composed: tuple[str, ...] = ()
    """For dcmpsprt."""
    wishes: tuple[str, ...] = ()
    """For dcmprscu."""
    images: int = 1

    @property
    def keys(self) -> Mapping[str, str]:
        """Of the printer."""
        others = {key: value for key, value in GENEROUS.items() if key != self.key}
        return others if self.value is None else {**others, self.key: self.value}

    def __str__(self) -> str:
        said = "none" if self.value is None else self.value
        return " ".join([f"{self.key}={said}:", *self.composed, *self.wishes])


_LOOKS = (("--identity",), ("--lin-od",), ("--plut", TABLE))

RESTRICTIONS = (
    Restriction("SupportsTrim", "false", ("--trim",)),
    Restriction("SupportsTrim", "false", ("--no-trim",)),
    Restriction("SupportsImageSize", "false", ("--img-request-size", "150")),
    Restriction("SupportsDecimateCrop", "false", ("--request-decimate",)),
    Restriction("SupportsDecimateCrop", "false", ("--request-crop",)),
    Restriction("SupportsDecimateCrop", "false", ("--request-fail",)),
    Restriction("Supports12Bit", "false"),
    *(Restriction("Supports12Bit", "false", each) for each in _LOOKS),
    *(Restriction("SupportsPresentationLUT", "false", each) for each in _LOOKS),
    *(Restriction("PresentationLUTMatchRequired", "true", each) for each in ((), *_LOOKS)),
    *(Restriction("PresentationLUTinFilmSession", "true", each) for each in ((), *_LOOKS)),
    Restriction("BorderDensity", None, ("--border", "BLACK")),
    Restriction("BorderDensity", "WHITE", ("--border", "BLACK")),
    Restriction("EmptyImageDensity", None, ("--empty-image", "WHITE")),
    Restriction("EmptyImageDensity", "BLACK", ("--empty-image", "WHITE")),
    Restriction("FilmSizeID", None, ("--filmsize", "14INX17IN")),
    Restriction("FilmSizeID", "8INX10IN", ("--filmsize", "14INX17IN")),
    Restriction("MediumType", None, (), ("--medium-type", "BLUE FILM")),
    Restriction("MediumType", "PAPER", (), ("--medium-type", "BLUE FILM")),
    Restriction("FilmDestination", None, (), ("--destination", "BIN_1")),
    Restriction("FilmDestination", "MAGAZINE", (), ("--destination", "BIN_1")),
    Restriction("MagnificationType", "REPLICATE", ("--magnification", "CUBIC")),
    Restriction("MagnificationType", "REPLICATE", ("--img-magnification", "CUBIC")),
    Restriction("SmoothingType", None, ("--smoothing", "MEDIUM")),
    Restriction("SmoothingType", "NONE", ("--smoothing", "MEDIUM")),
    Restriction("SmoothingType", None, ("--img-smoothing", "MEDIUM")),
    Restriction("ResolutionID", None, ("--resolution", "HIGH")),
    Restriction("ResolutionID", "STANDARD", ("--resolution", "HIGH")),
    Restriction("MinDensity", None, ("--min-density", "30")),
    Restriction("MinDensity", "20", ("--min-density", "30")),
    Restriction("MaxDensity", None, ("--max-density", "300")),
    Restriction("MaxDensity", "320", ("--max-density", "300")),
    Restriction("Configuration_2", None, ("--configinfo", "CS001")),
    Restriction("Configuration_2", None, ("--img-configinfo", "CS001")),
    Restriction("DisplayFormat", "1,1", ("--layout", "2", "3"), images=6),
    Restriction("ImplicitOnly", "true"),
    Restriction("ImplicitOnly", "true", ("--identity",)),
    Restriction("ImplicitOnly", "true", ("--plut", TABLE)),
    Restriction("DisableNewVRs", "true"),
    Restriction("MaxPDU", "4096"),
    Restriction("OmitSOPClassUIDFromCreateResponse", "true"),
)
