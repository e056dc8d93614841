"""The page to sign in on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from broker.web.auth.signin import COOKIE, SignIn, checked, visitor
from broker.web.rendering.page import READ, Pages
from broker.web.server.responses import RequestRefused

LONGEST = 2000
"""Characters of an address to come back to."""
WRONG = (
    "Name or password is wrong. Try again; if it is forgotten, an administrator of the broker sets "
    "a new password."
)

router = APIRouter(include_in_schema=False)


@router.api_route("/sign-in", methods=READ)
def sign_in_page(request: Request, next: str = "/") -> Response:
    """The form; without users there is no signing in."""
    if not request.state.needed:
        return RedirectResponse("/", status_code=303)
    return _form(request, _local(next))


@router.post("/sign-in")
async def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=400)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session, and go where the person wanted."""
    signin: SignIn = request.app.state.signin
    wanted = _local(next)
    try:
        token = await signin.begin(request, name, password)
    except RequestRefused as refused:
        answer = await run_in_threadpool(
            _form, request, wanted, name, f"{refused.words}.", refused.status
        )
        answer.headers.update(refused.headers)
        return answer
    if not token:
        return await run_in_threadpool(_form, request, wanted, name, WRONG, 401)
    request.state.renewed = token
    return RedirectResponse(wanted, status_code=303)


@router.post("/sign-out", dependencies=[Depends(checked)])
def sign_out(request: Request) -> Response:
    """End the session: its cookie opens nothing any more, here or elsewhere."""
    request.app.state.signin.end(request)
    request.state.renewed = ""  # it was due: its new cookie must not come after all
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE, path="/")
    return response


def _local(wanted: str) -> str:
    """A page of this broker, whatever was asked for."""
    proper = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted
    return wanted if proper and wanted.isprintable() and len(wanted) <= LONGEST else "/"


def _form(
    request: Request, wanted: str, name: str = "", words: str = "", status: int = 200
) -> Response:
    """The name stays in its field; the password does not."""
    pages: Pages = request.app.state.pages
    context = {"next": wanted, "name": name, "words": words}
    return pages.page(request, "sign_in.html", visitor(), context, status)
