"""The page's data and commands as JSON, for a hospital's own tools; messages are the commands'."""

from __future__ import annotations

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import PlainTextResponse, Response

from broker.model.jobs.job import State
from broker.model.peers.hosts import hosts_of
from broker.operations import documents
from broker.operations.condition.readiness import read_vitals
from broker.operations.condition.refusals import document_of, refused_kinds
from broker.operations.condition.whole import standing_printer, standing_printers
from broker.operations.jobs.job_status import explanation, films_of, job_status, job_statuses
from broker.operations.opened import Store
from broker.operations.overview import LiveOverview
from broker.web.api.description import NEXT, answers
from broker.web.api.documents import (
    BrokerDocument,
    ExplanationDocument,
    JobDocument,
    ListedJobDocument,
    ListedPrinterDocument,
    PrinterDocument,
)
from broker.web.api.report_documents import DayDocument, RefusedKindDocument
from broker.web.auth.signin import csrf_token, operator, person
from broker.web.names_in_requests import FilmNumber, JobNumber, PrinterName
from broker.web.pages import day_page
from broker.web.pages.job_page import THUMBNAIL_PX, picture
from broker.web.pages.job_query import CSV, JobQuery, csv_answer, job_query, prefers

MOST = 1000
"""Jobs of one answer."""

router = APIRouter(prefix="/api")
VIEWER = [Depends(person)]


@router.get(
    "/broker",
    operation_id="get_broker",
    summary="The broker: whether it runs, and what an operator must know",
    dependencies=VIEWER,
    responses=answers(BrokerDocument),
)
def broker(request: Request) -> dict[str, Any]:
    """AE title, address, the state of the whole in a sentence (printing, slower, nothing prints,
    films refused, not running) and what to do, alarms, jobs by state, the oldest that waits."""
    store: Store = request.app.state.store
    live: LiveOverview = request.app.state.overview
    _, seen = live.current()
    vitals = read_vitals(store.config.data_dir)
    oldest, whole = seen.oldest, seen.situation
    return {
        "ae_title": store.config.broker.ae_title,
        "host": ", ".join(hosts_of(store.config.broker.host)),
        "port": store.config.broker.port,
        "running": seen.running,
        "condition": str(whole.overall.condition),
        "sentence": whole.sentence(seen.at),
        "remedy": whole.commands,
        "nothing_prints_since": documents.iso(whole.overall.since),
        "printers_taking_films": whole.overall.taking,
        "printers": whole.overall.printers,
        "alarms": list(seen.alarms),
        "associations": vitals.associations if vitals else None,
        "films_in": vitals.films if vitals else None,
        "jobs": {
            str(each): seen.number(each) for each in (State.QUEUED, State.PRINTING, State.HELD)
        },
        "oldest_waiting_at": documents.iso(oldest.created_at if oldest else None),
    }


@router.get(
    "/day",
    operation_id="get_day",
    summary="Films of the last 24 hours, by modality and printer",
    dependencies=VIEWER,
    responses=answers(DayDocument),
)
def day(request: Request) -> dict[str, Any]:
    """By hour, the oldest first; seconds from success to a printer's acceptance."""
    return day_page.document(day_page.day_view(request.app.state.store, time.time()))


@router.get(
    "/printers",
    operation_id="list_printers",
    summary="All printers, as `broker printers --json`",
    dependencies=VIEWER,
    responses=answers(list[ListedPrinterDocument]),
)
def printers(request: Request) -> list[dict[str, Any]]:
    """In the order of the configuration."""
    store: Store = request.app.state.store
    return [documents.of_printer(each) for each in standing_printers(store)]


@router.get(
    "/printers/{name}",
    operation_id="get_printer",
    summary="One printer, with its commands",
    dependencies=VIEWER,
    responses=answers(PrinterDocument),
)
def printer(request: Request, name: PrinterName) -> dict[str, Any]:
    """404 when there is none of that name."""
    store: Store = request.app.state.store
    commands = [documents.of_command(each) for each in store.command_log.of_printer(name)]
    return documents.of_printer(standing_printer(store, name)) | {"orders": commands}


@router.get(
    "/jobs",
    operation_id="list_jobs",
    summary="Jobs, the newest first, as `broker jobs --json`; also as CSV",
    dependencies=VIEWER,
    response_model=list[dict[str, Any]],
    responses=answers(list[ListedJobDocument], headers=NEXT, others=(CSV,)),
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
    found = store.search.page(asked.wanted(store.nicknames), limit, cursor)
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
    "/jobs/{job_id}",
    operation_id="get_job",
    summary="One job with films, attempts and commands",
    dependencies=VIEWER,
    responses=answers(JobDocument),
)
def job(request: Request, job_id: JobNumber) -> dict[str, Any]:
    """Nothing of a patient is in it. 404 when there is none of that number."""
    store: Store = request.app.state.store
    found = job_status(store, store.jobs.get(job_id))
    films, attempts = films_of(store, job_id), store.jobs.attempts(job_id)
    commands = [documents.of_command(each) for each in store.command_log.of_job(job_id)]
    return documents.of_job_whole(found, films, attempts) | {"orders": commands}


@router.get(
    "/jobs/{job_id}/explain",
    operation_id="explain_job",
    summary="Why a job is where it is, and what comes next",
    dependencies=VIEWER,
    responses=answers(ExplanationDocument),
)
def explain(request: Request, job_id: JobNumber) -> dict[str, Any]:
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
    operation_id="get_film",
    summary="A film as it will lie on the sheet",
    dependencies=[Depends(operator)],
    response_class=Response,
    responses={200: {"content": {"image/png": {}}}},
)
async def film(
    request: Request,
    job_id: JobNumber,
    number: FilmNumber,
    width: Annotated[int, Query(ge=16, le=3400, description="in pixels")] = THUMBNAIL_PX,
) -> Response:
    """For operators: a patient's name may stand in it."""
    return await picture(request, job_id, number, width)


@router.get(
    "/token",
    operation_id="get_token",
    summary="What a POST brings as X-CSRF-Token, with the cookie of this answer",
    dependencies=VIEWER,
    response_class=PlainTextResponse,
)
def token(request: Request) -> PlainTextResponse:
    """For programs on this machine while there are no users: they have no name and password."""
    return PlainTextResponse(csrf_token(request), headers={"Cache-Control": "no-store"})


@router.get(
    "/refusals",
    operation_id="list_refusals",
    summary="What was refused, by kind and caller, as `broker refusals --json`",
    dependencies=VIEWER,
    responses=answers(list[RefusedKindDocument]),
)
def refusals(request: Request) -> list[dict[str, Any]]:
    """Those kinds first by which a modality is refused that printed before, then the latest."""
    return [document_of(each) for each in refused_kinds(request.app.state.store)]
