"""Pages out of templates."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from broker.model.printable import printable_lines
from broker.operations.words.page_words import on_page
from broker.operations.words.text import age
from broker.web.auth.signin import Person, csrf_token
from broker.web.rendering.times import clock_mark, marked, moment_mark

READ = ["GET", "HEAD"]
"""Methods of a page: a reader may ask for its head alone (RFC 9110 9.1)."""
SAID = "said"
"""The cookie that carries the result of a command to the next page."""
SAID_S = 30
NOT_DONE = "!"
"""Before the words in that cookie where the command was refused."""


class Pages:
    """Renders templates. Text is escaped; a name that a template lacks is an error."""

    def __init__(self, ae_title: str) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent.with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_shown,
        )
        self._templates.globals["ae_title"] = ae_title
        self._templates.filters["age"] = lambda at: age(time.time() - at)
        self._templates.filters["moment"] = moment_mark
        self._templates.filters["clock"] = clock_mark
        self._templates.filters["times"] = marked
        self._templates.filters["commands"] = commands
        self._templates.filters["iso"] = lambda at: datetime.fromtimestamp(at, UTC).isoformat(
            timespec="seconds"
        )

    def part(self, template: str, context: Mapping[str, object]) -> str:
        """One template, as text."""
        return self._templates.get_template(template).render(context)

    def page(
        self,
        request: Request,
        template: str,
        person: Person,
        context: Mapping[str, object],
        status: int = 200,
    ) -> HTMLResponse:
        """A whole page for that person, with the result of the command before it."""
        said = unquote(request.cookies.get(SAID, ""))
        frame = {
            "person": person,
            "csrf": csrf_token(request),
            "said": said.removeprefix(NOT_DONE),
            "said_wrong": said.startswith(NOT_DONE),
        }
        response = HTMLResponse(self.part(template, {**frame, **context}), status_code=status)
        response.headers["Cache-Control"] = "no-store"
        if said:
            response.delete_cookie(SAID, path="/")
        return response


def back(to: str, words: str, *, wrong: bool = False) -> Response:
    """Go on to that page, which says these words; `wrong`: that the command was not carried out."""
    response = RedirectResponse(to, status_code=303)
    said = (NOT_DONE if wrong else "") + words[:1500]
    response.set_cookie(SAID, quote(said), max_age=SAID_S, httponly=True, samesite="strict")
    return response


def _shown(value: object) -> object:
    """What a template shows of a value: text that peers chose has no control characters there."""
    if isinstance(value, Markup):
        return Markup(printable_lines(value))
    return printable_lines(value) if isinstance(value, str) else value


def commands(words: str) -> Markup:
    """The words as the page says them: its own places instead of commands, and times marked."""
    return marked(on_page(words))
