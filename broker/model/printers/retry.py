"""What happens to a job, and to a printer, after an attempt went wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from broker.model.jobs.job import Job, Outcome, State, Strike
from broker.model.printers.choose import never_takes
from broker.model.printers.health import FAILS_FILMS, LEAVES_UNANSWERED, shows_trouble, warned
from broker.model.printers.printer import Duty, Health, Printer
from broker.model.printers.trouble import (
    PRINT_AGAIN,
    OwnFault,
    Refused,
    SpoolDamaged,
    Trouble,
    Unavailable,
    Uncertain,
)

STEP_BACK_S = 1.0
"""How long a printer is left to other jobs at least: the dispatcher looks more often than that."""


@dataclass(frozen=True)
class Policy:
    """The site's patience."""

    tries: int = 5
    """Strikes by printers that are up, before a job is held."""
    give_up_s: float = 0.0
    """Nor is it held before so many seconds have passed since the first of them."""
    first_delay_s: float = 2.0
    max_delay_s: float = 60.0
    on_uncertain: str = "hold"
    """hold, or reprint."""
    fall: int = 3
    """Attempts failed in a row, before a printer that answers checks counts as degraded."""


def longest_wait_s(policy: Policy) -> float:
    """No job and no printer is ever told to wait for longer."""
    return policy.max_delay_s + max(policy.first_delay_s, STEP_BACK_S)


@dataclass(frozen=True)
class Settlement:
    """Where a job goes when its attempt ends."""

    state: State
    reason: str
    not_before: float = 0.0


@dataclass(frozen=True)
class PrinterVerdict:
    """What to write about the printer.

    When it did not fail: nothing, or how long to leave it alone because it is busy.
    """

    failed: bool
    words: str = ""
    paused_until: float = 0.0
    health: Health | None = None
    """None leaves it."""


BLAMELESS = PrinterVerdict(failed=False)


@dataclass(frozen=True)
class Verdict:
    """Everything that follows from one trouble."""

    outcome: Outcome
    settlement: Settlement
    printer: PrinterVerdict
    strike: bool = False
    """Whether it counts against the job."""
    permanent: bool = False
    """Whether this printer would refuse the same film again."""
    printers: bool = True
    """Whether it was a try of the printer's: not where the broker had nothing to send."""


def prints_again(on_uncertain: str, tries: int, strikes: Sequence[Strike], command: str) -> bool:
    """Whether a film that was asked for and not answered is sent again, when its attempt is gone:
    where the site chose so, and no person wants the job otherwise, until its tries are used up."""
    passing = sum(not strike.permanent for strike in strikes)
    return on_uncertain == "reprint" and not command and passing + 1 < tries


def delay(policy: Policy, failures: int, random: Callable[[], float]) -> float:
    """Seconds to wait after `failures` in a row (from 1).

    Doubling from the first delay up to the cap; half of it is fixed and half is random, so that
    what failed together does not come back together. `random` gives 0 <= x < 1.
    """
    doublings = min(max(failures, 1) - 1, 30)
    full = min(policy.first_delay_s * 2.0**doublings, policy.max_delay_s)
    return full / 2 + random() * full / 2


@dataclass(frozen=True)
class TroubleContext:
    """Where the trouble happened; `job.strikes` are those before it."""

    job: Job
    printer: Printer
    printers: Sequence[Printer]
    policy: Policy
    now: float
    random: Callable[[], float]


def after(trouble: Trouble, scene: TroubleContext) -> Verdict:
    """What follows from a trouble.

    Attempts on a printer that is down, busy or full never count against the job, nor do those on
    printers that fail other jobs as well, or that show trouble themselves (promise 6); and no job
    is held while a suitable printer has not been tried.
    """
    if isinstance(trouble, SpoolDamaged):
        held = Settlement(State.HELD, f"{trouble.words}; {PRINT_AGAIN}")
        return Verdict(Outcome.UNAVAILABLE, held, BLAMELESS, printers=False)
    if isinstance(trouble, OwnFault):
        # Nothing says whether it is this job or all of them: it must end, and no printer is to
        # blame.
        permanent = trouble.permanent
        settlement = _struck(trouble, scene, permanent=permanent)
        return Verdict(Outcome.UNAVAILABLE, settlement, BLAMELESS, True, permanent)
    if isinstance(trouble, Uncertain):
        policy, job = scene.policy, scene.job
        if not prints_again(policy.on_uncertain, policy.tries, job.strikes, job.command):
            held = Settlement(State.HELD, f"uncertain: {trouble.words}")
            return Verdict(Outcome.UNCERTAIN, held, _failed(trouble, scene))
        # A strike, because every further try may put one more copy on paper.
        settlement = _struck(trouble, scene, permanent=False)
        return Verdict(Outcome.UNCERTAIN, settlement, _failed(trouble, scene), strike=True)
    if isinstance(trouble, Refused):
        own = trouble.permanent or _refused_for_good(scene) or _is_the_jobs(scene)
        if not own or (not trouble.permanent and shows_trouble(scene.printer)):
            return _no_strike(Outcome.REFUSED, trouble, scene)
        settlement = _struck(trouble, scene, permanent=trouble.permanent)
        if trouble.learned:
            return Verdict(Outcome.REFUSED, settlement, BLAMELESS, strike=True, permanent=True)
        verdict = _refusing(trouble, scene) if trouble.permanent else _failed(trouble, scene)
        return Verdict(Outcome.REFUSED, settlement, verdict, True, trouble.permanent)
    if isinstance(trouble, Unavailable) and trouble.busy:
        pause = scene.now + delay(scene.policy, 1, scene.random)
        resting = PrinterVerdict(failed=False, words=trouble.words, paused_until=pause)
        return Verdict(Outcome.UNAVAILABLE, Settlement(State.QUEUED, trouble.words), resting)
    broken_off = isinstance(trouble, Unavailable) and trouble.associated
    if broken_off and not shows_trouble(scene.printer) and _is_the_jobs(scene):
        settlement = _struck(trouble, scene, permanent=False)
        return Verdict(Outcome.UNAVAILABLE, settlement, _failed(trouble, scene), strike=True)
    return _no_strike(Outcome.UNAVAILABLE, trouble, scene)


def _no_strike(outcome: Outcome, trouble: Trouble, scene: TroubleContext) -> Verdict:
    """The job is queued again, behind others where another film might do better.

    It might where the printer answers, has failed several times in a row, and is the only one: a
    film that it can never take must not keep all others waiting.
    """
    verdict = _failed(trouble, scene)
    unreachable = isinstance(trouble, Unavailable) and not (trouble.associated or trouble.full)
    elsewhere = [each for each in _live(scene) if each.name != scene.printer.name]
    not_before = 0.0
    if not unreachable and not elsewhere and verdict.health is Health.DEGRADED:
        not_before = verdict.paused_until + max(scene.policy.first_delay_s, STEP_BACK_S)
    return Verdict(outcome, Settlement(State.QUEUED, trouble.words, not_before), verdict)


def _is_the_jobs(scene: TroubleContext) -> bool:
    """Whether a passing trouble may be the job's own.

    It is not, where each printer that could take the job has failed more often in a row than this
    job has struck it: then other jobs fail there too.
    """

    def own(name: str) -> int:
        return sum(each.printer == name and not each.permanent for each in scene.job.strikes)

    return any(each.failures_in_row <= own(each.name) for each in _live(scene))


def _refused_for_good(scene: TroubleContext) -> bool:
    """Whether a printer on duty will never take the job: those that refuse it for now, as they do
    other jobs, are the rest of them, and waiting for them may be vain."""
    refusing = {strike.printer for strike in scene.job.strikes if strike.permanent}
    return any(each.name in refusing and each.duty is Duty.READY for each in scene.printers)


def _live(scene: TroubleContext) -> list[Printer]:
    """Suitable printers that are not down."""
    found = suitable(scene.job, _with_this_one_ready(scene), scene.job.strikes)
    return [each for each in found if each.health is not Health.DOWN]


def _with_this_one_ready(scene: TroubleContext) -> list[Printer]:
    """All printers; the one in hand counts even when a person took it off duty meanwhile: a
    passing trouble is no reason to hold a job."""
    return [
        replace(each, duty=Duty.READY) if each.name == scene.printer.name else each
        for each in scene.printers
    ]


def suitable(job: Job, printers: Sequence[Printer], strikes: Sequence[Strike]) -> list[Printer]:
    """Printers that may print the job one day, down or not: on duty, not refusing it for good."""
    refusing = {strike.printer for strike in strikes if strike.permanent}
    return [
        printer
        for printer in printers
        if printer.duty is Duty.READY
        and printer.name not in refusing
        and job.may_go_to(printer.name)
        and not never_takes(job, printer)
    ]


def _failed(trouble: Trouble, scene: TroubleContext) -> PrinterVerdict:
    """The printer's own clock: it is left alone for longer, the more often it fails in a row."""
    failures = scene.printer.failures_in_row + 1
    degraded = failures >= scene.policy.fall and scene.printer.health is not Health.DOWN
    habit = LEAVES_UNANSWERED if isinstance(trouble, Uncertain) else FAILS_FILMS
    words = f"{habit}: {trouble.words}" if degraded else trouble.words
    said = warned(scene.printer)
    return PrinterVerdict(
        failed=True,
        words=f"{words}; {said}" if said else words,
        paused_until=scene.now + delay(scene.policy, failures, scene.random),
        health=Health.DEGRADED if degraded else None,
    )


def _refusing(trouble: Trouble, scene: TroubleContext) -> PrinterVerdict:
    """What is refused for good is mostly the film's affair, and no reason to leave the printer
    alone; one that refuses film after film is, while another takes them. Where all refuse, the
    films are wrong, and others must not wait for it."""
    verdict = _failed(trouble, scene)
    elsewhere = any(
        each.name != scene.printer.name
        and each.health is Health.UP
        and each.failures_in_row < scene.policy.fall
        for each in _live(scene)
    )
    if verdict.health is Health.DEGRADED and elsewhere:
        return verdict
    return replace(verdict, paused_until=0.0)


def _struck(trouble: Trouble, scene: TroubleContext, *, permanent: bool) -> Settlement:
    """Queued while any suitable printer is untried or tries are left; held otherwise."""
    strike = Strike(scene.printer.name, permanent, trouble.words, scene.now)
    strikes = (*scene.job.strikes, strike)
    left = suitable(scene.job, _with_this_one_ready(scene), strikes)
    words = "; ".join(dict.fromkeys([trouble.words, *_last_words(strikes)]))
    if not left:
        who = _who(strikes, scene.printers)
        known = [
            f"{each.name} {why}"
            for each in scene.printers
            if each.name not in {strike.printer for strike in strikes}
            and (why := never_takes(scene.job, each))
        ]
        words = "; ".join([words.removeprefix(f"{who}: "), *known])
        return Settlement(State.HELD, f"{who} refused it: {words}")
    struck = {strike.printer for strike in strikes}
    untried = [each for each in left if each.name not in struck]
    if any(each.health is not Health.DOWN for each in untried):
        return Settlement(State.QUEUED, trouble.words)
    since = [each.at for each in strikes if not each.permanent]
    passing = len(since)
    lasted = scene.now - min(since, default=scene.now) >= scene.policy.give_up_s
    if not untried and passing >= scene.policy.tries and lasted:
        return Settlement(State.HELD, f"gave up after {passing} tries: {words}")
    # With the untried printers down, an immediate repeat would only keep other films from the
    # printers that work.
    pause = delay(scene.policy, passing, scene.random)
    return Settlement(State.QUEUED, trouble.words, scene.now + pause)


def _who(strikes: Sequence[Strike], printers: Sequence[Printer]) -> str:
    """Those that refused a job, in words; of some that are there, their names."""
    names = {strike.printer for strike in strikes if strike.permanent}
    refusing = [each.name for each in printers if each.name in names]
    return " and ".join(refusing) if 0 < len(refusing) < len(printers) else "every printer"


def _last_words(strikes: Sequence[Strike]) -> list[str]:
    """What each printer said last."""
    return list({strike.printer: strike.words for strike in strikes}.values())
