"""Films that come again, by a modality or by a person's reprint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    bindparam,
    func,
    or_,
    select,
    update,
)

from broker.model.jobs.job import DONE, UNANSWERED, State
from broker.store.backend import Prepared, fixed
from broker.store.reading.shown_state import all_in
from broker.store.tables import films, jobs, printed_again, sendings

ON_PAPER = DONE | UNANSWERED
"""States of films that are on paper, or may be."""


_held, _later = jobs.alias("held"), jobs.alias("later")
_mine, _theirs = films.alias("mine"), films.alias("theirs")
_yet = sendings.alias("yet")


def _counts(job: FromClause) -> ColumnElement[bool]:
    """Whether a film of the job may be on paper, or will be."""
    touched = select(sendings.c.id).where(
        sendings.c.job_id == job.c.id, sendings.c.state.in_(fixed(ON_PAPER))
    )
    return or_(job.c.state != State.CANCELLED, touched.exists())


_FIRST = Prepared(
    select(func.min(jobs.c.id))
    .join(films, films.c.job_id == jobs.c.id)
    .where(
        films.c.digest == bindparam("digest"),
        jobs.c.calling_ae == bindparam("calling_ae"),
        jobs.c.created_at >= bindparam("since", type_=Double),
    )
    .where(_counts(jobs))
)
_LATER = (
    select(_held.c.id, _held.c.films, _mine.c.number, func.min(_later.c.id).label("first"))
    .join(_mine, _mine.c.job_id == _held.c.id)
    .join(_theirs, _theirs.c.digest == _mine.c.digest)
    .join(_later, _later.c.id == _theirs.c.job_id)
    .where(
        _mine.c.digest != "",
        _later.c.id > _held.c.id,
        _later.c.calling_ae == _held.c.calling_ae,
        select(sendings.c.id)
        .where(sendings.c.job_id == _held.c.id, sendings.c.number == _mine.c.number)
        .where(sendings.c.state.not_in(DONE))
        .exists(),
        _counts(_later),
    )
    .group_by(_held.c.id, _held.c.films, _mine.c.number)
)
_REPRINTED = (
    select(_held.c.id, _held.c.films, _yet.c.number, _later.c.id.label("first"), _held.c.remark)
    .distinct()
    .join(_later, _later.c.reprint_of == _held.c.id)
    .join(_yet, _yet.c.job_id == _held.c.id)
    .where(_yet.c.state.not_in(DONE), _counts(_later))
)
"""Films of jobs that were printed again, perhaps on another size or medium: the films of the
reprint need not be equal."""


@dataclass(frozen=True)
class Rule:
    """What the site wants of equal films."""

    window_s: float = 0.0
    """Of one modality, within this time; 0 looks for none."""
    hold: bool = False
    """Whether a person decides before they are printed."""


@dataclass(frozen=True)
class Twin:
    """Another job with equal films."""

    job_id: int
    """The first of them."""
    words: str
    """For a person: which films, and of which job."""


def twin_of(
    connection: Connection, calling_ae: str, digests: Sequence[str], rule: Rule, now: float
) -> Twin | None:
    """The first job of this modality within the window that has one of these films, if any.

    Jobs that were cancelled before anything of them reached a printer do not count.
    """
    if not rule.window_s:
        return None
    since = now - rule.window_s
    found: dict[str, int] = {}
    for digest in set(digests):
        ((first,),) = _FIRST.rows(connection, digest=digest, calling_ae=calling_ae, since=since)
        if first is not None:
            found[digest] = first
    equal = [number for number, digest in enumerate(digests, start=1) if digest in found]
    return _twin(equal, len(digests), min(found.values())) if equal else None


def later_twins(connection: Connection, which: ColumnElement[bool]) -> Mapping[int, Twin]:
    """Of each of these jobs: the first of the same modality that came later and has one of the
    films which it has yet to print, or prints one of them again, if any. A person who releases it
    now gets them twice.
    """
    later: dict[int, dict[int, int]] = defaultdict(dict)
    films_of: dict[int, int] = {}
    again = connection.execute(_REPRINTED.where(which)).all()
    printed = [each for each in again if _tells(each.remark, each.first, each.number)]
    for row in (*connection.execute(_LATER.where(which)), *printed):
        first = later[row.id].get(row.number, row.first)
        later[row.id][row.number] = min(first, row.first)
        films_of[row.id] = row.films
    return {
        job_id: _twin(sorted(found), films_of[job_id], min(found.values()))
        for job_id, found in sorted(later.items())
    }


def later_twin(connection: Connection, job_id: int) -> Twin | None:
    """The same of one job."""
    return later_twins(connection, _held.c.id == job_id).get(job_id)


HELD = _held.c.id.in_(all_in([State.HELD]))
"""Names all jobs that are shown as held, for `later_twins`."""


def _twin(numbers: Sequence[int], of: int, first: int) -> Twin:
    """`numbers` of the films that are equal, out of `of`, to films of the job `first`."""
    words = f"possible duplicate of job {first}"
    if len(numbers) < of:
        several = "films" if len(numbers) > 1 else "film"
        words = f"{several} {', '.join(map(str, numbers))}: {words}"
    return Twin(first, words)


def printed_again_as(job_id: int, films: Sequence[int] = ()) -> str:
    """What stands beside a held job: a person who sees it there must not release it, too; and
    where only some of its `films` were, must not cancel the others for it."""
    numbers = ", ".join(map(str, films))
    which = f"film{'s' if len(films) > 1 else ''} {numbers} " if films else ""
    return f"{which}printed again as job {job_id}"


def _tells(remark: str, job_id: int, film: int) -> bool:
    """Whether a job with this remark had that film printed again as the other job: where the
    remark does not say which films, it is each of them."""
    end = f" {printed_again_as(job_id)}"
    for each in remark.split("; "):
        if each.startswith("film") and each.endswith(end):
            numbers = each.removesuffix(end).partition(" ")[2]
            return str(film) in numbers.split(", ")
    return True


def take_back_unprinted(connection: Connection, job_id: int) -> None:
    """Where that job was a reprint, and cancelled before anything of it reached a printer: it was
    not printed again, and the other says so no more."""
    touched = select(sendings.c.id).where(
        sendings.c.job_id == job_id, sendings.c.state.in_(ON_PAPER)
    )
    again = (
        select(printed_again.c.id)
        .join(sendings, sendings.c.id == printed_again.c.sending_id)
        .where(sendings.c.job_id == job_id)
    )
    original = connection.execute(
        select(jobs.c.reprint_of).where(
            jobs.c.id == job_id,
            jobs.c.state == State.CANCELLED,
            ~touched.exists(),
            ~again.exists(),
        )
    ).scalar()
    if original is None:
        return
    remark = connection.execute(select(jobs.c.remark).where(jobs.c.id == original)).scalar() or ""
    told = printed_again_as(job_id)
    kept = "; ".join(each for each in remark.split("; ") if not each.endswith(told))
    connection.execute(update(jobs).where(jobs.c.id == original).values(remark=kept))
