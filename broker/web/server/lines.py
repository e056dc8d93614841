"""Log lines of the page's process: what any peer can cause is told a few times, then counted."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from broker.events import Note
from broker.relay.event_log import Notebook

Level = Literal["info", "warning", "error"]

REPEATED = frozenset(
    {
        "page connection ended",
        "page connection refused",
        "page connection timed out",
        "page failed",
        "page look failed",
        "page library",
        "page request refused",
        "sign-in failed",
        "signed in",
    }
)
ROUTINE = frozenset({"signed in", "page connection timed out"})
"""What a person or a browser does every day: browsers open connections that they may not need."""
FAULTS = frozenset({"page failed"})
"""What is wrong in the broker itself."""
LIBRARIES = ("asyncio", "concurrent.futures", "uvicorn.error")
"""Loggers of what serves the page: a peer makes them speak as often as it likes."""


def level_of(event: str, facts: Mapping[str, object]) -> Level:
    """How serious a line of the page's process is. A line of a library with an exception (`why`)
    tells of a fault, one without of what a peer has sent."""
    if event in FAULTS or (event == "page library" and "why" in facts):
        return "error"
    return "info" if event in ROUTINE else "warning"


@contextmanager
def bounded(note: Note) -> Iterator[Note]:
    """Meanwhile, a note that tells REPEATED, equal in `kind`, a few times and then as a number; the
    LIBRARIES' lines come by it, too."""
    notebook = Notebook(note, time.monotonic, repeated=REPEATED, lasting=())
    handler = _Lines(notebook.note)
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    for each in loggers:
        each.handlers[:] = [handler]
        each.propagate = False
    try:
        yield notebook.note
    finally:
        for each in loggers:
            each.handlers[:] = []
            each.propagate = True
        notebook.close()


def place_of(error: BaseException) -> str:
    """File and line where it was raised; empty when that is not known."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


class _Lines(logging.Handler):
    """Notes a library's lines. Equal is what came from the same place of its source."""

    def __init__(self, note: Note) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        """Note it, with the kind and the last place of an exception, without its words: they may
        quote what a peer has sent."""
        facts: dict[str, object] = {
            "kind": f"{record.name} {record.filename}:{record.lineno}",
            "words": record.getMessage().partition("\n")[0][:200],
        }
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            facts["why"] = type(error).__name__
            if place := place_of(error):
                facts["place"] = place
        self._note("page library", facts)
