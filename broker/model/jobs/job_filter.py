"""Which jobs are asked for, and which of them are shown at a time: the same for every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broker.model.jobs.job import Job, State

LONGEST = 64
"""Characters of an AE title, a name or a text that is looked for; no name is longer."""


@dataclass(frozen=True)
class JobFilter:
    """Conditions that must all hold; an empty one always does. Case does not count."""

    states: frozenset[State] = frozenset()
    modality: str = ""
    """The calling AE title, or the nickname, whole."""
    printer: str = ""
    """A printer's name, whole: the job was printed or tried there, is lined up there or bound to
    it."""
    since: float | None = None
    """The job came then or later (seconds since the epoch)."""
    until: float | None = None
    """It came before then."""
    text: str = ""
    """It stands in an AE title, a printer's name, the reason or the remark, or is the number.
    Nothing that is of a patient is looked through."""
    nicknamed: frozenset[str] = frozenset()
    """The calling AE titles that have `modality` for a nickname; their case counts."""
    nicknames_with_text: frozenset[str] = frozenset()
    """The calling AE titles that have `text` in their nickname: their jobs are meant, too."""

    @property
    def empty(self) -> bool:
        """Whether every job is meant."""
        return self == JobFilter()


@dataclass(frozen=True)
class FoundJobs:
    """Some of the jobs that a filter means, the newest first."""

    jobs: Sequence[Job]
    cursor: int | None
    """Further ones have smaller numbers; None where there are none."""
