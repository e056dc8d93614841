"""Operator commands from a page or the API, and the forms that send them."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from broker.model.job import Priority
from broker.model.printer import Duty
from broker.operations.commands import JOB_COMMANDS, JobCommands, PrinterCommands
from broker.operations.failures import Failure
from broker.operations.opened import Store
from broker.web.auth.signin import Person, checked, operator, wants_json
from broker.web.pages import back

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
) -> str:
    """Carry it out; its result, in a sentence.

    Raises: InvalidCommand: when there is no such command.
            NoSuchJob, NoSuchPrinter: when there is none of that number or name.
            NotAllowed: when the job's state does not allow it.
    """
    match command:
        case "hold":
            return commands.hold(job_id, reason)
        case "release":
            return commands.release(job_id, printed=printed)
        case "cancel":
            return commands.cancel(job_id)
        case "move":
            return commands.move(job_id, printer)
        case "reprint":
            return commands.reprint(job_id)
        case "priority":
            return commands.priority(job_id, priority)
    raise InvalidCommand(f"{command} is not a command for a job; use {', '.join(JOB_COMMANDS)}")


def on_printer(store: Store, who: str, command: str, name: str, reason: str = "") -> str:
    """Carry it out; its result, in a sentence.

    Raises: InvalidCommand: when there is no such command.
            NoSuchPrinter: when there is none of that name.
    """
    if command == "forget":
        return PrinterCommands(store, who).forget(name)
    if command not in DUTIES:
        known = ", ".join((*DUTIES, "forget"))
        raise InvalidCommand(f"{command} is not a command for a printer; use {known}")
    return PrinterCommands(store, who).set_duty(name, DUTIES[command], reason)


router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=300)]


@router.post("/jobs/{job_id}/commands", dependencies=[Depends(checked)])
def command_job(
    request: Request,
    job_id: int,
    who: Annotated[Person, Depends(operator)],
    command: Text,
    reason: Text = "",
    printer: Text = "",
    priority: Text = "",
) -> Response:
    """Carry out one command on a job."""
    commands = JobCommands(request.app.state.store, who.name)
    printed = command == "release-printed"
    words = on_job(
        commands,
        "release" if printed else command,
        job_id,
        reason=reason,
        printer=printer,
        priority=_priority(priority) if command == "priority" else Priority.MED,
        printed=printed,
    )
    return _answer(request, words, f"/jobs/{job_id}")


@router.post("/printers/{name}/commands", dependencies=[Depends(checked)])
def command_printer(
    request: Request,
    name: str,
    who: Annotated[Person, Depends(operator)],
    command: Text,
    reason: Text = "",
) -> Response:
    """Carry out one command on a printer."""
    store: Store = request.app.state.store
    if command == "test-print":
        from broker.operations.commands import print_film  # here: it takes 40 MB

        job_id = print_film(store, who.name, name)
        words = f"job {job_id} is queued: one test film, for {name} and no other printer"
    else:
        words = on_printer(store, who.name, command, name, reason)
    return _answer(request, words, f"/printers/{name}")


def _priority(text: str) -> Priority:
    if text not in tuple(Priority):
        raise InvalidCommand(f"{text or 'nothing'} is not a priority; use {', '.join(Priority)}")
    return Priority(text)


def _answer(request: Request, words: str, page: str) -> Response:
    """To a script the words; to a form the page that it was on."""
    if wants_json(request):
        return JSONResponse({"words": words})
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return back("/", words)  # no address at all
    if came_from.path != page:
        return back("/", words)
    return back(f"{page}?{came_from.query}" if came_from.query else page, words)
