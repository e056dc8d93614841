"""Jobs as tables for people: all of them, and one with its films and attempts."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from broker.cli.tables import Column, Row, age, count, folded, lay_out, moment
from broker.model.job import Attempt, FilmState, Job, JobFilm, State

JOBS = (
    Column("ID", right=True),
    Column("STATE"),
    Column("MODALITY"),
    Column("FILMS", right=True),
    Column("COPIES", right=True),
    Column("PRINTER"),
    Column("TRIES", right=True),
    Column("AGE", right=True),
)
KEPT = Column("KEPT")
"""Whether the pixels are still there; shown where some are not."""
FILMS = (
    Column("FILM", right=True),
    Column("PASS", right=True),
    Column("COPIES", right=True),
    Column("STATE"),
    Column("SIZE"),
    Column("FORMAT", below=True),
    Column("PRINTER"),
    Column("ASKED"),
    Column("ACCEPTED"),
)
ATTEMPTS = (
    Column("TRY", right=True),
    Column("PRINTER"),
    Column("BEGAN"),
    Column("ENDED"),
    Column("OUTCOME"),
)


def jobs(found: Sequence[Job], now: float, width: int) -> list[Text]:
    """One row for each job; why it is where it is, and a person's wish, below."""
    left = any(job.pixels_removed_at is not None for job in found)
    columns = (*JOBS, KEPT) if left else JOBS
    rows = [
        Row((*_cells(job, now), *([_kept(job)] if left else [])), remarks(job, now))
        for job in found
    ]
    return lay_out(columns, rows, width)


def _kept(job: Job) -> str:
    return "all" if job.pixels_removed_at is None else "row"


def _cells(job: Job, now: float) -> tuple[str, ...]:
    return (
        str(job.id),
        str(job.state),
        job.calling_ae,
        f"{job.films_accepted}/{job.films}",
        str(job.copies),
        job.printer or (job.pinned if job.state is State.QUEUED else ""),
        str(job.attempts),
        age(now - job.created_at),
    )


def remarks(job: Job, now: float) -> tuple[str, ...]:
    """What a person should know beside the columns."""
    said = [job.reason] if job.reason else []
    if job.state is State.QUEUED and job.not_before > now:
        said.append(f"not before {count(round(job.not_before - now) or 1, 'second')} from now")
    if job.pinned and job.state is State.QUEUED:
        said.append(f"for {job.pinned} only, as a person said")
    if job.wish and job.state is State.PRINTING:
        said.append(f"will be {'held' if job.wish == 'hold' else 'cancelled'} before its next film")
    return tuple(said)


def job(
    found: Job, films: Sequence[JobFilm], attempts: Sequence[Attempt], now: float, width: int
) -> list[Text]:
    """Everything about one job, but nothing of a patient."""
    lines = [Text(f"Job {found.id}: {found.state}", "bold")]
    for remark in remarks(found, now):
        lines += folded(remark, width, 2)
    facts = {
        "modality": f"{found.calling_ae} at {found.peer}, called {found.called_ae}",
        "asked for": f"{count(found.films, 'film')}, {_copies(found.copies)}, "
        f"priority {found.priority}, as one {found.level}",
        "accepted": f"{found.films_accepted} of {count(found.films, 'film')}",
        "printer": found.printer or "none yet",
        "created": f"{moment(found.created_at)} UTC, {age(now - found.created_at)} ago",
        "changed": f"{moment(found.updated_at)} UTC, {age(now - found.updated_at)} ago",
    }
    if found.pixels_removed_at is not None:
        facts["pixels"] = (
            f"removed {moment(found.pixels_removed_at)} UTC, as they are after "
            "retention.pixels_hours: it cannot be printed again"
        )
    if found.reprint_of is not None:
        facts["reprint of"] = f"job {found.reprint_of}"
    for name, fact in facts.items():
        first, *rest = folded(fact, width, 14)
        lines += [Text(f"  {name:<12}") + Text(first.plain.lstrip()), *rest]
    rows = [_film(film, len({each.pass_number for each in films})) for film in films]
    lines += [Text(), *lay_out(FILMS, rows, width)]
    if attempts:
        tries = [_attempt(number, each) for number, each in enumerate(attempts, start=1)]
        lines += [Text(), *lay_out(ATTEMPTS, tries, width)]
    return lines


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number} copies"


def _film(film: JobFilm, passes: int) -> Row:
    below = [film.words] if film.words else []
    if film.state is FilmState.UNCERTAIN and not film.words:
        below.append("asked for and not answered: it may be on paper")
    return Row(
        (
            str(film.number),
            f"{film.pass_number}/{passes}",
            str(film.copies),
            str(film.state),
            film.film.film_size or "default",
            film.film.display_format,
            film.printer,
            moment(film.asked_at)[-8:],
            moment(film.accepted_at)[-8:],
        ),
        tuple(below),
    )


def _attempt(number: int, attempt: Attempt) -> Row:
    return Row(
        (
            str(number),
            attempt.printer,
            moment(attempt.began_at),
            moment(attempt.ended_at),
            str(attempt.outcome) if attempt.outcome else "running",
        ),
        (attempt.words,) if attempt.words else (),
    )
