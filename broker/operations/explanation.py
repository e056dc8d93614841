"""Why a job is where it is, and what happens next, in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from broker.config.schema import Retry
from broker.model.choose import Choice, never_takes, plan
from broker.model.job import SETTLED, Attempt, FilmState, Job, Sending, State
from broker.model.printable import one_line
from broker.model.printer import Duty, Printer
from broker.model.retry import prints_again
from broker.model.trouble import PRINT_AGAIN
from broker.operations.text import count, moment, why_removed
from broker.store.queries import PrintedAgain, Unanswered

CUT_OFF = "cut off: no broker is running; at its next start"
"""Begins the remark of a job in state `printing` while no broker runs."""


@dataclass(frozen=True)
class RecoveryPreview:
    """What the next start of a broker does with a job that was printing."""

    state: State
    words: str
    """A clause, with the job as `it`."""

    @property
    def remark(self) -> str:
        """For a table, and after `job 42 is`."""
        return f"{CUT_OFF} {self.words}"


def recovery_preview(job: Job, unanswered: Sequence[Unanswered], retry: Retry) -> RecoveryPreview:
    """What recovery at the next start does with a printing job, as the rows are now."""
    if job.films_accepted == job.films:
        return RecoveryPreview(State.SENT, "it is sent, as every film was accepted")
    again = prints_again(retry.on_uncertain, retry.tries, job.strikes, job.command)
    if unanswered and not again:
        held = "held, not cancelled" if job.command == "cancel" else "held"
        return RecoveryPreview(
            State.HELD, f"it is {held}: {uncertain_text(unanswered)}, and may be on paper"
        )
    if job.command == "cancel":
        return RecoveryPreview(State.CANCELLED, "it is cancelled, as a person asked")
    if job.command:
        return RecoveryPreview(State.HELD, "it is held, as a person asked")
    if unanswered:
        return RecoveryPreview(
            State.QUEUED,
            f"what is left prints, uncertain films too: {uncertain_text(unanswered)}",
        )
    return RecoveryPreview(State.QUEUED, "what is left of it prints")


def uncertain_text(unanswered: Sequence[Unanswered]) -> str:
    """Which films are uncertain, and when which printer was asked for them."""
    latest = {(each.number, each.printer): each for each in unanswered}
    return " and ".join(
        f"film {each.number} was asked of {each.printer} at {moment(each.asked_at)} UTC"
        if each.printer
        else f"film {each.number} may have been printed before {moment(each.asked_at)} UTC, and it "
        "is not known where"
        for each in latest.values()
    )


def where_to_look(unanswered: Sequence[Unanswered]) -> str:
    """Where to look for uncertain films."""
    printers = {each.printer for each in unanswered}
    several = len(printers) > 1
    where = "every tray" if "" in printers else "their trays" if several else "its tray"
    return f"{uncertain_text(unanswered)}: look in {where}"


def printed_again_text(films: Sequence[PrintedAgain]) -> str:
    """How often films may be on paper that were printed again without an answer; may be empty.

    One that was not asked for again yet may be there once.
    """
    anew = [each for each in films if not each.waits]
    waiting = [each for each in films if each.waits]
    said = []
    if anew:
        most = max(Counter(each.number for each in anew).values())
        times = "twice" if most == 1 else f"up to {most + 1} times"
        said.append(f"may be on paper {times}: {_without_answer(anew)}")
    if waiting:
        said.append(f"may be on paper already: {_without_answer(waiting)}")
    return "; ".join(said)


def _without_answer(films: Sequence[PrintedAgain]) -> str:
    return uncertain_text(films) + (
        ", without an answer" if all(each.printer for each in films) else ""
    )


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
        when = f"from {moment(first)} to {moment(last)}" if several else moment(first)
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


def of_waiting(job: Job, choice: Choice, printers: Sequence[Printer]) -> tuple[str, ...]:
    """For a queued job that no printer can take now: who took the printers off duty can give them
    back, and a person's pin can be taken out."""
    if choice.printer or not choice.passed_over:
        return ()
    said = []
    off = [each for each in printers if each.duty is not Duty.READY and job.may_go_to(each.name)]
    if len(off) == 1:
        said.append(f"`broker printers ready {off[0].name}` puts that printer back in service.")
    elif off:
        names = ", ".join(f"{each.name} (in {each.duty})" for each in off)
        said.append(f"`broker printers ready NAME` puts a printer back in service: {names}.")
    bound = job.pinned and any(each.name != job.pinned for each in printers)
    if bound or any(each.name in job.avoided for each in printers):
        said.append(f"`broker jobs move {job.id} --any` lets any other printer take it.")
    return tuple(said)


def of_refused(job: Job, printers: Sequence[Printer]) -> tuple[str, ...]:
    """For a held job that some printers refused for good, and others may take."""
    refusing = {strike.printer for strike in job.strikes if strike.permanent}
    others = [each for each in printers if each.name not in refusing and not never_takes(job, each)]
    if not refusing or not others:
        return ()
    best = min(others, key=lambda each: each.duty is not Duty.READY)
    first = "" if best.duty is Duty.READY else f", once it is ready: it is in {best.duty} now"
    return (f"`broker jobs move {job.id} {best.name}` tries it on {best.name}{first}.",)


@dataclass(frozen=True)
class Explanation:
    """The answer of `broker jobs explain`."""

    sentences: tuple[str, ...]
    choice: Choice | None = None
    """Where a queued job goes, when its turn in its film session has come."""
    blocked_by: int | None = None
    """The earlier job of its film session which it waits for."""
    advice: tuple[str, ...] = ()
    """The last of the sentences: what a person can do."""


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
            found = Explanation(_printing(job, films, attempts, cut_off))
        case State.HELD:
            found = _held(job, films, context)
        case _:
            found = _finished(job, films)
    idle = (context.idle,) if context.idle else ()
    tried = told(attempts, "cut off" if cut_off else "running")
    flagged = tuple(f"It is flagged: {one_line(flag)}." for flag in flags)
    sentences = (*idle, *found.sentences, *flagged, *tried, *found.advice)
    return Explanation(sentences, found.choice, found.blocked_by, found.advice)


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
        return Explanation((behind, *_row(job)), blocked_by=first.id)
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
    sentences += _row(job)
    sentences += [f"Not {each.printer}: {one_line(each.why)}." for each in choice.passed_over]
    said = of_waiting(job, choice, queue.printers)
    return Explanation(tuple(sentences), choice, advice=said)


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
            "" if choice.claim_now else _waits(choice, bound=choice.job_id in pinned),
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


def _waits(choice: Choice, *, bound: bool) -> str:
    if choice.printer and not bound:
        return one_line(f"{choice.why} ({MAY_CHANGE})")
    if choice.printer or not choice.passed_over:
        return one_line(choice.why)
    each = "; ".join(f"{other.printer} {other.why}" for other in choice.passed_over)
    return one_line(f"{choice.why}: {each}")


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
    sentences = [f"Job {job.id} is held: {one_line(job.reason) or 'no reason was given'}."]
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
    said: tuple[str, ...]
    if uncertain:
        trays = dict.fromkeys(each.printer for each in uncertain)
        where = "every printer" if "" in trays else " and ".join(trays)
        words = uncertain_text(uncertain)
        sentences.append(
            f"{words[0].upper()}{words[1:]}."
            if "" in trays
            else f"{words[0].upper()}{words[1:]} and not answered for: it may be on paper already."
        )
        said = (
            f"Look in the tray of {where}. If it is there: "
            f"`broker jobs release {job.id} --printed`. "
            f"If it is not: `broker jobs release {job.id}` prints it again.",
        )
    elif job.reason.endswith(PRINT_AGAIN) and context.whole():
        said = (f"Its pixels are there again: `broker jobs release {job.id}` prints what is left.",)
    elif job.reason.endswith(PRINT_AGAIN):
        said = (
            f"Its pixels are lost here: {PRINT_AGAIN}, then `broker jobs cancel {job.id}`. "
            "Released, it prints only if an equal film has come since: twice, then.",
        )
    else:
        said = (
            *of_refused(job, context.queue.printers),
            f"`broker jobs release {job.id}` prints what is left, "
            f"`broker jobs cancel {job.id}` gives it up.",
        )
    return Explanation(tuple(sentences), advice=said)


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
        gone = (
            f"Its pixels were removed at {moment(job.pixels_removed_at)} UTC, {why_removed(job)}: "
            "to have it again, print at the modality."
        )
        return Explanation((words,), advice=(gone,))
    after_all = "after all" if job.state is State.CANCELLED else "again"
    reprint = f"`broker jobs reprint {job.id}` prints it {after_all}, as a new job."
    return Explanation((words,), advice=(reprint,))
