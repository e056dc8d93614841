"""Filters for jobs as people give them, by command, page or API, and as they are told."""

from __future__ import annotations

from collections.abc import Collection
from datetime import tzinfo
from typing import TYPE_CHECKING

from broker.model.jobs.job import State
from broker.model.jobs.job_filter import LONGEST, JobFilter
from broker.model.peers.nicknames import Nicknames, with_nickname
from broker.model.printable import printable
from broker.model.time_given import TimeNotUnderstood, time_given
from broker.operations.words.failures import Failure
from broker.operations.words.text import moment

if TYPE_CHECKING:
    from broker.operations.jobs.job_status import JobStatus

NONE = Nicknames()


class InvalidFilter(Failure):
    """What was given is no condition. `words` says which, and what is one."""

    def __init__(self, name: str, words: str) -> None:
        super().__init__(words)
        self.name = name
        """Of the condition, as every face names it."""


def filter_given(
    now: float,
    zone: tzinfo | None = None,
    *,
    states: Collection[State] = (),
    modality: str = "",
    printer: str = "",
    since: str = "",
    until: str = "",
    text: str = "",
    nicknames: Nicknames = NONE,
) -> JobFilter:
    """The filter that is meant; what is empty is no condition. Times without a zone are of `zone`,
    or of this machine; `until` takes in the minute or the day that it names. `modality` is an AE
    title or one of the nicknames; where it is both, jobs of both are meant.

    Raises: InvalidFilter.
    """
    for name, value in (("modality", modality), ("printer", printer), ("text", text)):
        if len(value) > LONGEST:
            raise InvalidFilter(name, f"{name} is longer than {LONGEST} characters")
        if not value.isprintable():
            raise InvalidFilter(name, f"{printable(value)}: {name} has a control character")
    modality, text = modality.strip(), text.strip()
    return JobFilter(
        frozenset(states),
        modality=modality,
        nicknamed=nicknames.called(modality),
        printer=printer.strip(),
        since=_time("since", since, now, zone),
        until=_time("until", until, now, zone),
        text=text,
        nicknames_with_text=nicknames.having(text),
    )


def _time(name: str, given: str, now: float, zone: tzinfo | None) -> float | None:
    if not given.strip():
        return None
    try:
        return time_given(given, now, zone, whole=name == "until")
    except TimeNotUnderstood as error:
        raise InvalidFilter(name, printable(f"{name}: {error.words}")) from None


def meant(wanted: JobFilter, found: JobStatus) -> bool:
    """Whether the filter means a job that has been read already; the same as the store finds, but
    that of the printers where it was tried only the last one counts. Its text is left out."""
    job = found.job
    printers = {name.lower() for name in (job.printer, job.pinned, found.line)}
    return (
        (not wanted.states or job.state in wanted.states)
        and (
            not wanted.modality
            or job.calling_ae.lower() == wanted.modality.lower()
            or job.calling_ae in wanted.nicknamed
        )
        and (not wanted.printer or wanted.printer.lower() in printers)
        and (wanted.since is None or job.created_at >= wanted.since)
        and (wanted.until is None or job.created_at < wanted.until)
    )


def filter_words(wanted: JobFilter) -> str:
    """The conditions, as the end of a sentence about jobs; empty without any."""
    said = []
    if wanted.states:
        said.append(f"in state {' or '.join(sorted(wanted.states))}")
    if wanted.modality:
        titles = ", ".join(sorted(wanted.nicknamed))
        said.append(f"from modality {with_nickname(wanted.modality, titles)}")
    if wanted.printer:
        said.append(f"on printer {wanted.printer}")
    if wanted.since is not None:
        said.append(f"since {moment(wanted.since)} UTC")
    if wanted.until is not None:
        said.append(f"until {moment(wanted.until)} UTC")
    if wanted.text:
        said.append(f'with "{wanted.text}"')
    return " ".join(said)
