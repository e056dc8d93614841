"""Vital signs of a running relay: what it counts, and what it tells of itself."""

from __future__ import annotations

import bisect
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from broker.events import Event, Facts

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
    images_refused: int = 0
    """Images that modalities were refused, and printed their films all the same."""
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

    def heard(self, event: Event, facts: Facts) -> None:
        """Count what an event adds."""
        for count in event.counts:
            number = count.number(facts)
            if number is None:
                continue
            counter = getattr(self, count.counter)
            if isinstance(counter, Histogram):
                counter.observe(max(0.0, number))
            elif isinstance(counter, Counter):
                key = count.key(facts)
                if all(key):  # otherwise it was none of a printer's
                    counter[key if len(key) > 1 else key[0]] += int(number)
            else:
                setattr(self, count.counter, counter + int(number))


@dataclass(frozen=True)
class Storage:
    """What the relay knows of its database file."""

    damage: str = ""
    """What SQLite said when a damaged page was met; empty as long as there was none."""
    replaced: str = ""
    """How the database was seen to be replaced while it was in use; empty as long as it was not."""
    faults: int = 0
    """What the last full check has found."""
    fault: str = ""
    """The first of it, in words."""
    checked_at: float | None = None
    """When the last full check ended."""
    log_bytes: int = 0
    """Of the write-ahead log."""
    log_reader: str = ""
    """The process that keeps it from shrinking; empty without one."""
    log_reader_s: float = 0.0
    """For how long it has been seen, in seconds."""


@dataclass(frozen=True)
class Vitals:
    """Of one moment."""

    pid: int
    started_at: float
    """In seconds since the epoch."""
    associations: int = 0
    """Open now."""
    tally: ServiceTally = field(default_factory=ServiceTally)
    storage: Storage = field(default_factory=Storage)
    not_reloaded: str = ""
    """Why the configuration was not taken over when it was last read again; empty when it was."""
    not_reloaded_at: float = 0.0
    """When that was, in seconds since the epoch."""
    listening: bool = True
    """Whether a thread waits for connections on each of its ports."""
    stored_at: float = 0.0
    """When a film was taken last, in seconds since the epoch; 0: none yet."""
    failed_at: float = 0.0
    """Likewise, when one could not be stored."""
    failure: str = ""
    """Why; nothing of a patient is in it."""
    incomplete: tuple[int, ...] = ()
    """The last jobs whose modality was refused an image, and printed the film all the same."""
    floor: int | None = None
    """The bytes that it leaves free on the disk: the file may have been changed since it was read.
    """

    @property
    def failing(self) -> bool:
        """Whether the last film that came could not be stored."""
        return self.failed_at > self.stored_at

    @property
    def films(self) -> int:
        """Taken since it started."""
        return self.tally.films

    def document(self) -> dict[str, Any]:
        """As JSON."""
        tally: dict[str, Any] = {
            each.name: getattr(self.tally, each.name) for each in fields(ServiceTally)
        }
        tally["printed"] = dict(self.tally.printed)
        tally["attempts"] = [[*key, number] for key, number in self.tally.attempts.items()]
        for name in ("answer_s", "paper_s"):
            found: Histogram = tally[name]
            tally[name] = {"numbers": list(found.numbers), "total": found.total}
        # Not by `asdict`, which copies all of it: nothing is counted meanwhile.
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return own | {"tally": tally, "storage": asdict(self.storage)}

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Vitals:
        """What `document` made.

        Raises: KeyError, TypeError, ValueError: when it is something else.
        """
        told = dict(document["tally"])
        told["printed"] = Counter(told["printed"])
        told["attempts"] = Counter({(name, how): n for name, how, n in told["attempts"]})
        for name, bounds in (("answer_s", ANSWER_S), ("paper_s", PAPER_S)):
            told[name] = Histogram(bounds, **told[name])
            if len(told[name].numbers) != len(bounds) + 1:
                raise ValueError(f"{name} has other bounds")
        storage = Storage(**document.get("storage", {}))
        made: dict[str, Any] = {
            "tally": ServiceTally(**told),
            "storage": storage,
            "incomplete": tuple(document.get("incomplete", ())),
        }
        return cls(**(document | made))
