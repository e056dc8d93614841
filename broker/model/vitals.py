"""Vital signs of a running relay: what it tells of itself beside the database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

from broker.model.tally import ANSWER_S, PAPER_S, Histogram, Tally


@dataclass(frozen=True)
class Vitals:
    """Of one moment."""

    pid: int
    started_at: float
    """In seconds since the epoch."""
    associations: int = 0
    """Open now."""
    not_reloaded: str = ""
    """Why the configuration was not taken over when it was last read again; empty when it was."""
    not_reloaded_at: float = 0.0
    """When that was, in seconds since the epoch."""
    tally: Tally = field(default_factory=Tally)

    @property
    def films(self) -> int:
        """Taken since it started."""
        return self.tally.films

    def document(self) -> dict[str, Any]:
        """As JSON."""
        tally: dict[str, Any] = {
            each.name: getattr(self.tally, each.name) for each in fields(Tally)
        }
        tally["printed"] = dict(self.tally.printed)
        tally["attempts"] = [[*key, number] for key, number in self.tally.attempts.items()]
        for name in ("answer_s", "paper_s"):
            found: Histogram = tally[name]
            tally[name] = {"numbers": list(found.numbers), "total": found.total}
        # Not by `asdict`, which copies all of it: nothing is counted meanwhile.
        own = {each.name: getattr(self, each.name) for each in fields(self)}
        return own | {"tally": tally}

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
        return cls(**(document | {"tally": Tally(**told)}))
