"""What a check of the queue finds, what a person does about each kind, and when all is checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

NAMED = 20
"""Jobs that are named in one sentence."""


class Kind(StrEnum):
    """What is wrong."""

    PAGES = "pages"
    """The database file is not what SQLite wrote."""
    REFERENCES = "references"
    """A row refers to a row that is not there."""
    TABLES = "tables"
    """The tables are of another version."""
    VALUES = "values"
    """A value is none that the broker writes."""
    COUNTS = "counts"
    """A job's films, passes or names of pixels are not as many as it says."""
    CONTENT = "content"
    """A film is not the one that was accepted."""
    STATES = "states"
    """Values that cannot stand together."""
    PIXELS = "pixels"
    """Pixels of a job that is not finished are missing, or not what they were."""
    REPRINTS = "reprints"
    """The same of a finished job that is kept for a reprint."""
    FIT = "fit"
    """The database and the spool do not belong together."""


SALVAGE = (
    "`broker db salvage` reads what is left into a new database in its place, and keeps the "
    "damaged one beside it"
)
"""What to type without a backup, and what that gives."""

REMEDIES: Mapping[Kind, str] = {
    Kind.PAGES: (
        "Stop the broker. With a backup: move the database with its -wal and -shm away, leave the "
        f"spool, then `broker restore DIR`. Without one: {SALVAGE}. Then look at the disk and the "
        "memory."
    ),
    Kind.REFERENCES: (
        "Rows are missing that others refer to: treat it as damaged pages. Stop the broker, and "
        f"restore a backup; without one: {SALVAGE}."
    ),
    Kind.TABLES: "`broker db upgrade` brings older tables up to date; install a later broker for "
    "newer ones.",
    Kind.VALUES: (
        "The row was damaged, or changed by another program. If the job is not finished: print it "
        "again at the modality, then `broker jobs cancel ID`. More than one: restore a backup."
    ),
    Kind.COUNTS: (
        "Rows of the job are missing. If it is not finished: print it again at the modality, then "
        "`broker jobs cancel ID`. More than one: restore a backup."
    ),
    Kind.CONTENT: (
        "The film would print otherwise than it was accepted, so the broker does not print it. "
        "Print it again at the modality, then `broker jobs cancel ID`."
    ),
    Kind.STATES: (
        "If a broker runs: `broker jobs show ID`, and look in the tray. If none runs: the next "
        "start settles what a crash has left; check again after it."
    ),
    Kind.PIXELS: (
        "If a backup has the file, copy DIR/spool/xx/NAME into the spool's folder xx. Else print "
        "the job again at the modality, then `broker jobs cancel ID`."
    ),
    Kind.REPRINTS: (
        "These jobs are finished; only `broker jobs reprint ID` needs the pixels. Nothing to do, "
        "but look at the disk where files are damaged."
    ),
    Kind.FIT: "Do what the sentence says; until then, no broker starts.",
}


def remedy(kind: Kind) -> str:
    """What a person does about a finding of that kind."""
    return REMEDIES[kind]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with all jobs that have it."""

    kind: Kind
    words: str
    """Nothing of a patient is in it."""
    jobs: tuple[int, ...] = ()

    @property
    def sentence(self) -> str:
        """For a person."""
        if not self.jobs:
            return self.words
        more = f", and {len(self.jobs) - NAMED} more" if len(self.jobs) > NAMED else ""
        which = ", ".join(map(str, self.jobs[:NAMED])) + more
        return f"{self.words}: job{'s' if len(self.jobs) > 1 else ''} {which}"


def gathered(found: Iterable[tuple[Kind, str, int | None]]) -> list[Finding]:
    """Findings of equal kind and words as one, with all their jobs in order."""
    jobs: dict[tuple[Kind, str], set[int]] = {}
    for kind, words, job_id in found:
        its = jobs.setdefault((kind, words), set())
        if job_id is not None:
            its.add(job_id)
    order = list(Kind)
    return [
        Finding(kind, words, tuple(sorted(its)))
        for (kind, words), its in sorted(jobs.items(), key=lambda each: order.index(each[0][0]))
    ]


NIGHT = range(1, 6)
"""Hours of the day, local time, in which it may begin."""
APART_S = 12 * 3600.0
"""Between two checks at least."""
OVERDUE_S = 36 * 3600.0
"""After so long it may begin at any hour: a machine may be off at night."""


def check_is_due(now: float, hour: int, last_at: float) -> bool:
    """Whether a check may begin now, at this local hour; the last one, or the start, was then.

    Times are in seconds since the epoch. A clock that was set back makes it due after a day.
    """
    since = abs(now - last_at)
    return since >= OVERDUE_S or (since >= APART_S and hour in NIGHT)
