"""Why a job is where it is, and what happens next, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from broker.model.jobs.job import (
    DONE,
    HELD_BY_PERSON,
    SETTLED,
    Attempt,
    FilmState,
    Job,
    Sending,
    State,
)
from broker.model.printable import one_line
from broker.model.printers.choose import Choice, PassedOver, never_takes, plan
from broker.model.printers.printer import Duty, Printer
from broker.model.reasons.causes import (
    Advised,
    advised,
    grouped,
    held_job_remedy,
    of_queued_why,
    printers_remedy,
    typed,
)
from broker.model.reasons.remedies import Cause, Face
from broker.operations.jobs.uncertain_films import RecoveryPreview, trays, uncertain_text
from broker.operations.words.page_words import on_page
from broker.operations.words.text import and_more, count, each_of, moment, why_removed
from broker.store.reading.queries import Unanswered

SEVERAL = 3
"""Causes of printers that a job names, which waits for them."""
MOST_RUNS = 4
"""Runs of numbers that are named one by one."""


def told(attempts: Sequence[Attempt], open_one: str) -> tuple[str, ...]:
    """A sentence for all tries of one printer that ended alike, in the order of the first of each;
    `open_one` is said of one that has no end.
    """
    alike: dict[tuple[str, str, str], list[int]] = {}
    for number, attempt in enumerate(attempts, start=1):
        outcome = str(attempt.outcome) if attempt.outcome else open_one
        alike.setdefault((attempt.printer, outcome, attempt.words), []).append(number)
    lines = []
    for (printer, outcome, said), numbers in alike.items():
        first, last = attempts[numbers[0] - 1].began_at, attempts[numbers[-1] - 1].began_at
        several = len(numbers) > 1
        when = f"from {moment(first)} UTC to {moment(last)}" if several else moment(first)
        where = printer or "no printer"
        words = f": {one_line(said)}" if said else ""
        lines.append(f"{_numbered(numbers)}, {when} UTC, {where}: {outcome}{words}.")
    return tuple(lines)


def _numbered(numbers: Sequence[int]) -> str:
    """`Try 3`, `Tries 3 and 5`, `Tries 1 to 3 and 5 to 15`; of many runs, how many in all."""
    if len(numbers) == 1:
        return f"Try {numbers[0]}"
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if len(runs) > MOST_RUNS:
        return f"{len(numbers)} of the tries from {numbers[0]} to {numbers[-1]}"
    words: list[str] = []
    for first, last in runs:
        words += [f"{first} to {last}"] if last > first + 1 else map(str, range(first, last + 1))
    *most, end = words
    return f"Tries {', '.join(most)} and {end}" if most else f"Tries {end}"


def of_waiting(
    job: Job, choice: Choice, printers: Sequence[Printer], now: float
) -> tuple[Advised, ...]:
    """For a queued job that no printer can take now: who took the printers off duty can give them
    back, what is wrong with the others can be mended, and a person's pin can be taken out."""
    if choice.printer or not choice.passed_over:
        cause = of_queued_why(choice.why)
        gone = cause is Cause.PINNED_GONE
        return (advised(cause, job=job.id, printer=job.pinned),) if gone or choice.printer else ()
    off = _off_duty(job, printers)
    said = [*back_in_service(off)]
    others = [each for each in printers if job.may_go_to(each.name) and each not in off]
    for group, cause in grouped(others, now)[:SEVERAL]:
        said.append(printers_remedy(cause, each_of(group), typed(group)))
    bound = job.pinned and any(each.name != job.pinned for each in printers)
    if bound or any(each.name in job.avoided for each in printers):
        said.append(advised(Cause.PINNED, job=job.id, printer=job.pinned))
    return tuple(said)


def _off_duty(job: Job, printers: Sequence[Printer]) -> list[Printer]:
    """Those that a person took out, and that a person's choice leaves the job."""
    return [each for each in printers if each.duty is not Duty.READY and job.may_go_to(each.name)]


def back_in_service(off: Sequence[Printer]) -> tuple[Advised, ...]:
    """What ends that these printers are off duty."""
    if not off:
        return ()
    if len(off) == 1:
        return (advised(Cause.OFF_DUTY, printer=off[0].name, name=off[0].name),)
    names = ", ".join(f"{each.name} (in {each.duty})" for each in off)
    back = f"puts a printer back in service: {names}."
    return (Advised(Cause.OFF_DUTY, f"“Ready” {back}", f"`broker printers ready NAME` {back}"),)


def of_refused(job: Job, printers: Sequence[Printer]) -> tuple[Advised, ...]:
    """For a held job that some printers refused for good, or failed, and others may take."""
    refusing = {strike.printer for strike in job.strikes if strike.permanent}
    failed = {strike.printer for strike in job.strikes}
    others = [each for each in printers if each.name not in refusing and not never_takes(job, each)]
    if not refusing or not others:
        return back_in_service([each for each in _off_duty(job, others) if each.name not in failed])
    best = min(others, key=lambda each: each.duty is not Duty.READY)
    first = "" if best.duty is Duty.READY else f", once it is ready: it is in {best.duty} now"
    tries = f"tries it on {best.name}{first}."
    return (
        Advised(
            Cause.REFUSED_BY_ALL,
            f"“Move”, below “More”, {tries}",
            f"`broker jobs move {job.id} {best.name}` {tries}",
        ),
        *back_in_service([best] if first else []),
    )


@dataclass(frozen=True)
class Explanation:
    """The answer of `broker jobs explain`, and of a job's page."""

    facts: tuple[str, ...]
    """Why it is there."""
    choice: Choice | None = None
    """Where a queued job goes, when its turn in its film session has come."""
    blocked_by: int | None = None
    """The earlier job of its film session which it waits for."""
    advice: tuple[Advised, ...] = ()
    """What a person can do."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, with what to type."""
        return (*self.facts, *(each.at(Face.COMMANDS) for each in self.advice))

    @property
    def page_sentences(self) -> tuple[str, ...]:
        """All of it, with what to press."""
        return (*map(on_page, self.facts), *(each.at(Face.PAGE) for each in self.advice))


@dataclass(frozen=True)
class QueueView:
    """Everything that decides where queued jobs go, read at about one moment."""

    active: Sequence[Job]
    """All queued and printing jobs."""
    waiting: Sequence[Job]
    """Queued jobs in the order of claiming."""
    printers: Sequence[Printer]
    session_printers: Mapping[str, str]
    running: bool
    """Whether a broker works on it."""


@dataclass(frozen=True)
class JobContext:
    """What a job is seen against."""

    queue: QueueView
    now: float
    cut_off: RecoveryPreview | None = None
    """Of one that prints without a broker."""
    whole: Callable[[], bool] = lambda: True
    """Whether the pixels that it has yet to print are there."""
    idle: str = ""
    """Where nothing prints at all: that it is so, and what to do."""
    later: int | None = None
    """Of a held job: a later one that may be the same films."""


def explain(
    job: Job,
    films: Sequence[Sending],
    attempts: Sequence[Attempt],
    context: JobContext,
    flags: Sequence[str] = (),
) -> Explanation:
    """Why the job is where it is. `flags` are what stands beside it in every state."""
    queue, cut_off = context.queue, context.cut_off
    match job.state:
        case State.QUEUED:
            found = _queued(job, queue, context.now)
        case State.PRINTING:
            # Of one that was cut off, it is said first that no broker runs, and what to do.
            goes_on = () if cut_off else (advised(Cause.AWAITED),)
            found = Explanation(_printing(job, films, attempts, cut_off), advice=goes_on)
        case State.HELD:
            found = _held(job, films, context)
        case _:
            found = _finished(job, films)
    idle = (context.idle,) if context.idle else ()
    tried = told(attempts, "cut off" if cut_off else "running")
    flagged = tuple(f"It is flagged: {one_line(flag)}." for flag in flags)
    facts = (*idle, *found.facts, *film_remarks(films), *flagged, *tried)
    return Explanation(facts, found.choice, found.blocked_by, found.advice)


def film_remarks(films: Sequence[Sending]) -> tuple[str, ...]:
    """What stands beside films that a printer has accepted, as what was left out for it: a sentence
    for all films with the same words."""
    alike: dict[str, dict[int, None]] = {}
    for film in films:
        if film.state in DONE and film.words not in ("", SETTLED):
            alike.setdefault(film.words, {})[film.number] = None
    lines = []
    for words, numbers in alike.items():
        which = f"Film{'s' if len(numbers) > 1 else ''} {and_more(list(numbers), EACH)}"
        lines.append(f"{which}: {one_line(words)}.")
    if len(lines) > EACH:
        lines[EACH:] = [f"{count(len(lines) - EACH, 'further remark')} beside its films."]
    return tuple(lines)


MAY_CHANGE = "may change over"
"""Said of a printer that a queued job has lined up with, and is not bound to."""


def _queued(job: Job, queue: QueueView, now: float) -> Explanation:
    earlier = [
        each for each in queue.active if each.film_session == job.film_session and each.id < job.id
    ]
    if earlier:
        first = earlier[0]
        cut_off = first.state is State.PRINTING and not queue.running
        state = "printing, and was cut off" if cut_off else first.state
        behind = (
            f"Job {job.id} is queued behind job {first.id}, an earlier one of the same film "
            f"session, which is {state}: films of one film session print in order."
        )
        advice = (advised(Cause.BEHIND),)
        return Explanation((behind, *_row(job)), blocked_by=first.id, advice=advice)
    choices = plan(queue.waiting, queue.printers, now, queue.session_printers)
    choice = next((each for each in choices if each.job_id == job.id), None)
    if choice is None:
        return Explanation((f"Job {job.id} has just left the queue; ask again.",))
    why = one_line(choice.why)
    if choice.claim_now:
        sentences = [f"Job {job.id} is queued and goes to {choice.printer} now: {why}."]
    elif choice.printer:
        sentences = [f"Job {job.id} is queued and {why}."]
        if not job.pinned:
            sentences.append(f"It is not bound to {choice.printer}: another may print it sooner.")
    else:
        sentences = [f"Job {job.id} is queued and waits: {why}."]
    if job.pinned:
        sentences.append(f"A person sent it to {job.pinned}, and it goes to no other.")
    if (job.priority_rank or 0) < 0:
        sentences.append("A person put it before all others.")
    if job.avoided:
        sentences.append(_avoids(job))
    if not repeats(job.reason, [f"{each.printer} {each.why}" for each in choice.passed_over]):
        sentences += _row(job)
    sentences += _not_there(choice.passed_over)
    said = of_waiting(job, choice, queue.printers, now)
    return Explanation(tuple(sentences), choice, advice=said)


def _avoids(job: Job) -> str:
    return f"It does not go to {and_more(sorted(job.avoided), NAMED)}, as a person said."


def repeats(reason: str, told: Sequence[str]) -> bool:
    """Whether what a printer said of a job, `oki-1: 0xC602`, stands in what is told of the printers
    anyway, after the printer's name."""
    name, found, words = reason.partition(": ")
    return bool(found and words) and any(name in each and words in each for each in told)


def _row(job: Job) -> list[str]:
    return [f"Its row says: {one_line(job.reason)}."] if job.reason else []


@dataclass(frozen=True)
class Wait:
    """What a queued job waits for, in a few words, and in whose line; both may be empty."""

    why: str = ""
    printer: str = ""


def waits(queue: QueueView, now: float) -> dict[int, Wait]:
    """What each queued job waits for: number of the job -> Wait."""
    choices = plan(queue.waiting, queue.printers, now, queue.session_printers)
    pinned = {job.id for job in queue.waiting if job.pinned}
    found = {
        choice.job_id: Wait(
            "" if choice.claim_now else waiting_words(choice, bound=choice.job_id in pinned),
            choice.printer,
        )
        for choice in choices
    }
    first: dict[str, int] = {}
    for job in sorted(queue.active, key=lambda each: each.id):
        earlier = first.setdefault(job.film_session, job.id)
        if earlier != job.id and job.state is State.QUEUED:
            found[job.id] = Wait(f"behind job {earlier} of the same film session")
    return found


EACH, NAMED = 6, 3
"""Printers whose reasons stand one by one, and that are named of many."""


def waiting_words(choice: Choice, *, bound: bool) -> str:
    """What a queued job waits for; `bound`: to the printer that it waits for, by a person."""
    if choice.printer and not bound:
        return one_line(f"{choice.why} ({MAY_CHANGE})")
    if choice.printer or not choice.passed_over:
        return one_line(choice.why)
    return one_line(f"{choice.why}: {_passed_over(choice.passed_over)}")


def _not_there(others: Sequence[PassedOver]) -> list[str]:
    """Why each was passed over: every printer, and what holds for several of them once."""
    alike: dict[str, list[str]] = {}
    for other in others:
        alike.setdefault(one_line(other.why), []).append(other.printer)
    return [f"Not {', '.join(names)}: {why}." for why, names in alike.items()]


def _passed_over(others: Sequence[PassedOver]) -> str:
    """Why each was; of many printers only how it is with them, and some of their names."""
    if len(others) <= EACH:
        return "; ".join(f"{other.printer} {other.why}" for other in others)
    alike: dict[str, list[str]] = {}
    for other in others:
        alike.setdefault(other.why.partition(":")[0], []).append(other.printer)
    return "; ".join(f"{and_more(names, NAMED)} {how}" for how, names in alike.items())


def _printing(
    job: Job, films: Sequence[Sending], attempts: Sequence[Attempt], cut_off: RecoveryPreview | None
) -> tuple[str, ...]:
    since = f" since {moment(attempts[-1].began_at)} UTC" if attempts else ""
    accepted = f"{job.films_accepted} of {count(job.films, 'film')} accepted."
    if cut_off is not None:
        return (
            f"Job {job.id} was printing on {job.printer}{since}, and was cut off; {accepted}",
            f"At the broker's next start {cut_off.words}.",
        )
    sentences = [f"Job {job.id} is printing on {job.printer}{since}; {accepted}"]
    waiting = [film for film in films if film.state is FilmState.ASKED]
    if waiting:
        sentences.append(
            f"Film {waiting[0].number} was asked for at {moment(waiting[0].asked_at)} UTC; "
            "the printer has not answered yet."
        )
    if job.command:
        end = "held" if job.command == "hold" else "cancelled"
        sentences.append(f"It will be {end} before its next film, as an operator asked.")
    return tuple(sentences)


def _held(job: Job, films: Sequence[Sending], context: JobContext) -> Explanation:
    reason = one_line(job.reason) or "no reason was given"
    # The operator's hold begins with the same word.
    held = reason if reason.startswith(HELD_BY_PERSON) else f"held: {reason}"
    sentences = [f"Job {job.id} is {held}."]
    sentences.append(
        f"{job.films_accepted} of {count(job.films, 'film')} accepted; it needs an operator."
    )
    if job.pinned:
        sentences.append(f"A person sent it to {job.pinned}, and it goes to no other.")
    uncertain = [
        Unanswered(job.id, each.number, each.printer, each.asked_at)
        for each in films
        if each.state is FilmState.UNCERTAIN
    ]
    if uncertain:
        words = uncertain_text(uncertain)
        sentences.append(
            f"{words[0].upper()}{words[1:]}."
            if any(not each.printer for each in uncertain)
            else f"{words[0].upper()}{words[1:]} and not answered for: it may be on paper already."
        )
    if job.avoided:
        sentences.append(_avoids(job))
    said = held_job_remedy(
        job,
        trays=trays(uncertain),
        uncertain=bool(uncertain),
        later=context.later,
        whole=context.whole,
    )
    elsewhere = of_refused(job, context.queue.printers) if said.cause in GIVEN_UP else ()
    return Explanation(tuple(sentences), advice=(*elsewhere, said))


GIVEN_UP = (
    Cause.REFUSED_BY_ALL,
    Cause.REFUSED_THERE,
    Cause.CHOSEN,
    Cause.TRIES_USED_UP,
    Cause.HELD,
    Cause.HELD_BY_PERSON,
)
"""Held jobs that another printer may take."""


def _finished(job: Job, films: Sequence[Sending]) -> Explanation:
    when = f"{moment(job.updated_at)} UTC"
    if job.state is State.CANCELLED:
        why = f": {one_line(job.reason)}" if job.reason else ""
        words = f"Job {job.id} was cancelled at {when}{why}."
    elif job.state is State.PRINTED:
        words = f"Job {job.id} is printed: {job.printer} said so at {when}."
    elif settled := [film for film in films if film.words == SETTLED]:
        numbers = ", ".join(str(film.number) for film in settled)
        words = (
            f"Job {job.id} is closed: {settled[0].printer or 'a printer'} did not answer for film "
            f"{numbers}; a "
            f"person said at {moment(settled[0].accepted_at)} UTC that it is on paper."
        )
    else:
        trays = list(dict.fromkeys(film.printer for film in films if film.printer))
        where = " and ".join(trays) or "printers"
        words = (
            f"Job {job.id} is sent: {where} accepted every film, the last at {when}. "
            "A printer does not say when they are on paper."
        )
    if job.pixels_removed_at is not None:
        removed = f"{moment(job.pixels_removed_at)} UTC, {why_removed(job)}"
        gone = advised(Cause.PIXELS_REMOVED, removed=removed)
        return Explanation((words,), advice=(gone,))
    after_all = "after all" if job.state is State.CANCELLED else "again"
    reprint = advised(Cause.ENDED, job=job.id, again=after_all)
    return Explanation((words,), advice=(reprint,))
