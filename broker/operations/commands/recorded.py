"""Operator commands, recorded with the operator's name.

For a job: hold, release, cancel, move, reprint, priority. For a printer: ready, drain, maint; and a
test film.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from broker.model.films.capabilities import combinations
from broker.model.jobs.job import (
    FINISHED,
    HELD_BY_PERSON,
    FilmState,
    Job,
    Level,
    PrintRequest,
    Priority,
    Sending,
    State,
)
from broker.model.jobs.reprint import ReprintChoice
from broker.model.printable import one_line
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.trouble import PRINT_AGAIN, NoPrinters, RecordDamaged
from broker.operations.jobs import missing_pixels
from broker.operations.jobs.job_status import films_of, job_status
from broker.operations.opened import Store
from broker.operations.words.text import age, count
from broker.store.queue.commands import AS_IT_WAS, NotAllowed


@dataclass(frozen=True)
class PrinterCommands:
    """The commands of one operator."""

    store: Store
    who: str

    def set_duty(self, name: str, duty: Duty, reason: str = "", *, seen: str = "") -> str:
        """Set it; what that means, in a sentence.

        Raises: NoSuchPrinter: when there is none of that name.
                Stale: when its version is not the one that was `seen`.
        """
        before = self.store.printers.get(name)
        same = before.duty is duty and reason in ("", before.duty_reason)
        if same and duty is not Duty.READY:
            return _as_before(before)
        self.store.printers.set_duty(name, duty, "" if same else reason, seen=seen)
        past = [("failed", before.failures_in_row), ("refused", before.refuses)]
        what = " and ".join(word for word, there in past if there)
        forgets = duty is Duty.READY and what
        forgiven = f"; what it {what} before is forgotten" if forgets else ""
        words = _next(self.store, self.store.printers.get(name)) + forgiven
        told = f"{words} ({reason})" if reason else words
        self.store.command_log.record(self.who, str(duty), told, printer=name)
        return words

    def forget(self, name: str, *, seen: str = "") -> str:
        """Forget what was learned of it; what that means, in a sentence.

        Raises: NoSuchPrinter: when there is none of that name.
                Stale: when its version is not the one that was `seen`.
        """
        number = self.store.printers.forget(name, seen=seen)
        if not number:
            return f"nothing was learned of {name}; nothing was changed"
        things = count(number, "thing")
        words = f"forgot {things} learned of {name}: it is asked for all that films ask again"
        self.store.command_log.record(self.who, "forget", words, printer=name)
        return words


def off_duty(store: Store, name: str) -> str:
    """What to say of a job that was sent to a printer which takes none now, and what ends that;
    empty where it is ready."""
    duty = store.printers.get(name).duty
    if duty is Duty.READY:
        return ""
    ends = f"`broker printers ready {name}` ends that"
    return f", once it is ready: it is in {duty} now; {ends}"


def _as_before(printer: Printer) -> str:
    """For a duty that is set already: nothing is written, its time counts on."""
    lasts = time.time() - printer.duty_since
    since = f", for {age(lasts)}" if lasts >= 1 else ", set just now"
    why = f": {printer.duty_reason}" if printer.duty_reason else ""
    return f"{printer.name} was already {printer.duty}{since}{why}; nothing was changed"


def _next(store: Store, printer: Printer) -> str:
    """What the broker does with a printer whose duty was just set."""
    name = printer.name
    others = any(
        other.name != name and other.duty is Duty.READY and other.health is not Health.DOWN
        for other in store.printers.list()
    )
    elsewhere = "go to the others" if others else "wait: no other printer can take them"
    cut_off = printer.claims and not store.running
    prints = printer.claims and not cut_off
    now = "the job in hand is finished" if prints else "nothing is printing on it"
    if cut_off:
        elsewhere += "; no broker is running, and its last job was cut off"
    match printer.duty:
        case Duty.DRAIN:
            return f"{name} drains: {now}, checks go on, jobs {elsewhere}"
        case Duty.MAINT:
            return f"{name} is in maintenance: {now}, no checks, jobs {elsewhere}"
        case Duty.READY:
            if printer.health in (Health.UP, Health.DEGRADED):
                return f"{name} is ready and {printer.health}: it takes jobs now"
            return f"{name} is ready and {printer.health}: it takes jobs once its checks pass"


MISSING = "its pixels are not in the spool"
JOB_COMMANDS = ("hold", "release", "cancel", "move", "reprint", "priority")


class WaitingLine:
    """The turns of the jobs that wait, read at the first question, and changed since as the same
    command changed them: one on several jobs reads all that wait once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns: dict[int, tuple[int, int]] | None = None

    def before(self, found: Job) -> int:
        """How many jobs come before this one, whose turn was just changed."""
        if self._turns is None:
            self._turns = {job.id: job.turn for job in self._store.jobs.waiting()}
        if found.id in self._turns:  # others wait for an earlier one of their film session
            self._turns[found.id] = found.turn
        return sum(turn < found.turn for turn in self._turns.values())


@dataclass(frozen=True)
class JobCommands:
    """The commands of one operator. `seen` is the job's version that the person saw (promise 12);
    empty for one who named the job alone.

    Raises: NoSuchJob: when there is none of that number.
            NotAllowed: when its state does not allow it; nothing is done then.
            Stale: when its version is not the one that was seen; likewise.
    """

    store: Store
    who: str
    line: WaitingLine | None = None
    """For one command on several jobs; None for one that looks at the queue by itself."""

    def together(self) -> JobCommands:
        """The same for one command on several jobs."""
        return replace(self, line=WaitingLine(self.store))

    def hold(self, job_id: int, reason: str = "", *, seen: str = "") -> str:
        """Keep it from printing until it is released."""
        why = f"{HELD_BY_PERSON}: {reason}" if reason else HELD_BY_PERSON
        with self._asking(job_id):
            self.store.commands.hold(job_id, why, seen=seen)
        if cut := self.cut_off(job_id):
            words = cut
        elif self.store.jobs.get(job_id).state is State.PRINTING:
            words = (
                f"job {job_id} is printing: the film in hand is finished, then it is held; "
                f"`broker jobs release {job_id}` prints the rest"
            )
        else:
            words = f"job {job_id} is held; `broker jobs release {job_id}` prints it"
        return self._done("hold", job_id, words)

    def release(self, job_id: int, *, printed: bool = False, seen: str = "") -> str:
        """Let it print; its uncertain films again, unless a person has seen them `printed`."""
        states = [film.state for film in self._films(job_id)]
        uncertain = states.count(FilmState.UNCERTAIN) + states.count(FilmState.ASKED)
        with self._asking(job_id):
            self.store.commands.release(job_id, printed=printed, seen=seen)
        found = self.store.jobs.get(job_id)
        settled = ", its uncertain films settled as printed" if printed else ""
        if cut := self.cut_off(job_id):
            words = f"hold or cancel of job {job_id} is taken back; {cut}"
        elif found.state is State.PRINTING:
            words = f"job {job_id} goes on printing: hold or cancel is taken back"
        elif found.state is State.SENT:
            words = f"job {job_id} is sent{settled}: nothing is left to print{_remark(found)}"
        else:
            left = found.films - found.films_accepted
            words = (
                f"job {job_id} is queued{settled}: {left} of {count(found.films, 'film')} left to "
                "print"
            )
            if missing_pixels.lost(self.store, missing_pixels.left(self._films(job_id))):
                words += f", but {MISSING}: unless they are put back, it is held again"
            if uncertain and not printed:
                words += ", uncertain ones among them: they may be on paper twice then"
            words += _remark(found)
        return self._done("release", job_id, words)

    def cancel(self, job_id: int, *, seen: str = "") -> str:
        """Give it up: nothing more of it is printed."""
        with self._asking(job_id):
            self.store.commands.cancel(job_id, seen=seen)
        if cut := self.cut_off(job_id):
            words = cut
        elif self.store.jobs.get(job_id).state is State.PRINTING:
            words = f"job {job_id} is printing: the film in hand is finished, then it is cancelled"
        else:
            after_all = f"`broker jobs reprint {job_id}` prints it after all"
            if self._lost(job_id):
                after_all = f"{MISSING}: {PRINT_AGAIN}"
            words = f"job {job_id} is cancelled; {after_all}"
        return self._done("cancel", job_id, words)

    def move(self, job_id: int, printer: str, *, seen: str = "") -> str:
        """Send it to one printer and no other, or with "" to the best one.

        Raises: NoSuchPrinter: when there is none of that name.
        """
        before = self.store.jobs.get(job_id)
        with self._asking(job_id):
            self.store.commands.move(job_id, printer, seen=seen)
        found = self.store.jobs.get(job_id)
        where = f"{printer} and no other printer" if printer else "any printer"
        waits = off_duty(self.store, printer) if printer else ""
        words = f"job {job_id} is {self._release_text(before)}queued for {where}{waits}"
        return self._done("move", job_id, words + _remark(found))

    def reprint(
        self,
        job_id: int,
        choice: ReprintChoice = AS_IT_WAS,
        *,
        again: bool = False,
        seen: str = "",
    ) -> str:
        """Print a finished or held job again, as chosen, as a new job.

        `again`: even where it was printed again moments ago.
        Raises: PrintedAgainLately: when it was, and this is not said; UnfitChoice: it cannot be
            printed so, or is more than limits.sheets; NoSuchPrinter.
        """
        job = self.store.jobs.get(job_id)
        if job.pixels_removed_at is None and self._lost(job_id):
            raise _without_pixels(job)
        sheets = self.store.config.limits.sheets
        new_id = self.store.commands.reprint(job_id, choice, again=again, seen=seen, sheets=sheets)
        new = self.store.jobs.get(new_id)
        each = f", {new.copies} copies each" if new.copies > 1 else ""
        films = count(new.films, "film")
        where = ""
        if choice.printer:
            waits = off_duty(self.store, choice.printer)
            where = f", for {choice.printer} and no other printer{waits}"
        elif new.avoided:
            where = f", not for {', '.join(sorted(new.avoided))}"
        words = f"job {new.id} is queued: {films} of job {job_id} again{each}{where}{_remark(new)}"
        self._done("reprint", new.id, words)
        return self._done("reprint", job_id, words)

    def priority(
        self, job_id: int, priority: Priority, *, first: bool = False, seen: str = ""
    ) -> str:
        """Change how urgent it is; with `first` it goes before all that wait now."""
        with self._asking(job_id):
            self.store.commands.priority(job_id, priority, first=first, seen=seen)
        found = self.store.jobs.get(job_id)
        if found.state is State.HELD:
            words = f"job {job_id} has priority {priority} once it is released"
        else:
            before = (self.line or WaitingLine(self.store)).before(found)
            jobs = count(before, "job") if before else "no jobs"
            words = f"job {job_id} has priority {priority}; {jobs} before it"
        return self._done("priority", job_id, words)

    def cut_off(self, job_id: int) -> str:
        """What is true of a job that reads `printing` while no broker is running; else empty."""
        job = self.store.jobs.get(job_id)
        if job.state is not State.PRINTING or self.store.running:
            return ""  # what the status says of other jobs takes the whole queue
        cut_off = job_status(self.store, job).cut_off
        return f"job {job_id} is {cut_off.remark}" if cut_off else ""

    @contextmanager
    def _asking(self, job_id: int) -> Iterator[None]:
        """What cannot be done to a finished job is told without a promise to print it again, where
        its pixels are gone."""
        try:
            yield
        except NotAllowed as error:
            job = self.store.jobs.get(job_id)
            if job.state in FINISHED and self._lost(job_id):
                raise _without_pixels(job) from error
            raise

    def _films(self, job_id: int) -> Sequence[Sending]:
        """Its films; none where they cannot be read: a person may settle such a job, too."""
        return films_of(self.store, job_id)

    def _lost(self, job_id: int) -> bool:
        """Whether it cannot be printed once more, from its first film."""
        try:
            return missing_pixels.lost(self.store, self.store.jobs.films(job_id))
        except RecordDamaged:
            return True

    def _release_text(self, before: Job) -> str:
        """What to say of a held job that another command releases."""
        if before.state is not State.HELD:
            return ""
        if not before.reason.endswith(PRINT_AGAIN):
            return f"released, though {one_line(before.reason)}, and "
        films = self._films(before.id)
        if films and missing_pixels.whole(self.store, films):
            return "released, as its pixels are there again, and "
        return f"released, though {MISSING}, and "

    def _done(self, command: str, job_id: int, words: str) -> str:
        self.store.command_log.record(self.who, command, words, job_id=job_id)
        return words


def _without_pixels(job: Job) -> NotAllowed:
    return NotAllowed(job.id, job.state, f"{MISSING}; {PRINT_AGAIN}")


def _remark(found: Job) -> str:
    """What is to be known of a job that goes on: which other has the same films."""
    return f"; {found.remark}" if found.remark else ""


CALLING_AE = "TEST-PRINT"
TEST_SIZE = "A4"
"""Of a test film, where none is named."""


def print_film(store: Store, who: str, printer: str = "", film_size: str = TEST_SIZE) -> int:
    """Put a test film in the spool and its job in the queue; the job's number.

    For that printer and no other, or with "" for any.

    Raises: NoSuchPrinter: when there is none of that name.
            NoPrinters: when there is none at all.
            SpoolMissing, OSError: when the film cannot be put in the spool.
    """
    if printer:
        store.printers.get(printer)
    elif not store.printers.list():
        raise NoPrinters
    when = f"{datetime.now(UTC).astimezone():%Y-%m-%d %H:%M:%S %Z}"  # as on the wall beside it
    from broker.preview.test_film import test_film  # here: NumPy and Pillow take 20 MB

    film, pixels = test_film(printer or "any printer", when, film_size)
    spool = store.spool()
    request = PrintRequest(
        calling_ae=CALLING_AE,
        called_ae=store.config.broker.ae_title,
        peer="this machine",
        film_session=uuid.uuid4().hex,
        level=Level.FILM_BOX,
        session={},
        films=(film,),
    )
    received = [spool.receive([content]) for content in pixels.values()]
    try:
        if printer:  # a person wants it tried there, whatever was learned
            for asked in combinations(request.session, film):
                store.capabilities.forget(printer, asked)
        with spool.keeping():
            spool.keep(received)
            job_id = store.submission.add(request, pinned=printer)
    except BaseException:
        spool.undo(received, store.references.spooled)  # no job of it: its pixels are no orphans
        raise
    finally:
        spool.drop(received)
    store.command_log.record(
        who, "test-print", queued_text(store, job_id, printer, film_size), job_id=job_id
    )
    return job_id


def queued_text(store: Store, job_id: int, printer: str, film_size: str = TEST_SIZE) -> str:
    """What was queued, and what an operator must do first where it waits for that."""
    where = f"for {printer} and no other printer" if printer else "for any printer"
    said = f"job {job_id} is queued: one {film_size} test film, {where}"
    if printer and (waits := off_duty(store, printer)):
        return f"{said}{waits}"
    return said
