"""Vital signs of a running relay: what it tells of itself beside the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from broker.model.tally import ANSWER_S, PAPER_S, Histogram, ServiceTally


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
        """What `document` made; KeyError, TypeError or ValueError when it is something else."""
        told = dict(document["tally"])
        told["printed"] = Counter(told["printed"])
        told["attempts"] = Counter({(name, how): n for name, how, n in told["attempts"]})
        for name, bounds in (("answer_s", ANSWER_S), ("paper_s", PAPER_S)):
            told[name] = Histogram(bounds, **told[name])
            if len(told[name].numbers) != len(bounds) + 1:
                raise ValueError(f"{name} has other bounds")
        storage = Storage(**document.get("storage", {}))
        return cls(**(document | {"tally": ServiceTally(**told), "storage": storage}))
