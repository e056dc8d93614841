"""What changes, as it changes, for programs: server-sent events.

First there is an event for each printer and for each job that is not finished or was lately, then
one for each that has changed. It is the overview of the open pages that is sent, so a state that
lasts for less than a second may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from broker.model import row_version
from broker.operations.documents import iso
from broker.operations.overview import OverviewState
from broker.web.api.documents import EventDocument
from broker.web.auth.signin import Person, person
from broker.web.rendering.event_streams import EventStream, Regions
from broker.web.rendering.news_stream import Followed, follow_news

STILL_S = 15.0
"""How often a stream without news sends a sign of life."""
VIEW = "events of the API"
KIND = "text/event-stream"
_EXAMPLE = (
    'event: job\ndata: {"kind": "job", "id": "42", "state": "held", "reason": "held by the '
    'operator", "version": "4f1c09ab27de", "at": "2026-01-31T08:15:00.000Z"}\n\n'
)
_ITEM = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "event": {"type": "string", "enum": ["broker", "printer", "job", "signed-out"]},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": {"$ref": f"#/components/schemas/{EventDocument.__name__}"},
        },
    },
}

router = APIRouter(prefix="/api")


@router.get(
    "/events",
    operation_id="follow_events",
    summary="What changes, as it changes (server-sent events)",
    response_class=EventStream,
    status_code=200,
    responses={
        200: {
            "description": "Events without an end; `data` of each is an EventDocument, and of "
            "`signed-out`, the last one where the user may not look any more, empty",
            "content": {
                KIND: {"schema": {"type": "string"}, "itemSchema": _ITEM, "example": _EXAMPLE}
            },
        }
    },
)
async def events(request: Request, who: Annotated[Person, Depends(person)]) -> EventStream:
    """First everything, then what has changed. Streams are counted with open pages: 16 of a user,
    or of an address where there are no users."""

    def tell(sent: Regions, found: Regions, _version: int, state: OverviewState) -> str:
        return news(sent, found, state.at)

    return follow_news(request, who, Followed(VIEW, written, tell, ": still\n\n", STILL_S))


def written(state: OverviewState) -> Mapping[str, str]:
    """Each thing that has a state, as JSON, by its name."""
    reason = "; ".join(state.alarms)
    found = [_event("broker", "", "running" if state.running else "stopped", reason, "")]
    for each in state.printers:
        told = f"{each.duty} {each.health}"
        reason = each.duty_reason or each.said
        found.append(_event("printer", each.name, told, reason, row_version.of_printer(each)))
    for job in state.jobs:
        found.append(
            _event("job", str(job.job.id), str(job.job.state), job.job.reason, job.version)
        )
    return {f"{each['kind']} {each['id']}": json.dumps(each) for each in found}


def _event(kind: str, id_: str, state: str, reason: str, version: str) -> dict[str, Any]:
    return {"kind": kind, "id": id_, "state": state, "reason": reason, "version": version}


def news(sent: Regions, found: Regions, at: float) -> str:
    """The events for what is another than what was sent. A job that is not listed any more has
    finished and was told so; a printer that is not was taken out of the configuration."""
    gone = [name for name in sent if name not in found and name.startswith("printer ")]
    changed = [_read(text) for name, text in found.items() if sent.get(name) != text]
    changed += [_read(sent[name]) | {"state": "gone"} for name in gone]
    return "".join(
        f"event: {each['kind']}\ndata: {json.dumps(each | {'at': iso(at)})}\n\n" for each in changed
    )


def _read(region: str) -> dict[str, Any]:
    """What `written` wrote: a region's text is JSON once more."""
    found: dict[str, Any] = json.loads(json.loads(region))
    return found
