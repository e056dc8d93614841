"""What DCMTK's print programs say they heard and answered, by their option --dump."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_MESSAGE = re.compile(
    r"(INCOMING|OUTGOING) DIMSE MESSAGE =+\n(.*?)\n[^\n]*END DIMSE MESSAGE", re.DOTALL
)
_KIND = re.compile(r"^D: Message Type +: (.+)$", re.MULTILINE)
_CLASS = re.compile(r"^D: (?:Affected|Requested) SOP Class UID +: (\w+)", re.MULTILINE)
_INSTANCE = re.compile(r"^D: Requested SOP Instance UID +: ([0-9.]+)", re.MULTILINE)
_SYNTAX = re.compile(r"^D: # Used TransferSyntax: (.+)$", re.MULTILINE)
_ELEMENT = re.compile(r"^D: \(\w{4},\w{4}\) (\w\w) (.*?) +# +\d+, *\d+ (\w+)$", re.MULTILINE)
"""At the top level of the data set: those in items are indented."""
_BOXES = re.compile(r"^D: [^\n]+ ReferencedImageBoxSequence\n(.*?)^D: \(", re.MULTILINE | re.DOTALL)
_BOX = re.compile(r"\[([0-9.]+)\][^\n]* ReferencedSOPInstanceUID")

PRINT_CLASSES = (
    "BasicFilmSessionSOPClass",
    "BasicFilmBoxSOPClass",
    "PresentationLUTSOPClass",
    "BasicGrayscaleImageBoxSOPClass",
)


@dataclass(frozen=True)
class Heard:
    """One DIMSE message; the words are DCMTK's."""

    incoming: bool
    kind: str
    """`N-CREATE RQ`, `N-GET RSP`, ..."""
    sop_class: str
    instance: str
    """What a request is about, but for N-CREATE."""
    syntax: str
    """Of its data set; empty when it has none."""
    attributes: tuple[tuple[str, str], ...]
    """Keyword and value, without sequences."""
    image_boxes: tuple[str, ...]
    """UIDs that a film box refers to, in order."""


def heard(dump: str) -> list[Heard]:
    """The messages in a dump, both ways, in order."""
    return [_message(found[1] == "INCOMING", found[2]) for found in _MESSAGE.finditer(dump)]


def _message(incoming: bool, text: str) -> Heard:
    elements = [found for found in _ELEMENT.finditer(text) if found.group(1) not in ("SQ", "na")]
    return Heard(
        incoming=incoming,
        kind=_first(_KIND, text),
        sop_class=_first(_CLASS, text),
        instance=_first(_INSTANCE, text),
        syntax=_first(_SYNTAX, text),
        attributes=tuple((each.group(3), each.group(2)) for each in elements),
        image_boxes=tuple(_BOX.findall(_first(_BOXES, text))),
    )


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1) if found else ""


def asked(messages: Iterable[Heard]) -> dict[str, list[tuple[str, str]]]:
    """What a printer was asked for by N-CREATE and N-SET, attribute by attribute, by class.

    Which of the two carried an attribute, and in what order objects were made, is left out: both
    are the asker's choice. Image boxes are told apart by Image Box Position, first of theirs.
    """
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in PRINT_CLASSES}
    for message in messages:
        if message.kind in ("N-CREATE RQ", "N-SET RQ"):
            found[message.sop_class] += message.attributes
    for name in PRINT_CLASSES[:-1]:
        found[name].sort()
    return found


def actions(messages: Iterable[Heard]) -> list[str]:
    """The classes on which N-ACTION was asked, in order."""
    return [each.sop_class for each in messages if each.kind == "N-ACTION RQ"]


def places(messages: Iterable[Heard]) -> list[tuple[int, int]]:
    """Of each image: which of the offered image boxes it was put in, and its Image Box Position.

    dcmprscp itself goes by the position alone. Both count from 1.
    """
    offered: tuple[str, ...] = ()
    found = []
    for message in messages:
        offered = message.image_boxes or offered
        if message.kind == "N-SET RQ" and message.instance in offered:
            position = dict(message.attributes)["ImageBoxPosition"]
            found.append((offered.index(message.instance) + 1, int(position)))
    return found
