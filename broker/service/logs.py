"""Log lines on stderr: for people on a terminal, JSON for machines; times in ISO 8601, UTC.

Our own lines and the libraries' go through one renderer. No line may carry a patient's data: a
traceback never shows local variables, and of what pydicom and Python's warnings say only the place
is logged, since their words may quote values of a data set.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, Literal, TextIO

import structlog

from broker.model.printable import printable_lines

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "console", "json"]
Event = MutableMapping[str, Any]

LIBRARIES = ("pynetdicom", "pydicom", "alembic", "sqlalchemy", "httpx", "httpcore")
"""Loggers whose lines are kept from WARNING up, whatever our own level is."""


def configure(level: Level = "info", format: Format = "auto", stream: TextIO | None = None) -> None:
    """Send every log line to a stream (stderr when none is given); the last call counts.

    `auto` is console on a terminal and JSON anywhere else.
    """
    stream = sys.stderr if stream is None else stream
    threshold = logging.getLevelNamesMapping()[level.upper()]
    terminal = stream.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    console = format == "console" or (format == "auto" and terminal)
    colours = terminal and not os.environ.get("NO_COLOR")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_place_of_foreign, *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _made_printable,
                *(_for_people(colours) if console else _FOR_MACHINES),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(max(logging.WARNING, threshold))
    warnings.showwarning = _show_warning


def _for_people(colours: bool) -> list[structlog.typing.Processor]:
    """One line with the keys behind it; tracebacks below, without local variables."""
    return [
        structlog.dev.ConsoleRenderer(
            colors=colours, pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
    ]


def _made_printable(_logger: Any, _method: str, event: Event) -> Event:
    """Text of peers, also within an exception's, must not move the cursor of a terminal."""
    return {key: _printable_value(value) for key, value in event.items()}


def _printable_value(value: object) -> object:
    if isinstance(value, str):
        return printable_lines(value)
    if isinstance(value, Mapping):
        return {_printable_value(key): _printable_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_printable_value(each) for each in value]
    return value


def _in_order(_logger: Any, _method: str, event: Event) -> Event:
    """Time, level and event come first: people read JSON lines too."""
    leading = ("timestamp", "level", "event")
    return {key: event[key] for key in leading if key in event} | {
        key: value for key, value in event.items() if key not in leading
    }


_FOR_MACHINES: list[structlog.typing.Processor] = [
    _in_order,
    structlog.processors.JSONRenderer(ensure_ascii=False),
]


def _place_of_foreign(_logger: Any, _method: str, event: Event) -> Event:
    """Of a line of pydicom's keep only where it came from."""
    record: logging.LogRecord = event["_record"]
    if record.name.partition(".")[0] == "pydicom":
        event["event"] = "pydicom complained"
        event["place"] = f"{record.filename}:{record.lineno}"
        record.exc_info = record.exc_text = record.stack_info = None
        event.pop("exc_info", None)
        event.pop("stack_info", None)
    return event


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """A Python warning, as a log line; its words may quote a data set, so only its place."""
    del message, file, line
    place = f"{Path(filename).name}:{lineno}"
    structlog.get_logger("warnings").warning("warning", category=category.__name__, place=place)


MOST = 10_000
"""Lines that wait. Further ones are lost, and their number is logged when there is room again."""
GRACE_S = 1.0
"""How long the last lines may take at the end."""


@contextmanager
def log_writer(grace_s: float = GRACE_S) -> Iterator[None]:
    """Within it a thread writes what the root logger's handlers would write.

    QueueListener does not serve: its `stop` waits for a stopped terminal without a limit, and its
    queue has no bound that counts what is lost.
    """
    root = logging.getLogger()
    handlers = root.handlers[:]
    writing = _LogWriter(handlers)
    root.handlers[:] = [writing]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        writing.end(grace_s)


class _LogWriter(logging.Handler):
    """Takes lines from any thread, and writes them in their order."""

    def __init__(self, handlers: list[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers
        self._lines: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self._lost = 0
        self._thread = Thread(target=self._write, name="log writer", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Under the handler's lock, as always."""
        if self._lines.qsize() < MOST:
            self._lines.put(record)
        else:
            self._lost += 1

    def end(self, grace_s: float) -> None:
        """Return when all is written, or the grace is over."""
        self._lines.put(None)
        self._thread.join(grace_s)
        if self._thread.is_alive():
            # It holds the handler's lock, for which logging would wait at the very end.
            atexit.unregister(logging.shutdown)

    def _write(self) -> None:
        while (record := self._lines.get()) is not None:
            self._pass_on(record)
            if self._lost:
                self.acquire()
                lost, self._lost = self._lost, 0
                self.release()
                words = f"{lost} log lines were lost: they were not taken in time"
                self._pass_on(
                    logging.LogRecord("broker", logging.WARNING, "", 0, words, None, None)
                )

    def _pass_on(self, record: logging.LogRecord) -> None:
        for each in self._handlers:
            each.handle(record)
