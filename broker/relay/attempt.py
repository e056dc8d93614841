"""One attempt: the films of a claimed job, one by one, on one printer.

The line (promise 3) is drawn here: `asked` is committed before N-ACTION leaves, so whatever
happens afterwards, a film is either known to be accepted or known to be uncertain.
"""

from __future__ import annotations

import struct
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from broker.dicom.scu.print_session import PrintSession
from broker.events import Event, Note
from broker.model.films.capabilities import Capability
from broker.model.jobs.job import DONE, Claim, Job, Outcome, Sending, State
from broker.model.printers.printer import Printer
from broker.model.printers.retry import Policy, Settlement, TroubleContext, after, prints_again
from broker.model.printers.trouble import (
    OwnFault,
    Refused,
    SpoolDamaged,
    Trouble,
    Unavailable,
    Uncertain,
)
from broker.relay.lingering import BegunWith
from broker.relay.open_sessions import (
    RELEASE_AT_STOP_S,
    OpenSessions,
    SessionInUse,
)
from broker.spool.files import Spool
from broker.store.database import FAILURES, DatabaseReplaced, in_words
from broker.store.printers import Printers
from broker.store.queue.claims import ClaimLost, Claims
from broker.store.queue.recovery import Recovery
from broker.store.reading.queries import JobQueries

UNSENDABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What a film can raise that no message can carry."""


@dataclass(frozen=True)
class Edges:
    """What an attempt touches."""

    jobs: JobQueries
    claims: Claims
    recovery: Recovery
    printers: Printers
    spool: Spool
    sessions: OpenSessions
    policy: Callable[[], Policy]
    clock: Callable[[], float]
    random: Callable[[], float]
    note: Note
    recheck: Callable[[Mapping[str, Capability]], None] = lambda _: None
    """Has printers asked again, by their names, whether they still refuse something."""


class Stopped(Exception):
    """The attempt ends between two films: by an operator command, or as the broker stops."""


def run(edges: Edges, claim: Claim, job: Job, printer: Printer, stopping: threading.Event) -> None:
    """Attempt the job and write down how it ended.

    Raises: ClaimLost: when the job was taken from this attempt: then nothing more was written.
    """
    facts = {"job": job.id, "printer": printer.name}
    edges.note(Event.ATTEMPT_BEGAN, {**facts, "attempt": claim.attempt_id})
    try:
        _print(edges, claim, job, printer, stopping)
    except Stopped as stopped:
        edges.claims.finish(
            claim, Outcome.UNAVAILABLE, str(stopped), settlement=Settlement(State.QUEUED, "")
        )
        edges.note(Event.ATTEMPT_STOPPED, {**facts, "why": str(stopped)})
    except Trouble as trouble:
        if isinstance(trouble, SpoolDamaged):
            edges.note(Event.FILM_DAMAGED, {**facts, "why": trouble.words})
        _settle(edges, claim, trouble)
    else:
        edges.claims.finish(claim, Outcome.ACCEPTED, "", settlement=Settlement(State.SENT, ""))
        edges.note(Event.JOB_SENT, {**facts, "films": job.films, "copies": job.copies})


def _print(
    edges: Edges, claim: Claim, job: Job, printer: Printer, stopping: threading.Event
) -> None:
    with _before_the_line(edges, printer.name):
        films = _left(edges.jobs.whole_films(job.id))
        if not films:
            return
        attributes = edges.jobs.session(job.id)
        _check_pixels(edges, films[0])  # no printer need be asked for anything before
        first = films[0]
        wanted = BegunWith(
            job.film_session,
            printer.address,
            attributes,
            first.copies,
            any(each.film.luts for each in films),
            job.lut_class,
            first.film.session_more,
            frozenset(keyword for each in films for keyword in each.film.chosen),
        )
        use = edges.sessions.begin(wanted)
    accepted = 0
    try:
        for film in films:
            if film.film.luts and not (use.begun_with.lut or use.session.lut_class):
                with _before_the_line(edges, printer.name):
                    use.begin_anew(lut=True)
            _print_film(edges, claim, use, film, job, stopping)
            accepted += 1
            with _before_the_line(edges, printer.name):
                use.session.clear()
    except (Stopped, Refused):
        _end(use, stopping)
        raise
    except Unavailable as trouble:
        use.abandon()
        if accepted:
            # An attempt that has put films on paper counts as a success, whatever ended it.
            trouble.associated = False
        raise
    except BaseException:
        use.abandon()
        raise
    if stopping.is_set():
        _end(use, stopping)
    else:
        use.keep()


def _end(use: SessionInUse, stopping: threading.Event) -> None:
    """A stop waits for a printer's release for a shorter time."""
    if stopping.is_set():
        use.end(RELEASE_AT_STOP_S)
    else:
        use.end()


def _print_film(
    edges: Edges,
    claim: Claim,
    use: SessionInUse,
    film: Sending,
    job: Job,
    stopping: threading.Event,
) -> None:
    """Print one film.

    What goes wrong through a film session that an earlier job has left, which may be gone by now,
    says nothing of this job as long as the film is known not to be printed: it is tried once more
    through a new one, and that counts. A film without a Presentation LUT that is refused beside
    that class is tried without it.
    """
    without_class = asked = False
    while True:
        try:
            _check_commands(edges, claim, stopping)
            with _before_the_line(edges, claim.printer):
                _prepare(edges, use.session, film)
            # That may have taken long.
            _check_commands(edges, claim, stopping)
            asked = True
            _ask(edges, claim, use.session, film, job, stopping)
        except (Unavailable, Refused) as trouble:
            refused = isinstance(trouble, Refused) and trouble.permanent
            if isinstance(trouble, Refused) and trouble.learned:
                raise
            if not use.inherited:
                minds = refused and use.session.lut_class and not film.film.luts
                if without_class or asked or not minds:
                    raise
                without_class = True
            with _before_the_line(edges, claim.printer):
                use.begin_anew(lut=False if without_class else None)
            asked = False
        else:
            use.inherited = False
            if without_class:
                use.session.took_without_lut_class()
            return


def _prepare(edges: Edges, session: PrintSession, film: Sending) -> None:
    with _of_film(film):
        session.prepare(film.film, edges.spool.open)


def _check_pixels(edges: Edges, film: Sending) -> None:
    """Make sure that a film's pixels are there and have their length; their content is looked at
    while they are sent."""
    images = [box.image for box in film.film.image_boxes if box.image is not None]
    with _of_film(film):
        for name, length in {each.pixels: each.length for each in images}.items():
            with edges.spool.open(name, length):
                continue


@contextmanager
def _of_film(film: Sending) -> Iterator[None]:
    """Damage names the film."""
    try:
        yield
    except SpoolDamaged as damaged:
        raise SpoolDamaged(f"film {film.number}: {damaged.words}") from damaged


@contextmanager
def _before_the_line(edges: Edges, printer: str) -> Iterator[None]:
    """Whatever breaks here is a Trouble, but for the database and a lost claim: nothing was asked
    for yet, so the attempt can end.

    What cannot be put on the wire for a printer is not tried there again.
    """
    try:
        yield
    except (Trouble, ClaimLost, *FAILURES):
        raise
    except Exception as error:
        # Where, and not what it says: the words of some quote values of a data set.
        kind, unsendable = type(error).__name__, isinstance(error, UNSENDABLE)
        event = Event.FILM_UNSENDABLE if unsendable else Event.ATTEMPT_BROKE
        edges.note(event, {"printer": printer, "why": kind, "where": _place(error)})
        if unsendable:
            words = f"the film cannot be sent to {printer} ({kind}, see the log)"
            raise OwnFault(words, permanent=True) from error
        why = (error.strerror if isinstance(error, OSError) else None) or kind
        raise OwnFault(f"the broker itself failed: {why}, see its log") from error


def _place(error: BaseException) -> str:
    """File and line that an exception came from."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _left(films: Sequence[Sending]) -> list[Sending]:
    return [film for film in films if film.state not in DONE]


def _check_commands(edges: Edges, claim: Claim, stopping: threading.Event) -> None:
    if stopping.is_set():
        raise Stopped("the broker is stopping")
    command = edges.claims.command(claim)
    if command:
        raise Stopped(f"{command} by the operator")


def _ask(
    edges: Edges,
    claim: Claim,
    session: PrintSession,
    film: Sending,
    job: Job,
    stopping: threading.Event,
) -> None:
    """Cross the line for one film."""
    edges.claims.asked(claim, film.id)
    try:
        session.ask()
    except (Refused, Unavailable) as trouble:
        refusal = trouble.words
        _insist(edges, stopping, lambda: edges.claims.not_printed(claim, film.id, refusal))
        raise
    except Exception as trouble:
        # Uncertain, or whatever else: the film was asked for.
        why = trouble.words if isinstance(trouble, Uncertain) else type(trouble).__name__
        words = f"film {film.number} may be on paper: {why}"
        _insist(edges, stopping, lambda: edges.claims.uncertain(claim, film.id, words))
        raise Uncertain(words) from trouble
    remarks = "; ".join((*film.film.remarks, *session.remarks))
    _insist(edges, stopping, lambda: edges.claims.accepted(claim, film.id, remarks))
    edges.note(
        Event.FILM_ACCEPTED,
        {
            "job": claim.job_id,
            "film": film.number,
            "pass": film.pass_number,
            "printer": claim.printer,
            "seconds": round(edges.clock() - job.created_at, 1),
            "remarks": remarks,
        },
    )


def _insist(edges: Edges, stopping: threading.Event, write: Callable[[], None]) -> None:
    """Write what a printer has said, however long the disk is busy: it will not say it again.

    Raises: ClaimLost, DatabaseReplaced: it cannot be written any more; the film stays asked for in
    the right database, and is uncertain for the next start.
    """
    while True:
        try:
            return write()
        except (ClaimLost, DatabaseReplaced):
            raise
        except Exception as error:
            edges.note(Event.STORAGE_FAILED, {"why": in_words(error)})
            if stopping.wait(1.0):
                raise


def _settle_without_printer(edges: Edges, claim: Claim, job: Job, trouble: Trouble) -> None:
    """The printer was taken out of the configuration meanwhile: no printer is blamed, and the
    line holds all the same."""
    doubt, policy = isinstance(trouble, Uncertain), edges.policy()
    again = prints_again(policy.on_uncertain, policy.tries, job.strikes, job.command)
    settlement = Settlement(State.QUEUED, "")
    outcome = Outcome.UNCERTAIN if doubt else Outcome.UNAVAILABLE
    if doubt and not again:
        settlement = Settlement(State.HELD, f"uncertain: {trouble.words}")
    edges.claims.finish(
        claim,
        outcome,
        f"{claim.printer} was taken out of the configuration: {trouble.words}",
        strike=doubt and again,
        settlement=settlement,
    )
    _tell_failed(edges, claim, outcome, trouble, settlement, claim.printer)


def _settle(edges: Edges, claim: Claim, trouble: Trouble) -> None:
    """Write down what a trouble means for the job and for the printer."""
    job = edges.jobs.get(claim.job_id)
    printers = edges.printers.list()
    printer = next((each for each in printers if each.name == claim.printer), None)
    if printer is None:
        _settle_without_printer(edges, claim, job, trouble)
        return
    verdict = after(
        trouble, TroubleContext(job, printer, printers, edges.policy(), edges.clock(), edges.random)
    )
    edges.claims.finish(
        claim,
        verdict.outcome,
        trouble.words,
        permanent=verdict.permanent,
        strike=verdict.strike,
        settlement=verdict.settlement,
        blame=verdict.printer,
        printers=verdict.printers,
    )
    if verdict.printer.health not in (None, printer.health):
        edges.note(
            Event.PRINTER_CHANGED,
            {
                "printer": printer.name,
                "health": str(verdict.printer.health),
                "was": str(printer.health),
                "reason": verdict.printer.words,
            },
        )
    whose = claim.printer if verdict.printers else ""
    _tell_failed(edges, claim, verdict.outcome, trouble, verdict.settlement, whose)


def _tell_failed(
    edges: Edges,
    claim: Claim,
    outcome: Outcome,
    trouble: Trouble,
    settlement: Settlement,
    whose: str,
) -> None:
    """`whose` try it was: a printer's; empty for none."""
    facts = {"job": claim.job_id, "printer": whose, "outcome": str(outcome)}
    edges.note(
        Event.ATTEMPT_FAILED, {**facts, "why": trouble.words, "state": str(settlement.state)}
    )
