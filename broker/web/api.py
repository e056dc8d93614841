"""The page's data and commands as JSON, for a hospital's own tools; messages are the commands'."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from broker.model.film import MILLIMETRES
from broker.model.hosts import hosts_of
from broker.model.job import Priority, State
from broker.operations import documents
from broker.operations.commands import JobCommands
from broker.operations.job_status import explanation, job_status, job_statuses
from broker.operations.opened import Store
from broker.operations.overview import LiveOverview
from broker.operations.readiness import read_vitals
from broker.web.auth.signin import Person, checked, operator, person
from broker.web.commands import InvalidCommand, on_job, on_printer
from broker.web.job_page import THUMBNAIL_PX, picture
from broker.web.job_query import CSV, JobQuery, csv_answer, job_query, prefers

MOST = 1000
"""Jobs of one answer."""

router = APIRouter(prefix="/api")
VIEWER = [Depends(person)]
NEXT = {"description": "the next page, where there is one", "schema": {"type": "string"}}
Operator = Annotated[Person, Depends(operator)]
CHECKED = [Depends(checked)]


class JobCommand(BaseModel):
    """Values of a command on a job."""

    reason: str = Field(default="", max_length=300, description="hold: why")
    printer: str = Field(default="", description="move: the printer's name; empty: any printer")
    priority: Priority = Field(default=Priority.MED, description="priority: HIGH, MED or LOW")
    printed: bool = Field(default=False, description="release: its uncertain films are on paper")


class PrinterCommand(BaseModel):
    """Values of a command on a printer."""

    reason: str = Field(default="", max_length=300, description="why")


class TestFilm(BaseModel):
    """Which test film."""

    printer: str = Field(default="", description="this printer and no other; empty: any")
    film_size: str = Field(default="A4", description="a Film Size ID")


class CommandResult(BaseModel):
    """The result of a command."""

    words: str


@router.get(
    "/broker",
    summary="The broker: whether it runs, and what an operator must know",
    dependencies=VIEWER,
)
def broker(request: Request) -> dict[str, Any]:
    """AE title, address, alarms, jobs by state, the oldest that waits."""
    store: Store = request.app.state.store
    live: LiveOverview = request.app.state.overview
    _, seen = live.current()
    vitals = read_vitals(store.config.data_dir)
    oldest = seen.oldest
    return {
        "ae_title": store.config.broker.ae_title,
        "host": ", ".join(hosts_of(store.config.broker.host)),
        "port": store.config.broker.port,
        "running": seen.running,
        "alarms": list(seen.alarms),
        "associations": vitals.associations if vitals else None,
        "films_in": vitals.films if vitals else None,
        "jobs": {
            str(each): seen.number(each) for each in (State.QUEUED, State.PRINTING, State.HELD)
        },
        "oldest_waiting_at": documents.iso(oldest.created_at if oldest else None),
    }


@router.get("/printers", summary="All printers, as `broker printers --json`", dependencies=VIEWER)
def printers(request: Request) -> list[dict[str, Any]]:
    """In the order of the configuration."""
    store: Store = request.app.state.store
    return [documents.of_printer(each) for each in store.printers.list()]


@router.get("/printers/{name}", summary="One printer, with its commands", dependencies=VIEWER)
def printer(request: Request, name: str) -> dict[str, Any]:
    """404 when there is none of that name."""
    store: Store = request.app.state.store
    commands = [documents.of_command(each) for each in store.command_log.of_printer(name)]
    return documents.of_printer(store.printers.get(name)) | {"orders": commands}


@router.post(
    "/printers/{name}/{command}",
    summary="Set drain, maint, halt or ready; or forget what was learned",
    dependencies=CHECKED,
)
def command_printer(
    request: Request,
    name: str,
    command: Literal["drain", "maint", "halt", "ready", "forget"],
    who: Operator,
    values: PrinterCommand | None = None,
) -> CommandResult:
    """What it means, in a sentence."""
    reason = values.reason if values else ""
    return CommandResult(words=on_printer(request.app.state.store, who.name, command, name, reason))


@router.get(
    "/jobs",
    summary="Jobs, the newest first, as `broker jobs --json`; also as CSV",
    dependencies=VIEWER,
    response_model=list[dict[str, Any]],
    responses={200: {"content": {CSV: {}}, "headers": {"Link": NEXT}}},
)
def jobs(
    request: Request,
    response: Response,
    asked: Annotated[JobQuery, Depends(job_query)],
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: Annotated[
        int | None, Query(ge=1, description="only jobs with a smaller number")
    ] = None,
    format: Annotated[
        Literal["json", "csv"] | None, Query(description="csv: as a header `Accept: text/csv`")
    ] = None,
) -> Any:
    """All states, unless some are named. A header `Link` with rel="next" names further ones; there
    may be fewer than `limit` before them, as one answer looks at 300,000 jobs."""
    store: Store = request.app.state.store
    found = store.search.page(asked.wanted(), limit, cursor)
    statuses = job_statuses(store, found.jobs)
    headers = {}
    if found.cursor is not None:
        address = asked.address(request.url.path, limit=limit, cursor=found.cursor, format=format)
        headers["Link"] = f'<{address}>; rel="next"'
    if (format or prefers(request)) == "csv":
        return csv_answer(statuses, headers)
    response.headers.update(headers)
    return [documents.of_job(each) for each in statuses]


@router.get(
    "/jobs/{job_id}", summary="One job with films, attempts and commands", dependencies=VIEWER
)
def job(request: Request, job_id: int) -> dict[str, Any]:
    """Nothing of a patient is in it. 404 when there is none of that number."""
    store: Store = request.app.state.store
    found = job_status(store, store.jobs.get(job_id))
    films, attempts = store.jobs.films(job_id), store.jobs.attempts(job_id)
    commands = [documents.of_command(each) for each in store.command_log.of_job(job_id)]
    return documents.of_job_whole(found, films, attempts) | {"orders": commands}


@router.get(
    "/jobs/{job_id}/explain",
    summary="Why a job is where it is, and what comes next",
    dependencies=VIEWER,
)
def explain(request: Request, job_id: int) -> dict[str, Any]:
    """As `broker jobs explain`."""
    store: Store = request.app.state.store
    found = explanation(store, store.jobs.get(job_id))
    return {
        "id": job_id,
        "sentences": list(found.sentences),
        "blocked_by": found.blocked_by,
        "choice": documents.of_choice(found.choice) if found.choice else None,
    }


@router.get(
    "/jobs/{job_id}/films/{number}.png",
    summary="A film as it will lie on the sheet",
    dependencies=[Depends(operator)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def film(request: Request, job_id: int, number: int, width: int = THUMBNAIL_PX) -> Response:
    """For operators: a patient's name may stand in it."""
    if not 16 <= width <= 3400:
        raise InvalidCommand(f"{width} is not a width; use 16 to 3400 pixels")
    return await picture(request, job_id, number, width)


@router.post("/jobs/{job_id}/{command}", summary="Give a command on a job", dependencies=CHECKED)
def command_job(
    request: Request,
    job_id: int,
    command: Literal["hold", "release", "cancel", "move", "reprint", "priority"],
    who: Operator,
    values: JobCommand | None = None,
) -> CommandResult:
    """Its result, in a sentence; 409 where the job's state does not allow it."""
    asked = values or JobCommand()
    words = on_job(
        JobCommands(request.app.state.store, who.name),
        command,
        job_id,
        reason=asked.reason,
        printer=asked.printer,
        priority=asked.priority,
        printed=asked.printed,
    )
    return CommandResult(words=words)


@router.post(
    "/test-print", operation_id="test_print", summary="Print one test film", dependencies=CHECKED
)
def print_test_film(
    request: Request, who: Operator, film: TestFilm | None = None
) -> dict[str, Any]:
    """The number of its job."""
    from broker.operations.commands import print_film  # here: it takes 40 MB

    asked = film or TestFilm()
    if asked.film_size not in MILLIMETRES:
        raise InvalidCommand(f"{asked.film_size} is not a film size; use {', '.join(MILLIMETRES)}")
    job_id = print_film(request.app.state.store, who.name, asked.printer, asked.film_size)
    return {"id": job_id, "words": f"job {job_id} is queued: one {asked.film_size} test film"}
