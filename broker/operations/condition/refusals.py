"""What the broker has refused, as every face shows it: by kind, by caller, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from broker.model.peers.nicknames import Nicknames, with_nickname
from broker.model.peers.refusal import Refusal, concerns_printing
from broker.model.printable import one_line
from broker.operations.documents import Document, iso
from broker.operations.words.failures import remedy
from broker.operations.words.text import age, and_more, in_words

if TYPE_CHECKING:
    from broker.operations.opened import Store
    from broker.store.refusals import RefusalCount, RefusedCaller

LATELY_S = 3600.0
"""What was refused within so long is told on the overview."""
NAMED = 3
"""Callers that the overview names."""
NONE = Nicknames()
OTHERS, FURTHER = "others", "further AE titles"
"""How callers that are not told apart are named, and those of one address."""


@dataclass(frozen=True)
class RefusedKind:
    """Refusals of one kind."""

    count: RefusalCount
    callers: tuple[RefusedCaller, ...]
    """Those that printed before and not since first, then the most often refused."""
    nicknames: Nicknames

    @property
    def urgent(self) -> bool:
        """Whether one that printed before is refused now."""
        return any(keeps_from_printing(each) for each in self.callers)


@dataclass(frozen=True)
class RefusedLately:
    """Callers that were refused in the last hour, and may miss a film for it."""

    callers: tuple[RefusedCaller, ...]
    """Each with its latest refusal: those that printed before and not since first, then the latest
    ones."""
    nicknames: Nicknames

    @property
    def last_at(self) -> float:
        """When one of them was refused last."""
        return max(each.last_at for each in self.callers)

    @property
    def who(self) -> str:
        """AE title, nickname and address of the first ones, and why each was refused."""
        named = [
            f"{name_of(each, self.nicknames)} ({in_short(each.kind)})" for each in self.callers
        ]
        return and_more(named, NAMED)

    @property
    def before_age(self) -> str:
        """What stands before how long ago it was."""
        return "the last " if len(self.callers) > 1 else ""

    def sentence(self, now: float) -> str:
        """It, and what says more, for the command line."""
        ago = f"{self.before_age}{age(now - self.last_at)} ago"
        return (
            f"Refused in the last hour: {self.who}, {ago}. "
            "`broker refusals` says why, and what to do."
        )


def refused_kinds(store: Store) -> list[RefusedKind]:
    """All kinds: those first by which one is refused that printed before, then the latest."""
    callers = store.refusals.callers()
    found = [
        RefusedKind(
            each, _in_order([one for one in callers if one.kind == each.kind]), store.nicknames
        )
        for each in store.refusals.list()
    ]
    return sorted(found, key=lambda each: not each.urgent)


def refused_lately(store: Store, now: float) -> RefusedLately | None:
    """What the overview tells; None where there is nothing to tell."""
    found = [
        each
        for each in store.refusals.callers(since=now - LATELY_S)
        if concerns_printing(each.kind, known=each.printed_at is not None)
    ]
    if not found:
        return None
    by_caller = {
        (each.calling_ae, each.host): each for each in sorted(found, key=lambda each: each.last_at)
    }
    latest_first = sorted(by_caller.values(), key=lambda each: -each.last_at)
    return RefusedLately(_in_order(latest_first), store.nicknames)


def keeps_from_printing(caller: RefusedCaller) -> bool:
    """Whether it printed before, was refused, and has not printed since."""
    return caller.unresolved and concerns_printing(caller.kind, known=True)


def name_of(caller: RefusedCaller, nicknames: Nicknames = NONE) -> str:
    """AE title, nickname and address, as far as there are."""
    if not caller.host:
        return OTHERS
    own = with_nickname(one_line(caller.calling_ae), nicknames.of(caller.calling_ae))
    title = FURTHER if _stands_for_several(caller) else own
    return " at ".join(filter(None, (title, caller.host)))


def title_of(caller: RefusedCaller) -> str:
    """Its AE title, or what there is in place of one."""
    if not caller.host:
        return OTHERS
    if caller.calling_ae:
        return one_line(caller.calling_ae)
    return FURTHER if _stands_for_several(caller) else "no AE title"


def _stands_for_several(caller: RefusedCaller) -> bool:
    """Whether it is the AE titles of an address that are not told apart: they called one, where
    what is refused before that has none of its own."""
    known = bool(caller.last_called_ae) and caller.kind != Refusal.CALLING_AE
    return known and not caller.calling_ae


def document_of(found: RefusedKind) -> Document:
    """One row of `broker refusals --json`."""
    count = found.count
    return {
        **asdict(count),
        "first_at": iso(count.first_at),
        "last_at": iso(count.last_at),
        "remedy": remedy(count.kind),
        "callers": [_caller_document(each, found.nicknames) for each in found.callers],
    }


def _caller_document(caller: RefusedCaller, nicknames: Nicknames) -> Document:
    document = asdict(caller) | {"calling_nickname": nicknames.of(caller.calling_ae)}
    del document["kind"]
    times = {name: iso(getattr(caller, name)) for name in ("first_at", "last_at", "printed_at")}
    return {**document, **times, "printed_since": _printed_since(caller)}


def _printed_since(caller: RefusedCaller) -> bool | None:
    """None where it never printed."""
    return None if caller.printed_at is None else not caller.unresolved


def _in_order(callers: Sequence[RefusedCaller]) -> tuple[RefusedCaller, ...]:
    return tuple(sorted(callers, key=lambda each: not keeps_from_printing(each)))


ON_PAGE: Mapping[Refusal, str] = {
    Refusal.CALLED_AE: (
        "The modality calls another AE title than the broker's. Correct that at the modality; or "
        "an administrator adds the one that it calls to broker.ae_titles."
    ),
    Refusal.SILENT: (
        "The peer connected and sent nothing. It is often a check of a load balancer or a monitor, "
        "and harmless; the page's /readyz is a better check."
    ),
    Refusal.NO_DESCRIPTORS: (
        "The broker has too few file descriptors: an administrator raises LimitNOFILE of its "
        "service and starts it again."
    ),
    Refusal.NO_CONTEXT: (
        "The modality proposed nothing that the broker prints: color alone, or transfer syntaxes "
        "that it does not know. They are named below; set grayscale, uncompressed, there."
    ),
    Refusal.WRONG_REQUEST: (
        "The standard does not allow what was asked, or it is not offered. Status and attribute "
        "are below: show them to the modality's vendor."
    ),
    Refusal.BESIDE_PRINTING: (
        "A C-ECHO, N-GET or N-DELETE that the standard does not allow, or of what is not there. "
        "No film is missing for it."
    ),
    Refusal.NO_PRINTER: (
        "Every printer was seen to refuse this: until one is mended, print with another film size "
        "or medium. They are asked again by themselves; once one is mended, “Mended, try again” "
        "at that printer has it asked at once."
    ),
    Refusal.NOT_ASKED: (
        "A printer makes the image boxes of SLIDE, SUPERSLIDE and CUSTOM, for each film size, and "
        "none could be asked. Bring one back that has them (the list of printers says "
        "how), then print again; or use STANDARD."
    ),
    Refusal.TOO_MANY_OF_ONE: (
        "One AE title at an address had limits.associations_per_peer, or one address three "
        "quarters of limits.associations: it is said below which. An administrator raises it where "
        "many modalities share one."
    ),
    Refusal.DISK_NEARLY_FULL: (
        "New films were refused, as less disk was free than retention.floor_mb and no finished job "
        "had pixels left. Make room on the broker's disk; the System Overview says whether it is "
        "still so."
    ),
    Refusal.QUEUE_FULL: (
        "Too much waits of one AE title at an address, of one address, or in all. The System "
        "Overview says why jobs wait; or an administrator raises limits.waiting_jobs, waiting_mb, "
        "queue_jobs."
    ),
}
"""Remedies for people who read the page and type no commands, where they are not the others'."""


def remedy_on_page(kind: str, ae_titles: Sequence[str] = ()) -> str:
    """What the page says of a kind; nothing of one that another version has counted. `ae_titles`
    are the broker's, told to those that called another one."""
    known = Refusal(kind) if kind in set(Refusal) else None
    words = ON_PAGE.get(known, remedy(kind)) if known else ""
    if known is Refusal.CALLED_AE and ae_titles:
        return f"The broker is {in_words(ae_titles)}. {words}"
    return words


IN_SHORT: Mapping[Refusal, str] = {
    Refusal.NOT_DICOM: "spoke no DICOM",
    Refusal.SILENT: "sent nothing",
    Refusal.BROKEN_OFF: "broke off the connection",
    Refusal.TLS_FAILED: "TLS failed",
    Refusal.PENDING_CUT: "cut off, too many connections",
    Refusal.NO_DESCRIPTORS: "the broker had no file descriptors left",
    Refusal.CALLED_AE: "called a wrong AE title",
    Refusal.CALLING_AE: "gave no right AE title of its own",
    Refusal.APPLICATION_CONTEXT: "asked for something else than DICOM",
    Refusal.PROTOCOL_VERSION: "spoke another version of DICOM",
    Refusal.TOO_MANY: "all associations were in use",
    Refusal.TOO_MANY_OF_ONE: "had too many associations",
    Refusal.NO_CONTEXT: "offered nothing that the broker prints",
    Refusal.TURNED_AWAY: "the broker was stopping or overloaded",
    Refusal.SLOW: "sent too slowly",
    Refusal.IDLE: "asked nothing for too long",
    Refusal.MADE_ROOM: "not in use, made room for another",
    Refusal.PDU_TOO_LONG: "sent too much in one piece",
    Refusal.BROKEN_PROTOCOL: "broke the rules of DICOM",
    Refusal.NOT_READING: "did not read the answers",
    Refusal.WRONG_REQUEST: "asked for what is wrong or not offered",
    Refusal.BESIDE_PRINTING: "sent a wrong check, query or deletion",
    Refusal.FAULT: "the broker failed",
    Refusal.NO_PRINTER: "no printer takes it",
    Refusal.NOT_ASKED: "no printer could be asked",
    Refusal.PRINTERS_BUSY: "the printers were busy",
    Refusal.NONE_CONFIGURED: "no printer is configured",
    Refusal.DATA_SET_TOO_LARGE: "sent too much beside the images",
    Refusal.TOO_MUCH: "sent too much in one association",
    Refusal.DISK_NEARLY_FULL: "the broker's disk was nearly full",
    Refusal.QUEUE_FULL: "too much waits already",
    Refusal.IMAGE_NOT_STORED: "an image could not be stored",
    Refusal.FILM_NOT_STORED: "a film could not be stored",
}
"""Why, in some words for people, of each kind."""


def in_short(kind: str) -> str:
    """Why in some words; the kind itself of one that another version has counted."""
    return IN_SHORT[Refusal(kind)] if kind in set(Refusal) else kind
