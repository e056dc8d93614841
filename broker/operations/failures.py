"""What a person reads when a command cannot be done: the thing, what is wrong, the remedy."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: done; failed, or no such name; wrong usage or configuration."""

LOCKED = (
    "locked by another program for too long; mostly a backup that copies it, or an sqlite3 shell "
    "with a transaction open: end that, then try again. The running broker uses the file, too, and "
    "locks it for moments only"
)
"""A remedy that does not send anybody after the broker itself."""


class Failure(Exception):
    """The command cannot be done. `words` is one line: the thing, what is wrong, the remedy."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def explained(error: Exception) -> tuple[int, list[str]] | None:
    """The exit code and the lines for stderr; None for what nobody foresaw."""
    problems = getattr(error, "problems", None)
    if isinstance(problems, list):
        return WRONG, problems
    if isinstance(error, OSError):
        # A reader that went away, as `head` does, is the library's affair.
        return None if error.errno == errno.EPIPE else (FAILED, [of_system(error)])
    words = getattr(error, "words", None)
    if isinstance(words, str):
        return FAILED, [words]
    if type(error).__name__ in ("CannotStore", "Occupied"):
        return FAILED, [str(error)]
    words = of_database(error, None)
    return (FAILED, [words]) if words else None


def of_system(error: OSError, thing: str = "the broker") -> str:
    """What the operating system refused: of the file that the error names, or else of `thing`."""
    thing = str(error.filename or thing)
    match error.errno:
        case errno.EACCES | errno.EPERM:
            remedy = "no permission; run this as the user that the broker runs as"
        case errno.EROFS:
            remedy = "is on a read-only file system; set data_dir to a folder that can be written"
        case errno.ENOSPC | errno.EDQUOT:
            remedy = "the disk is full; make room, then do it again"
        case errno.EADDRINUSE:
            remedy = "the port is in use; stop the other program, or set another port"
        case errno.EADDRNOTAVAIL:
            remedy = "this machine has no such address; set host to one of its own, or *"
        case errno.ENOTDIR | errno.EEXIST:
            remedy = "a file is in the way of this folder; move it, or set another data_dir"
        case errno.EISDIR:
            remedy = "is a folder, and should be a file"
        case _:
            remedy = (error.strerror or type(error).__name__).lower()
    return f"{thing}: {remedy}"


def of_database(error: BaseException, file: Path | None) -> str | None:
    """What the database refused; None when it was something else."""
    origin = getattr(error, "orig", error)
    if not isinstance(origin, sqlite3.Error):
        return None
    thing = str(file) if file else "the database"
    code = getattr(origin, "sqlite_errorcode", 0) & 0xFF
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            remedy = LOCKED
        case sqlite3.SQLITE_FULL:
            remedy = "the disk is full; make room, then do it again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            remedy = "cannot be written; run this as the user that the broker runs as"
        case sqlite3.SQLITE_CANTOPEN:
            remedy = "cannot be opened; look at the owner and mode of the file and its folder"
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            remedy = (
                "is not a database, or damaged: `broker db check` says what is hit, `broker "
                "restore DIR` brings a backup back. Nothing was removed"
            )
        case sqlite3.SQLITE_IOERR:
            remedy = "the disk cannot be read or written; look at the system's log"
        case _:
            remedy = str(origin)
    return f"{thing}: {remedy}"
