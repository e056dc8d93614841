"""What a process needs before it imports or opens anything else.

The three standard streams: a process that was started with one of them closed (`broker serve 2>&-`)
would get the database's file under that number, and print into it.

Libraries without packages that they use only where these are installed: pydicom imports NumPy, for
pixels that it decodes; structlog imports Rich, for tracebacks in colour. The relay needs neither,
and `broker check` starts for every check of a load balancer.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

STDIN, STDOUT, STDERR = 0, 1, 2


def stand_in() -> None:
    """Open /dev/null in the place of each standard stream that is missing.

    To be called before any other file is opened; the lowest free number is the missing one.
    """
    for number in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    # Python has found them closed, and has none.
    if sys.stdin is None:
        sys.stdin = os.fdopen(STDIN, closefd=False)
    if sys.stdout is None:
        sys.stdout = os.fdopen(STDOUT, "w", closefd=False)
    if sys.stderr is None:
        sys.stderr = os.fdopen(STDERR, "w", closefd=False)


def lossy_stderr() -> None:
    """From now on, text for stderr that cannot be written is lost, and nothing else happens.

    The reader of a pipe may have gone (EPIPE), a terminal been closed (EIO), the disk of a log file
    be full (ENOSPC): films go on, and so does the command.
    """
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Lossy(STDERR, "w", closefd=False)),
        encoding=sys.stderr.encoding,
        errors="replace",
        line_buffering=True,
    )


class OutputLost(OSError):
    """What a command prints cannot be written. `words` is one line for a person."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.errno, error.strerror)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else (error.strerror or "it failed").lower()
        self.words = (
            f"standard output: {why}; not all that this command says was written. What it was to "
            "do may have been done: look before you do it again"
        )


def told_stdout() -> None:
    """From now on, text for stdout that cannot be written raises OutputLost, once; text for a
    terminal that knows only ASCII gets question marks in the place of what it does not know."""
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(_Told(STDOUT, "w", closefd=False)),
        encoding=sys.stdout.encoding,
        errors="replace",
        line_buffering=sys.stdout.isatty(),
    )


class _Told(io.FileIO):
    """A descriptor whose first failure is told. What follows it is lost: Python flushes once more
    as it ends, when the failure has been told."""

    _lost = False

    def write(self, data: object) -> int:
        """Raises: OutputLost; BrokenPipeError: the reader has gone, as `head` does."""
        view = memoryview(data)  # type: ignore[arg-type]
        if self._lost:
            return view.nbytes
        try:
            written = super().write(view)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._lost = True
            raise OutputLost(error) from error
        return view.nbytes if written is None else written


class _Lossy(io.FileIO):
    """A descriptor to which every write succeeds."""

    def write(self, data: object) -> int:
        """Write what can be written. How many bytes were taken, or lost."""
        view = memoryview(data)  # type: ignore[arg-type]
        try:
            written = super().write(view)
        except OSError:
            return view.nbytes
        return view.nbytes if written is None else written


@contextmanager
def left_out(*packages: str) -> Iterator[None]:
    """Meanwhile, these packages cannot be imported, unless they are imported already.

    A library that is imported meanwhile does without them as long as the process lives; anything
    else can import them afterwards.
    """
    absent = [each for each in packages if each not in sys.modules]
    # None makes an import raise ModuleNotFoundError: the language reference, "The module cache".
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for each in absent:
            del sys.modules[each]
