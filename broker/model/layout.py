r"""Image Display Format: how many image boxes a film has, and where (PS3.3 C.13.3, C.13.5.1).

STANDARD\C,R     C columns by R rows, equal; numbered to the right, then down
ROW\R1,R2,…      R1 boxes in the first row, …; numbered likewise
COL\C1,C2,…      C1 boxes in the first column, …; numbered down, then to the right
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

MAX_BOXES = 200
"""More than any film carries; a bound on what one N-CREATE can make us build."""


class UnreadableLayout(ValueError):
    """The text names no layout that can be made; the words say why, without quoting it."""


class LayoutKind(StrEnum):
    """The formats that are offered."""

    STANDARD = "STANDARD"
    ROW = "ROW"
    COL = "COL"


@dataclass(frozen=True)
class Rectangle:
    """A rectangle on the printable area, in fractions of it, from its top left corner."""

    left: float
    top: float
    width: float
    height: float


_GRAMMAR = re.compile(r"\s*([A-Za-z]+)\s*\\\s*([0-9]+(?:\s*,\s*[0-9]+)*)\s*", re.ASCII)
_VENDOR = ("SLIDE", "SUPERSLIDE", "CUSTOM")


@dataclass(frozen=True)
class Layout:
    """A format that was read: its kind and its numbers, all of them positive."""

    kind: LayoutKind
    counts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an Image Display Format; UnreadableLayout when it is none that is offered."""
        keyword = text.split("\\")[0].strip().upper()
        if keyword in _VENDOR:
            raise UnreadableLayout(f"{keyword} depends on the printer's make and is not offered")
        if len(text) > 1024:
            raise UnreadableLayout("is longer than any format")
        match = _GRAMMAR.fullmatch(text)
        if match is None or keyword not in LayoutKind.__members__:
            raise UnreadableLayout(r"is not STANDARD\C,R, ROW\R1,R2,... or COL\C1,C2,...")
        kind = LayoutKind[keyword]
        counts = tuple(int(number) for number in match[2].split(","))
        if kind is LayoutKind.STANDARD and len(counts) != 2:
            raise UnreadableLayout(r"STANDARD needs two numbers, columns and rows")
        if 0 in counts:
            raise UnreadableLayout("has a row or column without image boxes")
        layout = cls(kind, counts)
        if layout.boxes > MAX_BOXES:
            raise UnreadableLayout(f"has more than {MAX_BOXES} image boxes")
        return layout

    @property
    def boxes(self) -> int:
        """How many image boxes it has."""
        if self.kind is LayoutKind.STANDARD:
            return self.counts[0] * self.counts[1]
        return sum(self.counts)

    @property
    def text(self) -> str:
        """The format as the standard writes it."""
        return f"{self.kind}\\{','.join(map(str, self.counts))}"

    def places(self) -> tuple[Rectangle, ...]:
        """Where the image boxes lie, in the order of Image Box Position."""
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
        for row, boxes in enumerate(rows):
            width, height = 1 / boxes, 1 / len(rows)
            for column in range(boxes):
                yield Rectangle(column * width, row * height, width, height)
