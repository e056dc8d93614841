"""Image Display Format: how many image boxes lie on a film, and where (PS3.3 C.13.3, C.13.5.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

MOST_BOXES = 200
"""More than any film shows in earnest; each box costs the peer nothing and us memory."""

LONGEST_TEXT = 1024
"""Characters of an ST value (PS3.5 6.2)."""

_FORM = re.compile(r" *([A-Z]+) *\\ *([0-9]+(?: *, *[0-9]+)*) *", re.ASCII | re.IGNORECASE)
_NOT_OFFERED = re.compile(r" *(SUPERSLIDE|SLIDE|CUSTOM) *(?:\\.*)?", re.IGNORECASE | re.DOTALL)


class UnreadableLayout(ValueError):
    """The text names no layout that can be printed; `words` say why."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


class Kind(StrEnum):
    """The first word of a layout."""

    STANDARD = "STANDARD"
    """Columns, rows: equal boxes."""
    ROW = "ROW"
    """Boxes in each row, from the top."""
    COL = "COL"
    """Boxes in each column, from the left."""


class Place(NamedTuple):
    """A rectangle on the film, as fractions (0 to 1) of its printable area."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """A layout that was read: as many boxes as it says, between 1 and MOST_BOXES."""

    kind: Kind
    counts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Layout:
        r"""Read `STANDARD\C,R`, `ROW\R1,R2,…` or `COL\C1,C2,…`.

        Takes spaces between the parts and small letters. UnreadableLayout for anything else.
        """
        if len(text) > LONGEST_TEXT:
            raise UnreadableLayout(f"a layout of {len(text)} characters is too long")
        if vendors := _NOT_OFFERED.fullmatch(text):
            raise UnreadableLayout(f"{vendors[1].upper()} layouts are not offered")
        form = _FORM.fullmatch(text)
        if form is None or form[1].upper() not in list(Kind):
            raise UnreadableLayout(f"{_shown(text)} is not a layout")
        kind = Kind(form[1].upper())
        counts = tuple(int(count) for count in form[2].split(","))
        if kind is Kind.STANDARD and len(counts) != 2:
            raise UnreadableLayout(f"{_shown(text)} needs two numbers, columns and rows")
        if 0 in counts:
            raise UnreadableLayout(f"{_shown(text)} has a row or column of no boxes")
        layout = cls(kind, counts)
        if layout.boxes > MOST_BOXES:
            raise UnreadableLayout(f"{_shown(text)} has more than {MOST_BOXES} boxes")
        return layout

    @property
    def boxes(self) -> int:
        """How many image boxes there are."""
        if self.kind is Kind.STANDARD:
            columns, rows = self.counts
            return columns * rows
        return sum(self.counts)

    @property
    def text(self) -> str:
        """The layout as the standard writes it: capitals, no spaces."""
        return f"{self.kind}\\{','.join(str(count) for count in self.counts)}"

    def places(self) -> tuple[Place, ...]:
        """Where each position lies, position 1 first.

        Rows of a film are equally high and their boxes equally wide; with COL it is columns. Boxes
        are counted along the rows from the top left, with COL down the columns (PS3.3 C.13.5.1).
        """
        if self.kind is Kind.COL:
            return tuple(
                Place(column / len(self.counts), box / boxes, 1 / len(self.counts), 1 / boxes)
                for column, boxes in enumerate(self.counts)
                for box in range(boxes)
            )
        rows = self.counts
        if self.kind is Kind.STANDARD:
            rows = (self.counts[0],) * self.counts[1]
        return tuple(
            Place(box / boxes, row / len(rows), 1 / boxes, 1 / len(rows))
            for row, boxes in enumerate(rows)
            for box in range(boxes)
        )


def _shown(text: str) -> str:
    """What was sent, on one line and not too long."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
