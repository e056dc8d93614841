"""What a printer can do wrong, and what becomes of the film, the job and the printer: a table.

OUT to UNCERTAIN are the few ways in which a film may fare, with all that an operator is told;
FAULTS says which of them each fault of a printer leads to. The faulty printer does the same to
every association for a film, and passes every health check.
"""

from __future__ import annotations

from dataclasses import dataclass

from broker.dicom import statuses
from broker.dicom.uids import GRAYSCALE_META, PRESENTATION_LUT
from broker.dicom.upper_layer.negotiation import (
    CONGESTED,
    TOO_MANY,
    WRONG_CALLED_AE,
    WRONG_CALLING_AE,
)
from tests.peers.printer_fault import (
    Act,
    Fault,
    Step,
    aborts,
    answers_another_kind,
    answers_another_message,
    answers_the_earlier_message,
    answers_then_aborts,
    answers_too_late,
    answers_without_data,
    closes,
    falls_silent,
    is_slow,
    names_it,
    offers_boxes,
    prints_and_aborts,
    prints_and_dies,
    rejects,
    reports_events,
    says,
    takes_no,
)
from tests.peers.scripted_printer import ScriptedPrinter

PATIENCE_S = 1.0
"""What a printer has for an answer, where the fault is that none comes."""


@dataclass(frozen=True)
class Ending:
    """What an operator finds, `{}` being the printer's words. Alone: after three attempts at most.

    With a good printer beside, the film is `elsewhere` out there, once; otherwise the job is as it
    is without.
    """

    job: str
    """State and reason."""
    film: str
    health: str
    """And the reason."""
    failures: int
    elsewhere: bool
    then: str
    """How the film comes out once the printer is repaired: by itself, when a person releases the
    job, or it is out already."""


OUT = Ending("sent", "accepted", "up", 0, False, "already")
NOTED = Ending("sent", "accepted: {}", "up", 0, False, "already")
WAITS = Ending("queued: {}", "waiting", "degraded: fails films: {}", 3, True, "by itself")
BUSY = Ending("queued: {}", "waiting", "up", 0, True, "by itself")
GIVEN_UP = Ending(
    "held: gave up after 3 tries: {}", "waiting", "degraded: fails films: {}", 3, True, "released"
)
REFUSED = Ending("held: every printer refused it: {}", "waiting", "up", 1, True, "released")
UNCERTAIN = Ending(
    "held: uncertain: film 1 may be on paper: {}",
    "uncertain: film 1 may be on paper: {}",
    "up",
    1,
    False,
    "released",
)


SILENT = (
    falls_silent,
    answers_another_message,
    answers_the_earlier_message,
    answers_too_late,
)
"""The broker hears no answer, or none in time."""


@dataclass(frozen=True)
class Case:
    """One row: a fault at a step, how the film fares, what the printer's words are."""

    step: Step
    act: Act
    ending: Ending
    words: str = ""
    printed: bool = False
    """Whether it is on the faulty printer's paper, whatever the printer said."""
    nth: int = 1
    """The time in one association that the step is reached."""

    def __str__(self) -> str:
        name = self.act.__qualname__.partition(".")[0]
        return f"{name} at {self.step}{f' {self.nth}' if self.nth > 1 else ''}-{self.words[:30]}"

    @property
    def printer(self) -> ScriptedPrinter:
        """A printer that has this fault for every film."""
        return ScriptedPrinter("faulty", always=Fault(self.step, self.act, self.nth))

    @property
    def patience_s(self) -> float:
        """Short where the broker has to lose patience before the film is out, longer where that is
        behind it, long where it must not."""
        if self.act not in SILENT:
            return 10.0
        return 3 * PATIENCE_S if self.ending is OUT else PATIENCE_S


def _lost(how: str, asked: str) -> str:
    return f"faulty: HOST {how} instead of answering {asked}"


def _late(asked: str) -> str:
    return f"faulty: HOST took longer than {PATIENCE_S:g} s answering {asked}"


ABORTED, CLOSED = "aborted the association", "closed the connection"
PERHAPS_TLS = "; if it speaks TLS on this port, set tls = true for this printer"
"""Said of what hangs up without a word: a TLS port may do that."""
NONSENSE = "faulty: HOST violated the protocol: sent a response of another kind"
FOR_GOOD = "faulty rejected the association for good"
BOXES = r"image boxes for STANDARD\1,2, not 2"

FAULTS = [
    # The association
    Case(Step.ASSOCIATION, aborts, WAITS, _lost(ABORTED, "A-ASSOCIATE-RQ")),
    Case(Step.ASSOCIATION, closes, WAITS, _lost(CLOSED, "A-ASSOCIATE-RQ") + PERHAPS_TLS),
    Case(Step.ASSOCIATION, falls_silent, WAITS, _late("A-ASSOCIATE-RQ")),
    Case(
        Step.ASSOCIATION,
        rejects(CONGESTED),
        BUSY,
        "busy: faulty rejected the association: temporary congestion",
    ),
    Case(
        Step.ASSOCIATION,
        rejects(TOO_MANY),
        BUSY,
        "busy: faulty rejected the association: local limit exceeded",
    ),
    Case(
        Step.ASSOCIATION,
        rejects(WRONG_CALLING_AE),
        WAITS,
        f"{FOR_GOOD}: calling AE title not recognized; "
        "let it accept films from the AE title BROKER",
    ),
    Case(
        Step.ASSOCIATION,
        rejects(WRONG_CALLED_AE),
        WAITS,
        f"{FOR_GOOD}: called AE title not recognized; "
        "it does not answer to FAULTY: check ae_title of the printer",
    ),
    Case(
        Step.ASSOCIATION,
        takes_no(GRAYSCALE_META),
        WAITS,
        "faulty does not offer Basic Grayscale Print Management",
    ),
    Case(
        Step.ASSOCIATION,
        takes_no(PRESENTATION_LUT),
        REFUSED,
        "faulty does not support Presentation LUT",
    ),
    Case(Step.ASSOCIATION, is_slow(0.2), OUT, printed=True),
    # Before the line
    Case(Step.SESSION, aborts, GIVEN_UP, _lost(ABORTED, "N-CREATE")),
    Case(Step.SESSION, closes, GIVEN_UP, _lost(CLOSED, "N-CREATE")),
    Case(Step.SESSION, falls_silent, GIVEN_UP, _late("N-CREATE")),
    Case(Step.SESSION, answers_another_message, GIVEN_UP, _late("N-CREATE")),
    Case(Step.SESSION, answers_another_kind, GIVEN_UP, NONSENSE),
    Case(Step.SESSION, answers_then_aborts, GIVEN_UP, _lost(ABORTED, "N-CREATE")),
    Case(Step.SESSION, reports_events, OUT, printed=True),
    Case(Step.SESSION, is_slow(0.2), OUT, printed=True),
    Case(Step.LUT, aborts, GIVEN_UP, _lost(ABORTED, "N-CREATE")),
    Case(Step.LUT, closes, GIVEN_UP, _lost(CLOSED, "N-CREATE")),
    Case(Step.LUT, falls_silent, GIVEN_UP, _late("N-CREATE")),
    Case(Step.LUT, is_slow(0.2), OUT, printed=True),
    Case(Step.FILM_BOX, aborts, GIVEN_UP, _lost(ABORTED, "N-CREATE")),
    Case(Step.FILM_BOX, closes, GIVEN_UP, _lost(CLOSED, "N-CREATE")),
    Case(Step.FILM_BOX, falls_silent, GIVEN_UP, _late("N-CREATE")),
    Case(Step.FILM_BOX, answers_another_message, GIVEN_UP, _late("N-CREATE")),
    Case(Step.FILM_BOX, answers_the_earlier_message, GIVEN_UP, _late("N-CREATE")),
    Case(Step.FILM_BOX, answers_then_aborts, GIVEN_UP, _lost(ABORTED, "N-SET")),
    Case(Step.FILM_BOX, answers_without_data, REFUSED, f"faulty made 0 {BOXES}"),
    Case(Step.FILM_BOX, offers_boxes(1), REFUSED, f"faulty made 1 {BOXES}"),
    Case(Step.FILM_BOX, offers_boxes(3), REFUSED, f"faulty made 3 {BOXES}"),
    Case(Step.FILM_BOX, names_it("no\\uid"), OUT, printed=True),
    Case(Step.FILM_BOX, reports_events, OUT, printed=True),
    Case(Step.FILM_BOX, is_slow(0.2), OUT, printed=True),
    Case(Step.IMAGE, aborts, GIVEN_UP, _lost(ABORTED, "N-SET")),
    Case(Step.IMAGE, aborts, GIVEN_UP, _lost(ABORTED, "N-SET"), nth=2),
    Case(Step.IMAGE, closes, GIVEN_UP, _lost(CLOSED, "N-SET"), nth=2),
    Case(Step.IMAGE, falls_silent, GIVEN_UP, _late("N-SET"), nth=2),
    Case(Step.IMAGE, answers_another_message, GIVEN_UP, _late("N-SET")),
    Case(Step.IMAGE, answers_the_earlier_message, GIVEN_UP, _late("N-SET")),
    Case(Step.IMAGE, answers_another_kind, GIVEN_UP, NONSENSE),
    Case(Step.IMAGE, answers_then_aborts, GIVEN_UP, _lost(ABORTED, "N-ACTION"), nth=2),
    Case(Step.IMAGE, reports_events, OUT, printed=True),
    Case(Step.IMAGE, is_slow(0.2), OUT, printed=True),
    Case(
        Step.SESSION,
        says(statuses.NOT_AUTHORIZED),
        WAITS,
        "faulty: N-CREATE of the film session answered 0x0124 (not authorized)",
    ),
    # The line
    Case(Step.ACTION, aborts, UNCERTAIN, _lost(ABORTED, "N-ACTION")),
    Case(Step.ACTION, closes, UNCERTAIN, _lost(CLOSED, "N-ACTION")),
    Case(Step.ACTION, falls_silent, UNCERTAIN, _late("N-ACTION")),
    Case(Step.ACTION, prints_and_dies, UNCERTAIN, _lost(CLOSED, "N-ACTION"), printed=True),
    Case(Step.ACTION, prints_and_aborts, UNCERTAIN, _lost(ABORTED, "N-ACTION"), printed=True),
    Case(Step.ACTION, answers_another_message, UNCERTAIN, _late("N-ACTION"), printed=True),
    Case(Step.ACTION, answers_the_earlier_message, UNCERTAIN, _late("N-ACTION")),
    Case(Step.ACTION, answers_too_late, UNCERTAIN, _late("N-ACTION"), printed=True),
    Case(Step.ACTION, answers_another_kind, UNCERTAIN, NONSENSE),
    *(
        Case(
            Step.ACTION,
            says(status),
            UNCERTAIN,
            f"faulty: N-ACTION answered 0x{status:04X}, which is neither yes nor no",
        )
        for status in (0xFF00, 0xFE00, 0x1234)
    ),
    Case(Step.ACTION, answers_then_aborts, OUT, printed=True),
    Case(Step.ACTION, reports_events, OUT, printed=True),
    Case(Step.ACTION, is_slow(0.3), OUT, printed=True),
    Case(
        Step.ACTION,
        says(statuses.IMAGE_SHRUNK),
        NOTED,
        "N-ACTION: 0xB604 (image too large, shrunk to fit)",
        printed=True,
    ),
    Case(
        Step.SESSION,
        says(statuses.MEMORY_ALLOCATION_UNSUPPORTED),
        NOTED,
        "N-CREATE of the film session: 0xB600 (memory allocation not supported)",
        printed=True,
    ),
    Case(
        Step.ACTION,
        says(statuses.EMPTY_FILM_BOX),
        GIVEN_UP,
        "faulty printed nothing: 0xB603 (empty page)",
    ),
    Case(
        Step.ACTION,
        says(statuses.PROCESSING_FAILURE),
        GIVEN_UP,
        "faulty: N-ACTION answered 0x0110 (processing failure)",
    ),
    Case(
        Step.ACTION,
        says(statuses.INVALID_ATTRIBUTE_VALUE),
        REFUSED,
        "faulty: N-ACTION answered 0x0106 (invalid attribute value)",
    ),
    Case(
        Step.ACTION,
        says(statuses.FILM_BOX_QUEUE_FULL),
        WAITS,
        "faulty: N-ACTION answered 0xC602 (print queue is full)",
    ),
    # After the line
    *(
        Case(step, act, OUT, printed=True)
        for step in (Step.CLEAR, Step.END, Step.RELEASE)
        for act in (aborts, closes, falls_silent, is_slow(0.2))
    ),
    *(
        Case(step, act, OUT, printed=True)
        for step in (Step.CLEAR, Step.END)
        for act in (
            answers_another_message,
            answers_another_kind,
            reports_events,
            says(statuses.PROCESSING_FAILURE),
        )
    ),
]
