"""Which printer each waiting job goes to, or waits for, and why no other.

A job lines up with a printer when it comes, as a connection does with a load balancer, so that
weights hold however long the line is; it changes over when its printer falls out, or when another
would finish it sooner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from broker.model.health import fails_films
from broker.model.job import Job
from broker.model.printer import Duty, Health, Printer

PATIENCE_S = 10.0
"""A job that has lined up for so long may change over to a printer that would finish it sooner."""


@dataclass(frozen=True)
class PassedOver:
    """A printer that a job does not go to."""

    printer: str
    why: str


@dataclass(frozen=True)
class Choice:
    """Where one job goes."""

    job_id: int
    printer: str
    """Empty: nowhere now."""
    claim_now: bool
    """False: it waits in that printer's line."""
    why: str
    passed_over: tuple[PassedOver, ...] = ()


@dataclass
class _Line:
    """A printer as this plan fills it."""

    printer: Printer
    rank: int
    load: int
    """Films x copies before the next job."""
    claims: int
    waiting: bool = False
    on_trial: bool = False
    """It fails films, its pause is over, and nothing but a film can show whether it is well."""

    @property
    def free(self) -> bool:
        return self.claims < self.printer.address.associations and not self.waiting

    def finish(self, films: int) -> float:
        """How far its line reaches with so many films more."""
        return (self.load + films) / self.printer.address.weight


def plan(
    jobs: Sequence[Job],
    printers: Sequence[Printer],
    now: float,
    session_printers: Mapping[str, str],
) -> list[Choice]:
    """A Choice for each of the queued jobs, which come in the order of claiming.

    `session_printers` names the printer that took a film session's latest film.
    """
    lined_up: dict[str, int] = {}
    for job in jobs:
        if job.printer:
            lined_up[job.printer] = lined_up.get(job.printer, 0) + job.load
    lines = {
        printer.name: _Line(
            printer,
            rank,
            max(0, printer.load - lined_up.get(printer.name, 0)),
            printer.claims,
            on_trial=fails_films(printer) and not printer.claims,
        )
        for rank, printer in enumerate(printers)
    }
    return [_choose(job, lines, now, session_printers) for job in jobs]


def left_idle(printers: Sequence[Printer], choices: Sequence[Choice], now: float) -> bool:
    """Whether a printer that could begin a job now begins none of these."""
    begin = Counter(choice.printer for choice in choices if choice.claim_now)
    return any(
        printer.duty is Duty.READY
        and printer.health in (Health.UP, Health.DEGRADED)
        and printer.paused_until <= now
        and printer.claims + begin[printer.name] < printer.address.associations
        for printer in printers
    )


def _choose(
    job: Job,
    lines: dict[str, _Line],
    now: float,
    session_printers: Mapping[str, str],
) -> Choice:
    if job.not_before > now and not job.strikes:
        return Choice(job.id, "", False, f"retrying in {_seconds(job.not_before - now)}")
    together = session_printers.get(job.film_session, "")
    if together in lines and _worth_waiting(job, lines[together].printer, now):
        lines[together].waiting = True
        why = f"waits for {together}, which is busy: its film session is there"
        return Choice(job.id, together, False, why)
    usable: list[_Line] = []
    passed: dict[str, str] = {}
    for line in lines.values():
        if job.pinned not in ("", line.printer.name):
            continue  # a person's word needs no reason from each other printer
        why = unusable(job, line.printer, now)
        if why:
            passed[line.printer.name] = why
        else:
            usable.append(line)
    if not usable:
        return Choice(job.id, "", False, _nowhere(job, lines), _passed_over(passed))
    line, why = _best(job, usable, now, together, passed)
    claim_now = line.free
    if claim_now:
        line.claims += 1
    else:
        line.waiting = True
        why = f"in line at {line.printer.name}, {_films(line.load)} before it: {why}"
    line.load += job.load
    line.on_trial = False
    return Choice(job.id, line.printer.name, claim_now, why, _passed_over(passed))


def _worth_waiting(job: Job, together: Printer, now: float) -> bool:
    """Whether the printer of the job's film session is well and only busy for a moment.

    A busy printer is no reason to part the films of a film session (promise 8), for a while.
    """
    return (
        together.paused_until > now
        and together.failures_in_row == 0
        and together.health is Health.UP
        and not unusable(job, replace(together, paused_until=0.0), now)
        and all(strike.printer != together.name for strike in job.strikes)
        and _patient(job, now)
    )


def unusable(job: Job, printer: Printer, now: float) -> str:
    """Why a printer cannot take a job now; empty when it can."""
    if job.pinned and job.pinned != printer.name:
        return f"the job was sent to {job.pinned} by a person"
    if printer.duty is not Duty.READY:
        word = "draining" if printer.duty is Duty.DRAIN else "in maintenance"
        return f"{word}: {printer.duty_reason}" if printer.duty_reason else word
    for strike in job.strikes:
        if strike.printer == printer.name and strike.permanent:
            return f"refused it: {strike.words}"
    struck = any(strike.printer == printer.name for strike in job.strikes)
    if struck and job.not_before > now:
        return f"failed it, next try in {_seconds(job.not_before - now)}"
    if job.needs_lut and printer.supports_lut is False:
        return "does not take Presentation LUT, which the job needs"
    if printer.health is Health.DOWN:
        return f"down: {printer.said}" if printer.reason else "down"
    if printer.health is Health.UNKNOWN:
        return "not checked yet"
    if printer.paused_until > now:
        return f"failed, next try in {_seconds(printer.paused_until - now)}: {printer.said}"
    return ""


def _best(
    job: Job,
    usable: Sequence[_Line],
    now: float,
    together: str,
    passed: dict[str, str],
) -> tuple[_Line, str]:
    """The line to join among usable ones; says of the others why not."""
    strikes = {
        line.printer.name: sum(strike.printer == line.printer.name for strike in job.strikes)
        for line in usable
    }
    up = any(line.printer.health is Health.UP for line in usable)
    for line in usable:
        well = line.printer.health is Health.UP or not up
        well = well and not (line.printer.doubtful and _surer(usable))
        if line.printer.name == together and well and not strikes[together]:
            for other in usable:
                if other is not line:
                    passed[other.printer.name] = f"its film session is on {together}"
            return line, "its film session is there"
    if up and not job.strikes:
        for line in usable:
            if line.on_trial:
                for other in usable:
                    if other is not line:
                        passed[other.printer.name] = f"{line.printer.name} gets a film to try"
                return line, "it failed films before and is tried again"
    group = [line for line in usable if not up or line.printer.health is Health.UP]
    fewest = min(strikes[line.printer.name] for line in group)
    for line in usable:
        if line not in group:
            passed[line.printer.name] = f"degraded: {line.printer.said}"
        elif strikes[line.printer.name] > fewest:
            passed[line.printer.name] = "failed this job before"
    group = [line for line in group if strikes[line.printer.name] == fewest]
    if surer := _surer(group):
        for line in group:
            if line.printer.doubtful:
                passed[line.printer.name] = f"does not answer checks: {line.printer.said}"
        group = surer

    def order(line: _Line) -> tuple[float, float, int]:
        weight = line.printer.address.weight
        given = line.printer.recent + line.load + job.load
        return line.load / weight, given / weight, line.rank

    best = min(group, key=order)
    why = "the least loaded" if len(usable) > 1 else "no other can take it now"
    own = next((line for line in group if line.printer.name == job.printer), None)
    if own is not None and own is not best and not _sooner(best, own, job, now):
        best, why = own, "lined up there first"
    for line in group:
        if line is not best:
            passed[line.printer.name] = (
                f"{_films(line.load)} before it (weight {line.printer.address.weight})"
            )
    return best, why


def _surer(lines: Sequence[_Line]) -> list[_Line]:
    """Those of which nothing says that they may be gone."""
    return [line for line in lines if not line.printer.doubtful]


def _sooner(other: _Line, own: _Line, job: Job, now: float) -> bool:
    """Whether a job would be done sooner elsewhere, and has reason to go: it has waited long
    enough, the other printer could not be chosen when the job lined up, or the other is idle while
    its own has not answered for long.
    """
    idle = other.free and own.printer.waited_for(now)
    if _patient(job, now) and not _came_back(other.printer, job) and not idle:
        return False
    return other.finish(job.load) < own.finish(job.load)


def _patient(job: Job, now: float) -> bool:
    """Whether it has not yet waited long in its line; a clock that was set back is no patience."""
    return job.assigned_at is None or 0 <= now - job.assigned_at < PATIENCE_S


def _came_back(printer: Printer, job: Job) -> bool:
    """Whether a printer has come into service since the job lined up elsewhere."""
    since = max(printer.health_since, printer.duty_since, printer.paused_until)
    return job.assigned_at is not None and since > job.assigned_at


def _nowhere(job: Job, lines: dict[str, _Line]) -> str:
    if job.pinned and job.pinned not in lines:
        return (
            f"a person sent it to {job.pinned}, which is no printer any more; "
            f"`broker jobs move {job.id} PRINTER`"
        )
    return "no printer can take it now" if lines else "no printers are configured"


def _passed_over(passed: dict[str, str]) -> tuple[PassedOver, ...]:
    return tuple(PassedOver(printer, why) for printer, why in passed.items())


def _films(number: int) -> str:
    return "no film" if not number else f"{number} film" + ("s" if number > 1 else "")


def _seconds(number: float) -> str:
    return f"{max(1, round(number))} s"
