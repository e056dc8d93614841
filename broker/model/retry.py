"""What an attempt that failed means for its job and for its printer (promises 3, 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from broker.model.health import REFUSES_FILMS, UNANSWERED_FILMS
from broker.model.job import Job, Outcome, State, Strike
from broker.model.printer import Duty, Health, Printer
from broker.model.trouble import Refused, SpoolDamaged, Trouble, Unavailable, Uncertain


@dataclass(frozen=True)
class Policy:
    """What the site chose. Delays in seconds."""

    tries: int = 5
    """Strikes that may pass before a job is held; a printer that is down uses up none."""
    first_delay_s: float = 2.0
    max_delay_s: float = 60.0
    on_uncertain: str = "hold"
    """`hold` keeps an uncertain film for a person; `reprint` risks a second copy on paper."""
    fall: int = 3
    """Failed attempts in a row that make a printer degraded."""


@dataclass(frozen=True)
class Settlement:
    """Where a job goes when its attempt has ended."""

    state: State
    reason: str
    not_before: float = 0.0
    """Seconds since the epoch, UTC; 0 is at once."""


@dataclass(frozen=True)
class PrinterVerdict:
    """What to write about the printer; nothing at all unless it `failed`."""

    failed: bool = False
    """Counts in its failures, and in those in a row."""
    words: str = ""
    paused_until: float = 0.0
    health: Health | None = None
    """None leaves it as it is."""


@dataclass(frozen=True)
class Verdict:
    """Everything that follows from one trouble."""

    settlement: Settlement
    printer: PrinterVerdict
    outcome: Outcome
    strike: bool = False
    """Counts against the job as well."""
    permanent: bool = False
    """The same film would be refused by this printer again."""


def delay(policy: Policy, failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after so many failures in a row, the first being 1.

    Doubles from `first_delay_s` up to `max_delay_s`. Half of it is fixed and half is random
    (`random` gives 0 to 1), so that what failed together is not repeated together.
    """
    doublings = min(max(failures, 1) - 1, 60)
    full = min(policy.first_delay_s * 2.0**doublings, policy.max_delay_s)
    return full / 2 + full / 2 * random()


def after(
    trouble: Trouble,
    job: Job,
    printer: Printer,
    printers: Sequence[Printer],
    policy: Policy,
    now: float,
    random: Callable[[], float],
) -> Verdict:
    """Decide what follows from an attempt of `job` on `printer` that ended in trouble.

    `printers` are all of them, `printer` included; `job.strikes` are the earlier ones. No job is
    held while a printer that suits it, be it down just now, has not been tried. TypeError for a
    trouble that is none of the four.
    """
    match trouble:
        case SpoolDamaged():
            held = Settlement(State.HELD, trouble.words)
            return Verdict(held, PrinterVerdict(), Outcome.UNAVAILABLE)
        case Uncertain() if policy.on_uncertain != "reprint":
            held = Settlement(State.HELD, f"uncertain: {trouble.words}")
            failed = _failure(trouble, printer, policy, now, random)
            return Verdict(held, failed, Outcome.UNCERTAIN)
        case Uncertain():
            # A strike, because each further try may put one more copy on paper.
            failed = _failure(trouble, printer, policy, now, random)
            settlement = _strike(trouble, False, job, printer, printers, policy, now, random)
            return Verdict(settlement, failed, Outcome.UNCERTAIN, strike=True)
        case Unavailable(associated=False):
            failed = _failure(trouble, printer, policy, now, random)
            others = any(each.name != printer.name for each in _suitable(job, printer, printers))
            queued = Settlement(State.QUEUED, _queued(printer, trouble, others))
            return Verdict(queued, failed, Outcome.UNAVAILABLE)
        case Unavailable():
            failed = _failure(trouble, printer, policy, now, random)
            settlement = _strike(trouble, False, job, printer, printers, policy, now, random)
            return Verdict(settlement, failed, Outcome.UNAVAILABLE, strike=True)
        case Refused(permanent=True):
            # The film's affair: the printer is well, and goes on with other films.
            settlement = _strike(trouble, True, job, printer, printers, policy, now, random)
            return Verdict(
                settlement, PrinterVerdict(), Outcome.REFUSED, strike=True, permanent=True
            )
        case Refused():
            failed = _failure(trouble, printer, policy, now, random)
            settlement = _strike(trouble, False, job, printer, printers, policy, now, random)
            return Verdict(settlement, failed, Outcome.REFUSED, strike=True)
        case _:
            raise TypeError(f"{type(trouble).__name__} is not a trouble of an attempt")


def _failure(
    trouble: Trouble,
    printer: Printer,
    policy: Policy,
    now: float,
    random: Callable[[], float],
) -> PrinterVerdict:
    """The printer rests for a while; after `policy.fall` failures in a row it is degraded.

    Without that, a printer that fails every film at once would always be the least loaded, and
    attract them all.
    """
    failures = printer.failures_in_row + 1
    paused_until = now + delay(policy, failures, random)
    if failures < policy.fall or printer.health is Health.DOWN:
        return PrinterVerdict(True, trouble.words, paused_until)
    habit = UNANSWERED_FILMS if isinstance(trouble, Uncertain) else REFUSES_FILMS
    return PrinterVerdict(True, f"{habit}: {trouble.words}", paused_until, Health.DEGRADED)


def _strike(
    trouble: Trouble,
    permanent: bool,
    job: Job,
    printer: Printer,
    printers: Sequence[Printer],
    policy: Policy,
    now: float,
    random: Callable[[], float],
) -> Settlement:
    """Held, or queued for another try, now that one more strike stands against the job."""
    strikes = (*job.strikes, Strike(printer.name, permanent, trouble.words))
    suitable = _suitable(replace(job, strikes=strikes), printer, printers)
    if not suitable:
        if job.pinned:
            return Settlement(State.HELD, f"{printer.name} refused it: {trouble.words}")
        return Settlement(State.HELD, f"refused by every printer: {trouble.words}")
    struck = {strike.printer for strike in strikes}
    untried = [each for each in suitable if each.name not in struck]
    tries = sum(not strike.permanent for strike in strikes)
    if not untried and tries >= policy.tries:
        return Settlement(State.HELD, f"gave up after {tries} tries: {trouble.words}")
    others = any(each.name != printer.name for each in suitable)
    reason = _queued(printer, trouble, others)
    # While the untried printers are down, repeating at once would only keep other films from the
    # printers that work.
    if any(each.health is not Health.DOWN for each in untried):
        return Settlement(State.QUEUED, reason)
    return Settlement(State.QUEUED, reason, now + delay(policy, len(strikes), random))


def _suitable(job: Job, printer: Printer, printers: Sequence[Printer]) -> list[Printer]:
    """Printers that the job may go to, sooner or later.

    The one that it comes from counts even when a person has just taken it out of service: a
    passing refusal is no reason to hold a job.
    """
    never = {strike.printer for strike in job.strikes if strike.permanent}
    return [
        each
        for each in printers
        if (each.duty is Duty.READY or each.name == printer.name)
        and each.name not in never
        and job.pinned in ("", each.name)
        and not (job.needs_lut and each.supports_lut is False)
    ]


def _queued(printer: Printer, trouble: Trouble, others: bool) -> str:
    next_step = "trying another printer" if others else "trying again"
    return f"{printer.name}: {trouble.words}; {next_step}"
