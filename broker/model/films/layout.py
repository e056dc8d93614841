r"""The Image Display Format of a film box: how many image boxes it has, and where (PS3.3 C.13.5.1).

STANDARD\C,R     C columns by R rows, equal; numbered to the right, then down
ROW\R1,R2,…      R1 boxes in the first row, …; numbered likewise
COL\C1,C2,…      C1 boxes in the first column, …; numbered down, then to the right
SLIDE, SUPERSLIDE, CUSTOM\i    as the printer makes them
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Self

MAX_BOXES = 1000
"""More than any film carries; a bound on what one N-CREATE can make us build."""


class UnreadableLayout(ValueError):
    """The text names no layout that can be made; the words say why, without quoting it."""


class UnknownLayout(UnreadableLayout):
    """How many image boxes it has depends on the printer, and was not said."""


class LayoutKind(StrEnum):
    """The formats that there are."""

    STANDARD = "STANDARD"
    ROW = "ROW"
    COL = "COL"
    SLIDE = "SLIDE"
    SUPERSLIDE = "SUPERSLIDE"
    CUSTOM = "CUSTOM"


@dataclass(frozen=True)
class Rectangle:
    """A rectangle on the printable area, in fractions of it, from its top left corner."""

    left: float
    top: float
    width: float
    height: float


_GRAMMAR = re.compile(r"\s*([A-Za-z]+)\s*(?:\\\s*([0-9]+(?:\s*,\s*[0-9]+)*)\s*)?", re.ASCII)
_NUMBERS = {LayoutKind.STANDARD: 2, LayoutKind.CUSTOM: 1, LayoutKind.SLIDE: 0}
_NUMBERS[LayoutKind.SUPERSLIDE] = 0
"""How many a format has; of the others, one or more."""
_SAID = {
    LayoutKind.STANDARD: "STANDARD needs two numbers, columns and rows",
    LayoutKind.CUSTOM: "CUSTOM needs one number",
    LayoutKind.SLIDE: "SLIDE has no numbers",
    LayoutKind.SUPERSLIDE: "SUPERSLIDE has no numbers",
}
PRINTERS_OWN = frozenset({LayoutKind.SLIDE, LayoutKind.SUPERSLIDE, LayoutKind.CUSTOM})
"""Formats whose image boxes are the printer's affair (PS3.3 C.13.5.1)."""


@dataclass(frozen=True)
class Layout:
    """A format that was read: its kind and its numbers, all of them positive."""

    kind: LayoutKind
    counts: tuple[int, ...]
    made: int = 0
    """Image boxes that a printer makes for it, where that is its own affair."""

    @classmethod
    @lru_cache(maxsize=64)  # a modality asks for a few of them, again and again
    def parse(cls, text: str, made: int = 0) -> Self:
        """Read an Image Display Format; `made` is how many image boxes a printer's own has.

        Raises:
            UnknownLayout: when `made` is needed and is 0.
            UnreadableLayout: when it is none that there is.
        """
        if len(text) > 1024:
            raise UnreadableLayout("is longer than any format")
        match = _GRAMMAR.fullmatch(text)
        keyword = match[1].upper() if match is not None else ""
        if match is None or keyword not in LayoutKind.__members__:
            raise UnreadableLayout(r"is not STANDARD\C,R, ROW\R1,R2,... or COL\C1,C2,...")
        kind = LayoutKind[keyword]
        counts = tuple(int(number) for number in (match[2] or "").split(",") if number)
        if len(counts) != _NUMBERS.get(kind, max(1, len(counts))):
            raise UnreadableLayout(_SAID.get(kind, f"{kind} needs numbers"))
        if 0 in counts:
            raise UnreadableLayout("has a row or column without image boxes")
        layout = cls(kind, counts, made if kind in PRINTERS_OWN else 0)
        if layout.boxes > MAX_BOXES:
            raise UnreadableLayout(f"has more than {MAX_BOXES} image boxes")
        if not layout.boxes:
            raise UnknownLayout(
                "is made by printers, and none has said how many image boxes it has"
            )
        return layout

    @property
    def boxes(self) -> int:
        """How many image boxes it has."""
        if self.kind in PRINTERS_OWN:
            return self.made
        if self.kind is LayoutKind.STANDARD:
            return self.counts[0] * self.counts[1]
        return sum(self.counts)

    @property
    def text(self) -> str:
        """The format as the standard writes it."""
        return "\\".join(filter(None, (str(self.kind), ",".join(map(str, self.counts)))))

    def places(self) -> tuple[Rectangle, ...]:
        """Where the image boxes lie, in the order of Image Box Position; those of a printer's own
        format in equal rows, as its printer alone knows better."""
        return tuple(self._places())

    def _places(self) -> Iterator[Rectangle]:
        if self.kind is LayoutKind.COL:
            for column, boxes in enumerate(self.counts):
                width, height = 1 / len(self.counts), 1 / boxes
                for row in range(boxes):
                    yield Rectangle(column * width, row * height, width, height)
            return
        rows = self.counts
        if self.kind is LayoutKind.STANDARD:
            rows = (self.counts[0],) * self.counts[1]
        if self.kind in PRINTERS_OWN:
            across = math.isqrt(self.made - 1) + 1
            full, rest = divmod(self.made, across)
            rows = (across,) * full + ((rest,) if rest else ())
        for row, boxes in enumerate(rows):
            width, height = 1 / boxes, 1 / len(rows)
            for column in range(boxes):
                yield Rectangle(column * width, row * height, width, height)
