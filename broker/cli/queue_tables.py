"""Jobs and printers as tables for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from broker.cli.tables import Column, Row, fact, folded, lay_out
from broker.model.hosts import at_port
from broker.model.job import Attempt, FilmState, Job, Sending, State
from broker.model.printer import Printer
from broker.operations.job_status import Standing
from broker.operations.recovery_preview import tray
from broker.operations.remarks import of_job, of_printer, where
from broker.operations.text import age, count, moment, why_removed
from broker.store.queries import Unanswered

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
    found: Sequence[Standing], now: float, width: int, *, runs_begin: bool = False
) -> list[Text]:
    """One row for each job; why it is where it is, and a person's wish, below.

    A sentence that several in a row have in common stands once: below the last of them, as the end
    of a long list is what stays on the screen, or with `runs_begin` below the first.
    """
    left = any(each.job.pixels_removed_at is not None for each in found)
    columns = (*JOBS, KEPT) if left else JOBS
    below = _once([(each.job.id, of_job(each, now)) for each in found], runs_begin=runs_begin)
    rows = [
        Row((*_cells(each, now), *([_kept(each.job)] if left else [])), said)
        for each, said in zip(found, below, strict=True)
    ]
    return lay_out(columns, rows, width)


def _once(
    found: Sequence[tuple[int, tuple[str, ...]]], *, runs_begin: bool
) -> list[tuple[str, ...]]:
    """What to say of each job, where a sentence of several in a row is said of one for all."""
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
    """Two or more jobs, in their order; it does not sound as if one between them were meant."""
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 2:
        return f"jobs {first} and {last}"
    gaps = abs(last - first) >= len(numbers)
    return f"the {len(numbers)} jobs from {first} to {last}" if gaps else f"jobs {first} to {last}"


def _kept(job: Job) -> str:
    return "all" if job.pixels_removed_at is None else "row"


def _cells(found: Standing, now: float) -> tuple[str, ...]:
    job = found.job
    return (
        str(job.id),
        str(job.state),
        job.calling_ae,
        f"{job.films_accepted}/{job.films}",
        str(job.copies),
        where(found),
        str(job.attempts),
        age(now - job.created_at),
    )


def job(
    stands: Standing, films: Sequence[Sending], attempts: Sequence[Attempt], now: float, width: int
) -> list[Text]:
    """Everything about one job, but nothing of a patient."""
    found = stands.job
    lines = [Text(f"Job {found.id}: {found.state}", "bold")]
    for remark in of_job(stands, now):
        lines += folded(remark, width, 2)
    facts = {
        "modality": f"{found.calling_ae} at {found.peer}, called {found.called_ae}",
        "asked for": f"{count(found.films, 'film')}, {_copies(found.copies)}, "
        f"priority {found.priority}, as one {found.level}",
        "accepted": f"{found.films_accepted} of {count(found.films, 'film')}",
        "printer": _whose(stands),
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
        end = "cut off" if stands.cut_off else "running"
        tries = [_attempt(number, each, end) for number, each in enumerate(attempts, start=1)]
        lines += [Text(), *lay_out(ATTEMPTS, tries, width)]
    return lines


def _whose(where: Standing) -> str:
    """Its printer, in words."""
    job = where.job
    if job.state is not State.QUEUED:
        return job.printer or "none yet"
    if job.pinned:
        return f"{job.pinned} and no other"
    return f"lined up with {where.line}, not bound to it" if where.line else "none yet"


def _copies(number: int) -> str:
    return "1 copy" if number == 1 else f"{number} copies"


def _film(film: Sending, passes: int) -> Row:
    below = [film.words] if film.words else []
    if film.state is FilmState.UNCERTAIN:
        below = below or ["asked for and not answered: it may be on paper"]
        doubt = Unanswered(film.job_id, film.number, film.printer, film.asked_at)
        below.append(tray([doubt]))
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
    """`end` is said of one that has none."""
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


COLUMNS = (
    Column("NAME"),
    Column("AE@HOST:PORT", below=True),
    Column("STATUS"),
    Column("DUTY"),
    Column("WGHT", right=True),
    Column("LOAD", right=True),
    Column("DONE", right=True),
    Column("FAIL", right=True),
    Column("LAST-CHECK", right=True),
)


def printers(
    found: Sequence[Printer], now: float, width: int, *, running: bool = True
) -> list[Text]:
    """One row for each printer; what it or its operator says of it below."""
    rows = [
        Row(_printer_cells(each, now), of_printer(each, now, running=running)) for each in found
    ]
    return lay_out(COLUMNS, rows, width)


def place(printer: Printer) -> str:
    """AE title, host and port in one word."""
    address = printer.address
    return f"{address.ae_title}@{at_port(address.host, address.port)}"


def _printer_cells(printer: Printer, now: float) -> tuple[str, ...]:
    checked = printer.last_check_at
    return (
        printer.name,
        place(printer),
        str(printer.health),
        str(printer.duty),
        str(printer.address.weight),
        str(printer.load),
        str(printer.films_accepted),
        str(printer.failures),
        "never" if checked is None else f"{age(now - checked)} ago",
    )
