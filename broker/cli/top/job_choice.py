"""Which jobs the screen shows: those that a filter means, and of a long list some of each group."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from broker.cli.top.listing import Line
from broker.cli.top.rows import job_line
from broker.model.jobs.job import State
from broker.model.jobs.job_filter import JobFilter
from broker.model.peers.nicknames import Nicknames
from broker.model.printable import one_line
from broker.operations.jobs.job_filters import InvalidFilter, filter_given, filter_words, meant
from broker.operations.jobs.job_groups import FEW, LEAST, JobGroup, job_groups
from broker.operations.jobs.job_status import JobStatus
from broker.operations.words.text import count

SHOWN = 200
"""Jobs of one group that are shown at most."""
FOLDED, UNFOLDED = "[+]", "[-]"
"""Before the heading of a group of which some jobs are shown, or all."""
_CONDITION = re.compile(
    r'(?<!\S)(state|modality|printer|since|until|text)=("[^"]*"|\S*)', re.IGNORECASE
)


@dataclass(frozen=True)
class JobChoice:
    """The jobs that a person wants to see."""

    wanted: JobFilter = field(default_factory=JobFilter)
    text: str = ""
    """It must stand in a cell of the job's row, its nickname, or what it says; case does not
    count."""

    @property
    def words(self) -> str:
        """The conditions, as the end of a sentence about jobs; empty without any."""
        text = [f"with {one_line(self.text)!r}"] if self.text else []
        return " ".join(filter(None, [filter_words(self.wanted), *text]))

    def shows(self, found: JobStatus, now: float) -> bool:
        """Whether it is one of them."""
        if not meant(self.wanted, found):
            return False
        line = job_line(found, now)
        text = self.text.casefold()
        return any(text in each.casefold() for each in (*line.cells, line.words, found.nickname))


ALL = JobChoice()


def choice_given(given: str, nicknames: Nicknames, now: float) -> JobChoice:
    """What a person typed: conditions as `modality=CT1`, with the names that every face has and
    quotes around a value with spaces; the rest is a text.

    Raises: InvalidFilter: a condition is none.
    """
    values: dict[str, list[str]] = {}
    for name, value in _CONDITION.findall(given):
        values.setdefault(name.lower(), []).append(value.strip('"'))
    one = {name: each[-1] for name, each in values.items()}
    text = " ".join([*values.get("text", ()), *_CONDITION.sub(" ", given).split()])
    wanted = filter_given(
        now,
        states=[_state(each) for each in values.get("state", ())],
        modality=one.get("modality", ""),
        printer=one.get("printer", ""),
        since=one.get("since", ""),
        until=one.get("until", ""),
        nicknames=nicknames,
    )
    return JobChoice(wanted, text)


def _state(given: str) -> State:
    if given.lower() not in tuple(State):
        words = f"state: {one_line(given)} is not one of {', '.join(State)}"
        raise InvalidFilter("state", words)
    return State(given.lower())


@dataclass(frozen=True)
class ListedJobs:
    """The lines of the table, and what is not among them."""

    lines: Sequence[Line] = ()
    matching: int = 0
    """Jobs that the filter means."""
    jobs: int = 0
    """Those of them that have a line."""
    groups: Sequence[JobGroup] = ()
    """That have a heading."""

    def group_of(self, key: str) -> JobGroup | None:
        """The group whose heading, or one of whose jobs, has the line of that key."""
        return next(
            (
                group
                for group in self.groups
                if key == key_of(group) or any(str(each.job.id) == key for each in group.jobs)
            ),
            None,
        )


def key_of(group: JobGroup) -> str:
    """The key of its heading; no job has it."""
    return f"{group.state} {group.why}"


@dataclass(frozen=True)
class MatchingJobs:
    """The jobs that a filter means, as they were read."""

    jobs: Sequence[JobStatus] = ()
    groups: Sequence[JobGroup] = ()
    """Of a long list, the most urgent first; a short one is shown one by one."""


def matching(found: Sequence[JobStatus], choice: JobChoice, now: float) -> MatchingJobs:
    """Those of them."""
    its = found if choice == ALL else [each for each in found if choice.shows(each, now)]
    return MatchingJobs(its, job_groups(its)[::-1] if len(its) > FEW else ())


def listed(
    found: MatchingJobs, unfolded: Collection[str], now: float, selected: str = ""
) -> ListedJobs:
    """The lines. `unfolded` are keys of groups that are shown whole. The job of the `selected` line
    has one in any case: keys are for it."""
    if not found.groups:
        lines = [job_line(each, now) for each in found.jobs]
        return ListedJobs(lines, len(lines), len(lines))
    lines, groups, jobs = [], [], 0
    for group in found.groups:
        some = group.jobs
        if len(group.jobs) > LEAST:
            whole = key_of(group) in unfolded
            mark = UNFOLDED if whole else FOLDED
            lines.append(Line(key_of(group), (), across=one_line(f"{mark} {group.words}")))
            groups.append(group)
            some = group.some(SHOWN if whole else LEAST)
            some += tuple(
                each for each in group.jobs if str(each.job.id) == selected and each not in some
            )
            some = tuple(map(_without_why, some))
        lines += [job_line(each, now) for each in some]
        jobs += len(some)
    return ListedJobs(lines, len(found.jobs), jobs, groups)


def in_sight(first: int, last: int, shown: ListedJobs, all_jobs: int, conditions: str) -> str:
    """Which jobs can be seen, where it is not all of them; else nothing. `conditions` are those of
    the filter, in words."""
    if conditions:
        said = f"{count(shown.matching, 'job')} of {all_jobs} {conditions}; / and Enter: all"
        return f"  {said}"
    if shown.groups:
        return (
            f"  rows {first} to {last} of {len(shown.lines)}; {count(all_jobs, 'job')}, some of "
            "each kind: Space shows all of one"
        )
    if all_jobs <= last - first + 1:
        return ""
    return f"  rows {first} to {last} of {shown.jobs}"


def _without_why(found: JobStatus) -> JobStatus:
    """What a queued job waits for is said of its group."""
    return replace(found, why="") if found.job.state is State.QUEUED and not found.line else found
