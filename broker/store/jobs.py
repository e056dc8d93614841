"""The jobs: frozen copies of what was asked for, from print request to paper."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, and_, bindparam, delete, func, insert, or_, select, update

from broker.model.caller import Caller, Waiting, spellings
from broker.model.film import Film, Image, ImageBox
from broker.model.job import (
    HELD_BY_PERSON,
    UNANSWERED,
    FilmState,
    Level,
    PrintRequest,
    State,
    collation,
)
from broker.store.claims import Claims
from broker.store.commands import NotAllowed, Verbs, lock
from broker.store.database import Database
from broker.store.duplicates import Rule, printed_again_as, twin_of
from broker.store.job_rows import (
    ACTIVE,
    UNFINISHED,
    attributes_to_json,
    digest_of,
    digest_of_job,
    film_to_json,
    request_of,
)
from broker.store.missing_pixels import Losses
from broker.store.prepared import Prepared, fixed
from broker.store.reading import JobReading
from broker.store.recovery import Recovery
from broker.store.retention import Releases
from broker.store.tables import attempts, films, jobs, readiness, sendings, spooled
from broker.store.uncertain_films import Doubting

_BEGAN = (
    select(func.coalesce(func.max(attempts.c.began_at), 0.0))
    .where(attempts.c.job_id == jobs.c.id)
    .scalar_subquery()
)
_MOVES = (
    select(sendings.c.id)
    .where(sendings.c.job_id == jobs.c.id, sendings.c.accepted_at >= _BEGAN)
    .exists()
)
_HELD = (
    select(jobs.c.id)
    .where(jobs.c.state == State.HELD, ~jobs.c.reason.startswith(HELD_BY_PERSON))
    .order_by(jobs.c.id)
)
_UNMOVED = select(func.min(jobs.c.created_at)).where(
    or_(jobs.c.state == State.QUEUED, and_(jobs.c.state == State.PRINTING, ~_MOVES))
)


class Overdue(JobReading):
    """Jobs that wait for somebody, or for too long."""

    def held_by_machine(self) -> Sequence[int]:
        """The numbers of held jobs, in their order, but for those that a person held."""
        with self._database.read() as connection:
            return list(connection.execute(_HELD).scalars())

    def oldest_unmoved(self) -> float | None:
        """When the oldest job was made that is queued, or is being tried and has had no film
        accepted by this try; None without one. A job that is tried in vain is no younger than one
        that waits.
        """
        with self._database.read() as connection:
            found: float | None = connection.execute(_UNMOVED).scalar()
        return found


HELD_AS_DUPLICATE = "a person decides whether it is printed again"
NO_RULE = Rule()


_PLACE = func.rtrim(jobs.c.peer, "0123456789")
"""The peer without its port: SQLite knows no search from the end."""
_UNFINISHED = Prepared(
    select(jobs.c.calling_ae, _PLACE, func.count(), func.sum(func.coalesce(jobs.c.bytes, 0)))
    .where(jobs.c.state.in_(fixed(UNFINISHED)))
    .group_by(jobs.c.calling_ae, _PLACE)
)
_WAITING_FILES = (
    select(jobs.c.calling_ae, spooled.c.name, func.max(spooled.c.bytes).label("bytes"))
    .join(jobs, jobs.c.id == spooled.c.job_id)
    .where(jobs.c.state.in_(UNFINISHED))
    .where(_PLACE.in_(bindparam("places", expanding=True)))
    .group_by(jobs.c.calling_ae, spooled.c.name)
)
_DOUBTFUL = (
    select(sendings.c.number)
    .where(sendings.c.job_id == bindparam("its_job"), sendings.c.state.in_(UNANSWERED))
    .distinct()
    .order_by(sendings.c.number)
)
_JOB = Prepared(
    insert(jobs).returning(jobs.c.id), *(each.name for each in jobs.c if each.name != "id")
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


class Jobs(Claims, Recovery, Verbs, Doubting, Losses, Overdue, Releases):
    """Every question about jobs, and every change to them. For any thread, in any process."""

    def add(self, request: PrintRequest, *, pinned: str = "", rule: Rule = NO_RULE) -> int:
        """Queue a new job; its number. As `admit`."""
        return self.admit(request, pinned=pinned, rule=rule).job_id

    def admit(
        self,
        request: PrintRequest,
        *,
        pinned: str = "",
        rule: Rule = NO_RULE,
    ) -> Admission:
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
            job_id = self._add(connection, request, digests, values)
        return Admission(job_id, twin.job_id if twin is not None else None, held)

    def rehearse(self, connection: Connection, request: PrintRequest) -> None:
        """Write what `admit` writes, in a transaction that is taken back."""
        digests = [digest_of(film) for film in request.films]
        twin_of(connection, request.calling_ae, digests, Rule(window_s=1.0), self._clock())
        self._add(connection, request, digests, {})

    def unfinished(self) -> dict[Caller, Waiting]:
        """How much each caller has in the queue that is not finished. Pixels that several of its
        jobs refer to are counted with each."""
        found: dict[Caller, Waiting] = {}
        with self._database.read() as connection:
            rows = _UNFINISHED.rows(connection)
        for calling_ae, place, number, size in rows:
            caller = Caller.of(calling_ae, place)
            found[caller] = found.get(caller, Waiting()) + Waiting(number, size)
        return found

    def waiting_bytes(self, caller: Caller) -> tuple[int, int]:
        """Bytes of the pixels that unfinished jobs of the caller refer to, and those of its
        address, each file counted once."""
        places = [f"{spelling}:" for spelling in spellings(caller.address)]
        with self._database.read() as connection:
            rows = connection.execute(_WAITING_FILES, {"places": places}).all()
        of_address = {row.name: row.bytes or 0 for row in rows}
        own = sum(row.bytes or 0 for row in rows if row.calling_ae == caller.ae_title)
        return own, sum(of_address.values())

    def reprint(self, job_id: int) -> int:
        """Queue a copy of a job, all its films and copies; the number of the new job.

        NoSuchJob, NotAllowed.
        """
        with self._database.write() as connection:
            state = lock(connection, job_id)
            if state in ACTIVE:
                raise NotAllowed(
                    job_id,
                    state,
                    f"it has yet to be printed; wait, or `broker jobs cancel {job_id}` first",
                )
            # A film session of its own: it waits for nothing, and any printer will do.
            request = replace(request_of(connection, job_id), film_session=uuid.uuid4().hex)
            removed = select(jobs.c.pixels_removed_at, jobs.c.pixels_removed_why)
            at, why = connection.execute(removed.where(jobs.c.id == job_id)).one()
            if at is not None:
                early = ", as room was needed for new films" if why else ""
                raise NotAllowed(
                    job_id,
                    state,
                    f"its pixels have been removed since{early}; print it at the modality",
                )
            digests = [digest_of(film) for film in request.films]
            doubtful = connection.execute(_DOUBTFUL, {"its_job": job_id}).scalars().all()
            values: dict[str, object] = {"reprint_of": job_id}
            if doubtful:
                several = "films" if len(doubtful) > 1 else "film"
                which = ", ".join(map(str, doubtful))
                values["remark"] = f"{several} {which} of job {job_id} may be on paper, too"
            new = self._add(connection, request, digests, values)
            if state is State.HELD:
                # Whoever finds it there must not let it print, too.
                told = func.trim(jobs.c.remark + f"; {printed_again_as(new)}", "; ")
                connection.execute(update(jobs).where(jobs.c.id == job_id).values(remark=told))
            return new

    def end_waits(self, latest: float) -> int:
        """Let queued jobs go on that would wait beyond this time; how many."""
        late = and_(jobs.c.state == State.QUEUED, jobs.c.not_before > latest)
        return self._database.change_some(jobs, late, not_before=0.0)

    def _add(
        self,
        connection: Connection,
        request: PrintRequest,
        digests: Sequence[str],
        values: Mapping[str, object],
    ) -> int:
        """The rows of a new job; `values` are those that differ from any new job's."""
        now = self._clock()
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
            "printer": "",
            "pinned": "",
            "attempts": 0,
            "strikes_after": 0,
            "not_before": 0.0,
            "wish": "",
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


class _TakenBack(Exception):
    """Ends the transaction without a trace."""


class Rehearsal:
    """Writes what a film's acceptance writes, into the same tables and indexes."""

    def __init__(self, database: Database, jobs: Jobs) -> None:
        self._database = database
        self._jobs = jobs

    def write(self, busy_s: float) -> bool:
        """Write a job and take it back, within `busy_s` seconds; False when others were writing for
        all that time. The database's own error where a table is missing, a page is damaged, or the
        file cannot be written."""
        try:
            with self._database.write(busy_s) as connection:
                self._jobs.rehearse(connection, _REQUEST)
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
