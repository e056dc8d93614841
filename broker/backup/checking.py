"""The whole check of a queue: pages, references, rows, and the spool that the rows refer to."""

from __future__ import annotations

import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from broker.backup.snapshot import Snapshot, WantedPixels
from broker.model.films.film import Film
from broker.model.jobs.job import (
    DONE,
    FINISHED,
    UNANSWERED,
    FilmState,
    Level,
    Outcome,
    Priority,
    State,
    collation,
)
from broker.model.printers.printer import Duty, Health
from broker.model.storage.finding import Finding, Kind, gathered
from broker.model.user import Role
from broker.spool.binding import mismatch
from broker.spool.files import SpoolMissing
from broker.spool.pins import PixelsFound, check_pixels, is_name, place_in, size_of
from broker.store import schema
from broker.store.reading.job_rows import (
    UNREADABLE,
    attributes_from_json,
    digest_of,
    digest_of_job,
    film_from_json,
)
from broker.store.sqlite import damage, examine, open_to_read

Fault = tuple[Kind, str, int | None]
"""What is wrong, in words, and of which job."""
COMMANDS = ("", "hold", "cancel")
SPOOLED_ONLY, FILMS_ONLY = (
    "names of pixels are kept that no film of the job has",
    "names of a film's pixels are missing, so that they may be removed",
)


@dataclass
class _Films:
    """What the rows of one job's films and sendings say."""

    numbers: list[int]
    names: set[str]
    copies: dict[int, list[tuple[int, int]]]
    """Film -> pass and copies of each sending."""
    states: list[str]
    readable: bool = True


class RowChecks:
    """The checks of one moment. `tell` is told how many jobs are checked, and of how many."""

    def __init__(
        self, connection: sqlite3.Connection, tell: Callable[[int, int], None] = lambda *_: None
    ) -> None:
        self._connection = connection
        self._tell = tell
        self.jobs = self.films = 0
        """How many were checked."""

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong. sqlite3.Error, but for damage, which is told as a fault."""
        self._connection.execute("BEGIN")
        try:
            for check in (self._check_jobs, self._check_attempts, self._check_others):
                try:
                    yield from check()
                except (sqlite3.Error, UnicodeDecodeError) as error:
                    if not damage(error):
                        raise
                    yield Kind.PAGES, f"rows cannot be read: {damage(error)}", None
        finally:
            self._connection.execute("COMMIT")

    def _rows(self, statement: str) -> Iterator[Sequence[object]]:
        yield from self._connection.execute(statement)

    def _check_jobs(self) -> Iterator[Fault]:
        films, faults = self._read_films()
        yield from faults
        spooled: dict[int, set[str]] = defaultdict(set)
        for name, job_id in self._rows("SELECT name, job_id FROM spooled"):
            spooled[_whole(job_id)].add(str(name))
        open_attempts: dict[int, int] = defaultdict(int)
        for (job_id,) in self._rows("SELECT job_id FROM attempts WHERE ended_at IS NULL"):
            open_attempts[_whole(job_id)] += 1
        ((total,),) = self._rows("SELECT count(*) FROM jobs")
        columns = (
            "id, state, level, priority, priority_rank, wish, token, session, films, copies, "
            "not_before, created_at, updated_at, assigned_at, pixels_removed_at, digest"
        )
        for row in self._rows(f"SELECT {columns} FROM jobs ORDER BY id"):
            job = dict(zip(columns.split(", "), row, strict=True))
            job_id = _whole(job["id"])
            its = films.pop(job_id, _Films([], set(), {}, []))
            for kind, words in (
                *_of_values(job),
                *_of_counts(job, its),
                *_of_states(job, its, open_attempts.pop(job_id, 0)),
                *_of_names(job, its, spooled.pop(job_id, set())),
            ):
                yield kind, words, job_id
            self.jobs += 1
            self._tell(self.jobs, _whole(total))

    def _read_films(self) -> tuple[dict[int, _Films], list[Fault]]:
        found: dict[int, _Films] = defaultdict(lambda: _Films([], set(), defaultdict(list), []))
        faults: list[Fault] = []
        for job_id, number, content, digest in self._rows(
            "SELECT job_id, number, content, digest FROM films ORDER BY job_id, number"
        ):
            its = found[_whole(job_id)]
            its.numbers.append(_whole(number))
            self.films += 1
            film = _film(content)
            if film is None:
                its.readable = False
                faults.append((Kind.CONTENT, f"film {number} cannot be read", _whole(job_id)))
                continue
            its.names |= set(film.spooled)
            if digest and digest != digest_of(film):
                words = f"film {number} is not the one that was accepted"
                faults.append((Kind.CONTENT, words, _whole(job_id)))
        for job_id, number, pass_number, copies, state, asked_at, accepted_at in self._rows(
            "SELECT job_id, number, pass_number, copies, state, asked_at, accepted_at FROM sendings"
        ):
            its = found[_whole(job_id)]
            its.copies[_whole(number)].append((_whole(pass_number), _whole(copies)))
            its.states.append(str(state))
            faults += [
                (kind, f"film {number}: {words}", _whole(job_id))
                for kind, words in _of_sending(state, asked_at, accepted_at)
            ]
        return found, faults

    def _check_attempts(self) -> Iterator[Fault]:
        for job_id, began_at, ended_at, outcome in self._rows(
            "SELECT job_id, began_at, ended_at, outcome FROM attempts"
        ):
            where = _whole(job_id)
            if not _time(began_at) or not _time(ended_at, absent=True):
                yield Kind.VALUES, "the time of an attempt is no time", where
            if outcome and not _is(Outcome, outcome):
                yield Kind.VALUES, f"an attempt has the outcome {_shown(outcome)}", where
            if (ended_at is None) != (outcome == ""):
                yield Kind.STATES, "an attempt has an outcome and no end, or the reverse", where

    def _check_others(self) -> Iterator[Fault]:
        for name, duty, health, weight in self._rows(
            "SELECT name, duty, health, weight FROM printers"
        ):
            if not _is(Duty, duty) or not _is(Health, health):
                yield Kind.VALUES, f"printer {_shown(name)} has a duty or health of no kind", None
            if not isinstance(weight, int) or weight < 1:
                yield Kind.VALUES, f"printer {_shown(name)} has no weight", None
        for (role,) in self._rows("SELECT role FROM users"):
            if not _is(Role, role):
                yield Kind.VALUES, f"a user has the role {_shown(role)}", None


def _of_values(job: dict[str, object]) -> Iterator[tuple[Kind, str]]:
    for name, kind in (("state", State), ("level", Level), ("priority", Priority)):
        if not _is(kind, job[name]):
            yield Kind.VALUES, f"{name} is {_shown(job[name])}"
    if _is(Priority, job["priority"]):
        rank = job["priority_rank"]
        # Below 0: put to the front by a person.
        front = isinstance(rank, int) and rank < 0
        if not front and rank != Priority(str(job["priority"])).rank:
            yield Kind.VALUES, "priority_rank is not that of its priority"
    if job["wish"] not in COMMANDS:
        yield Kind.VALUES, f"wish is {_shown(job['wish'])}"
    for name in ("films", "copies"):
        number = job[name]
        if not isinstance(number, int) or number < 1:
            yield Kind.VALUES, f"{name} is {_shown(number)}"
    for name in ("not_before", "created_at", "updated_at"):
        if not _time(job[name]):
            yield Kind.VALUES, f"{name} is no time"
    for name in ("assigned_at", "pixels_removed_at"):
        if not _time(job[name], absent=True):
            yield Kind.VALUES, f"{name} is no time"
    try:
        for values in attributes_from_json(str(job["session"])).values():
            if not all(isinstance(each, str) for each in values):
                raise TypeError
    except UNREADABLE:
        yield Kind.CONTENT, "the film session's attributes cannot be read"
        return
    if job["pixels_removed_at"] is None and job["digest"] not in ("", _digest(job)):
        # Retention takes the label away, with the pixels.
        yield Kind.CONTENT, "film session, level or copies are not what was accepted"


def _digest(job: dict[str, object]) -> str:
    copies = job["copies"] if isinstance(job["copies"], int) else 0
    return digest_of_job(str(job["session"]), str(job["level"]), copies)


def _of_counts(job: dict[str, object], films: _Films) -> Iterator[tuple[Kind, str]]:
    number = job["films"]
    if films.numbers != list(range(1, len(films.numbers) + 1)) or len(films.numbers) != number:
        yield Kind.COUNTS, "there are not as many films as it has"
        return
    copies = job["copies"]
    if not isinstance(copies, int) or copies < 1 or not _is(Level, job["level"]):
        return
    passes, each_time = collation(Level(str(job["level"])), len(films.numbers), copies)
    wanted = [(turn, each_time) for turn in range(1, passes + 1)]
    if any(sorted(films.copies.get(each, [])) != wanted for each in films.numbers):
        yield Kind.COUNTS, "there are not as many sendings as its films and copies need"


def _of_states(
    job: dict[str, object], films: _Films, open_attempts: int
) -> Iterator[tuple[Kind, str]]:
    state = job["state"]
    printing = state == State.PRINTING
    if printing != bool(job["token"]):
        yield Kind.STATES, "it has a claim and does not print, or prints without one"
    if open_attempts != int(printing):
        yield Kind.STATES, "its attempts that run are not as many as its state says"
    if not printing and FilmState.ASKED in films.states:
        yield Kind.STATES, "a film is asked for while the job does not print"
    left = [each for each in films.states if each not in DONE]
    if state in (State.SENT, State.PRINTED) and left:
        yield Kind.STATES, "it is finished, and a film of it is not"
    if state == State.QUEUED and films.states and not left:
        yield Kind.STATES, "it is queued, and nothing of it is left to print"
    if job["pixels_removed_at"] is not None and state not in FINISHED:
        yield Kind.STATES, "its pixels are removed, and it is not finished"


def _of_names(job: dict[str, object], films: _Films, names: set[str]) -> Iterator[tuple[Kind, str]]:
    wanted = films.names if job["pixels_removed_at"] is None else set()
    if films.readable and names - wanted:
        yield Kind.COUNTS, SPOOLED_ONLY
    if wanted - names:
        yield Kind.COUNTS, FILMS_ONLY


def _of_sending(state: object, asked_at: object, accepted_at: object) -> Iterator[tuple[Kind, str]]:
    if not _is(FilmState, state):
        yield Kind.VALUES, f"state is {_shown(state)}"
        return
    if not _time(asked_at, absent=True) or not _time(accepted_at, absent=True):
        yield Kind.VALUES, "a time is no time"
    if (accepted_at is not None) != (state in DONE):
        yield Kind.STATES, "it is accepted without a time, or has one without being accepted"
    if asked_at is None and state in UNANSWERED:
        yield Kind.STATES, "it is asked for, and has no time of that"


def _film(content: object) -> Film | None:
    """The film in its row; None when it cannot be read."""
    try:
        film = film_from_json(str(content))
        digest_of(film)
    except UNREADABLE:
        return None
    return film


def _is(kind: type[StrEnum], value: object) -> bool:
    return value in _values(kind)


@cache
def _values(kind: type[StrEnum]) -> frozenset[str]:
    return frozenset(str(each) for each in kind)


def _time(value: object, *, absent: bool = False) -> bool:
    if value is None:
        return absent
    return isinstance(value, int | float) and math.isfinite(value)


def _whole(value: object) -> int:
    """A number that refers to a row; 0, which no row has, where it is something else."""
    return value if isinstance(value, int) else 0


def _shown(value: object) -> str:
    """A value that should be one of few, cut: by damage it may be anything."""
    return ascii(str(value)[:20])


Tell = Callable[[str, int, int], None]
"""Is told what is checked, how far it is, and of how much."""


class Interrupted(Exception):
    """The check was broken off."""


@dataclass(frozen=True)
class Checked:
    """What was checked, and what is wrong."""

    findings: tuple[Finding, ...]
    jobs: int
    films: int
    files: int
    """Spool files that rows refer to."""


def check(
    database: Path,
    spool: Path,
    *,
    full: bool = False,
    tell: Tell = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> Checked:
    """Check everything; nothing is written. With `full`, the content of spool files, too.

    Raises:
        Interrupted: `stop` said so.
        OSError: there is no database, or the spool cannot be read.
        sqlite3.Error: the database cannot be read now, for another reason than damage.
    """
    faults: list[Fault] = []
    tell("checking pages and references", 0, 1)
    found = examine(database, full=True, stop=stop)
    if not found.complete:
        raise Interrupted
    faults += [(Kind.PAGES, words, None) for words in found.pages]
    faults += [(Kind.REFERENCES, words, None) for words in found.references]
    jobs = films = 0
    wanted: list[WantedPixels] = []
    try:
        if version := _version(database):
            faults.append((Kind.TABLES, version, None))
        else:
            if misfit := mismatch(spool, database):
                faults.append((Kind.FIT, misfit.words, None))
            with closing(open_to_read(database)) as connection:

                def told(done: int, total: int) -> None:
                    if stop():
                        raise Interrupted
                    tell("checking jobs", done, total)

                rows = RowChecks(connection, told)
                faults += rows.faults()
                jobs, films = rows.jobs, rows.films
            with Snapshot.live(database) as live:
                wanted = live.wanted()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if not damage(error):
            raise
        faults.append((Kind.PAGES, f"rows cannot be read: {damage(error)}", None))
    if wanted and not (spool / "incoming").is_dir():
        faults.append((Kind.FIT, SpoolMissing(spool, len(wanted)).words, None))
    else:
        faults += _of_spool(database, spool, wanted, full, tell, stop)
    return Checked(tuple(gathered(faults)), jobs, films, len(wanted))


def _version(database: Path) -> str:
    """What is to be said of tables of another version; empty of the newest."""
    with Snapshot.live(database) as live:
        found = live.schema
    if found == schema.head():
        return ""
    return f"the tables have version {found or 'none'}, and this broker works with {schema.head()}"


def _of_spool(
    database: Path,
    spool: Path,
    wanted: list[WantedPixels],
    full: bool,
    tell: Tell,
    stop: Callable[[], bool],
) -> list[Fault]:
    words = {}
    for number, each in enumerate(wanted, start=1):
        if stop():
            raise Interrupted
        if said := _of_file(spool, each, full=full):
            words[each.name] = said
        tell("checking the spool", number, len(wanted))
    if not words:
        return []
    # Asked again: a job may have ended, and its pixels been removed, since the list was made.
    faults: list[Fault] = []
    with closing(open_to_read(database)) as connection:
        for name, said in words.items():
            ask = "SELECT j.id, j.state FROM spooled AS s JOIN jobs AS j ON j.id = s.job_id"
            for job_id, state in connection.execute(f"{ask} WHERE s.name = ?", (name,)):
                kind = Kind.REPRINTS if state in FINISHED else Kind.PIXELS
                faults.append((kind, said, job_id))
    return faults


def _of_file(spool: Path, wanted: WantedPixels, *, full: bool) -> str:
    name = wanted.name
    size = size_of(spool, name)
    if size is None and is_name(name) and place_in(spool, name).exists():
        return f"spool file {name} is set aside; the broker brings it back at its next start"
    if size is None:
        return f"spool file {name} is missing"
    if wanted.length is not None and size != wanted.length:
        return f"spool file {name} has {size} bytes instead of {wanted.length}"
    if full and check_pixels(spool, name, wanted.length) is PixelsFound.DAMAGED:
        return f"spool file {name} is not what its name says"
    return ""
