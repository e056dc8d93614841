"""What the API's answers are made of, for its description. The answers themselves are made by
`operations/documents.py`, and a test holds the two together.

Fields are added in later versions; those that exist keep their names and meanings.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from broker.model.jobs.job import FilmState, Level, Outcome, Priority, State
from broker.model.printers.printer import Duty, Health
from broker.model.reasons.condition import Condition

AT = "2026-01-31T08:15:00.000Z"
VERSION = "4f1c09ab27de"
Time = Annotated[datetime, Field(description="UTC")]
Version = Annotated[
    str, Field(description="of what was read: send it as `seen`, or as If-Match, with a command")
]
_JOB: dict[str, Any] = {
    "id": 42,
    "version": VERSION,
    "state": "held",
    "reason": "held by the operator: wrong size",
    "cause": None,
    "remedy": "",
    "cut_off": False,
    "calling_ae": "CT1",
    "calling_nickname": "CT, ground floor",
    "called_ae": "BROKER",
    "film_count": 2,
    "films_accepted": 0,
    "copies": 1,
    "priority": "MED",
    "printer": "oki-1",
    "pinned": "",
    "avoided": [],
    "attempt_count": 1,
    "wish": "",
    "reprint_of": None,
    "reprinted_as": None,
    "duplicate_of": None,
    "came_again_as": None,
    "overtaken_by": [],
    "pixels_removed_at": None,
    "pixels_removed_why": "",
    "waits_for": None,
    "waits_since": None,
    "unanswered": [],
    "printed_again": [],
    "not_before": None,
    "created_at": AT,
    "updated_at": AT,
}
_FILM: dict[str, Any] = {
    "number": 1,
    "pass": 1,
    "copies": 1,
    "state": "waiting",
    "printer": "",
    "asked_at": None,
    "accepted_at": None,
    "film_size": "14INX17IN",
    "display_format": "STANDARD\\1,1",
    "words": "",
}
_ATTEMPT: dict[str, Any] = {
    "printer": "oki-1",
    "began_at": AT,
    "ended_at": AT,
    "outcome": "unavailable",
    "words": "oki-1: no answer",
}
_ORDER: dict[str, Any] = {
    "at": AT,
    "who": "anna",
    "verb": "hold",
    "words": "job 42 is held",
}
_PRINTER: dict[str, Any] = {
    "name": "oki-1",
    "version": VERSION,
    "ae_title": "OKI1",
    "host": "192.168.85.200",
    "port": 11112,
    "weight": 100,
    "associations": 1,
    "lut_level": "film box",
    "adapt": [],
    "omit": [],
    "implicit_only": False,
    "max_pdu": 0,
    "identify": True,
    "refuses": [],
    "duty": "ready",
    "duty_reason": "",
    "duty_since": AT,
    "health": "up",
    "health_since": AT,
    "reason": "",
    "refusing": "",
    "causes": [],
    "remedies": [],
    "load": 0,
    "films_accepted": 120,
    "failures": 1,
    "printing": 0,
    "waits_for": None,
    "waits_since": None,
    "paused_until": None,
    "supports_lut": True,
    "last_check_at": AT,
    "manufacturer": "OKI DATA CORP",
    "model": "C650",
    "serial_number": "AK1234567",
    "software_versions": "1.12",
    "printer_name": "RADIOLOGY",
    "identity_asked_at": AT,
    "identity_told_at": AT,
    "identity_answer": "told",
}
_KEPT = "the same as `{}`, kept for scripts"


def shown_document(**example: Any) -> ConfigDict:
    """Of a document: this is an example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class CommandDocument(BaseModel):
    """One recorded command."""

    at: Time
    who: str = Field(description="a user of the page, or of the system where it was typed")
    verb: str = Field(description="the command")
    words: str = Field(description="what the person was told")


class LoggedCommandDocument(CommandDocument):
    """One recorded command, with what it was given on."""

    model_config = shown_document(
        id=7,
        at=AT,
        who="anna",
        verb="hold",
        words="job 42 is held",
        job=42,
        printer=None,
    )
    id: int = Field(description="rises with each command")
    job: int | None = Field(description="null for a command on a printer")
    printer: str | None = Field(description="null for a command on a job")


class StepDocument(BaseModel):
    """What the attempt that runs waits for."""

    waits_for: str | None = Field(description="N-ACTION, film or release; null: nothing")
    waits_since: Time | None


class UnansweredDocument(BaseModel):
    """A film that a printer was asked for and has not answered for."""

    film: int
    printer: str
    asked_at: Time | None


class JobFactsDocument(StepDocument):
    """What is said of a job everywhere."""

    id: int
    version: Version
    state: State
    reason: str = Field(description="why it is in this state")
    cause: str | None = Field(description="the kind of the reason; null: there is none to mend")
    remedy: str = Field(description="what to do about it; empty: nothing")
    cut_off: bool = Field(description="whether the modality has cut its association off")
    calling_ae: str = Field(description="the modality's AE title")
    calling_nickname: str = Field(description="what people call it; empty: it has no nickname")
    called_ae: str
    film_count: int = Field(description="how many films it has")
    films_accepted: int = Field(description="how many of them a printer has accepted")
    copies: int
    priority: Priority
    printer: str = Field(description="where it prints or was printed; empty: nowhere yet")
    pinned: str = Field(description="the only printer that it may use; empty: any")
    avoided: list[str] = Field(description="printers that it may not use")
    attempt_count: int = Field(description="how often a printer was tried")
    wish: str = Field(description="a command that waits for the attempt that runs; else empty")
    reprint_of: int | None = Field(description="the job that it prints again")
    reprinted_as: int | None = Field(description="the newest job that prints it again")
    duplicate_of: int | None = Field(description="an earlier job that may be the same request")
    came_again_as: int | None = Field(description="a later job that may be the same request")
    overtaken_by: list[int] = Field(description="later jobs of its film session that are done")
    pixels_removed_at: Time | None
    pixels_removed_why: str
    unanswered: list[UnansweredDocument] = Field(description="films that may be on paper")
    printed_again: list[UnansweredDocument] = Field(
        description="films that were printed again though they may be on paper"
    )
    not_before: Time | None = Field(description="it is not tried again before")
    created_at: Time | None
    updated_at: Time | None


class ListedJobDocument(JobFactsDocument):
    """One job, as in lists."""

    model_config = shown_document(**_JOB, films=2, attempts=1)
    films: int = Field(description=_KEPT.format("film_count"))
    attempts: int = Field(description=_KEPT.format("attempt_count"))


class FilmDocument(BaseModel):
    """One sending of one film."""

    number: int
    pass_number: int = Field(alias="pass", description="which of the collated copies")
    copies: int
    state: FilmState
    printer: str
    asked_at: Time | None
    accepted_at: Time | None
    film_size: str
    display_format: str
    words: str = Field(description="what the printer said")


class AttemptDocument(BaseModel):
    """One try at one printer."""

    printer: str
    began_at: Time | None
    ended_at: Time | None
    outcome: Outcome | None = Field(description="null while it runs")
    words: str


class JobDocument(JobFactsDocument):
    """One job with its films, attempts and commands."""

    model_config = shown_document(
        **_JOB,
        peer="10.0.0.9:4000",
        level="film box",
        films=[_FILM],
        film_list=[_FILM],
        attempts=[_ATTEMPT],
        attempt_list=[_ATTEMPT],
        orders=[_ORDER],
    )
    peer: str = Field(description="address of the modality")
    level: Level
    films: list[FilmDocument] = Field(description=_KEPT.format("film_list"))
    film_list: list[FilmDocument]
    attempts: list[AttemptDocument] = Field(description=_KEPT.format("attempt_list"))
    attempt_list: list[AttemptDocument]
    orders: list[CommandDocument] = Field(description="commands on it, the oldest first")


class ListedPrinterDocument(StepDocument):
    """One printer, as in lists."""

    model_config = shown_document(**_PRINTER)
    name: str
    version: Version
    ae_title: str
    host: str
    port: int
    weight: int
    associations: int = Field(description="how many it may have at one time")
    lut_level: str
    adapt: list[str]
    omit: list[str]
    implicit_only: bool
    max_pdu: int
    identify: bool = Field(description="whether it is asked which machine it is")
    refuses: list[str] = Field(description="what it is known to refuse")
    duty: Duty = Field(description="what the operator wants of it")
    duty_reason: str
    duty_since: Time | None
    health: Health = Field(description="what was observed of it")
    health_since: Time | None
    reason: str = Field(description="what its last check or failure said; empty: all is well")
    refusing: str = Field(description="not empty: it refuses every film, and with which words")
    causes: list[str] = Field(description="why it takes no films, or soon will not")
    remedies: list[str] = Field(description="what to do about each")
    load: int = Field(description="films times copies not yet settled")
    films_accepted: int
    failures: int
    printing: int = Field(description="attempts that run on it")
    paused_until: Time | None
    supports_lut: bool | None = Field(description="null: not known yet")
    last_check_at: Time | None
    manufacturer: str = Field(description="as the printer tells it; empty: not told")
    model: str = Field(description="likewise")
    serial_number: str = Field(description="likewise")
    software_versions: str = Field(description="likewise; several with commas between")
    printer_name: str = Field(description="what the printer calls itself; empty: not told")
    identity_asked_at: Time | None = Field(description="when it was asked who it is; null: never")
    identity_told_at: Time | None = Field(description="when it told that last; null: never")
    identity_answer: str = Field(
        description="how it took the question last: told, refused, no answer or busy; empty: never"
    )


class PrinterDocument(ListedPrinterDocument):
    """One printer with its commands."""

    model_config = shown_document(**_PRINTER, orders=[_ORDER])
    orders: list[CommandDocument] = Field(description="commands on it, the oldest first")


class JobNumbersDocument(BaseModel):
    """How many jobs there are in each state that is not finished."""

    queued: int
    printing: int
    held: int


class BrokerDocument(BaseModel):
    """The broker as a whole."""

    model_config = shown_document(
        ae_title="BROKER",
        host="0.0.0.0",
        port=11112,
        running=True,
        condition="printing",
        sentence="Films print: 3 of 3 printers take them.",
        remedy="",
        nothing_prints_since=None,
        printers_taking_films=3,
        printers=3,
        alarms=[],
        associations=2,
        films_in=1200,
        jobs={"queued": 1, "printing": 1, "held": 0},
        oldest_waiting_at=AT,
    )
    ae_title: str
    host: str
    port: int
    running: bool
    condition: Condition = Field(description="the state of the whole")
    sentence: str = Field(description="the same for people")
    remedy: str = Field(description="what to do about it; empty where nothing is to be done")
    nothing_prints_since: Time | None
    printers_taking_films: int
    printers: int
    alarms: list[str] = Field(description="what an operator must know; empty: all is well")
    associations: int | None = Field(description="of modalities, open now; null: not running")
    films_in: int | None = Field(description="films taken since it started; null: not running")
    jobs: JobNumbersDocument
    oldest_waiting_at: Time | None = Field(description="arrival of the job that waits longest")


class PassedOverDocument(BaseModel):
    """A printer that a job does not go to."""

    printer: str
    why: str


class ChoiceDocument(BaseModel):
    """Where a queued job goes."""

    printer: str = Field(description="empty: nowhere now")
    now: bool = Field(description="false: it waits in that printer's line")
    why: str
    passed_over: list[PassedOverDocument]


class ExplanationDocument(BaseModel):
    """Why a job is where it is, and what comes next."""

    model_config = shown_document(
        id=42,
        sentences=["Job 42 is held by the operator: wrong size."],
        blocked_by=None,
        choice=None,
    )
    id: int
    sentences: list[str]
    blocked_by: int | None = Field(description="the job that it waits for")
    choice: ChoiceDocument | None


class TestFilmDocument(BaseModel):
    """The job of a test film."""

    model_config = shown_document(id=43, words="job 43 is queued: one A4 test film")
    id: int
    words: str


class EventDocument(BaseModel):
    """One change, as `data` of an event; the event's name is `job`, `printer` or `broker`."""

    model_config = shown_document(
        kind="job", id="42", state="held", reason="", version=VERSION, at=AT
    )
    kind: Literal["job", "printer", "broker"]
    id: str = Field(description="a job's number, a printer's name; empty for the broker")
    state: str = Field(
        description="a job's state; a printer's duty and health, as `ready up`; of the broker "
        "`running` or `stopped`; `gone`: a printer that was taken out of the configuration"
    )
    reason: str
    version: str = Field(description="as in its own document; empty where it has none")
    at: Time = Field(description="when it was seen")


class ErrorDocument(BaseModel):
    """Why a request was not carried out, and what to do."""

    model_config = shown_document(error="there is no job 42")
    error: str


class StaleDocument(ErrorDocument):
    """What the command is for has changed since it was read."""

    model_config = shown_document(error="job 42 has changed: it is sent", version=VERSION)
    version: str = Field(description="that of now")


class NotAllowedDocument(ErrorDocument):
    """The state does not allow it, or a question is to be answered first."""

    model_config = shown_document(error="job 42 is sent, and cannot be held")
    asks: str | None = Field(
        default=None, description="the question, where sending the command once more answers it"
    )
