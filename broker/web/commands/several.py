"""Commands from a page on several jobs or printers: those that are ticked, or all that match;
and what became of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import JSONResponse, Response

from broker.model.jobs.job import Priority
from broker.operations.commands import questions
from broker.operations.commands.recorded import JobCommands
from broker.operations.commands.several import Carried, Name, Target, carry_out
from broker.operations.condition.whole import before_duty
from broker.operations.jobs.job_status import job_statuses
from broker.operations.opened import Store
from broker.operations.words.page_words import on_page
from broker.operations.words.text import count
from broker.web.auth.signin import Person, checked, operator, wants_json
from broker.web.commands.posted import (
    DUTIES,
    InvalidCommand,
    Text,
    ask,
    on_job,
    on_printer,
    priority_of,
)
from broker.web.pages.job_view import View, asked_view, for_csv
from broker.web.rendering.page import Pages

MOST = 900
"""Jobs of one command: a form has at most 1,000 fields."""
router = APIRouter(include_in_schema=False)
Ticked = Annotated[list[str], Form(default_factory=list, max_length=MOST)]


def targets_of(ticked: Sequence[str]) -> list[Target[str]]:
    """What check boxes say: a number or a name, a colon, and the version that was seen.

    Raises: InvalidCommand: nothing is ticked, or it is not of that form.
    """
    if not ticked:
        raise InvalidCommand("nothing is ticked: tick the rows that the command is for")
    found = []
    for each in ticked:
        name, colon, seen = each.partition(":")
        if not (name and colon and seen):
            raise InvalidCommand("this form does not say what was seen: open the page again")
        found.append(Target(name, seen))
    return found


@router.post("/jobs/commands", dependencies=[Depends(checked)])
def command_jobs(
    request: Request,
    who: Annotated[Person, Depends(operator)],
    command: Text,
    job: Ticked,
    view: Annotated[View, Depends(asked_view)],
    reason: Text = "",
    printer: Text = "",
    priority: Text = "",
    matching: Text = "",
    confirmed: Text = "",
) -> Response:
    """Carry out one command on several jobs, once the person has confirmed it: on those that are
    ticked, or with `matching` on all of the view that the address names, as they are now."""
    store: Store = request.app.state.store
    if matching and not confirmed:
        _, seen = request.app.state.overview.current()
        job = [f"{each.job.id}:{each.version}" for each in for_csv(store, seen, view)[:MOST]]
    targets = [Target(_number(each.name), each.seen) for each in targets_of(job)]
    wanted = priority_of(priority) if command == "priority" else Priority.MED
    if command not in questions.VERBS:
        raise InvalidCommand(f"{command} is not a command for jobs")
    if not confirmed:
        # One that there is not is told when the command is given.
        found = store.search.jobs([each.name for each in targets])
        question = questions.of_jobs(job_statuses(store, found), command, printer)
        sent = {"command": command, "reason": reason, "printer": printer, "priority": priority}
        return ask(request, who, "/jobs/commands", question, sent, {"job": job})
    commands = JobCommands(store, who.name).together()

    def give(job_id: int, seen: str) -> str:
        return on_job(
            commands,
            command,
            job_id,
            reason=reason,
            printer=printer,
            priority=wanted,
            seen=seen,
        )

    carried = carry_out(targets, give, last_first=command == "emergency")
    return _tell(request, who, command, "job", carried)


@router.post("/printers/commands", dependencies=[Depends(checked)])
def command_printers(
    request: Request,
    who: Annotated[Person, Depends(operator)],
    command: Text,
    printer: Ticked,
    reason: Text = "",
    confirmed: Text = "",
) -> Response:
    """Carry out one command on several printers, once the person has confirmed it."""
    store: Store = request.app.state.store
    targets = targets_of(printer)
    if command not in DUTIES:
        raise InvalidCommand(f"{command} is not a command for printers; use {', '.join(DUTIES)}")
    if not confirmed:
        names = [each.name for each in targets]
        question = questions.of_printers(names, command)
        if last := before_duty(store, names, DUTIES[command]):
            question = f"{last} {question}"
        sent = {"command": command, "reason": reason}
        return ask(request, who, "/printers/commands", question, sent, {"printer": printer})

    def give(name: str, seen: str) -> str:
        return on_printer(store, who.name, command, name, reason=reason, seen=seen)

    return _tell(request, who, command, "printer", carry_out(targets, give))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise InvalidCommand(f"{text} is not a job's number")
    return int(text)


@dataclass(frozen=True)
class _Result:
    name: str
    done: bool
    words: str


def _tell(
    request: Request, who: Person, command: str, noun: str, carried: Sequence[Carried[Name]]
) -> Response:
    """What was done and what was refused, one by one."""
    found = [_Result(str(each.name), each.error is None, on_page(each.words)) for each in carried]
    done = sum(each.done for each in found)
    words = f"{command}: {done} of {count(len(found), noun)} done"
    if wants_json(request):
        results = [vars(each) for each in found]
        return JSONResponse({"words": words, "results": results})
    pages: Pages = request.app.state.pages
    context = {"heading": words[:1].upper() + words[1:], "results": found}
    return pages.page(request, "several.html", who, context)
