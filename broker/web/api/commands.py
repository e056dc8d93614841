"""Commands by the API: on one job or printer, and on several at once; a test film."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Request
from pydantic import BaseModel, ConfigDict, Field

from broker.model.films.film import MILLIMETRES
from broker.model.jobs.job import Priority
from broker.model.jobs.reprint import ReprintChoice
from broker.operations.commands.recorded import JobCommands, print_film, queued_text
from broker.operations.commands.several import Carried, Target, carry_out
from broker.operations.opened import Store
from broker.store.stale import Stale
from broker.web.api.description import answers, errors
from broker.web.api.documents import TestFilmDocument
from broker.web.auth.signin import Person, checked, operator
from broker.web.commands.posted import DUTIES, InvalidCommand, on_job, on_printer
from broker.web.names_in_requests import JobNumber, PrinterName

router = APIRouter(prefix="/api")
Operator = Annotated[Person, Depends(operator)]
CHECKED = [Depends(checked)]
SEVERAL = 1000
"""Jobs or printers of one command."""
SEEN = "the `version` that was read of it: the command is refused with 412 where it is another now"
JobVerb = Literal["hold", "release", "cancel", "move", "reprint", "priority"]
PrinterVerb = Literal["drain", "maint", "halt", "ready", "forget"]
VALUES: dict[str, frozenset[str]] = {
    "hold": frozenset({"reason"}),
    "release": frozenset({"printed"}),
    "cancel": frozenset(),
    "move": frozenset({"printer"}),
    "reprint": frozenset(
        {"printer", "elsewhere", "copies", "film_size", "medium", "films", "again"}
    ),
    "priority": frozenset({"priority", "first"}),
    **dict.fromkeys(DUTIES, frozenset({"reason"})),
    "forget": frozenset(),
}
"""Which values each command takes, beside `seen`."""
NEEDED = {"move": ("printer", 'a name, or "" for any printer'), "priority": ("priority", "a word")}
"""Values without a default: a command that was left empty by mistake changes nothing."""


def seen_version(
    if_match: Annotated[
        str | None, Header(description="as `seen`: its `version`, in quotes; `*`: any")
    ] = None,
) -> str:
    """The version that If-Match names (RFC 9110 13.1.1); empty where any will do.

    Raises: InvalidCommand: when it names several.
    """
    text = (if_match or "*").strip()
    if text == "*":
        return ""
    if "," in text:
        raise InvalidCommand("If-Match names several versions here; name the one that was read")
    return text.removeprefix("W/").strip('"')


Seen = Annotated[str, Depends(seen_version)]


def shown(**example: Any) -> ConfigDict:
    """Of a body: no other fields are taken, and this is an example."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [example]})


class JobValues(BaseModel):
    """Values of a command on a job. A value that the command does not take is refused."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(default="", max_length=300, description="hold: why")
    printer: str = Field(
        default="", description="move: the printer's name; empty: any printer. reprint: as move"
    )
    priority: Priority = Field(default=Priority.MED, description="priority: HIGH, MED or LOW")
    first: bool = Field(default=False, description="priority: before all that wait now")
    printed: bool = Field(default=False, description="release: its uncertain films are on paper")
    elsewhere: bool = Field(default=False, description="reprint: not on the printer that made it")
    copies: int | None = Field(default=None, description="reprint: so many of each film")
    film_size: str = Field(default="", description="reprint: a Film Size ID")
    medium: str = Field(default="", description="reprint: a Medium Type")
    films: list[int] = Field(
        default=[], max_length=SEVERAL, description="reprint: the numbers of these films alone"
    )
    again: bool = Field(
        default=False, description="reprint: even where it was printed again within a minute"
    )

    @property
    def choice(self) -> ReprintChoice:
        """What a reprint is to be."""
        films = tuple(self.films)
        return ReprintChoice(
            self.printer, self.elsewhere, self.copies, self.film_size, self.medium, films
        )


class JobCommand(JobValues):
    """A command on one job."""

    model_config = shown(reason="wrong size")
    seen: str = Field(default="", max_length=64, description=SEEN)


class SeenJob(BaseModel):
    """One of several jobs."""

    model_config = ConfigDict(extra="forbid")
    id: int
    seen: str = Field(default="", max_length=64, description=SEEN)


class JobsCommand(JobValues):
    """A command on several jobs."""

    model_config = shown(command="priority", priority="HIGH", jobs=[{"id": 42, "seen": ""}])
    command: JobVerb
    jobs: list[SeenJob] = Field(min_length=1, max_length=SEVERAL)


class PrinterCommand(BaseModel):
    """A command on one printer."""

    model_config = shown(reason="new drum")
    reason: str = Field(default="", max_length=300, description="why")
    seen: str = Field(default="", max_length=64, description=SEEN)


class SeenPrinter(BaseModel):
    """One of several printers."""

    model_config = ConfigDict(extra="forbid")
    name: str
    seen: str = Field(default="", max_length=64, description=SEEN)


class PrintersCommand(BaseModel):
    """A command on several printers."""

    model_config = shown(command="drain", reason="new drum", printers=[{"name": "oki-1"}])
    command: PrinterVerb
    printers: list[SeenPrinter] = Field(min_length=1, max_length=SEVERAL)
    reason: str = Field(default="", max_length=300, description="why")


class TestFilm(BaseModel):
    """Which test film."""

    model_config = shown(film_size="A4")
    printer: str = Field(default="", description="this printer and no other; empty: any")
    film_size: str = Field(default="A4", description="a Film Size ID")


class CommandResult(BaseModel):
    """The result of a command."""

    words: str


class JobResult(BaseModel):
    """What became of the command on one of several jobs."""

    id: int
    done: bool
    words: str
    version: str | None = Field(default=None, description="that of now, where it was another")


class PrinterResult(BaseModel):
    """What became of the command on one of several printers."""

    name: str
    done: bool
    words: str
    version: str | None = Field(default=None, description="that of now, where it was another")


def _fit(command: str, given: set[str]) -> None:
    """Raises: InvalidCommand: a value is not the command's, or one that it needs is not there."""
    its = VALUES[command]
    if wrong := sorted(given - its - {"seen", "command", "jobs", "printers"}):
        takes = ", ".join(sorted(its)) or "no values"
        raise InvalidCommand(f"{command} does not take {', '.join(wrong)}; it takes {takes}")
    needed, what = NEEDED.get(command, ("", ""))
    if needed and needed not in given:
        raise InvalidCommand(f"{command} needs `{needed}`: {what}")


def _give(commands: JobCommands, command: str, job_id: int, asked: JobValues, seen: str) -> str:
    if command == "priority" and asked.first:
        return commands.priority(job_id, asked.priority, first=True, seen=seen)
    return on_job(
        commands,
        command,
        job_id,
        reason=asked.reason,
        printer=asked.printer,
        priority=asked.priority,
        printed=asked.printed,
        choice=asked.choice,
        again=asked.again,
        seen=seen,
    )


@router.post(
    "/jobs/commands",
    operation_id="command_jobs",
    summary="Give a command on several jobs",
    dependencies=CHECKED,
)
def command_jobs(request: Request, who: Operator, asked: JobsCommand) -> list[JobResult]:
    """What became of it, job by job: a refusal does not stop the others."""
    _fit(asked.command, asked.model_fields_set)
    commands = JobCommands(request.app.state.store, who.name).together()
    targets = [Target(each.id, each.seen) for each in asked.jobs]
    found = carry_out(
        targets,
        lambda job_id, seen: _give(commands, asked.command, job_id, asked, seen),
        last_first=asked.first,
    )
    return [JobResult(id=each.name, **_result(each)) for each in found]


@router.post(
    "/printers/commands",
    operation_id="command_printers",
    summary="Give a command on several printers",
    dependencies=CHECKED,
)
def command_printers(
    request: Request, who: Operator, asked: PrintersCommand
) -> list[PrinterResult]:
    """What became of it, printer by printer: a refusal does not stop the others."""
    _fit(asked.command, asked.model_fields_set)
    store: Store = request.app.state.store

    def give(name: str, seen: str) -> str:
        return on_printer(store, who.name, asked.command, name, reason=asked.reason, seen=seen)

    found = carry_out([Target(each.name, each.seen) for each in asked.printers], give)
    return [PrinterResult(name=each.name, **_result(each)) for each in found]


def _result(carried: Carried[Any]) -> dict[str, Any]:
    version = carried.error.version if isinstance(carried.error, Stale) else None
    return {"done": carried.error is None, "words": carried.words, "version": version}


@router.post(
    "/jobs/{job_id}/{command}",
    operation_id="command_job",
    summary="Give a command on a job",
    dependencies=CHECKED,
)
def command_job(
    request: Request,
    job_id: JobNumber,
    command: JobVerb,
    who: Operator,
    version: Seen,
    values: JobCommand | None = None,
) -> CommandResult:
    """Its result, in a sentence; 409 where the job's state does not allow it, 412 where its version
    is not the one that was seen."""
    asked = values or JobCommand()
    _fit(command, asked.model_fields_set)
    commands = JobCommands(request.app.state.store, who.name)
    return CommandResult(words=_give(commands, command, job_id, asked, asked.seen or version))


@router.post(
    "/printers/{name}/{command}",
    operation_id="command_printer",
    summary="Set drain, maint, halt or ready; or forget what was learned",
    dependencies=CHECKED,
)
def command_printer(
    request: Request,
    name: PrinterName,
    command: PrinterVerb,
    who: Operator,
    version: Seen,
    values: PrinterCommand | None = None,
) -> CommandResult:
    """What it means, in a sentence; 412 where its version is not the one that was seen."""
    asked = values or PrinterCommand()
    _fit(command, asked.model_fields_set)
    store: Store = request.app.state.store
    seen = asked.seen or version
    words = on_printer(store, who.name, command, name, reason=asked.reason, seen=seen)
    return CommandResult(words=words)


@router.post(
    "/test-print",
    operation_id="test_print",
    summary="Print one test film",
    dependencies=CHECKED,
    responses=answers(TestFilmDocument) | errors(404, 409),
)
def print_test_film(
    request: Request, who: Operator, film: TestFilm | None = None
) -> dict[str, Any]:
    """The number of its job."""
    asked = film or TestFilm()
    if asked.film_size not in MILLIMETRES:
        raise InvalidCommand(f"{asked.film_size} is not a film size; use {', '.join(MILLIMETRES)}")
    store: Store = request.app.state.store
    job_id = print_film(store, who.name, asked.printer, asked.film_size)
    return {"id": job_id, "words": queued_text(store, job_id, asked.printer, asked.film_size)}
