"""What an address asks of the list of jobs: the same names for the page, its events, the API and
the command line.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request
from fastapi.responses import Response

from broker.model.jobs.job import State
from broker.model.jobs.job_filter import LONGEST, JobFilter
from broker.model.peers.nicknames import Nicknames
from broker.operations.jobs import csv_lines
from broker.operations.jobs.job_filters import filter_given
from broker.operations.jobs.job_status import JobStatus

CSV = "text/csv"
TIME = "as 2h, 30m, 2d, 08:15, 2026-01-31, 2026-01-31T08:15 (of the broker's machine), or with Z"


@dataclass(frozen=True)
class JobQuery:
    """The conditions as they were given; empty ones are none."""

    state: tuple[State, ...] = ()
    modality: str = ""
    printer: str = ""
    since: str = ""
    until: str = ""
    text: str = ""

    def wanted(self, nicknames: Nicknames, zone: tzinfo | None = None) -> JobFilter:
        """What they mean now; times without a zone are of `zone`, or of this machine.

        Raises: InvalidFilter: one of them is no condition.
        """
        return filter_given(
            time.time(),
            zone,
            states=self.state,
            modality=self.modality,
            printer=self.printer,
            since=self.since,
            until=self.until,
            text=self.text,
            nicknames=nicknames,
        )

    @property
    def given(self) -> list[tuple[str, str]]:
        """Name and value of each, beside the states."""
        names = ("modality", "printer", "since", "until", "text")
        return [(name, value) for name in names if (value := getattr(self, name))]

    def address(self, path: str, **more: object) -> str:
        """The address of the same conditions, and of what is not None in `more`."""
        states = [("state", str(each)) for each in self.state]
        rest = [(name, str(value)) for name, value in more.items() if value is not None]
        query = urlencode([*states, *self.given, *rest])
        return f"{path}?{query}" if query else path


def _text(description: str) -> object:
    return Query(max_length=LONGEST, description=description)


def job_query(
    state: Annotated[list[State] | None, Query(description="only these; may be repeated")] = None,
    modality: Annotated[str, _text("only from this calling AE title, or nickname")] = "",
    printer: Annotated[str, _text("only printed, tried or lined up there, or bound to it")] = "",
    since: Annotated[str, _text(f"only those that came since, {TIME}")] = "",
    until: Annotated[str, _text("only those that came until then, likewise")] = "",
    text: Annotated[str, _text("only with this in an AE title, nickname, printer or reason")] = "",
) -> JobQuery:
    """What an address of the API asks for."""
    return JobQuery(tuple(state or ()), modality, printer, since, until, text)


def prefers(request: Request) -> str:
    """`csv` where that is asked for rather than JSON."""
    accepted = [
        each.partition(";")[0].strip() for each in request.headers.get("accept", "").split(",")
    ]
    return "csv" if CSV in accepted and "application/json" not in accepted else "json"


def csv_answer(found: Iterable[JobStatus], headers: Mapping[str, str] | None = None) -> Response:
    """The jobs as a file for a spreadsheet."""
    content = csv_lines.heading() + csv_lines.lines(found)
    return Response(
        content,
        media_type=CSV,
        headers={
            "Content-Disposition": 'attachment; filename="jobs.csv"',
            "Cache-Control": "no-store",
            **(headers or {}),
        },
    )
