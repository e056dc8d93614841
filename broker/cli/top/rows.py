"""What the screen's tables show: plain words, with a colour beside them."""

from __future__ import annotations

from rich.text import Text

from broker.cli.tables import STYLES
from broker.desk.phrases import age, clean, count
from broker.desk.printer_remarks import of_printer
from broker.desk.remarks import of_job, where
from broker.desk.standings import Standing
from broker.model.job import State
from broker.model.printer import Printer
from broker.model.vitals import Vitals
from broker.web.look import Scene

PRINTERS = ("PRINTER", "HEALTH", "DUTY", "WGHT", "LOAD", "BUSY", "FILMS", "FAIL", "CHECK")
JOBS = ("ID", "STATE", "MODALITY", "FILMS", "COPIES", "PRIO", "PRINTER", "AGE")
KEYS = (
    "Job:     h hold  r release  c cancel  m move  p reprint  y priority  Enter why\n"
    "Printer: d drain  a halt  e ready  t test film     Tab other table     q quit"
)
SHOWN = 200
"""Jobs of the table."""

Cells = tuple[str | Text, ...]


def printer_cells(printer: Printer, now: float) -> Cells:
    """One row."""
    checked = printer.last_check_at
    return (
        printer.name,
        _word(printer.health),
        _word(printer.duty),
        str(printer.address.weight),
        str(printer.load),
        str(printer.claims),
        str(printer.films_accepted),
        str(printer.failures),
        "never" if checked is None else age(now - checked),
    )


def job_cells(found: Standing, now: float) -> Cells:
    """One row."""
    job = found.job
    return (
        str(job.id),
        _word(job.state),
        clean(job.calling_ae),
        f"{job.films_accepted}/{job.films}",
        str(job.copies),
        str(job.priority),
        where(found),
        age(now - job.created_at),
    )


def about_printer(printer: Printer, now: float) -> str:
    """What it and its operator say."""
    address = printer.address
    place = f"{printer.name}: {address.ae_title}@{address.host}:{address.port}"
    return "\n".join((place, *map(clean, of_printer(printer, now))))


def about_job(found: Standing, now: float) -> str:
    """Why it is where it is."""
    said = of_job(found, now) or (f"it is {found.job.state}",)
    return f"job {found.job.id}: " + "; ".join(map(clean, said))


def headline(scene: Scene, place: str, vitals: Vitals | None) -> str:
    """The broker, in one line."""
    said = [f"{place} {'runs' if scene.running else 'DOES NOT RUN'}"]
    if vitals is not None:
        said.append(count(vitals.associations, "association"))
        said.append(f"{count(vitals.films, 'film')} in")
    said += [f"{scene.number(each)} {each}" for each in (State.QUEUED, State.PRINTING, State.HELD)]
    if scene.oldest is not None:
        said.append(f"oldest {age(scene.at - scene.oldest.created_at)}")
    return " | ".join(said)


def _word(word: str) -> Text:
    return Text(word, STYLES.get(word, ""))
