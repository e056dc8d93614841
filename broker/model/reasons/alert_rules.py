"""Rules of the messages to operators: each trouble is told once, again while it lasts, and
when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from broker.model.printers.printer import Duty, Health, Printer
from broker.model.reasons.condition import Condition, Overall, WholeView, overall
from broker.model.reasons.refused_modalities import RefusedModality, due_refused, kind_key

NAMED = 10
"""Jobs that are named in one notice."""
GATHER_S = 60.0
"""Jobs that are held within so long of the last ones that were told are told together."""
CALM_S = 600.0
"""A trouble that comes and goes is told once in so long: the fiftieth message is not read."""

WELL = (Health.UP, Health.DEGRADED)
OFF = "off duty"
"""The trouble that nothing prints."""
FILMS_REFUSED = "films refused"
"""The trouble that new films are refused, for another reason than those that have their own."""
WAITING = "waiting"
"""The trouble of a job that waits for long."""
DAMAGED, REPLACED = "database", "database replaced"
"""The troubles of a database that is damaged, or was replaced: while they last, nothing else is
known."""
HELD = "held"
"""The trouble of held jobs."""
INCOMPLETE = "film incomplete"
"""The trouble of films without an image that their modality had on them."""
REFUSED = "modality refused"
"""The trouble of modalities that printed before and are refused now."""


@dataclass(frozen=True)
class Notice:
    """One message. Nothing of a patient is in it."""

    event: str
    """printer down, printer back, nothing prints, films refused, films accepted, jobs held, films
    wait, films move, disk low, disk free, film incomplete, modality refused, database damaged,
    database replaced, check found faults, database log, test."""
    subject: str
    text: str
    at: float
    """In seconds since the epoch."""
    reminder: bool = False
    """It was told before, and is still so."""
    printer: str = ""
    jobs: tuple[int, ...] = ()
    calm: str = ""
    """What is told as news once in CALM_S; without it, the trouble itself."""


@dataclass(frozen=True)
class Seen:
    """What there is to see."""

    printers: tuple[Printer, ...] = ()
    """Each with whether it refuses every film."""
    why_refused: tuple[str, ...] = ()
    """Why new films are refused; empty while they are taken."""
    remedy: str = ""
    """What to do about the state of the whole, as commands."""
    waiting: int = 0
    """Jobs that are queued."""
    unbound_s: float = 0.0
    """As `oldest_s`, of jobs that no person has bound to a printer."""
    accepted_at: float | None = None
    """When a printer last accepted a film."""
    held: tuple[int, ...] = ()
    """Numbers of the jobs that no person held."""
    oldest_s: float = 0.0
    """Age of the oldest job of which nothing has come out; 0 without one."""
    low: bool = False
    """Whether less disk is free than the site wants."""
    free_mb: int = 0
    damage: str = ""
    """What SQLite said of a damaged page; then nothing else is seen."""
    replaced: str = ""
    """How the database was replaced while it was in use; then nothing else is seen."""
    faults: int = 0
    """What the last whole check of the queue has found."""
    log_mb: int = 0
    """Of the database's log, where that is more than it should be; else 0."""
    log_reader: str = ""
    """Who keeps it from shrinking, in a sentence."""
    incomplete: tuple[int, ...] = ()
    """The last jobs whose modality was refused an image, and printed the film all the same."""
    refused: tuple[RefusedModality, ...] = ()
    """Modalities that printed before, and not since they were refused."""

    def whole(self, now: float) -> Overall:
        """The state of the whole, of a broker that runs."""
        view = WholeView(
            True,
            self.printers,
            self.why_refused,
            waiting=self.waiting,
            oldest_at=now - self.oldest_s if self.oldest_s else None,
            unbound_at=now - self.unbound_s if self.unbound_s else None,
            accepted_at=self.accepted_at,
        )
        return overall(view, now)

    @property
    def nothing_else(self) -> bool:
        """Whether nothing but the database itself is seen."""
        return bool(self.damage or self.replaced)


@dataclass(frozen=True)
class AlertLimits:
    """When to tell."""

    oldest_s: float
    """A job that is older waits too long."""
    reminder_s: float


@dataclass(frozen=True)
class Known:
    """What was told before."""

    told: Mapping[str, float] = field(default_factory=dict)
    """Trouble -> when it was told last."""
    held: frozenset[int] = frozenset()
    """Held jobs that were told."""
    last: Mapping[str, float] = field(default_factory=dict)
    """Trouble -> when it was told as news last, not long ago."""
    incomplete: frozenset[int] = frozenset()
    """Jobs without an image that were told."""
    refused: Mapping[str, float] = field(default_factory=dict)
    """Refused modalities that are not told yet -> since when they are known."""


def due_notices(
    known: Known, seen: Seen, now: float, limits: AlertLimits
) -> tuple[list[Notice], Known]:
    """What to tell now, and what is known then."""
    troubles = _troubles(seen, now, limits)
    notices = []
    told = dict(known.told)
    last = {key: at for key, at in known.last.items() if 0 <= now - at < CALM_S}
    if OFF in told and OFF not in troubles and WAITING in troubles:
        last[WAITING] = now  # what has waited meanwhile comes out now
    for key, notice in troubles.items():
        if OFF in troubles and (key == WAITING or key.startswith("printer ")):
            continue  # that nothing prints says it
        at = told.get(key)
        if at is None:
            if (notice.calm or key) in last:
                continue
            last[notice.calm or key] = now
            notices.append(notice)
        elif now - at >= limits.reminder_s or now < at:  # a clock that was set back
            notices.append(replace(notice, reminder=True, subject=f"still: {notice.subject}"))
        else:
            continue
        told[key] = now
    fresh = set(seen.held) - known.held
    if fresh and now - last.get(HELD, -GATHER_S) >= GATHER_S:
        told[HELD] = last[HELD] = now
        notices.append(_held(sorted(fresh), len(seen.held), now))
        fresh = set()
    elif seen.held and not 0 <= now - told.get(HELD, now) < limits.reminder_s:
        told[HELD] = now
        again = _held(sorted(seen.held), len(seen.held), now)
        notices.append(replace(again, reminder=True, subject=f"still: {again.subject}"))
    lacking = set(seen.incomplete) - known.incomplete
    if lacking and now - last.get(INCOMPLETE, -GATHER_S) >= GATHER_S:
        last[INCOMPLETE] = now
        notices.append(_incomplete(sorted(lacking), now))
        lacking = set()
    due = due_refused(seen.refused, told.keys(), last, known.refused, now)
    for kind, refused in due.tell.items():
        last[kind_key(kind)] = now
        for each in refused:
            told[each.key] = last[each.key] = now
        notices.append(_refused(kind, refused, now))
    lasting = {each.key for each in seen.refused} | troubles.keys()
    for key in [each for each in told if each not in lasting and not seen.nothing_else]:
        if key == HELD and seen.held:
            continue
        del told[key]
        if over := _over(key, seen, now):
            notices.append(over)
    kept = known.held if seen.nothing_else else frozenset(seen.held) - fresh
    incomplete = known.incomplete
    if not seen.nothing_else:
        incomplete = frozenset(seen.incomplete) - lacking
    waiting = known.refused if seen.nothing_else else due.waiting
    return notices, Known(told, kept, last, incomplete, waiting)


def _troubles(seen: Seen, now: float, limits: AlertLimits) -> dict[str, Notice]:
    """What is wrong now, by a name that stays the same while it lasts."""
    found = _of_the_database(seen, now)
    for each in seen.printers:
        if each.health is Health.DOWN and each.duty is Duty.READY:
            others = any(
                other.health in WELL and other.duty is Duty.READY for other in seen.printers
            )
            goes = "Its films go to the other printers." if others else ""
            text = f"{each.name} is down: {each.said or 'no reason was given'}. {goes}"
            found[f"printer {each.name}"] = Notice(
                "printer down",
                f"{each.name} is down",
                f"{text} `broker printers` shows all; `broker printers maint {each.name}` stops "
                "these messages while it is repaired.",
                now,
                printer=each.name,
            )
    found |= _of_the_whole(seen, now)
    if seen.oldest_s >= limits.oldest_s:
        waited = _waited(seen.oldest_s)
        found[WAITING] = Notice(
            "films wait",
            f"a job has waited for {waited}",
            f"The oldest job has waited for {waited}. It is safe. `broker jobs` shows "
            "why each job waits.",
            now,
        )
    if seen.low:
        found["disk"] = Notice(
            "disk low",
            "the disk is nearly full, new films are refused",
            f"{seen.free_mb} MB are free, less than retention.floor_mb: new films are refused. "
            "Those that were taken are safe and print. Make room in that file system.",
            now,
        )
    return found


def _of_the_whole(seen: Seen, now: float) -> dict[str, Notice]:
    """That nothing prints, and that films are refused; but for what has a message of its own.

    That a person took all printers out is no news before films wait for them.
    """
    whole, found = seen.whole(now), dict[str, Notice]()
    told = any(each.duty is Duty.READY for each in seen.printers) or seen.oldest_s
    if whole.since is not None and seen.printers and told:
        found[OFF] = Notice("nothing prints", "nothing prints", _text(seen, whole, now), now)
    if whole.condition is Condition.REFUSED and not seen.low:
        text = _text(seen, whole, now)
        found[FILMS_REFUSED] = Notice("films refused", "new films are refused", text, now)
    return found


def _text(seen: Seen, whole: Overall, now: float) -> str:
    sentence = whole.sentence(lambda at: _waited(now - at), lambda at: f"{_waited(now - at)} ago")
    return " ".join(filter(None, (sentence, seen.remedy)))


def _of_the_database(seen: Seen, now: float) -> dict[str, Notice]:
    found = {}
    if seen.replaced:
        found[REPLACED] = Notice(
            "database replaced",
            "the database was replaced beneath the running broker",
            f"{seen.replaced}. Films are refused, and nothing is sent to any printer. Stop the "
            "broker, put the right database back, then `broker serve`; if it is lost: `broker "
            "restore --help`, or `broker spool adopt`.",
            now,
        )
    if seen.damage:
        found[DAMAGED] = Notice(
            "database damaged",
            "the database is damaged",
            f"SQLite says: {seen.damage}. Films may be refused, or not be printed. Stop the "
            "broker, then `broker db check` says what is hit; `broker restore DIR` brings a backup "
            "back.",
            now,
        )
    if seen.faults:
        found["faults"] = Notice(
            "check found faults",
            "the check of the queue found faults",
            f"The whole check of the queue found {seen.faults}. `broker db check` lists them, and "
            "what to do.",
            now,
        )
    if seen.log_mb:
        found["log"] = Notice(
            "database log",
            "the database's log grows",
            f"It has {seen.log_mb} MB. {seen.log_reader} Films are not affected as long as the "
            "disk has room.",
            now,
        )
    return found


def _waited(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _held(numbers: list[int], total: int, now: float) -> Notice:
    jobs = "job" if len(numbers) == 1 else "jobs"
    named = ", ".join(map(str, numbers[:NAMED])) + (", …" if len(numbers) > NAMED else "")
    what = f"{jobs} {named} held" if len(numbers) <= NAMED else f"{len(numbers)} jobs held"
    return Notice(
        "jobs held",
        what,
        f"Held: {jobs} {named}; {total} in all. Held jobs need an operator. "
        f"`broker jobs explain {numbers[0]}` says why, and what to do.",
        now,
        jobs=tuple(numbers[:NAMED]),
    )


def _incomplete(numbers: list[int], now: float) -> Notice:
    jobs = "job" if len(numbers) == 1 else "jobs"
    named = ", ".join(map(str, numbers))
    return Notice(
        INCOMPLETE,
        f"{jobs} {named} printed without an image",
        f"The broker refused an image, and its modality printed the film all the same: {jobs} "
        f"{named}. The film has an empty place there, or an earlier image. `broker jobs show "
        f"{numbers[0]}` says which and why. Print that film again at the modality.",
        now,
        jobs=tuple(numbers),
    )


def _refused(kind: str, refused: Sequence[RefusedModality], now: float) -> Notice:
    named = [
        (each.named or each.who) + (f" ({each.detail})" if each.detail else "")
        for each in refused[:NAMED]
    ]
    more = f", and {len(refused) - NAMED} more" if len(refused) > NAMED else ""
    one, first = len(refused) == 1, refused[0]
    what = (
        f"{first.named or first.who} is refused"
        if one
        else f"{len(refused)} modalities are refused"
    )
    return Notice(
        REFUSED,
        f"{what}: {kind}",
        f"Refused, kind {kind}: {', '.join(named)}{more}. {'It' if one else 'They'} printed before "
        f"and {'has' if one else 'have'} not since. `broker refusals` says what to do.",
        now,
    )


def _over(key: str, seen: Seen, now: float) -> Notice | None:
    """That a trouble is over; None where that needs no message."""
    kind, _, name = key.partition(" ")
    if kind == "printer":
        back = next((each for each in seen.printers if each.name == name), None)
        if back is None or back.health not in WELL:
            return None
        text = f"{name} answers again ({back.health}), and accepts films."
        if back.duty is not Duty.READY:
            text = f"{name} answers again; it is in {back.duty}, so it gets no films."
        return Notice("printer back", f"{name} is back", text, now, printer=name)
    if key == OFF:
        return Notice(
            "films move", "a printer accepts films again", "Films are printed again.", now
        )
    if key == FILMS_REFUSED:
        text = "Print requests of modalities are accepted again."
        return Notice("films accepted", "films are accepted again", text, now)
    if kind == WAITING:
        return Notice(
            "films move", "no job waits too long any more", "Films are printed again.", now
        )
    if kind == "disk":
        text = f"{seen.free_mb} MB are free: new films are accepted again."
        return Notice("disk free", "there is room on the disk again", text, now)
    return None
