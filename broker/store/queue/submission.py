"""Submission: a print request becomes a job, on stable storage (promises 1 and 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert

from broker.model.films.capabilities import combinations
from broker.model.films.film import Film, Image, ImageBox
from broker.model.jobs.job import FilmState, Level, PrintRequest, State, collation
from broker.store.backend import Prepared
from broker.store.database import Database
from broker.store.reading.duplicates import Rule, twin_of
from broker.store.reading.job_rows import (
    attributes_to_json,
    combinations_to_json,
    digest_of,
    digest_of_job,
    film_to_json,
)
from broker.store.tables import films, jobs, readiness, sendings, spooled

HELD_AS_DUPLICATE = "a person decides whether it is printed again"
NO_RULE = Rule()

_JOB = Prepared(
    insert(jobs).returning(jobs.c.id), *(each.key for each in jobs.c if each.key != "id")
)
_FILM = Prepared(insert(films), "job_id", "number", "content", "digest")
_SENDING = Prepared(insert(sendings), *(each.name for each in sendings.c if each.name != "id"))
_SPOOLED = Prepared(insert(spooled), "name", "job_id", "bytes")


@dataclass(frozen=True)
class Admission:
    """What became of a print request."""

    job_id: int
    duplicate_of: int | None
    held: bool


class Submission:
    """What a modality's print request, or a test print, writes. For any thread, in any process."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def add(self, request: PrintRequest, *, pinned: str = "", rule: Rule = NO_RULE) -> int:
        """Queue a new job; its number. As `admit`."""
        return self.admit(request, pinned=pinned, rule=rule).job_id

    def admit(self, request: PrintRequest, *, pinned: str = "", rule: Rule = NO_RULE) -> Admission:
        """Queue a new job, or hold it as a duplicate. It is on stable storage when this returns.

        A film session's copies are collated (PS3.4 H.4.1.2.4): several films are sent once for
        each copy. The copies of a single film are made by the printer. The rule says how equal
        films of the same modality are looked for, and whether they wait for a person.
        """
        digests = [digest_of(film) for film in request.films]
        with self._database.write() as connection:
            twin = twin_of(connection, request.calling_ae, digests, rule, self._clock())
            values: dict[str, object] = {"pinned": pinned}
            held = twin is not None and rule.hold
            if twin is not None:
                values |= {"duplicate_of": twin.job_id, "remark": twin.words}
            if held:
                values |= {"state": State.HELD, "reason": HELD_AS_DUPLICATE}
            job_id = insert_job(connection, request, digests, self._clock(), **values)
        return Admission(job_id, twin.job_id if twin is not None else None, held)


def insert_job(
    connection: Connection,
    request: PrintRequest,
    digests: Sequence[str],
    now: float,
    **values: object,
) -> int:
    """The rows of a new job; `values` are those that differ from any new job's."""
    session = attributes_to_json(request.session)
    row = {
        "state": State.QUEUED,
        "reason": "",
        "calling_ae": request.calling_ae,
        "called_ae": request.called_ae,
        "peer": request.peer,
        "film_session": request.film_session,
        "level": request.level,
        "session": session,
        "digest": digest_of_job(session, request.level, request.copies),
        "films": len(request.films),
        "copies": request.copies,
        "priority": request.priority,
        "priority_rank": request.priority.rank,
        "needs_lut": any(film.needs_lut for film in request.films),
        "lut_class": request.lut_class,
        "printer": "",
        "pinned": "",
        "avoided": "",
        "attempts": 0,
        "strikes_after": 0,
        "not_before": 0.0,
        "command": "",
        "token": "",
        "created_at": now,
        "updated_at": now,
        "assigned_at": None,
        "reprint_of": None,
        "duplicate_of": None,
        "remark": "",
        "pixels_removed_at": None,
        "pixels_removed_why": "",
        "bytes": sum(_lengths(request).values()),
        "asks": combinations_to_json(
            {each for film in request.films for each in combinations(request.session, film)}
        ),
    }
    ((job_id,),) = _JOB.rows(connection, **{**row, **values})
    _add_films(connection, int(job_id), request, digests)
    return int(job_id)


def _add_films(
    connection: Connection, job_id: int, request: PrintRequest, digests: Sequence[str]
) -> None:
    """The films' content once, their sendings pass by pass, and the names of their pixels."""
    numbered = list(enumerate(request.films, start=1))
    if not numbered:
        raise ValueError("a job has at least one film")
    for number, film in numbered:
        content, digest = film_to_json(film), digests[number - 1]
        _FILM.change(connection, job_id=job_id, number=number, content=content, digest=digest)
    passes, copies = collation(request.level, len(numbered), request.copies)
    sending = {
        "job_id": job_id,
        "copies": copies,
        "state": FilmState.WAITING,
        "printer": "",
        "asked_at": None,
        "accepted_at": None,
        "words": "",
    }
    for pass_number in range(1, passes + 1):
        for number, _ in numbered:
            _SENDING.change(connection, **sending, number=number, pass_number=pass_number)
    for name, length in sorted(_lengths(request).items()):
        _SPOOLED.change(connection, name=name, job_id=job_id, bytes=length)


def _lengths(request: PrintRequest) -> dict[str, int]:
    """Names of its pixels in the spool, and their bytes; each once."""
    return {
        box.image.pixels: box.image.length
        for film in request.films
        for box in film.image_boxes
        if box.image is not None
    }


_TRIED_FILM = Film({}, (ImageBox(1, {}, Image("0" * 64, 1, 1, 1, 8, 8, "MONOCHROME2")),))
_REQUEST = PrintRequest("", "", "", "rehearsal", Level.FILM_BOX, {}, (_TRIED_FILM,))
_DIGESTS = [digest_of(_TRIED_FILM)]
_RULE = Rule(window_s=1.0)


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


class Rehearsal:
    """Writes what a film's acceptance writes, into the same tables and indexes."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def write(self, busy_s: float) -> bool:
        """Write a job and take it back, within `busy_s` seconds; False when others were writing for
        all that time.

        Raises: SQLAlchemyError: a table is missing, a page is damaged, or the file cannot be
        written.
        """
        try:
            with self._database.write(busy_s) as connection:
                now = self._clock()
                twin_of(connection, _REQUEST.calling_ae, _DIGESTS, _RULE, now)
                insert_job(connection, _REQUEST, _DIGESTS, now)
                raise _TakenBack
        except _TakenBack:
            return True
        except Exception as error:
            if self._database.is_busy(error):
                return False
            raise

    def commit(self, busy_s: float, now: float) -> bool:
        """Commit a row that tells nothing, as `write`: a disk that is full, or fails, says so only
        then."""
        try:
            with self._database.write(busy_s) as connection:
                connection.execute(delete(readiness))
                connection.execute(insert(readiness).values(id=1, at=now))
        except Exception as error:
            if self._database.is_busy(error):
                return False
            raise
        return True
