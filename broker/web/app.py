"""The page's application: routes, errors in words, and the front before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from broker.events import Note
from broker.model.jobs.reprint import UnfitChoice
from broker.model.peers.trusted_proxies import TrustedProxies
from broker.model.printable import one_line
from broker.model.printers.trouble import NoPrinters
from broker.operations.jobs.job_filters import InvalidFilter
from broker.operations.opened import Store, store_of
from broker.operations.overview import LiveOverview
from broker.operations.words.failures import explained
from broker.operations.words.page_words import on_page
from broker.store.printers import NoSuchPrinter
from broker.store.queue.commands import NotAllowed, PrintedAgainLately
from broker.store.reading.job_rows import NoSuchJob
from broker.store.stale import Stale
from broker.web.api import commands as api_commands
from broker.web.api import data as api_data
from broker.web.api import events as api_events
from broker.web.api import log as api_log
from broker.web.api import page as api_page
from broker.web.auth import signin
from broker.web.auth.signin import SessionTimes
from broker.web.commands import posted as commands
from broker.web.commands import several
from broker.web.commands.posted import InvalidCommand
from broker.web.pages import (
    day_page,
    help_page,
    job_page,
    log_page,
    overview,
    printer_page,
    refusals_page,
    sessions_page,
    sign_in_page,
)
from broker.web.pictures import NoPicture, Pictures
from broker.web.probes import Probes
from broker.web.refused_values import words_of_refused
from broker.web.rendering.event_streams import Streams
from broker.web.rendering.page import Pages, back
from broker.web.server.connection import TIME_LIMITS, TimeLimits
from broker.web.server.front import FAULT, METHODS, Front
from broker.web.server.responses import RequestRefused

THREADS = 8
"""Pages that are made at one time: more would wait for each other, and delay probes."""
PATH_SHOWN = 200
"""Characters of a path that are repeated."""
ROUTED = (
    overview,
    job_page,
    printer_page,
    several,
    day_page,
    log_page,
    refusals_page,
    commands,
    sign_in_page,
    sessions_page,
    api_page,
    api_data,
    api_commands,
    api_log,
    api_events,
    help_page,
)
"""What has pages and requests."""
STATUSES: dict[type[Exception], int] = {
    NoSuchJob: 404,
    NoSuchPrinter: 404,
    NotAllowed: 409,
    Stale: 412,
    NoPrinters: 409,
    InvalidCommand: 422,
    UnfitChoice: 422,
    InvalidFilter: 422,
    NoPicture: 404,
}
HEADINGS = {
    403: "Not allowed",
    404: "Not there",
    409: "Not now",
    412: "Not any more",
    422: "Not understood",
}


def create(
    store: Store,
    note: Note,
    patience: TimeLimits = TIME_LIMITS,
    times: SessionTimes | None = None,
) -> Front:
    """The application over an open store. Probes open it once more, for themselves."""
    live = LiveOverview(store, note)
    probes = Probes()
    sessions = signin.SignIn(store, note, times or SessionTimes())

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        current_default_thread_limiter().total_tokens = THREADS
        with store_of(store.config) as own:
            probes.begin(own)
            await live.start()
            sessions.start()
            yield
            await live.stop()
            await run_in_threadpool(sessions.stop)

    app = FastAPI(
        title="DICOM print broker",
        summary="Printers and jobs, and the commands on them.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # the API's page serves it, made once
        redirect_slashes=False,  # the redirect would follow the Host header
        lifespan=life,
    )
    app.state.store = store
    app.state.overview = live
    app.state.streams = Streams(live)
    app.state.pictures = Pictures(store)
    app.state.pages = Pages(store.config.broker.ae_title)
    app.state.note = note
    app.state.signin = sessions
    for each in ROUTED:
        app.include_router(each.router)
    app.mount("/static", _asked_again(StaticFiles(directory=Path(__file__).with_name("static"))))
    for error in (*STATUSES, Exception):
        app.add_exception_handler(error, _troubled)
    app.add_exception_handler(RequestRefused, _not_now)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(signin.SignedOut, _signed_out)
    app.add_exception_handler(RequestValidationError, _invalid)
    return Front(
        app,
        sessions,
        probes.answers,
        note,
        patience_s=patience.body_s,
        methods=methods_of,
        proxies=TrustedProxies.of(store.config.web.trusted_proxy),
    )


def methods_of(path: str) -> Sequence[str]:
    """The methods that are answered at a path; all, where nothing is there. Where one address may
    be two things, it is the one that is written out: /api/printers/commands is no printer."""
    found: dict[int, set[str]] = {}
    for each in ROUTED:
        for route in each.router.routes:
            if isinstance(route, Route | APIRoute) and route.path_regex.match(path):
                found.setdefault(route.path.count("{"), set()).update(route.methods or ())
    its = found[min(found)] if found else set(METHODS)
    return [each for each in METHODS if each in its]


def _asked_again(files: ASGIApp) -> ASGIApp:
    """A browser asks each time whether a file has changed: after an update of the broker, scripts
    of two versions would not fit each other."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Cache-Control"] = "no-cache"
            await send(message)

        await files(scope, receive, tell)

    return answer


def _troubled(request: Request, error: Exception) -> Response:
    """What cannot be done, in the words of the command line. `Front` notes unexpected errors."""
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
    found = explained(error)
    words = FAULT if found is None else " ".join(found[1])
    more: dict[str, object] = {}
    if isinstance(error, Stale):
        more["version"] = error.version
    elif isinstance(error, PrintedAgainLately):
        more["asks"] = error.asks
    return _tell(request, status, words, more=more)


def _not_now(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestRefused)
    return _tell(request, error.status, error.words, error.headers)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _tell(request, error.status_code, _own_words(request, error), error.headers)


def _own_words(request: Request, error: HTTPException) -> str:
    """What a library says of a request has no words of its own here."""
    words, path = str(error.detail), one_line(request.url.path)[:PATH_SHOWN]
    if words == "Not Found":
        return f"there is no page {path}"
    if words == "Method Not Allowed":
        allowed = (error.headers or {}).get("Allow", "another method")
        return f"{request.method} is not answered at {path}; use {allowed}"
    if error.status_code == 400 and "pars" in words:
        return "the body cannot be read: it is not what its Content-Type says"
    return words


def _signed_out(request: Request, error: Exception) -> Response:
    del error
    return signin.signed_out(request)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _tell(request, 422, words_of_refused(request, error))


def _tell(
    request: Request,
    status: int,
    words: str,
    headers: object = None,
    *,
    more: Mapping[str, object] | None = None,
) -> Response:
    """`more`: what a program is told beside the words."""
    extra = dict(headers) if isinstance(headers, dict) else None
    if not request.url.path.startswith("/api/"):
        words = on_page(words)
    if signin.wants_json(request):
        return JSONResponse({"error": words, **(more or {})}, status_code=status, headers=extra)
    if request.method == "POST" and status in (404, 409, 412, 422):
        return back("/", words, wrong=True)
    pages: Pages = request.app.state.pages
    context = {"heading": HEADINGS.get(status, "Something went wrong"), "words": words}
    answer = pages.page(request, "trouble.html", signin.visitor(), context, status)
    answer.headers.update(extra or {})
    return answer
