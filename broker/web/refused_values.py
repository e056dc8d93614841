"""What a request is told whose values were refused: each value, what is wrong, what there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from broker.model.printable import one_line
from broker.operations.words.mistakes import SHOWN, words_of

MOST = 8
"""Mistakes that are told at one time."""


def words_of_refused(request: Request, error: RequestValidationError) -> str:
    """All mistakes of one request, in one line."""
    mistakes = list(error.errors())
    said = list(dict.fromkeys(_told(request, each) for each in mistakes[:MOST]))
    if len(mistakes) > MOST:
        said.append(f"and {len(mistakes) - MOST} more")
    return "; ".join(said)


def _told(request: Request, mistake: Mapping[str, Any]) -> str:
    place: Sequence[int | str] = mistake["loc"]
    where, names = str(place[0]), place[1:]
    if mistake["type"] == "json_invalid" or not names:
        form = "form" in request.headers.get("content-type", "")
        if mistake["type"] == "missing":
            return f"the body is missing; send {'a form' if form else 'a JSON object'}"
        joint = "" if mistake["type"] == "json_invalid" else ":"
        return f"the body{joint} {words_of(mistake)}"
    if where != "body":
        names = names[:1]  # a value that may be repeated has no number in an address
    known = _known(request, names[:-1]) if where == "body" else ()
    return f"{_name(names)}: {words_of(mistake, known)}"


def _name(names: Sequence[int | str]) -> str:
    """As `jobs[2].seen`, counted from 0 as in the JSON."""
    text = ""
    for each in names:
        text += f"[{each}]" if isinstance(each, int) else f".{one_line(each)[:SHOWN]}"
    return text.removeprefix(".")


def _known(request: Request, place: Sequence[int | str]) -> Sequence[str]:
    """The names that an object of the body may have."""
    body = getattr(request.scope.get("route"), "body_field", None)
    model = next(_models(body.field_info.annotation), None) if body is not None else None
    for each in place:
        if isinstance(each, str) and model is not None and each in model.model_fields:
            model = next(_models(model.model_fields[each].annotation), None)
    return tuple(model.model_fields) if model is not None else ()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, as `list[Model] | None` does."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for each in get_args(annotation):
        yield from _models(each)
