"""What became of films, known by their pixels: every bench counts them in the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass

Pixels = tuple[str, ...]
"""As `Sheet.pixels`: by this a sheet is known as a film."""


@dataclass(frozen=True)
class Fates:
    """All that was asked for, and what came of it."""

    asked: Set[Pixels]
    accepted: Set[Pixels]
    """Those whose modality heard 0x0000."""
    told: Set[Pixels]
    """Those of which a held job tells a person."""
    uncertain: Set[Pixels]
    """Those of them of which it is not known whether they are on paper."""
    sheets: Counter[Pixels]
    """What is on paper, and how often."""

    @property
    def lost(self) -> set[Pixels]:
        """Accepted, not on paper, and not told."""
        return self.accepted - self.sheets.keys() - self.told

    @property
    def repeated(self) -> set[Pixels]:
        """On paper more than once."""
        return {film for film, number in self.sheets.items() if number > 1}

    @property
    def failed_yet_printed(self) -> set[Pixels]:
        """On paper, and the modality was told that it failed."""
        return (self.asked - self.accepted) & self.sheets.keys()

    @property
    def uncertain_printed(self) -> set[Pixels]:
        """Uncertain, and on paper."""
        return self.uncertain & self.sheets.keys()
