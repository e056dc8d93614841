"""What may be wrong with an emulated printer, in words for a command line or a test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from broker.model.films.film import MILLIMETRES

HELP = {
    "ok": "nothing is wrong",
    "down": "refuses connections, as a printer that is switched off",
    "jam": "says FAILURE, FILM JAM; takes films and prints them when the jam is cleared",
    "warns:INFO": "says WARNING and that Printer Status Info, as SUPPLY LOW; prints all the same",
    "busy": "rejects associations for now",
    "slow:SECONDS": "takes so long for every sheet before it answers N-ACTION",
    "refuse-size:FILM_SIZE": "answers 0x0106 to film boxes of that Film Size ID",
    "refuse-action:STATUS": "answers N-ACTION with that status and prints nothing",
    "dies-in-set[:N]": "cuts the connection at the Nth N-SET (1) and is down from then on",
    "prints-and-dies": "prints the film, then cuts the connection instead of answering; then down",
    "no-lut": "does not support Presentation LUT",
}
"""Each word of a scenario, and what it does. Several may be joined with commas."""

LONGEST_INFO = 16
"""Characters of Printer Status Info, a code string (PS3.5 6.2)."""


class UnknownScenario(ValueError):
    """The text names no scenario; the words say which ones there are."""


@dataclass(frozen=True)
class Scenario:
    """The faults of a printer, all at once; by default there are none."""

    text: str = "ok"
    down: bool = False
    jam: bool = False
    warning: str = ""
    """Printer Status Info beside the status WARNING; empty: it says NORMAL."""
    busy: bool = False
    seconds: float | None = None
    """For every sheet; None leaves the printer's own pace."""
    refused_size: str = ""
    """Film Size ID."""
    refused_action: int | None = None
    """Status of every N-ACTION."""
    dies_at_set: int = 0
    """The number of the N-SET, from 1, counted from when the scenario began; 0 for none."""
    dies_after_print: bool = False
    no_lut: bool = False

    @property
    def fatal(self) -> bool:
        """Whether it takes the printer down, so that it does not outlive the printer's repair."""
        return self.down or self.dies_at_set > 0 or self.dies_after_print

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Read words such as `slow:2` or `no-lut,jam`; nothing is `ok`.

        Raises: UnknownScenario: when a word is not known.
        """
        found = cls()
        words = [word.strip() for word in text.split(",") if word.strip()]
        for word in words:
            name, _, value = word.partition(":")
            try:
                found = _READERS[name](found, value.strip())
            except (KeyError, ValueError):
                raise UnknownScenario(
                    f"{word} is no scenario of a printer; there are: {', '.join(HELP)}"
                ) from None
        return replace(found, text=",".join(words) or "ok")


def _plain(**changes: bool) -> Callable[[Scenario, str], Scenario]:
    def read(scenario: Scenario, value: str) -> Scenario:
        if value:
            raise ValueError("takes no value")
        return replace(scenario, **changes)  # type: ignore[arg-type]

    return read


def _warns(scenario: Scenario, value: str) -> Scenario:
    if not 0 < len(value) <= LONGEST_INFO:
        raise ValueError("no Printer Status Info")
    return replace(scenario, warning=value.upper())


def _slow(scenario: Scenario, value: str) -> Scenario:
    seconds = float(value)
    if not 0 <= seconds <= 3600:
        raise ValueError("not a time")
    return replace(scenario, seconds=seconds)


def _refuse_size(scenario: Scenario, value: str) -> Scenario:
    if value.upper() not in MILLIMETRES:
        raise ValueError(f"needs one of {', '.join(MILLIMETRES)}")
    return replace(scenario, refused_size=value.upper())


def _refuse_action(scenario: Scenario, value: str) -> Scenario:
    status = int(value, 0)
    if not 0 < status <= 0xFFFF:
        raise ValueError("not a status")
    return replace(scenario, refused_action=status)


def _dies_in_set(scenario: Scenario, value: str) -> Scenario:
    number = int(value or "1")
    if number < 1:
        raise ValueError("counts from 1")
    return replace(scenario, dies_at_set=number)


_READERS: dict[str, Callable[[Scenario, str], Scenario]] = {
    "ok": _plain(),
    "down": _plain(down=True),
    "jam": _plain(jam=True),
    "warns": _warns,
    "busy": _plain(busy=True),
    "slow": _slow,
    "refuse-size": _refuse_size,
    "refuse-action": _refuse_action,
    "dies-in-set": _dies_in_set,
    "prints-and-dies": _plain(dies_after_print=True),
    "no-lut": _plain(no_lut=True),
}
