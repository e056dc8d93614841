"""The page to sign in on."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from broker.desk.doors import same_origin
from broker.web.pages import Pages
from broker.web.signin import COOKIE, IDLE_S, VISITOR, SignIn, checked, nobody

LONGEST = 2000
"""Characters of an address to come back to."""

router = APIRouter(include_in_schema=False)


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:
    """The form; without users there is nobody to be."""
    signin: SignIn = request.app.state.signin
    if not signin.needed:
        return RedirectResponse("/", status_code=303)
    return _form(request, _local(next), "")


@router.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=400)] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session, and go where the person wanted."""
    origin = request.headers.get("origin", "")
    if origin and not same_origin(origin, request.url.scheme, request.headers.get("host", "")):
        raise HTTPException(403, "this was sent from another page; sign in on the broker's own")
    signin: SignIn = request.app.state.signin
    address = request.client.host if request.client else ""
    try:
        token = signin.begin(name, password, address)
    except HTTPException as error:
        return _form(request, _local(next), f"{error.detail}.", error.status_code)
    if not token:
        words = "Name or password is wrong. `broker user list` names the users."
        return _form(request, _local(next), words, 401)
    response = RedirectResponse(_local(next), status_code=303)
    keep(response, COOKIE, token, request)
    return response


@router.post("/sign-out", dependencies=[Depends(checked)])
def sign_out(request: Request) -> Response:
    """End the session in this browser."""
    request.state.renewed = ""  # it was due: its new cookie must not come after all
    response = RedirectResponse("/sign-in", status_code=303)
    response.delete_cookie(COOKIE, path="/")
    return response


def keep(response: Response, name: str, value: str, request: Request) -> None:
    """Have the browser send it back to this page, and show it to nobody."""
    response.set_cookie(
        name,
        value,
        max_age=IDLE_S if name == COOKIE else None,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )


def cookies(request: Request, response: Response) -> None:
    """What came up while the request was answered: a session that goes on, a new visitor."""
    for name, attribute in ((COOKIE, "renewed"), (VISITOR, "visitor")):
        if value := getattr(request.state, attribute, ""):
            keep(response, name, value, request)


def _local(wanted: str) -> str:
    """A page of this broker, whatever was asked for."""
    proper = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\\" not in wanted
    return wanted if proper and wanted.isprintable() and len(wanted) <= LONGEST else "/"


def _form(request: Request, wanted: str, words: str, status: int = 200) -> Response:
    pages: Pages = request.app.state.pages
    context = {"next": wanted, "words": words}
    return pages.page(request, "sign_in.html", nobody(), context, status)
