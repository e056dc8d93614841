"""Log lines of the page's process: what any peer can cause is told a few times, then counted."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from broker.events import Event, Note
from broker.relay.event_log import EventLog

LIBRARIES = ("asyncio", "concurrent.futures", "uvicorn.error")
"""Loggers of what serves the page: a peer makes them speak as often as it likes."""


@contextmanager
def bounded(note: Note) -> Iterator[Note]:
    """Meanwhile, a note that tells what repeats itself as a number; LIBRARIES' lines come by it."""
    log = EventLog(note, time.monotonic)
    handler = _Lines(log.note)
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    for each in loggers:
        each.handlers[:] = [handler]
        each.propagate = False
    try:
        yield log.note
    finally:
        for each in loggers:
            each.handlers[:] = []
            each.propagate = True
        log.close()


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
        self._note(Event.PAGE_LIBRARY, facts)
