"""Every event once: its name, how serious its log line is, how repetition is told, what it counts.

What happens in the broker and is worth a log line, a number, or that it is waited for is noted as
one of these. The log, the counters of `/metrics` and the page read here what to do with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum

Facts = Mapping[str, object]
"""What is told of an event, by name; never patient text (promise 10)."""


class Severity(StrEnum):
    """How serious a log line is."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Told(Enum):
    """How an event that comes again and again is told."""

    EACH = "each"
    """One line for each."""
    BY_KIND = "by kind"
    """Any peer can make it happen as often as it likes: of those equal in `kind` and caller, the
    first few one by one, then one every few seconds with their number."""
    BY_CAUSE = "by cause"
    """It comes with every poll while its cause lasts: of those equal in `why`, one a minute."""


@dataclass(frozen=True)
class Count:
    """What one event adds to a counter."""

    counter: str
    """A field of `model.vitals.ServiceTally`."""
    fact: str = ""
    """The fact that says how many; one, where none is named."""
    present: str = ""
    """Only where this fact is told."""
    equal: tuple[str, str] = ("", "")
    """Only where this fact has this value."""
    by: tuple[str, ...] = ()
    """Facts that tell what is counted apart; nothing is counted where one is empty."""
    outcome: str = ""
    """What is counted apart beside these, where no fact says it."""

    def number(self, facts: Facts) -> float | None:
        """How many are added; None where nothing is."""
        name, value = self.equal
        if (self.present and self.present not in facts) or (name and facts[name] != value):
            return None
        found = facts[self.fact] if self.fact else 1
        assert isinstance(found, int | float)
        return found

    def key(self, facts: Facts) -> tuple[str, ...]:
        """What it is counted apart by."""
        own = (self.outcome,) if self.outcome else ()
        return (*(str(facts[each]) for each in self.by), *own)


class Event(StrEnum):
    """An event, by its name in the log."""

    level: Severity
    told: Told
    counts: tuple[Count, ...]

    def __new__(
        cls, name: str, level: Severity = Severity.INFO, told: Told = Told.EACH, *counts: Count
    ) -> Event:
        self = str.__new__(cls, name)
        self._value_ = name
        self.level, self.told, self.counts = level, told, counts
        return self

    # Associations with modalities

    ASSOCIATION_ACCEPTED = "association accepted", Severity.DEBUG, Told.EACH, Count("associations")
    ASSOCIATION_RELEASED = "association released", Severity.DEBUG
    ASSOCIATION_ABORTED = "association aborted", Severity.INFO, Told.BY_KIND
    ASSOCIATION_LOST = "association lost", Severity.INFO, Told.BY_KIND
    ASSOCIATION_REJECTED = "association rejected", Severity.WARNING, Told.BY_KIND
    ASSOCIATION_REFUSED = "association refused", Severity.WARNING, Told.BY_KIND
    """A connection that broke a rule or a limit."""
    ASSOCIATION_PROBE = "association probe", Severity.DEBUG, Told.BY_KIND
    """A connection that said nothing and closed: a port scanner, or a balancer's check."""
    ASSOCIATION_CONTEXTS_REJECTED = (
        "association contexts rejected",
        Severity.INFO,
        Told.BY_KIND,
    )
    """Classes that a modality proposed and the broker does not offer; with a `kind` where nothing
    to print with was left."""
    ASSOCIATION_FAULT = "association fault", Severity.ERROR, Told.BY_KIND
    ASSOCIATION_UNPRINTED = (
        "association ended with unprinted images",
        Severity.WARNING,
        Told.BY_KIND,
    )
    REQUEST_REFUSED = "request refused", Severity.WARNING, Told.BY_KIND
    REQUEST_TOLERATED = "request tolerated", Severity.INFO, Told.BY_KIND
    """What broke the standard harmlessly: `kind` is the rule by which it was taken."""

    STATUS_REPORTED = "status reported", Severity.DEBUG
    """A modality was told how the printers are, without asking: `broker.send_events`."""

    # Films in

    FILMS_ACCEPTED = (
        "films accepted",
        Severity.INFO,
        Told.EACH,
        Count("jobs"),
        Count("films", "films"),
        Count("duplicates", present="duplicate_of"),
        Count("answer_s", "seconds"),
    )
    DUPLICATE_HELD = "duplicate held", Severity.WARNING, Told.EACH, Count("held")
    FILM_INCOMPLETE = (
        "film incomplete",
        Severity.WARNING,
        Told.EACH,
        Count("images_refused", "images"),
    )
    """A modality was refused images of a film, and printed it all the same."""
    STORAGE_FAILED = "storage failed", Severity.ERROR, Told.BY_CAUSE

    # Films out

    ATTEMPT_BEGAN = "attempt began"
    FILM_ACCEPTED = (
        "film accepted",
        Severity.INFO,
        Told.EACH,
        Count("printed", by=("printer",)),
        Count("paper_s", "seconds"),
    )
    JOB_SENT = (
        "job sent",
        Severity.INFO,
        Told.EACH,
        Count("attempts", by=("printer",), outcome="accepted"),
    )
    ATTEMPT_FAILED = (
        "attempt failed",
        Severity.WARNING,
        Told.EACH,
        Count("attempts", by=("printer", "outcome")),
        Count("uncertain", equal=("outcome", "uncertain")),
        Count("held", equal=("state", "held")),
    )
    JOB_IMPOSSIBLE = (
        "job impossible",
        Severity.WARNING,
        Told.EACH,
        Count("held", equal=("state", "held")),
    )
    """No printer takes it, by what was learned of them."""
    ATTEMPT_STOPPED = "attempt stopped"
    ATTEMPT_BROKE = "attempt broke", Severity.ERROR
    FILM_DAMAGED = "film damaged", Severity.ERROR
    FILM_UNSENDABLE = "film cannot be sent", Severity.ERROR
    DISPATCHER_FAILED = "dispatcher failed", Severity.ERROR, Told.BY_CAUSE

    # Printers

    PRINTER_CHANGED = "printer changed", Severity.WARNING
    PRINTER_SAID = "printer said"
    PRINTER_NOT_IDENTIFIED = "printer not identified"
    """It was asked who it is, and refused, broke off or did not answer in time."""
    CAPABILITY_LEARNED = "capability learned", Severity.WARNING
    CAPABILITIES_FORGOTTEN = "capabilities forgotten"
    MONITOR_FAILED = "monitor failed", Severity.ERROR, Told.BY_CAUSE

    # The queue and its files

    JOB_RECOVERED = (
        "job recovered",
        Severity.WARNING,
        Told.EACH,
        Count("held", equal=("state", "held")),
        Count("uncertain", "uncertain"),
    )
    PIXELS_MISSING = "pixels missing", Severity.WARNING, Told.EACH, Count("held", "held")
    PIXELS_SHED = (
        "pixels shed",
        Severity.WARNING,
        Told.EACH,
        Count("shed_jobs", "jobs"),
        Count("shed_bytes", "bytes"),
    )
    RETENTION_REMOVED = "retention removed"
    SPOOL_SWEPT = "spool swept"
    ORPHANS_SET_ASIDE = "orphans set aside", Severity.WARNING
    ORPHANS_BROUGHT_BACK = "orphans brought back", Severity.WARNING
    ORPHANS_REMOVED = "orphans removed", Severity.WARNING
    REFERENCES_RESTORED = "references restored", Severity.WARNING
    ROWS_DAMAGED = "rows damaged", Severity.WARNING
    CLOCK_SET_BACK = "clock was set back"
    UPKEEP_FAILED = "upkeep failed", Severity.ERROR, Told.BY_CAUSE

    # The database

    DATABASE_DAMAGED = "database damaged", Severity.ERROR
    DATABASE_REPLACED = "database replaced", Severity.ERROR
    DATABASE_LOG_GROWS = "database log grows", Severity.WARNING
    DATABASE_LOG_SHRANK = "database log shrank"
    QUEUE_CHECKED = "queue checked"
    CHECK_FOUND_FAULTS = "check found faults", Severity.ERROR

    # Messages to people who are not looking

    NOTICE_DELIVERED = "notice delivered"
    NOTICE_NOT_DELIVERED = "notice not delivered", Severity.WARNING
    NOTICE_DROPPED = "notice dropped", Severity.WARNING
    NOTIFIER_FAILED = "notifier failed", Severity.WARNING

    # The broker's process

    BROKER_LISTENS = "broker listens"
    BROKER_STOPS = "broker stops"
    BROKER_STOPS_AT_ONCE = "broker stops at once"
    BROKER_STOPPED = "broker stopped"
    ATTEMPTS_CUT_OFF = "attempts cut off", Severity.ERROR
    PARTS_CUT_OFF = "parts cut off", Severity.ERROR
    VITALS_NOT_WRITTEN = "vital signs not written", Severity.WARNING
    DATA_MADE_PRIVATE = "data made private", Severity.WARNING
    DATA_OPEN_TO_OTHERS = "data open to others", Severity.WARNING
    CERTIFICATE = "certificate", Severity.WARNING
    CONFIGURATION_READ = "configuration read again"
    CONFIGURATION_NEEDS_RESTART = "configuration needs a restart", Severity.WARNING
    CONFIGURATION_NOT_TAKEN = "configuration not taken", Severity.ERROR
    CONFIGURATION_NOT_READABLE = "configuration not readable, the old one stays", Severity.ERROR

    # The page, and the process that serves it

    PAGE_SERVED = "page served"
    PAGE_NOT_SERVED = "page not served", Severity.ERROR
    PAGE_ENDED = "page ended", Severity.ERROR
    PAGE_FAILED = "page failed", Severity.ERROR, Told.BY_KIND
    PAGE_LOOK_FAILED = "page look failed", Severity.WARNING, Told.BY_KIND
    PAGE_LIBRARY = "page library", Severity.WARNING, Told.BY_KIND
    PAGE_CONNECTION_ENDED = "page connection ended", Severity.WARNING, Told.BY_KIND
    PAGE_CONNECTION_REFUSED = "page connection refused", Severity.WARNING, Told.BY_KIND
    PAGE_CONNECTION_TIMED_OUT = "page connection timed out", Severity.INFO, Told.BY_KIND
    """Browsers open connections that they may not need."""
    PAGE_REQUEST_REFUSED = "page request refused", Severity.WARNING, Told.BY_KIND
    SIGNED_IN = "signed in", Severity.INFO, Told.BY_KIND
    SIGN_IN_FAILED = "sign-in failed", Severity.WARNING, Told.BY_KIND
    SESSIONS_ENDED = "sessions ended", Severity.INFO, Told.BY_KIND
    """A user signed out, here or elsewhere."""
    SIGN_INS_NOT_WRITTEN = "failed sign-ins not written", Severity.WARNING, Told.BY_CAUSE
    SESSIONS_NOT_WRITTEN = "sessions not written", Severity.WARNING, Told.BY_CAUSE

    # Emulated printers

    FILM_NOT_PRINTED = "film not printed", Severity.WARNING
    EVENT_NOT_DELIVERED = "event not delivered"

    def level_of(self, facts: Facts) -> Severity:
        """How serious this one is, by what is told of it."""
        if self is Event.PRINTER_CHANGED and facts.get("health") == "up":
            return Severity.INFO
        if self is Event.ASSOCIATION_CONTEXTS_REJECTED and "kind" in facts:
            return Severity.WARNING
        if self is Event.PAGE_LIBRARY and "why" in facts:
            return Severity.ERROR  # an exception: a fault, where others are what a peer has sent
        return self.level


Note = Callable[[Event, Facts], None]
"""Told an event and its facts. For any thread; must not raise."""


def of_associations(note: Note) -> Callable[[str, Facts], None]:
    """Notes what the upper layer tells of associations, by the names that it has for it."""

    def tell(name: str, facts: Facts) -> None:
        note(Event(f"association {name}"), facts)

    return tell
