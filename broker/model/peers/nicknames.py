"""What people call modalities, beside their AE titles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

LONGEST_NICKNAME = 32
"""Characters."""


@dataclass(frozen=True)
class Nicknames:
    """The nicknames of a site, by AE title, whose case counts; that of nicknames does not."""

    by_ae_title: Mapping[str, str] = field(default_factory=dict)

    def of(self, ae_title: str) -> str:
        """Its nickname; empty where it has none."""
        return self.by_ae_title.get(ae_title, "")

    def named(self, ae_title: str) -> str:
        """The AE title, with its nickname."""
        return with_nickname(ae_title, self.of(ae_title))

    def called(self, nickname: str) -> frozenset[str]:
        """The AE titles that have this nickname."""
        wanted = nickname.casefold()
        return self._where(lambda known: known == wanted)

    def having(self, text: str) -> frozenset[str]:
        """The AE titles that have this text in their nickname; none for an empty one."""
        wanted = text.casefold()
        return self._where(lambda known: wanted in known) if wanted else frozenset()

    def _where(self, fits: Callable[[str], bool]) -> frozenset[str]:
        return frozenset(
            title for title, known in self.by_ae_title.items() if fits(known.casefold())
        )


def with_nickname(ae_title: str, nickname: str) -> str:
    """`CT1 (CT, ground floor)`, or the AE title alone."""
    return f"{ae_title} ({nickname})" if nickname else ae_title
