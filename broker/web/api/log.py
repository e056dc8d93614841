"""The operator log by the API: who ordered what."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from broker.model.recorded_command import CommandFilter
from broker.model.time_given import TimeNotUnderstood, time_given
from broker.operations import documents
from broker.operations.opened import Store
from broker.web.api.description import NEXT, answers
from broker.web.api.documents import LoggedCommandDocument
from broker.web.auth.signin import person
from broker.web.commands.posted import InvalidCommand

MOST = 1000
"""Commands of one answer."""
LONGEST = 64
"""Characters of a name."""

router = APIRouter(prefix="/api")


@router.get(
    "/commands",
    operation_id="list_commands",
    summary="The operator log: who ordered what, the newest first",
    dependencies=[Depends(person)],
    responses=answers(list[LoggedCommandDocument], headers=NEXT),
)
def commands(
    request: Request,
    response: Response,
    who: Annotated[str, Query(max_length=LONGEST, description="only of this user")] = "",
    job: Annotated[int | None, Query(description="only on the job of this number")] = None,
    printer: Annotated[str, Query(max_length=LONGEST, description="only on this printer")] = "",
    since: Annotated[
        str, Query(max_length=LONGEST, description="only since then, as 2h or 2026-01-31T08:15Z")
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: Annotated[
        int | None, Query(ge=1, description="only commands with a smaller `id`")
    ] = None,
) -> list[dict[str, Any]]:
    """A header `Link` with rel="next" names further ones. A job's commands go with the job."""
    store: Store = request.app.state.store
    wanted = CommandFilter(who, job, printer, _moment(since))
    found = store.command_log.search(wanted, limit + 1, cursor)
    if len(found) > limit:
        given = {"who": who, "job": job, "printer": printer, "since": since, "limit": limit}
        query = {name: value for name, value in given.items() if value not in ("", None)}
        query["cursor"] = found[limit - 1].id
        response.headers["Link"] = f'<{request.url.path}?{urlencode(query)}>; rel="next"'
    return [documents.of_logged_command(each) for each in found[:limit]]


def _moment(since: str) -> float | None:
    """Raises: InvalidCommand: it is no time."""
    try:
        return time_given(since, time.time()) if since else None
    except TimeNotUnderstood as error:
        raise InvalidCommand(f"since: {error.words}") from None
