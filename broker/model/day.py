"""Films in and out, hour by hour, of each modality and printer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

HOURS = 24
HOUR_S = 3600.0


@dataclass(frozen=True)
class HourOfOne:
    """What one modality sent, or one printer accepted, within one hour."""

    name: str
    hour: int
    """From 0, the oldest, to HOURS - 1, the one that runs now."""
    films: int
    """Films x copies."""
    waited_s: float
    """From the acceptance of the job to that by the printer: the sum over all sendings; 0 where it
    is not known yet."""
    sendings: int = 0
    longest_s: float = 0.0


@dataclass(frozen=True)
class DayOfOne:
    """The day of one modality or printer."""

    name: str
    films: tuple[int, ...]
    """By hour, the oldest first."""
    mean_s: float | None
    """From success to acceptance; None where nothing was accepted."""
    longest_s: float | None

    @property
    def total(self) -> int:
        """Of all hours."""
        return sum(self.films)


def beginning(now: float) -> float:
    """When the first of the HOURS begins: hours are those of the clock, in UTC."""
    return (now // HOUR_S - HOURS + 1) * HOUR_S


def days(hours: Sequence[HourOfOne]) -> list[DayOfOne]:
    """Of each name, the one with most films first."""
    found = []
    for name in dict.fromkeys(each.name for each in hours):
        own = [each for each in hours if each.name == name]
        films = [0] * HOURS
        for each in own:
            if 0 <= each.hour < HOURS:
                films[each.hour] += each.films
        sendings = sum(each.sendings for each in own)
        mean = sum(each.waited_s for each in own) / sendings if sendings else None
        longest = max((each.longest_s for each in own), default=0.0) if sendings else None
        found.append(DayOfOne(name, tuple(films), mean, longest))
    return sorted(found, key=lambda each: (-each.total, each.name))


def together(every: Sequence[DayOfOne]) -> tuple[int, ...]:
    """Films by hour of all of them."""
    return tuple(sum(each.films[hour] for each in every) for hour in range(HOURS))
