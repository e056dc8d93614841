"""Jobs of one state that wait for the same, as one group: a long list shows some of each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from broker.model.jobs.job import State
from broker.operations.jobs.job_status import JobStatus, held_remedy
from broker.operations.words.text import count

FEW = 40
"""Jobs that are shown one by one."""
LEAST = 3
"""Of each group, where there are more."""
IN_LINE = "in line at a printer"
_NUMBER = re.compile(r"\d+")
ORDER = (State.CANCELLED, State.SENT, State.PRINTED, State.QUEUED, State.PRINTING, State.HELD)
"""What a person has to see last stays on the screen; a page turns it round."""


@dataclass(frozen=True)
class JobGroup:
    """Jobs, by number, that are in one state for one reason."""

    state: State
    why: str
    """What they have in common, in a few words; empty where the state says it all."""
    jobs: tuple[JobStatus, ...]

    @property
    def words(self) -> str:
        """`12 jobs queued: in line at a printer`."""
        what = f"{count(len(self.jobs), 'job')} {self.state}"
        return f"{what}: {self.why}" if self.why else what

    def some(self, most: int) -> tuple[JobStatus, ...]:
        """At most so many: of waiting ones those that print next, of others the newest."""
        if self.state is State.QUEUED:
            return tuple(sorted(self.jobs, key=lambda each: each.job.turn)[:most])
        return self.jobs[-most:]


def job_groups(found: Sequence[JobStatus]) -> list[JobGroup]:
    """The groups, the least urgent first; those of one state by size, the largest last."""
    groups: dict[tuple[State, str], list[JobStatus]] = {}
    for each in sorted(found, key=lambda one: one.job.id):
        groups.setdefault((each.job.state, _why(each)), []).append(each)
    made = [JobGroup(state, why, tuple(jobs)) for (state, why), jobs in groups.items()]
    return sorted(made, key=lambda group: (ORDER.index(group.state), len(group.jobs)))


def _why(found: JobStatus) -> str:
    job = found.job
    if job.state is State.HELD:
        remedy = held_remedy(found)
        return str(remedy.cause) if remedy is not None else ""
    if job.state is not State.QUEUED:
        return ""
    if found.line:
        return IN_LINE  # the row says where
    return _NUMBER.sub("n", found.why)


def shares(groups: Sequence[JobGroup], most: int = FEW) -> list[int]:
    """How many of each group are shown, about `most` in all: all of small ones, and of the others
    an equal share, but LEAST at least."""
    left, open_groups = most, sorted(range(len(groups)), key=lambda at: len(groups[at].jobs))
    found = [0] * len(groups)
    for rank, at in enumerate(open_groups):
        share = max(LEAST, left // (len(open_groups) - rank))
        found[at] = min(share, len(groups[at].jobs))
        left -= found[at]
    return found
