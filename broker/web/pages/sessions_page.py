"""A person's own sessions: where they are signed in, and signing out there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from broker.web.auth.signin import Person, SignIn, checked, person
from broker.web.pages.sign_in_page import sign_out
from broker.web.rendering.page import READ, Pages, back

router = APIRouter(include_in_schema=False)
CHECKED = [Depends(checked)]


@router.api_route("/sessions", methods=READ, response_class=HTMLResponse)
def sessions(request: Request, who: Annotated[Person, Depends(person)]) -> HTMLResponse:
    """The list; empty where there are no users."""
    signin: SignIn = request.app.state.signin
    pages: Pages = request.app.state.pages
    context = {"sessions": signin.own(request), "current": signin.current(request)}
    return pages.page(request, "sessions.html", who, context)


@router.post("/sessions/end", dependencies=CHECKED)
def end(request: Request, session: Annotated[str, Form(max_length=64)]) -> Response:
    """End one of them; that of this browser as signing out does. 404 where it is none of them."""
    signin: SignIn = request.app.state.signin
    if session and session == signin.current(request):
        return sign_out(request)
    if not signin.end_own(request, session):
        raise HTTPException(404, "this session has ended already")
    return back("/sessions", "signed out there")


@router.post("/sessions/end-others", dependencies=CHECKED)
def end_others(request: Request) -> Response:
    """End all but this one."""
    signin: SignIn = request.app.state.signin
    signin.end_others(request)
    return back("/sessions", "signed out everywhere else")
