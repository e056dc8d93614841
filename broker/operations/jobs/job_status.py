"""Job status: a job's row, what is known beside it, and which commands it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar

from broker.model.films.capabilities import Capability
from broker.model.jobs.job import FINISHED, FilmState, Job, Sending, State
from broker.model.peers.nicknames import with_nickname
from broker.model.printers.health import FAILS_FILMS, STATUS_NOT_KNOWN
from broker.model.printers.printer import LONG_WAIT_S, Duty, Printer
from broker.model.printers.printer_identity import IS_BUSY, IdentityAnswer
from broker.model.printers.trouble import RecordDamaged
from broker.model.reasons.causes import Advised, advised, job_remedy
from broker.model.reasons.remedies import Cause
from broker.model.row_version import of_job
from broker.operations.condition.alarms import not_running
from broker.operations.jobs import missing_pixels
from broker.operations.jobs.explanation import (
    Explanation,
    JobContext,
    QueueView,
    Wait,
    explain,
    repeats,
    waits,
)
from broker.operations.jobs.uncertain_films import (
    RecoveryPreview,
    printed_again_text,
    recovery_preview,
    trays,
    uncertain_text,
)
from broker.operations.words.text import age, and_more, count, in_words, moment
from broker.store.reading.duplicates import Twin
from broker.store.reading.queries import PrintedAgain, Unanswered

if TYPE_CHECKING:
    from broker.operations.opened import Store
    from broker.store.reading.queries import Unanswered


class AwaitedStep(StrEnum):
    """What an attempt waits for; the values are those of `--json`."""

    ANSWER = "N-ACTION"
    """The answer to it."""
    FILM = "film"
    """The printer is to take the next film: association, film box, image boxes."""
    END = "release"
    """Every film was accepted."""


_WORDS = {
    AwaitedStep.ANSWER: "the answer to N-ACTION",
    AwaitedStep.FILM: "the printer to take the next film",
    AwaitedStep.END: "the end of the association",
}


@dataclass(frozen=True)
class Step:
    """One step that has not ended."""

    what: AwaitedStep
    film: int | None
    """The film that was asked for; None before that, and after the last."""
    since: float

    def words(self, now: float) -> str:
        """`waits for the answer to N-ACTION for film 1, 14 s`; empty while that is nothing special.

        A clock that was set back makes it nothing special, too.
        """
        if now - self.since < LONG_WAIT_S:
            return ""
        film = f" for film {self.film}" if self.film is not None else ""
        return f"waits for {_WORDS[self.what]}{film}, {int(now - self.since)} s"


def step_of_job(job: Job, unanswered: Sequence[Unanswered]) -> Step:
    """The step of a printing job; `unanswered` are its films that may be on paper."""
    for film in unanswered:
        if film.state is FilmState.ASKED:
            return Step(AwaitedStep.ANSWER, film.number, film.asked_at or job.updated_at)
    what = AwaitedStep.END if job.films_accepted == job.films else AwaitedStep.FILM
    return Step(what, None, job.updated_at)


def step_of_printer(printer: Printer) -> Step | None:
    """The step that a printer is waited for; None while no attempt runs on it."""
    if printer.asked_at is not None:
        return Step(AwaitedStep.ANSWER, None, printer.asked_at)
    if printer.moved_at is not None:
        return Step(AwaitedStep.FILM, None, printer.moved_at)
    return None


SEVERAL = 5
"""Other jobs that are named beside one."""


@dataclass(frozen=True)
class JobStatus:
    """One job."""

    job: Job
    unanswered: tuple[Unanswered, ...] = ()
    """Its films that a printer was asked for and has not answered for."""
    again: tuple[PrintedAgain, ...] = ()
    """Each time that a film of it was asked for without an answer, and then let print again."""
    cut_off: RecoveryPreview | None = None
    """For a job that reads `printing`, and no broker is running."""
    why: str = ""
    """For a queued job: what it waits for. For a printing one: the same, once that takes long."""
    step: Step | None = None
    """For a printing job: what its attempt waits for."""
    line: str = ""
    """For a queued job: the printer that it has lined up with, or would now."""
    twin: Twin | None = None
    """For a held job: the one that came since with a film of it."""
    overtaken_by: tuple[int, ...] = ()
    """For a held job: later ones of its film session, which do not wait for it."""
    reprinted_as: int | None = None
    """The newest job that prints it again."""
    nickname: str = ""
    """What people call its modality; empty where it has no nickname."""

    @property
    def modality(self) -> str:
        """The calling AE title, with the nickname."""
        return with_nickname(self.job.calling_ae, self.nickname)

    @property
    def version(self) -> str:
        """Of what a command on it depends on: a person's command carries it."""
        return of_job(self.job, [each.number for each in self.unanswered], self.reprinted_as)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is where it is, and what comes next where nothing moves it now."""
        cut_off = self.cut_off.remark if self.cut_off else ""
        reason = "" if repeats(self.job.reason, (self.why,)) else self.job.reason
        return tuple(filter(None, (reason, *self.flags, self.why, cut_off)))

    def at(self, now: float) -> JobStatus:
        """The same, with how long its attempt has waited by then."""
        if self.step is None:
            return self
        said = self.step.words(now)
        return replace(self, why=f"{self.job.printer}: {said}" if said else "")

    @property
    def later(self) -> int | None:
        """For a held job: a later one that may be the same films on paper."""
        if self.job.state is not State.HELD:
            return None
        return self.reprinted_as or (self.twin.job_id if self.twin else None)

    @property
    def flags(self) -> tuple[str, ...]:
        """What an operator must know before moving it."""
        said = [printed_again_text(self.again)]
        if self.twin is not None:
            said.append(f"{self.twin.words}, which came since: released, it prints as well")
        if self.overtaken_by:
            jobs = count(len(self.overtaken_by), "later job")
            goes = "goes" if len(self.overtaken_by) == 1 else "go"
            numbers = ", ".join(map(str, self.overtaken_by[:SEVERAL]))
            more = ", …" if len(self.overtaken_by) > SEVERAL else ""
            said.append(f"{jobs} of its film session {goes} on without it: {numbers}{more}")
        return tuple(filter(None, said))

    @property
    def reason(self) -> str:
        """All of them."""
        return "; ".join(self.reasons)


def job_status(store: Store, job: Job) -> JobStatus:
    """The status of one job."""
    return job_statuses(store, [job])[0]


def job_statuses(
    store: Store, jobs: Sequence[Job], active: Sequence[Job] | None = None
) -> list[JobStatus]:
    """The status of each of them, in their order. `active` are all queued and printing jobs, where
    they are known already.
    """
    states, now = {job.state for job in jobs}, time.time()
    whys = waits(queue_of(store, active), now) if State.QUEUED in states else {}
    again = _by_job(store.jobs.printed_again({job.id for job in jobs}))
    films = _by_job(store.jobs.unanswered() if states & {State.PRINTING, State.HELD} else ())
    twins = store.jobs.came_again() if State.HELD in states else {}
    overtaken = store.jobs.overtaken() if State.HELD in states else {}
    reprints = store.jobs.reprints({job.id for job in jobs})
    running = store.running
    found = []
    for job in jobs:
        each = JobStatus(
            job,
            again=again.get(job.id, ()),
            reprinted_as=reprints.get(job.id),
            nickname=store.nicknames.of(job.calling_ae),
        )
        match job.state:
            case State.QUEUED:
                wait = whys.get(job.id, Wait())
                each = replace(each, why=wait.why, line=wait.printer)
            case State.PRINTING | State.HELD:
                each = replace(each, unanswered=films.get(job.id, ()))
        if job.state is State.HELD:
            others = tuple(overtaken.get(job.id, ()))
            each = replace(each, twin=twins.get(job.id), overtaken_by=others)
        if job.state is State.PRINTING and not running:
            each = replace(each, cut_off=recovery_preview(job, each.unanswered, store.config.retry))
        elif job.state is State.PRINTING:
            each = replace(each, step=step_of_job(job, each.unanswered)).at(now)
        found.append(each)
    return found


U = TypeVar("U", bound=Unanswered)


def _by_job(films: Sequence[U]) -> dict[int, tuple[U, ...]]:
    found: dict[int, list[U]] = {}
    for film in films:
        found.setdefault(film.job_id, []).append(film)
    return {job_id: tuple(each) for job_id, each in found.items()}


def films_of(store: Store, job_id: int) -> Sequence[Sending]:
    """The job's films; none where what is kept of them cannot be read: a person has to see such a
    job, too. Raises: NoSuchJob."""
    try:
        return store.jobs.films(job_id)
    except RecordDamaged:
        return ()


UNREADABLE = "what the database keeps of its films cannot be read, so they cannot be printed"


def explanation(store: Store, job: Job) -> Explanation:
    """Why the job is where it is, by the same decision that the dispatcher takes."""
    films, attempts = films_of(store, job.id), store.jobs.attempts(job.id)
    where = job_status(store, job)
    flags = [f"reprint of job {job.reprint_of}"] if job.reprint_of is not None else []
    if job.state not in (State.QUEUED, State.HELD, State.CANCELLED):
        flags.append(job.remark)  # of those, the reason is told, which begins with it
    flags += [*where.flags, *([] if films else [UNREADABLE])]
    told = tuple(filter(None, flags))
    context = JobContext(
        queue_of(store),
        time.time(),
        where.cut_off,
        whole=lambda: bool(films) and missing_pixels.whole(store, films),
        idle=not_running(store) if job.state in (State.QUEUED, State.PRINTING) else "",
        later=where.later,
    )
    return explain(job, films, attempts, context, told)


def queue_of(store: Store, active: Sequence[Job] | None = None) -> QueueView:
    """Everything that decides where queued jobs go."""
    if active is None:
        active = store.jobs.list({State.QUEUED, State.PRINTING})
    return QueueView(
        active=active,
        waiting=waiting(active),
        printers=store.printers.list(),
        session_printers=store.jobs.session_printers(),
        running=store.running,
    )


def waiting(active: Sequence[Job]) -> list[Job]:
    """Of all queued and printing jobs those that may be claimed, in the order of claiming: what
    `Jobs.waiting` gives, without asking again.
    """
    first: dict[str, int] = {}
    for job in active:
        first[job.film_session] = min(job.id, first.get(job.film_session, job.id))
    turn = [
        job for job in active if job.state is State.QUEUED and first[job.film_session] == job.id
    ]
    return sorted(turn, key=lambda job: job.turn)


def allowed(found: JobStatus) -> tuple[str, ...]:
    """Commands that it takes, the most usual first; the store checks again when one is given."""
    job = found.job
    if job.state in FINISHED:
        return () if job.pixels_removed_at is not None else ("reprint",)
    match job.state:
        case State.PRINTING:
            return ("release", "hold", "cancel") if job.command else ("hold", "cancel")
        case State.QUEUED:
            return ("hold", "cancel", "move", "priority")
    uncertain = bool(found.unanswered)
    names = ("release", "cancel", "reprint", "priority")
    left = job.films_accepted < job.films
    return names if uncertain or not left else (*names[:3], "move", "priority")


def job_remarks(found: JobStatus, now: float) -> tuple[str, ...]:
    """Why it is where it is, what it waits for, and what a person has asked for."""
    job = found.job
    said = [f"reprint of job {job.reprint_of}"] if job.reprint_of is not None else []
    if found.reprinted_as is not None and job.state in FINISHED:
        said.append(f"printed again as job {found.reprinted_as}")
    said += found.at(now).reasons
    if job.state is State.QUEUED and job.not_before > now:
        said.append(f"next attempt in {round(job.not_before - now) or 1} s")
    if job.pinned and job.state in (State.QUEUED, State.HELD):
        said.append(f"for {job.pinned} only, as a person said")
    if (job.priority_rank or 0) < 0 and job.state in (State.QUEUED, State.HELD):
        said.append("before all others, as a person said")
    if job.avoided and job.state in (State.QUEUED, State.HELD):
        said.append(f"not for {', '.join(sorted(job.avoided))}, as a person said")
    if job.command and job.state is State.PRINTING and not found.cut_off:
        said.append(
            f"will be {'held' if job.command == 'hold' else 'cancelled'} before its next film"
        )
    if found.unanswered and job.state is State.HELD:
        said.append(uncertain_text(found.unanswered))
    return tuple(said)


def remedy_of(found: JobStatus) -> Advised | None:
    """What to do about a job, as far as its row tells; None where it is finished. Whether pixels
    that were missing are there again is for its explanation."""
    return job_remedy(
        found.job,
        found.why,
        trays=trays(found.unanswered),
        uncertain=bool(found.unanswered),
        cut_off=found.cut_off is not None,
        later=found.later,
    )


def held_remedy(found: JobStatus) -> Advised | None:
    """The same of a held job alone: what others wait for stands at the printers."""
    return remedy_of(found) if found.job.state is State.HELD else None


def held_remedies(found: Sequence[JobStatus]) -> list[str]:
    """What to do about the held ones of a list, a sentence for each cause, with what to type."""
    by_cause: dict[Cause, list[tuple[JobStatus, Advised]]] = {}
    for each in found:
        if (remedy := held_remedy(each)) is not None:
            by_cause.setdefault(remedy.cause, []).append((each, remedy))
    said = []
    for cause, jobs in by_cause.items():
        named = and_more([each.job.id for each, _ in jobs], SEVERAL)
        if len(jobs) == 1:
            said.append(f"Job {named} ({cause}): {jobs[0][1].commands}")
            continue
        films = [film for each, _ in jobs for film in each.unanswered]
        bound = in_words(list(dict.fromkeys(each.job.pinned for each, _ in jobs)))
        words = advised(cause, job="ID", trays=trays(films), printer=bound, name="NAME").commands
        said.append(f"Jobs {named} ({cause}): {words}")
    return said


def place_of(found: JobStatus) -> str:
    """Where it prints or was printed; in brackets, where a queued job has only lined up."""
    job = found.job
    if job.state is not State.QUEUED:
        return job.printer
    return job.pinned or (f"({found.line})" if found.line else "")


@dataclass(frozen=True)
class Learned:
    """What was learned of a printer, in words; the same lesson beside other values stands once."""

    words: str
    learned_at: float
    """The last time."""
    number: int

    @property
    def sentence(self) -> str:
        """The words, and in how many requests it was learned."""
        return f"{self.words}, in {self.number} requests" if self.number > 1 else self.words


def learned(known: Sequence[Capability]) -> list[Learned]:
    """What is known of a printer, the oldest first."""
    found: dict[str, list[float]] = {}
    for each in known:
        found.setdefault(each.words, []).append(each.learned_at)
    every = [Learned(words, max(at), len(at)) for words, at in found.items()]
    return sorted(every, key=lambda each: each.learned_at)


_NOT_SINCE = {
    IdentityAnswer.SILENT: "it did not answer since",
    IdentityAnswer.BUSY: f"it {IS_BUSY.words} since",
}


def identity_facts(printer: Printer) -> tuple[tuple[str, str], ...]:
    """Who a printer says it is, as names and values; at least why its model is not known."""
    known = printer.identification
    it = known.identity
    machine = " ".join(filter(None, (it.manufacturer, it.model)))
    if not it:
        return (("Model", _why_not_told(printer)),)
    if known.told_at is not None and (known.untold or known.answer is IdentityAnswer.BUSY):
        since = _NOT_SINCE.get(known.answer, "and not since")
        machine = f"{machine or 'not told'} (told {moment(known.told_at)} UTC, {since})"
    facts = {
        "Model": machine or "the printer does not tell it",
        "Serial number": it.serial_number,
        "Software": it.software_versions,
        "Its own name": it.printer_name,
    }
    return tuple((name, value) for name, value in facts.items() if value)


def _why_not_told(printer: Printer) -> str:
    known = printer.identification
    if not printer.address.identify:
        return "not asked, as printers.identify is false"
    if known.answer is IdentityAnswer.BUSY:
        return f"the printer {IS_BUSY.words}"
    if known.answer is IdentityAnswer.SILENT:
        return "the printer did not answer when it was asked"
    if known.asked_at is not None:
        return "the printer does not tell it"
    if printer.reason.endswith(STATUS_NOT_KNOWN):
        return f"not asked, as {STATUS_NOT_KNOWN}"
    return "not asked yet"


def printer_remarks(printer: Printer, now: float, *, running: bool = True) -> tuple[str, ...]:
    """Its duty and why, what it said, and what a running broker waits for."""
    said = [printer.refusing] if printer.refusing else []
    if printer.duty is not Duty.READY:
        why = f": {printer.duty_reason}" if printer.duty_reason else ""
        said.append(f"{printer.duty} for {age(now - printer.duty_since)}{why}")
    if printer.refusing:
        words = printer.said.removeprefix(f"{FAILS_FILMS}: ") or printer.failed_with
        said += [words] if words else []
    elif printer.reason:
        said.append(printer.said)
    elif printer.failures_in_row:
        number = printer.failures_in_row
        why = f": {printer.failed_with}" if printer.failed_with else ""
        said.append(f"its last {count(number, 'attempt') if number > 1 else 'attempt'} failed{why}")
    if printer.refuses and not printer.refusing:
        what = list(dict.fromkeys(each.refused for each in printer.refuses))
        more = f" and {len(what) - 3} more" if len(what) > 3 else ""
        said.append(f"known to refuse {', '.join(what[:3])}{more}")
    step = step_of_printer(printer) if running else None
    if step is not None and (words := step.words(now)):
        said.append(f"a job {words}")
    if printer.paused_until > now:
        pause_s = max(1, round(printer.paused_until - now))
        said.append(f"next attempt in {pause_s} s, after a failure")
    return tuple(said)
