"""The three standard streams: always there, and an error stream that loses text rather than fails.

A process that was started with one of them closed (`broker serve 2>&-`) would get the database's
file under that number, and print into it.
"""

from __future__ import annotations

import io
import os
import sys

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
