"""Counts of what the relay does, since it started: plain numbers, for whoever draws curves."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

ANSWER_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
PAPER_S = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass
class Histogram:
    """How many values came up to each bound; the last number is of those beyond all bounds."""

    bounds: Sequence[float]
    numbers: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.numbers = self.numbers or [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """One more."""
        self.numbers[bisect.bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulated(self) -> list[tuple[float, int]]:
        """Bound and how many came up to it; the last bound is infinite."""
        found, number = [], 0
        for bound, more in zip((*self.bounds, math.inf), self.numbers, strict=True):
            number += more
            found.append((bound, number))
        return found


@dataclass
class ServiceTally:
    """What is counted. Printers' counts go by name."""

    jobs: int = 0
    """Print requests that were taken."""
    films: int = 0
    duplicates: int = 0
    """Of those jobs, the ones that may have come before."""
    held: int = 0
    """Jobs that the relay, not a person, has held."""
    uncertain: int = 0
    """Films that were asked for and not answered for."""
    associations: int = 0
    """Taken, ever."""
    shed_jobs: int = 0
    """Finished jobs whose pixels went before their time, for room or the budget."""
    shed_bytes: int = 0
    printed: Counter[str] = field(default_factory=Counter)
    """Printer -> films that it accepted."""
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Printer and outcome -> attempts."""
    answer_s: Histogram = field(default_factory=lambda: Histogram(ANSWER_S))
    """From a print request, read whole, to its films on stable storage: then success is told."""
    paper_s: Histogram = field(default_factory=lambda: Histogram(PAPER_S))
    """From a print request to a printer's acceptance of the film."""

    def heard(self, event: str, facts: Mapping[str, object]) -> None:
        """Count what a note says."""
        match event:
            case "films accepted":
                self.jobs += 1
                self.films += _whole(facts["films"])
                self.duplicates += "duplicate_of" in facts
                self.answer_s.observe(_number(facts["seconds"]))
            case "duplicate held":
                self.held += 1
            case "pixels missing":
                self.held += _whole(facts["held"])
            case "film accepted":
                self.printed[str(facts["printer"])] += 1
                self.paper_s.observe(max(0.0, _number(facts["seconds"])))
            case "job sent":
                self.attempts[str(facts["printer"]), "accepted"] += 1
            case "attempt failed":
                outcome = str(facts["outcome"])
                if facts["printer"]:  # otherwise it was none of a printer's
                    self.attempts[str(facts["printer"]), outcome] += 1
                self.uncertain += outcome == "uncertain"
                self.held += facts["state"] == "held"
            case "job recovered":
                self.held += facts["state"] == "held"
                self.uncertain += _whole(facts["uncertain"])
            case "pixels shed":
                self.shed_jobs += _whole(facts["jobs"])
                self.shed_bytes += _whole(facts["bytes"])
            case "association accepted":
                self.associations += 1


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
