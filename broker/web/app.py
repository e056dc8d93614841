"""The page's application: routes, errors in words, and what must hold for every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from broker.desk.failures import explained
from broker.desk.opened import Store
from broker.desk.readiness import Readiness
from broker.desk.readiness import look as look_at
from broker.desk.sampled_readiness import SampledReadiness
from broker.model.note import Note
from broker.store.job_rows import NoSuchJob
from broker.store.printer_rows import NoSuchPrinter
from broker.store.verbs import NotAllowed
from broker.web import api, api_page, job_page, metrics, order_forms, overview, sign_in_page, signin
from broker.web.look import Look
from broker.web.ordering import Wrong
from broker.web.pages import Pages, back, wants_json
from broker.web.pictures import NoPicture, Pictures

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""Nothing from elsewhere is loaded, and nobody frames the page."""
STATUSES: dict[type[Exception], int] = {
    NoSuchJob: 404,
    NoSuchPrinter: 404,
    NotAllowed: 409,
    Wrong: 422,
    NoPicture: 404,
}


def create(store: Store, note: Note) -> FastAPI:
    """The application over an open store."""
    look = Look(store)
    pictures = Pictures(store)
    readiness = SampledReadiness(partial(readiness_of, store))

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await look.start()
        readiness.start()
        yield
        readiness.stop()
        await look.stop()

    app = FastAPI(
        title="DICOM print broker",
        summary="The print room's data and verbs.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=life,
    )
    app.state.store = store
    app.state.look = look
    app.state.readiness = readiness
    app.state.pictures = pictures
    app.state.scales = metrics.Scales(store.config.data_dir / "spool")
    app.state.pages = Pages(store.config.broker.ae_title)
    app.state.note = note
    signin.install(app, store, note)
    for each in (overview, job_page, order_forms, sign_in_page, api_page, metrics, api):
        app.include_router(each.router)
    app.mount("/static", StaticFiles(directory=Path(__file__).with_name("static")))
    for error in (*STATUSES, Exception):
        app.add_exception_handler(error, _troubled)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(signin.SignedOut, _signed_out)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.middleware("http")(_guard)
    return app


def readiness_of(store: Store, committing: bool) -> Readiness:
    """A look at what films need; in the page's process, beside its answers."""
    return look_at(store, committing=committing)


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    response = await call_next(request)
    sign_in_page.cookies(request, response)
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    return response


def _troubled(request: Request, error: Exception) -> Response:
    """What cannot be done, in the words that a command would say."""
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), 500)
    found = explained(error)
    if found is None:
        request.app.state.note("page failed", {"path": request.url.path, "why": repr(error)})
        words = "the page has a fault here; the broker's log has it. Films are not concerned"
    else:
        words = " ".join(found[1])
    return _tell(request, status, words)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = str(error.detail)
    if error.status_code == 404 and words == "Not Found":
        words = f"there is no page {request.url.path}"
    return _tell(request, error.status_code, words, error.headers)


def _signed_out(request: Request, error: Exception) -> Response:
    del error
    if wants_json(request):
        return _tell(request, 401, "sign in first: with a user's name and password (HTTP Basic)")
    return RedirectResponse(signin.sign_in_address(request), status_code=303)


def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = [f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors()]
    return _tell(request, 422, "; ".join(said))


def _tell(request: Request, status: int, words: str, headers: object = None) -> Response:
    extra = dict(headers) if isinstance(headers, dict) else None
    if wants_json(request):
        return JSONResponse({"error": words}, status_code=status, headers=extra)
    if request.method == "POST" and status in (404, 409, 422):
        return back("/", words)
    pages: Pages = request.app.state.pages
    headings = {404: "Not there", 403: "Not allowed", 409: "Not now", 422: "Not understood"}
    context = {"heading": headings.get(status, "Something went wrong"), "words": words}
    return pages.page(request, "trouble.html", signin.nobody(), context, status)
