"""Why a printer takes no films, and why a job is where it is: the cause, from what is stored of it.

What a printer's row keeps is a sentence. The words that tell the cause stand in the sentences of
`dicom/scu`, `dicom/upper_layer` and `model/printers/health.py`; a test makes each of those, and
looks whether its cause is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from broker.model.jobs.job import HELD_BY_PERSON, Job, State
from broker.model.printers.health import (
    FAILS_FILMS,
    LEAVES_UNANSWERED,
    WARNING,
    fails_films,
    leaves_unanswered,
    warned,
)
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.trouble import AS_CHOSEN, PRINT_AGAIN
from broker.model.reasons.remedies import REMEDIES, Cause, Face, Return

_STATUS_TERMS: tuple[tuple[str, Cause], ...] = (
    ("FILM JAM", Cause.JAM),
    ("FILM TRANSP ERR", Cause.JAM),
    ("COVER OPEN", Cause.COVER),
    ("SUPPLY LOW", Cause.SUPPLIES_LOW),
    ("LOW ", Cause.SUPPLIES_LOW),
    ("CHEMICALS LOW", Cause.SUPPLIES_LOW),
    ("FINISHER LOW", Cause.SUPPLIES_LOW),
    ("SUPPLY EMPTY", Cause.SUPPLIES),
    ("EMPTY ", Cause.SUPPLIES),
    ("CHEMICALS EMPTY", Cause.SUPPLIES),
    ("FINISHER EMPTY", Cause.SUPPLIES),
    ("NO SUPPLY MGZ", Cause.SUPPLIES),
    ("BAD SUPPLY MGZ", Cause.SUPPLIES),
    ("NO RIBBON", Cause.SUPPLIES),
    ("RIBBON ERROR", Cause.SUPPLIES),
    ("RECEIVER FULL", Cause.TRAY),
    ("NO RECEIVE MGZ", Cause.TRAY),
    ("BAD RECEIVE MGZ", Cause.TRAY),
    ("CHECK SORTER", Cause.TRAY),
    ("REQ MED NOT INST", Cause.SIZE),
    ("REQ MED NOT AVAI", Cause.SIZE),
    ("CALIBRATING", Cause.WARMING),
    ("PRINTER INIT", Cause.WARMING),
    ("PROC INIT", Cause.WARMING),
    ("PRINTER BUSY", Cause.WARMING),
    ("PRINT BUFF FULL", Cause.WARMING),
    ("QUEUED", Cause.WARMING),
)
"""Printer Status Info terms (PS3.3 C.13.9.1) by how they begin; all others are of the printer's
own inside."""

_ASSOCIATION: tuple[tuple[str, Cause], ...] = (
    ("busy: ", Cause.BUSY),
    ("it does not answer to", Cause.CALLED_AE),
    ("rejected the association for good", Cause.CALLING_AE),
    ("not valid yet", Cause.CLOCK),
    ("has expired", Cause.CLOCK),
    ("certificate", Cause.CERTIFICATE),
    ("denies us access", Cause.CERTIFICATE),
    ("cipher suite", Cause.TLS_EXPECTED),
    ("tls = true", Cause.TLS_EXPECTED),
    ("TLS", Cause.TLS_EXPECTED),
    ("host name that is not known", Cause.HOST_NAME),
    ("did not accept the connection", Cause.UNREACHABLE),
    ("could not be reached", Cause.UNREACHABLE),
    ("refused the connection", Cause.NOT_LISTENING),
    ("takes no print class", Cause.NO_PRINTING),
    ("does not offer Basic Grayscale", Cause.NO_PRINTING),
    ("took longer than", Cause.BROKE_OFF),
    ("timed out", Cause.BROKE_OFF),
    ("takes no data", Cause.BROKE_OFF),
    ("closed the connection", Cause.BROKE_OFF),
    ("violated the protocol", Cause.BROKE_OFF),
    ("instead of", Cause.BROKE_OFF),
    ("the association is over", Cause.BROKE_OFF),
)
"""Why there is no association, or none any more. The order matters: a sentence about a certificate
names TLS, too."""

_FILM: tuple[tuple[str, Cause], ...] = (
    ("may be on paper", Cause.UNANSWERED),
    ("print queue is full", Cause.FULL),
    ("not enough memory for the image", Cause.FULL),
    ("resource limitation", Cause.FULL),
    ("N-GET of the Printer answered", Cause.SAYS),
    ("not authorized", Cause.CALLING_AE),
    (AS_CHOSEN, Cause.REFUSED_FILM),
    ("FilmSizeID", Cause.SIZE),
    ("film size", Cause.SIZE),
    ("MediumType", Cause.SIZE),
    ("medium ", Cause.SIZE),
    ("answered", Cause.REFUSED_FILM),
    ("refuses", Cause.REFUSED_FILM),
    ("Presentation LUT", Cause.REFUSED_FILM),
    ("of another kind", Cause.REFUSED_FILM),
    ("printed nothing", Cause.REFUSED_FILM),
    ("film box without image boxes", Cause.REFUSED_FILM),
    (" made ", Cause.REFUSED_FILM),
)
"""What a printer made of a film."""


def of_printer_words(words: str) -> Cause:
    """The cause that a sentence about a printer tells; Cause.SAYS where none is known."""
    if (status := _of_status(words)) is not None:
        return status
    for phrase, cause in (*_ASSOCIATION, *_FILM):
        if phrase in words:
            return cause
    return Cause.SAYS


def _of_status(words: str) -> Cause | None:
    """Of what a printer itself said: `WARNING: SUPPLY EMPTY`, `FAILURE: FILM JAM`."""
    for status in (WARNING, "FAILURE"):
        before, found, info = words.partition(status)
        if not found or (before and not before.endswith("; ")):
            continue
        info = info.removeprefix(": ")
        for term, cause in _STATUS_TERMS:
            if info.startswith(term):
                return cause
        return Cause.SAYS if status == WARNING and not info else Cause.DEVICE
    return None


def of_printer(printer: Printer, now: float) -> tuple[Cause, ...]:
    """Why a printer takes no films, or may not do so soon, the most important first; empty where
    nothing is wrong."""
    found: list[Cause] = []
    if printer.duty is not Duty.READY:
        found.append(Cause.OFF_DUTY)
        if printer.duty is Duty.MAINT:
            return tuple(found)  # it is not checked: what was seen is of before
    if printer.refusing:
        found.append(Cause.REFUSES_ALL)
    found += _observed(printer, now)
    return tuple(dict.fromkeys(found))


def _observed(printer: Printer, now: float) -> list[Cause]:
    """What checks and attempts have seen."""
    if printer.health is Health.UNKNOWN:
        return [of_printer_words(printer.reason) if printer.bad_checks else Cause.NOT_CHECKED]
    if printer.health is Health.DOWN:
        if "checks passed" in printer.reason:
            return [Cause.COMING_BACK]
        return [of_printer_words(printer.reason)]
    found = [] if not (told := warned(printer)) else [of_printer_words(told)]
    if leaves_unanswered(printer):
        return [*found, Cause.UNANSWERED]
    if fails_films(printer):
        return [*found, *([] if printer.refusing else [Cause.FAILS_FILMS])]
    if printer.failures_in_row and not printer.refusing:
        # Nothing is tried there while a person has it out, so that an earlier failure can wait.
        if printer.duty is Duty.READY:
            found.append(Cause.PAUSED if printer.paused_until > now else _last_failure(printer))
    elif printer.bad_checks or (printer.reason and not found and not _harmless(printer)):
        found.append(of_printer_words(printer.reason))
    if printer.health is Health.DEGRADED and not found:
        found.append(of_printer_words(printer.reason))
    if printer.refuses and not printer.refusing:
        found.append(Cause.KNOWN_REFUSAL)
    return found


def _last_failure(printer: Printer) -> Cause:
    """Of one that has failed, and is tried again with the next film."""
    words = printer.reason or printer.failed_with
    words = words.removeprefix(f"{FAILS_FILMS}: ").removeprefix(f"{LEAVES_UNANSWERED}: ")
    return of_printer_words(words) if words else Cause.REFUSED_FILM


def _harmless(printer: Printer) -> bool:
    """Whether it is well and only its status is not known."""
    return printer.health is Health.UP and printer.reason.endswith("its status is not known")


def of_held_job(job: Job, *, uncertain: bool, whole: Callable[[], bool]) -> Cause:
    """Why a job is held. `whole` says whether the pixels that it has yet to print are there."""
    reason = job.reason
    if uncertain:
        return Cause.UNCERTAIN
    if reason.endswith(PRINT_AGAIN):
        return Cause.PIXELS_BACK if whole() else Cause.PIXELS_GONE
    if HELD_BY_PERSON in reason:
        return Cause.HELD_BY_PERSON
    if "a person decides whether it is printed again" in reason:
        return Cause.DUPLICATE
    if AS_CHOSEN in reason:
        return Cause.CHOSEN
    if "gave up after" in reason:
        return Cause.TRIES_USED_UP
    if "refused it" in reason or "no printer takes it" in reason:
        return Cause.REFUSED_THERE if job.pinned else Cause.REFUSED_BY_ALL
    return Cause.HELD


def of_queued_why(why: str) -> Cause:
    """Why a queued job waits, by what its choice says: see `broker.model.printers.choose`."""
    if "not a printer any more" in why:
        return Cause.PINNED_GONE
    if why.startswith("behind job"):
        return Cause.BEHIND
    if why.startswith("next attempt"):
        return Cause.NEXT_TRY
    if why.startswith(("no printer can take it now", "no printers are configured")):
        return Cause.NO_PRINTER_NOW
    return Cause.IN_LINE


@dataclass(frozen=True)
class Advised:
    """What to do about one cause, at one printer or job: its sentences by face."""

    cause: Cause
    page: str
    commands: str

    def at(self, face: Face) -> str:
        """The sentences for that face."""
        return self.page if face is Face.PAGE else self.commands

    @property
    def by_itself(self) -> bool:
        """Whether nothing is to be pressed or typed once the cause is gone."""
        return REMEDIES[self.cause].back is Return.ITSELF


def advised(cause: Cause, **places: object) -> Advised:
    """The remedy of a cause, with its printer or job filled in."""
    remedy = REMEDIES[cause]
    return Advised(cause, remedy.at(Face.PAGE, **places), remedy.at(Face.COMMANDS, **places))


COMES_BACK = "Films go there by themselves then."


def printer_remedies(printer: Printer, now: float) -> tuple[Advised, ...]:
    """What to do about a printer, for each cause."""
    name = printer.name
    return tuple(printers_remedy(cause, name, name) for cause in of_printer(printer, now))


def printers_remedy(cause: Cause, words: str, name: str = "NAME") -> Advised:
    """What to do about printers with that cause, which `words` names, and whether films go there by
    themselves then; `name` is what is typed where it is one."""
    found = advised(cause, printer=words, name=name)
    if found.by_itself and "by itself" not in found.commands and _stands_still(cause):
        return Advised(cause, f"{found.page} {COMES_BACK}", f"{found.commands} {COMES_BACK}")
    return found


def typed(names: Sequence[str]) -> str:
    """What stands for these printers in a command."""
    return names[0] if len(names) == 1 else "NAME"


def _stands_still(cause: Cause) -> bool:
    """Whether a printer with that cause takes no films now, so that it can come back."""
    return cause not in (Cause.SUPPLIES_LOW, Cause.REFUSED_FILM, Cause.KNOWN_REFUSAL)


def mended_matters(printer: Printer) -> bool:
    """Whether `ready` changes anything of a printer that is ready: it has failed, or is known to
    refuse something. Then it is called what it does: mended, try again."""
    return printer.failures_in_row > 0 or bool(printer.refuses) or bool(printer.refusing)


def grouped(printers: Sequence[Printer], now: float) -> list[tuple[tuple[str, ...], Cause]]:
    """The first cause of each printer that has one, with the printers that share it, in their
    order; those first that a person took out, which one word brings back."""
    found: dict[Cause, list[str]] = {}
    for each in printers:
        for cause in of_printer(each, now)[:1]:
            found.setdefault(cause, []).append(each.name)
    kinds = sorted(found, key=lambda cause: cause is not Cause.OFF_DUTY)
    return [(tuple(found[cause]), cause) for cause in kinds]


def job_remedy(
    job: Job,
    why: str,
    *,
    trays: str,
    uncertain: bool,
    cut_off: bool = False,
    later: int | None = None,
) -> Advised | None:
    """What to do about a job, or that nothing is to be done; None for one that is finished.

    `why`: what a queued one waits for. `trays`, `uncertain` and `later` as for `held_job_remedy`.
    """
    match job.state:
        case State.HELD:
            return held_job_remedy(job, trays=trays, uncertain=uncertain, later=later)
        case State.QUEUED:
            cause = of_queued_why(why)
            if cause is Cause.NO_PRINTER_NOW and job.pinned:
                cause = Cause.PINNED
        case State.PRINTING:
            cause = Cause.CUT_OFF if cut_off else Cause.AWAITED
        case _:
            return None
    return _at_job(cause, job, trays)


def held_job_remedy(
    job: Job,
    *,
    trays: str,
    uncertain: bool,
    later: int | None,
    whole: Callable[[], bool] = lambda: False,
) -> Advised:
    """What to do about a held job. `trays`: the printers in whose trays `uncertain` films of it may
    be. `later`: a later job that may be the same films. `whole`: whether pixels that were missing
    are there again."""
    said = _at_job(of_held_job(job, uncertain=uncertain, whole=whole), job, trays)
    if later is None:
        return said
    first = f"Look first whether job {later} has printed the same: then"
    return Advised(
        said.cause,
        f"{first} “Cancel” this one. Else: {said.page}",
        f"{first} `broker jobs cancel {job.id}`. Else: {said.commands}",
    )


def _at_job(cause: Cause, job: Job, trays: str) -> Advised:
    return advised(cause, job=job.id, printer=job.pinned, name=job.pinned, trays=trays)
