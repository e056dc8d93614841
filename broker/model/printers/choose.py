"""Which printer each waiting job goes to, or waits for, and why no other.

A job lines up with a printer when it comes, as a connection does with a load balancer, so that
weights hold however long the line is. It changes to another printer when its own fails, or when the
other would finish it sooner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from broker.model.films.capabilities import Capability, refused
from broker.model.jobs.job import Job
from broker.model.printers.health import fails_films
from broker.model.printers.printer import Duty, Health, Printer

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
    hold: str = ""
    """Why it is to be held: no printer will take it."""


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
        """How far its line reaches with `films` films more."""
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
        return Choice(job.id, "", False, f"next attempt in {_seconds(job.not_before - now)}")
    together = session_printers.get(job.film_session, "")
    if together in lines and _worth_waiting(job, lines[together].printer, now):
        lines[together].waiting = True
        why = f"waits for {together}, which is busy: its film session is there"
        return Choice(job.id, together, False, why)
    usable: list[_Line] = []
    passed: dict[str, str] = {}
    for line in lines.values():
        if job.pinned not in ("", line.printer.name):
            continue  # an operator chose the printer: the others need no reason
        why = unusable(job, line.printer, now)
        if why:
            passed[line.printer.name] = why
        else:
            usable.append(line)
    if not usable:
        hold = _hopeless(job, [line.printer for line in lines.values()])
        return Choice(job.id, "", False, _nowhere(job, lines), _passed_over(passed), hold)
    line, why, others = _best(_Question(job, usable, now, together))
    passed |= others
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
        return f"an operator moved the job to {job.pinned}"
    if printer.name in job.avoided:
        return AVOIDED
    if printer.duty is not Duty.READY:
        word = "draining" if printer.duty is Duty.DRAIN else "in maintenance"
        return f"{word}: {printer.duty_reason}" if printer.duty_reason else word
    for strike in job.strikes:
        if strike.printer == printer.name and strike.permanent:
            return f"refused it: {strike.words.removeprefix(f'{printer.name}: ')}"
    struck = any(strike.printer == printer.name for strike in job.strikes)
    if struck and job.not_before > now:
        return f"failed it, next attempt in {_seconds(job.not_before - now)}"
    if never := never_takes(job, printer):
        return never
    if printer.health is Health.DOWN:
        return f"down: {printer.said}" if printer.reason else "down"
    if printer.health is Health.UNKNOWN:
        return "not checked yet"
    if printer.paused_until > now:
        said = f": {printer.said}" if printer.said else ""
        return f"failed, next attempt in {_seconds(printer.paused_until - now)}{said}"
    return ""


def never_takes(job: Job, printer: Printer) -> str:
    """Why a printer will never take a job, by what is known of its capabilities; empty when it
    may."""
    if job.needs_lut and printer.supports_lut is False:
        return "does not support Presentation LUT, which the job needs"
    known = refused(printer.refuses, job.asks)
    return f"{known.words}, as learned before" if known is not None else ""


def refusals(job: Job, printers: Sequence[Printer]) -> dict[str, Capability]:
    """By what printers are known to refuse a job, by their names."""
    found = {each.name: refused(each.refuses, job.asks) for each in printers}
    return {name: each for name, each in found.items() if each is not None}


@dataclass(frozen=True)
class _Question:
    """What the rules are asked: which of the usable lines a job joins."""

    job: Job
    usable: Sequence[_Line]
    now: float
    together: str
    """The printer that has the job's film session; empty where none has."""

    @cached_property
    def up(self) -> bool:
        """Whether one of the printers is up."""
        return any(line.printer.health is Health.UP for line in self.usable)

    def strikes(self, line: _Line) -> int:
        """How often the job has failed there."""
        return sum(strike.printer == line.printer.name for strike in self.job.strikes)


@dataclass(frozen=True)
class _Ruling:
    """What a rule says of the lines that it was given."""

    left: Sequence[_Line]
    passed: Mapping[str, str] = field(default_factory=dict)
    """Why each other line is out, by the printer's name."""
    why: str = ""
    """Why the one that is left is the best; empty as long as the next rule decides."""


def _one(chosen: _Line, lines: Sequence[_Line], why: str, others: str) -> _Ruling:
    passed = {line.printer.name: others for line in lines if line is not chosen}
    return _Ruling([chosen], passed, why)


def _film_session(ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """Films of one film session stay together while their printer is well (promise 8)."""
    for line in lines:
        printer = line.printer
        well = printer.health is Health.UP or not ask.up
        well = well and not (printer.doubtful and _surer(lines))
        if printer.name == ask.together and well and not ask.strikes(line):
            others = f"its film session is on {printer.name}"
            return _one(line, lines, "its film session is there", others)
    return _Ruling(lines)


def _trial(ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """A printer that failed films gets one that has not failed, while another printer is up."""
    trial = next((line for line in lines if line.on_trial), None)
    if trial is None or not ask.up or ask.job.strikes:
        return _Ruling(lines)
    others = f"{trial.printer.name} gets a film to try"
    return _one(trial, lines, "it failed films before and is tried again", others)


def _narrowed(lines: Sequence[_Line], left: Sequence[_Line], why: str) -> _Ruling:
    """`why` may name what the printer said."""
    passed = {
        line.printer.name: why.format(said=line.printer.said) for line in lines if line not in left
    }
    return _Ruling(left, passed)


def _healthy(ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """Degraded printers print only while none is up."""
    left = [line for line in lines if not ask.up or line.printer.health is Health.UP]
    return _narrowed(lines, left, "degraded: {said}")


def _fewest_strikes(ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """A job that failed goes where it failed least often."""
    fewest = min(ask.strikes(line) for line in lines)
    left = [line for line in lines if ask.strikes(line) == fewest]
    return _narrowed(lines, left, "failed this job before")


def _answering(_ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """A printer that does not answer checks prints only while all others do not, either."""
    return _narrowed(lines, _surer(lines) or lines, "does not answer checks: {said}")


def _least_loaded(ask: _Question, lines: Sequence[_Line]) -> _Ruling:
    """The least loaded by weight; but a job keeps its place in a line that is as soon over."""
    job = ask.job

    def order(line: _Line) -> tuple[float, float, int]:
        weight = line.printer.address.weight
        given = line.printer.recent + line.load + job.load
        return line.load / weight, given / weight, line.rank

    best = min(lines, key=order)
    why = "the least loaded" if len(ask.usable) > 1 else "no other can take it now"
    own = next((line for line in lines if line.printer.name == job.printer), None)
    if own is not None and own is not best and not _sooner(best, own, job, ask.now):
        best, why = own, "lined up there first"
    passed = {
        line.printer.name: f"{_films(line.load)} before it (weight {line.printer.address.weight})"
        for line in lines
        if line is not best
    }
    return _Ruling([best], passed, why)


_RULES = (_film_session, _trial, _healthy, _fewest_strikes, _answering, _least_loaded)
"""The first that gives a reason decides; the last one always does."""


def _best(ask: _Question) -> tuple[_Line, str, dict[str, str]]:
    """The line to join among the usable ones, why, and why not each of the others."""
    lines, passed = ask.usable, dict[str, str]()
    for rule in _RULES:
        ruling = rule(ask, lines)
        lines = ruling.left
        passed.update(ruling.passed)
        if ruling.why:
            return lines[0], ruling.why, passed
    raise AssertionError("the last rule always decides")


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
    """Whether it has not waited long in its line. After a clock was set back it has."""
    return job.assigned_at is None or 0 <= now - job.assigned_at < PATIENCE_S


def _came_back(printer: Printer, job: Job) -> bool:
    """Whether a printer has come into service since the job lined up elsewhere."""
    since = max(printer.health_since, printer.duty_since, printer.paused_until)
    return job.assigned_at is not None and since > job.assigned_at


def _hopeless(job: Job, printers: Sequence[Printer]) -> str:
    """Why no printer of the configuration will take a job, well or not, by what is known of them;
    empty when one may. Refusals that it met itself were judged as they came."""
    own = [each for each in printers if job.may_go_to(each.name)]
    why = {each.name: never_takes(job, each) for each in own}
    if not own or not all(why.values()):
        return ""
    words = "; ".join(f"{name} {each}" for name, each in why.items())
    return f"no printer takes it: {words}; {WAYS_ON}"


AVOIDED = "it made the job that this prints again, and a person wants another"
WAYS_ON = (
    "print it again at the modality with other settings; where a printer was changed, `broker jobs "
    "release ID` has it tried"
)
"""What can be done about a film that no printer takes."""


def _nowhere(job: Job, lines: dict[str, _Line]) -> str:
    if job.pinned and job.pinned not in lines:
        return (
            f"an operator moved it to {job.pinned}, which is not a printer any more; "
            f"`broker jobs move {job.id} PRINTER`"
        )
    if lines and all(name in job.avoided for name in lines):
        return (
            f"an operator keeps it from {', '.join(sorted(job.avoided))}, and there is no other "
            f"printer; `broker jobs move {job.id} --any`"
        )
    return "no printer can take it now" if lines else "no printers are configured"


def _passed_over(passed: dict[str, str]) -> tuple[PassedOver, ...]:
    return tuple(PassedOver(printer, why) for printer, why in passed.items())


def _films(number: int) -> str:
    return "no film" if not number else f"{number} film" + ("s" if number > 1 else "")


def _seconds(number: float) -> str:
    return f"{max(1, round(number))} s"
