"""Jobs and printers as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from broker.cli import queue_columns as shown
from broker.cli.tables import Column, Row, fact, folded, lay_out
from broker.model.job import Attempt, FilmState, Sending, State
from broker.model.printer import Printer
from broker.operations.explanation import where_to_look
from broker.operations.job_status import JobStatus, job_remarks, printer_remarks
from broker.operations.text import age, count, moment, why_removed
from broker.store.queries import Unanswered

JOBS = (
    shown.ID,
    shown.STATE,
    shown.MODALITY,
    shown.FILMS,
    shown.COPIES,
    shown.WHERE,
    shown.TRIES,
    shown.AGE,
)
PRINTERS = (
    shown.NAME,
    shown.PLACE,
    shown.HEALTH.under("STATUS"),
    shown.DUTY,
    shown.WEIGHT,
    shown.LOAD,
    shown.ACCEPTED,
    shown.FAILURES,
    shown.CHECKED_AGO,
)
FILMS = (
    Column("FILM", right=True),
    Column("PASS", right=True),
    Column("COPIES", right=True),
    Column("STATE"),
    Column("SIZE"),
    Column("FORMAT", below=True),
    Column("PRINTER"),
    Column("ASKED UTC"),
    Column("ACCEPTED UTC"),
)
ATTEMPTS = (
    Column("TRY", right=True),
    Column("PRINTER"),
    Column("BEGAN (UTC)"),
    Column("ENDED (UTC)"),
    Column("OUTCOME"),
)


def jobs(
    found: Sequence[JobStatus], now: float, width: int, *, runs_begin: bool = False
) -> list[Text]:
    """One row for each job; why it is where it is, and what an operator asked for, below.

    A sentence that several in a row have in common stands once: below the last of them, as the end
    of a long list is what stays on the screen, or with `runs_begin` below the first.
    """
    removed = any(each.job.pixels_removed_at is not None for each in found)
    fields = (*JOBS, shown.KEPT) if removed else JOBS
    below = _once([(each.job.id, job_remarks(each, now)) for each in found], runs_begin=runs_begin)
    rows = [
        Row(shown.cells(fields, each, now), said) for each, said in zip(found, below, strict=True)
    ]
    return lay_out(shown.columns(fields), rows, width)


def _once(
    found: Sequence[tuple[int, tuple[str, ...]]], *, runs_begin: bool
) -> list[tuple[str, ...]]:
    """The sentences below each job; one that several in a row have in common stands once."""
    shown: list[list[str]] = [[] for _ in found]
    since: dict[str, int] = {}
    for index, (_, said) in enumerate(found):
        after = found[index + 1][1] if index + 1 < len(found) else ()
        since = {each: since.get(each, index) for each in said}
        for each in since:
            first = since[each]
            if each in after:
                continue
            if first == index:
                shown[index].append(each)
                continue
            words = (
                f"each of {_numbered([number for number, _ in found[first : index + 1]])}: {each}"
            )
            shown[first if runs_begin else index].append(words)
    return [tuple(each) for each in shown]


def _numbered(numbers: Sequence[int]) -> str:
    """Two or more jobs, in their order; a gap between them is visible."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 2:
        return f"jobs {first} and {last}"
    gaps = abs(last - first) >= len(numbers)
    return f"the {len(numbers)} jobs from {first} to {last}" if gaps else f"jobs {first} to {last}"


def job(
    status: JobStatus, films: Sequence[Sending], attempts: Sequence[Attempt], now: float, width: int
) -> list[Text]:
    """Everything about one job, but nothing of a patient."""
    found = status.job
    lines = [Text(f"Job {found.id}: {found.state}", "bold")]
    for remark in job_remarks(status, now):
        lines += folded(remark, width, 2)
    facts = {
        "modality": f"{found.calling_ae} at {found.peer}, called {found.called_ae}",
        "asked for": f"{count(found.films, 'film')}, {_copies(found.copies)}, "
        f"priority {found.priority}, as one {found.level}",
        "accepted": f"{found.films_accepted} of {count(found.films, 'film')}",
        "printer": _printer(status),
        "created": f"{moment(found.created_at)} UTC, {age(now - found.created_at)} ago",
        "changed": f"{moment(found.updated_at)} UTC, {age(now - found.updated_at)} ago",
    }
    if found.pixels_removed_at is not None:
        facts["pixels"] = (
            f"removed {moment(found.pixels_removed_at)} UTC, {why_removed(found)}: it cannot be "
            "printed again"
        )
    for name, words in facts.items():
        lines += fact(name, words, width, 14)
    rows = [_film(film, len({each.pass_number for each in films})) for film in films]
    lines += [Text(), *lay_out(FILMS, rows, width)]
    if attempts:
        end = "cut off" if status.cut_off else "running"
        tries = [_attempt(number, each, end) for number, each in enumerate(attempts, start=1)]
        lines += [Text(), *lay_out(ATTEMPTS, tries, width)]
    return lines


def _printer(status: JobStatus) -> str:
    """Its printer, in words."""
    job = status.job
    if job.state is not State.QUEUED:
        return job.printer or "none yet"
    if job.pinned:
        return f"{job.pinned} and no other"
    return f"lined up with {status.line}, not bound to it" if status.line else "none yet"


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number} copies"


def _film(film: Sending, passes: int) -> Row:
    below = [film.words] if film.words else []
    if film.state is FilmState.UNCERTAIN:
        below = below or ["asked for and not answered: it may be on paper"]
        uncertain = Unanswered(film.job_id, film.number, film.printer, film.asked_at)
        below.append(where_to_look([uncertain]))
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


def _attempt(number: int, attempt: Attempt, end: str) -> Row:
    """`end` stands where it has not ended."""
    return Row(
        (
            str(number),
            attempt.printer,
            moment(attempt.began_at),
            moment(attempt.ended_at),
            str(attempt.outcome) if attempt.outcome else end,
        ),
        (attempt.words,) if attempt.words else (),
    )


def printers(
    found: Sequence[Printer], now: float, width: int, *, running: bool = True
) -> list[Text]:
    """One row for each printer; what it or its operator says of it below."""
    rows = [
        Row(shown.cells(PRINTERS, each, now), printer_remarks(each, now, running=running))
        for each in found
    ]
    return lay_out(shown.columns(PRINTERS), rows, width)
