"""Jobs as lines of CSV (RFC 4180), for spreadsheets: the keys and values of the JSON.

Lists are left out. A text that a spreadsheet would take for a formula has an apostrophe before it:
AE titles and reasons are what peers chose.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from broker.operations import documents
from broker.operations.jobs.job_status import JobStatus

COLUMNS = (
    "id",
    "state",
    "reason",
    "calling_ae",
    "called_ae",
    "films",
    "films_accepted",
    "copies",
    "priority",
    "printer",
    "pinned",
    "attempts",
    "reprint_of",
    "duplicate_of",
    "pixels_removed_at",
    "created_at",
    "updated_at",
    "calling_nickname",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def heading() -> str:
    """The first line."""
    return _line(COLUMNS)


def lines(found: Iterable[JobStatus]) -> str:
    """A line for each job."""
    rows = map(documents.of_job, found)
    return "".join(_line(_safe(row[name]) for name in COLUMNS) for row in rows)


def _safe(value: object) -> object:
    risky = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if risky else value


def _line(values: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()
