"""Which printer each waiting job goes to or waits for, and why not the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from broker.model.health import refuses
from broker.model.job import Job
from broker.model.printer import Duty, Health, Printer

PATIENCE_S = 10.0
"""A job that waits for a printer looks at the others only after this time."""


@dataclass(frozen=True)
class PassedOver:
    """A printer that was not chosen."""

    printer: str
    why: str


@dataclass(frozen=True)
class Choice:
    """Where one job stands."""

    job_id: int
    printer: str
    """Empty when no printer can take it now."""
    claim_now: bool
    """The printer is free for it: claim it. Otherwise it waits for that printer."""
    why: str
    passed_over: tuple[PassedOver, ...] = ()


class _Line:
    """A printer and the films before it, while the plan is made."""

    __slots__ = ("ahead", "blocked", "claims", "index", "later", "name", "printer", "rank", "tried")

    def __init__(self, printer: Printer, index: int, later: int, now: float) -> None:
        self.printer = printer
        self.name = printer.name
        self.index = index
        self.later = later
        """Films of jobs that waited for it before this plan and have not had their turn in it."""
        self.ahead = max(0, printer.load - later)
        """Films that are printed before those of the next job that chooses it."""
        self.claims = printer.claims
        self.blocked = _blocked(printer, now)
        self.rank = 0 if printer.health is Health.UP else 1
        self.tried = not refuses(printer) or printer.claims > 0
        """Whether there is no use in trying it again with one film."""

    def wait(self, films: int) -> float:
        """The wait for `films` films, in units that are the same for all printers."""
        return films / self.printer.address.weight


def plan(
    jobs: Sequence[Job],
    printers: Sequence[Printer],
    now: float,
    session_printer: Callable[[str], str] | Mapping[str, str],
) -> list[Choice]:
    """One choice for each job, in the order of `jobs`: the order in which they are to be claimed.

    `jobs` are queued, `printers` in the order of the configuration. `session_printer` gives the
    printer that took the latest film of a film session, or an empty text. In this order:

    1. Printers that cannot take the job at all are left out.
    2. Films of a film session stay on one printer, as long as no other is healthier.
    3. Printers that are up come before degraded ones, then those that refused the job less often,
       then the one that it waits for already, then the one with the fewest films before it for its
       weight, then the one that printed the fewest lately.
    4. A job is claimed when its printer has a free association and no earlier job waits for it.

    A printer that refuses films gets a single one to try whenever its pause is over: nothing else
    can show that it works again.
    """
    find = session_printer.get if isinstance(session_printer, Mapping) else session_printer
    later: Counter[str] = Counter()
    for job in jobs:
        later[job.printer] += job.load
    lines = [_Line(each, index, later[each.name], now) for index, each in enumerate(printers)]
    waited_for: set[str] = set()
    choices = []
    for job in jobs:
        for line in lines:
            if line.name == job.printer:
                line.later -= job.load
        together = find(job.film_session) or "" if job.film_session else ""
        choices.append(_choose(job, lines, now, together, waited_for))
    return choices


def _choose(
    job: Job, lines: Sequence[_Line], now: float, together: str, waited_for: set[str]
) -> Choice:
    if job.not_before > now:
        return Choice(job.id, "", False, f"retrying in {_span(job.not_before - now)}")
    usable: list[_Line] = []
    why_not: dict[str, str] = {}
    for line in lines:
        blocked = _unsuitable(job, line.printer) or line.blocked
        if blocked:
            why_not[line.name] = blocked
        else:
            usable.append(line)
    if not usable:
        passed = tuple(PassedOver(name, why) for name, why in why_not.items())
        return Choice(job.id, "", False, _nowhere(job, why_not), passed)
    strikes = Counter(strike.printer for strike in job.strikes)
    best_rank = min(line.rank for line in usable)
    chosen = next(
        (
            line
            for line in usable
            if line.name == together and not strikes[line.name] and line.rank == best_rank
        ),
        None,
    )
    stays = chosen is not None
    trial = False
    if chosen is None:
        chosen = _trial(usable, strikes, best_rank)
        trial = chosen is not None
    if chosen is None:
        fewest = min(strikes[line.name] for line in usable if line.rank == best_rank)
        group = [line for line in usable if line.rank == best_rank and strikes[line.name] == fewest]
        chosen = _in_group(job, group, now)
    claim_now = (
        chosen.claims < chosen.printer.address.associations and chosen.name not in waited_for
    )
    passed = tuple(
        PassedOver(line.name, why_not.get(line.name) or _second(line, chosen, strikes, stays))
        for line in lines
        if line is not chosen
    )
    choice = Choice(job.id, chosen.name, claim_now, _why(chosen, claim_now, stays, trial), passed)
    if claim_now:
        chosen.claims += 1
    else:
        waited_for.add(chosen.name)
    chosen.ahead += job.load
    chosen.tried = True
    return choice


def _trial(usable: Sequence[_Line], strikes: Mapping[str, int], best_rank: int) -> _Line | None:
    """A printer that is due to be tried again, while a better one stands by for the film."""
    return next(
        (line for line in usable if not line.tried and line.rank > best_rank)
        if not strikes
        else iter(()),
        None,
    )


def _in_group(job: Job, group: Sequence[_Line], now: float) -> _Line:
    """The printer that the job waits for already, or the one that will print it soonest."""
    mine = next((line for line in group if line.name == job.printer), None)
    if mine is not None:
        since = job.assigned_at if job.assigned_at is not None else now
        if now - since <= PATIENCE_S:
            return mine
        soon = mine.wait(mine.ahead + job.load)
        group = [
            line
            for line in group
            if line is mine or line.wait(line.ahead + line.later + job.load) < soon
        ]
        if len(group) == 1:
            return mine
        group = [line for line in group if line is not mine]
    return min(
        group,
        key=lambda line: (
            line.wait(line.ahead),
            line.wait(line.printer.recent + line.ahead + job.load),
            line.index,
        ),
    )


def _blocked(printer: Printer, now: float) -> str:
    """Why it takes no job at all now, or nothing."""
    if printer.duty is not Duty.READY:
        what = "draining" if printer.duty is Duty.DRAIN else "in maintenance"
        reason = f": {printer.duty_reason}" if printer.duty_reason else ""
        return f"{what} for {_span(now - printer.duty_since)}{reason}"
    if printer.health is Health.DOWN:
        return f"down: {printer.reason}" if printer.reason else "down"
    if printer.health is Health.UNKNOWN:
        return "not checked yet"
    if printer.paused_until > now:
        return f"paused after a failure, next try in {_span(printer.paused_until - now)}"
    return ""


def _unsuitable(job: Job, printer: Printer) -> str:
    """Why it can never take this job as it is, or nothing."""
    if job.pinned and job.pinned != printer.name:
        return f"job was moved to {job.pinned}"
    for strike in job.strikes:
        if strike.permanent and strike.printer == printer.name:
            return f"refused this film: {strike.words}"
    if job.needs_lut and printer.supports_lut is False:
        return "does not take Presentation LUT"
    return ""


def _nowhere(job: Job, why_not: Mapping[str, str]) -> str:
    if job.pinned:
        why = why_not.get(job.pinned, "not configured any more")
        return f"waits for {job.pinned}: {why}"
    if not why_not:
        return "no printer is configured"
    return "no printer can take it now"


def _second(line: _Line, chosen: _Line, strikes: Mapping[str, int], stays: bool) -> str:
    """Why a printer that could take the job is not the one."""
    if line.rank > chosen.rank:
        reason = f": {line.printer.reason}" if line.printer.reason else ""
        return f"degraded{reason}"
    if stays:
        return f"{chosen.name} prints this film session already"
    times = strikes.get(line.name, 0)
    if times > strikes.get(chosen.name, 0):
        return f"refused this film {'once' if times == 1 else f'{times} times'}"
    weight, usual = line.printer.address.weight, chosen.printer.address.weight
    at_weight = f", at weight {weight}" if weight != usual else ""
    return f"{_before(line.ahead)}{at_weight}"


def _why(chosen: _Line, claim_now: bool, stays: bool, trial: bool) -> str:
    name = chosen.name
    if claim_now:
        if stays:
            return f"{name} prints this film session already"
        if trial:
            return f"{name} refused films before and is tried again"
        return f"{name} is free"
    already = ", which prints this film session already" if stays else ""
    return f"waits for {name}{already}: {_before(chosen.ahead)}"


def _before(films: int) -> str:
    return "1 film before it" if films == 1 else f"{films or 'no'} films before it"


def _span(seconds: float) -> str:
    """A span of time for people, never 0."""
    whole = max(1, ceil(seconds))
    if whole < 120:
        return f"{whole} s"
    if whole < 120 * 60:
        return f"{whole // 60} min"
    return f"{whole // 3600} h" if whole < 48 * 3600 else f"{whole // 86400} days"
