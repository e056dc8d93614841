"""The page's data and commands as JSON, for a hospital's own tools; messages are the commands'."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from broker.model.hosts import hosts_of
from broker.model.job import State
from broker.operations import documents
from broker.operations.job_status import explanation, job_status, job_statuses
from broker.operations.opened import Store
from broker.operations.overview import LiveOverview
from broker.operations.readiness import read_vitals
from broker.operations.refusals import document_of, refused_kinds
from broker.web import day_page
from broker.web.auth.signin import operator, person
from broker.web.commands import InvalidCommand
from broker.web.job_page import THUMBNAIL_PX, picture

MOST = 1000
"""Jobs of one answer."""

router = APIRouter(prefix="/api")
VIEWER = [Depends(person)]


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


@router.get(
    "/day", summary="Films of the last 24 hours, by modality and printer", dependencies=VIEWER
)
def day(request: Request) -> dict[str, Any]:
    """By hour, the oldest first; seconds from success to a printer's acceptance."""
    return day_page.document(day_page.day_view(request.app.state.store, time.time()))


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


@router.get("/jobs", summary="Jobs, the newest first, as `broker jobs --json`", dependencies=VIEWER)
def jobs(
    request: Request,
    state: Annotated[list[State] | None, Query(description="only these; may be repeated")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> list[dict[str, Any]]:
    """All states, unless some are named."""
    store: Store = request.app.state.store
    found = store.jobs.list(set(state) if state else None, limit, newest_first=True)
    return [documents.of_job(each) for each in job_statuses(store, found)]


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


@router.get(
    "/refusals",
    summary="What was refused, by kind and caller, as `broker refusals --json`",
    dependencies=VIEWER,
)
def refusals(request: Request) -> list[dict[str, Any]]:
    """Those kinds first by which a modality is refused that printed before, then the latest."""
    return [document_of(each) for each in refused_kinds(request.app.state.store)]
