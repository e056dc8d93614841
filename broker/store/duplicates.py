"""Films that a modality sends again: found by their content, never dropped.

A modality that is unsure prints once more; whether that is one sheet too many, only a person knows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select

from broker.model.job import DONE, UNANSWERED, State
from broker.store.tables import films, jobs, sendings

ON_PAPER = DONE | UNANSWERED
"""States of films that are on paper, or may be."""


# Asked with every film, so made once.
_FIRST = (
    select(films.c.digest, func.min(jobs.c.id).label("first"))
    .join(jobs, jobs.c.id == films.c.job_id)
    .where(
        films.c.digest.in_(bindparam("digests", expanding=True)),
        jobs.c.calling_ae == bindparam("calling_ae"),
    )
    .where(
        or_(
            jobs.c.state != State.CANCELLED,
            select(sendings.c.id)
            .where(sendings.c.job_id == jobs.c.id, sendings.c.state.in_(ON_PAPER))
            .exists(),
        )
    )
    .group_by(films.c.digest)
)


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
    found = _first(connection, calling_ae, digests, jobs.c.created_at >= now - rule.window_s)
    return _twin(digests, found)


def later_twin(connection: Connection, job_id: int) -> Twin | None:
    """The first job of the same modality that came later and has one of the films that this one
    has yet to print, if any: whoever lets it print now gets them twice.
    """
    left = select(sendings.c.number).where(
        sendings.c.job_id == job_id, sendings.c.state.not_in(DONE)
    )
    rows = connection.execute(
        select(films.c.number, films.c.digest, jobs.c.calling_ae)
        .join(jobs, jobs.c.id == films.c.job_id)
        .where(films.c.job_id == job_id)
        .order_by(films.c.number)
    ).all()
    waiting = set(connection.execute(left).scalars())
    digests = [row.digest if row.number in waiting else "" for row in rows]
    found = _first(connection, rows[0].calling_ae, digests, jobs.c.id > job_id)
    return _twin(digests, found)


def _twin(digests: Sequence[str], found: Mapping[str, int]) -> Twin | None:
    equal = [number for number, digest in enumerate(digests, start=1) if digest in found]
    if not equal:
        return None
    first = min(found.values())
    words = f"possible duplicate of job {first}"
    if len(equal) < len(digests):
        several = "films" if len(equal) > 1 else "film"
        words = f"{several} {', '.join(map(str, equal))}: {words}"
    return Twin(first, words)


def _first(
    connection: Connection,
    calling_ae: str,
    digests: Sequence[str],
    among: ColumnElement[bool],
) -> Mapping[str, int]:
    """Digest -> the first job that has such a film."""
    rows = connection.execute(
        _FIRST.where(among), {"digests": list(set(digests) - {""}), "calling_ae": calling_ae}
    )
    return {row.digest: row.first for row in rows}
