"""Operator commands from a page or the API, and the forms that send them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from broker.model.jobs.job import Priority
from broker.model.jobs.reprint import ReprintChoice, film_numbers
from broker.model.printers.printer import Duty
from broker.operations.commands import questions
from broker.operations.commands.recorded import (
    JOB_COMMANDS,
    JobCommands,
    PrinterCommands,
    print_film,
    queued_text,
)
from broker.operations.jobs.job_status import job_status
from broker.operations.opened import Store
from broker.operations.words.failures import Failure
from broker.operations.words.page_words import on_page
from broker.store.queue.commands import AS_IT_WAS, PrintedAgainLately
from broker.web.auth.signin import Person, checked, operator, wants_json
from broker.web.rendering.page import Pages, back

DUTIES = {"drain": Duty.DRAIN, "maint": Duty.MAINT, "halt": Duty.MAINT, "ready": Duty.READY}
"""Commands on a printer, and the duty that each sets."""


class InvalidCommand(Failure):
    """There is no such command, or value of it. `words` names what there is."""


def on_job(
    commands: JobCommands,
    command: str,
    job_id: int,
    *,
    reason: str = "",
    printer: str = "",
    priority: Priority = Priority.MED,
    printed: bool = False,
    choice: ReprintChoice = AS_IT_WAS,
    again: bool = False,
    seen: str = "",
) -> str:
    """Carry it out; its result, in a sentence. `seen` is the version that the person saw.

    Raises: InvalidCommand: when there is no such command.
            NoSuchJob, NoSuchPrinter: when there is none of that number or name.
            UnfitChoice: when a job cannot be printed again as chosen.
            NotAllowed: when the job's state does not allow it.
            Stale: when its version is another one now.
    """
    match command:
        case "hold":
            return commands.hold(job_id, reason, seen=seen)
        case "release":
            return commands.release(job_id, printed=printed, seen=seen)
        case "cancel":
            return commands.cancel(job_id, seen=seen)
        case "move":
            return commands.move(job_id, printer, seen=seen)
        case "reprint":
            return commands.reprint(job_id, choice, again=again, seen=seen)
        case "priority":
            return commands.priority(job_id, priority, seen=seen)
        case "emergency":
            return commands.priority(job_id, Priority.HIGH, first=True, seen=seen)
    raise InvalidCommand(f"{command} is not a command for a job; use {', '.join(JOB_COMMANDS)}")


def on_printer(
    store: Store, who: str, command: str, name: str, *, reason: str = "", seen: str = ""
) -> str:
    """Carry it out; its result, in a sentence. `seen` is the version that the person saw.

    Raises: InvalidCommand: when there is no such command.
            NoSuchPrinter: when there is none of that name.
            Stale: when its version is another one now.
    """
    if command == "forget":
        return PrinterCommands(store, who).forget(name, seen=seen)
    if command not in DUTIES:
        known = ", ".join((*DUTIES, "forget"))
        raise InvalidCommand(f"{command} is not a command for a printer; use {known}")
    return PrinterCommands(store, who).set_duty(name, DUTIES[command], reason, seen=seen)


router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=300)]
UNSEEN = "this form does not say what was seen: open the page again, and give the command there"


@dataclass(frozen=True)
class Confirmed:
    """What a form says beside its command."""

    seen: str
    """The version of the job or printer that the person saw."""
    confirmed: bool
    """Whether the person has answered the question."""
    again: bool
    """Whether the person wants it once more, moments after the last time."""


def confirmed_form(seen: Text, confirmed: Text = "", again: Text = "") -> Confirmed:
    """Of any command's form. Raises: InvalidCommand: when it does not say what was seen."""
    if not seen:
        raise InvalidCommand(UNSEEN)
    return Confirmed(seen, bool(confirmed or again), bool(again))


Asked = Annotated[Confirmed, Depends(confirmed_form)]


@router.post("/jobs/{job_id}/commands", dependencies=[Depends(checked)])
def command_job(
    request: Request,
    job_id: int,
    who: Annotated[Person, Depends(operator)],
    asked: Asked,
    command: Text,
    reason: Text = "",
    printer: Text = "",
    priority: Text = "",
) -> Response:
    """Carry out one command on a job, once the person has confirmed it where it needs that."""
    store: Store = request.app.state.store
    page = f"/jobs/{job_id}"
    sent = {"command": command, "reason": reason, "printer": printer, "priority": priority}
    if not asked.confirmed:
        question = questions.of_job(job_status(store, store.jobs.get(job_id)), command, printer)
        if question:
            return ask(request, who, f"{page}/commands", question, sent | {"seen": asked.seen})
    printed = command == "release-printed"
    try:
        words = on_job(
            JobCommands(store, who.name),
            "release" if printed else command,
            job_id,
            reason=reason,
            printer=printer,
            priority=priority_of(priority) if command == "priority" else Priority.MED,
            printed=printed,
            again=asked.again,
            seen=asked.seen,
        )
    except PrintedAgainLately as lately:
        once_more = sent | {"seen": asked.seen, "again": "1"}
        return ask(request, who, f"{page}/commands", lately.asks, once_more)
    return _answer(request, words, page)


@router.post("/jobs/{job_id}/reprint", dependencies=[Depends(checked)])
def reprint_job(
    request: Request,
    job_id: int,
    who: Annotated[Person, Depends(operator)],
    asked: Asked,
    printer: Text = "",
    elsewhere: Text = "",
    copies: Text = "",
    film_size: Text = "",
    medium: Text = "",
    films: Text = "",
) -> Response:
    """Print a job again as the person chose, once that is confirmed."""
    store: Store = request.app.state.store
    page = f"/jobs/{job_id}"
    if copies and not (copies.isascii() and copies.isdigit() and len(copies) < 6):
        raise InvalidCommand(f"{copies} is not a number of copies")
    choice = ReprintChoice(
        printer,
        bool(elsewhere),
        int(copies) if copies else None,
        film_size,
        medium,
        film_numbers(films),
    )
    sent = {
        "printer": printer,
        "elsewhere": elsewhere,
        "copies": copies,
        "film_size": film_size,
        "medium": medium,
        "films": films,
        "seen": asked.seen,
    }
    if not asked.confirmed:
        found = job_status(store, store.jobs.get(job_id))
        question = questions.of_job(found, "reprint", choice=choice)
        return ask(request, who, f"{page}/reprint", question, sent)
    try:
        commands = JobCommands(store, who.name)
        words = commands.reprint(job_id, choice, again=asked.again, seen=asked.seen)
    except PrintedAgainLately as lately:
        return ask(request, who, f"{page}/reprint", lately.asks, sent | {"again": "1"})
    return _answer(request, words, page)


@router.post("/printers/{name}/commands", dependencies=[Depends(checked)])
def command_printer(
    request: Request,
    name: str,
    who: Annotated[Person, Depends(operator)],
    asked: Asked,
    command: Text,
    reason: Text = "",
) -> Response:
    """Carry out one command on a printer, once the person has confirmed it where it needs that."""
    store: Store = request.app.state.store
    page = f"/printers/{quote(name)}"
    if not asked.confirmed and (
        question := questions.of_printer(store.printers.get(name), command)
    ):
        sent = {"command": command, "reason": reason, "seen": asked.seen}
        return ask(request, who, f"{page}/commands", question, sent)
    if command == "test-print":
        words = queued_text(store, print_film(store, who.name, name), name)
    else:
        words = on_printer(store, who.name, command, name, reason=reason, seen=asked.seen)
    return _answer(request, words, page)


def ask(
    request: Request,
    who: Person,
    action: str,
    question: str,
    fields: Mapping[str, str],
    ticked: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Response:
    """To a script the question; to a form a page that asks it, and sends the same once more:
    `fields`, and of `ticked` each value by its name."""
    if wants_json(request):
        error = "this command is to be confirmed"
        return JSONResponse({"error": error, "asks": question}, status_code=409)
    pages: Pages = request.app.state.pages
    context = {"question": question, "action": action, "fields": fields, "ticked": ticked}
    return pages.page(request, "confirm.html", who, context)


def priority_of(text: str) -> Priority:
    """The priority of that name. Raises: InvalidCommand: there is none."""
    if text not in tuple(Priority):
        raise InvalidCommand(f"{text or 'nothing'} is not a priority; use {', '.join(Priority)}")
    return Priority(text)


def _answer(request: Request, words: str, page: str) -> Response:
    """To a script the words; to a form the page that it was on."""
    words = on_page(words)
    if wants_json(request):
        return JSONResponse({"words": words})
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return back("/", words)  # no address at all
    if came_from.path != page:
        return back("/", words)
    return back(f"{page}?{came_from.query}" if came_from.query else page, words)
