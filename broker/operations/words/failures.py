"""What a person reads when a command cannot be done: the thing, what is wrong, the remedy."""

from __future__ import annotations

import errno
import sys
from collections.abc import Mapping
from pathlib import Path

from broker.model.peers.refusal import Refusal

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: done; failed, or no such name; wrong usage or configuration."""

LOCKED = (
    "locked by another program for too long; mostly a backup that copies it, or an sqlite3 shell "
    "with a transaction open: end that, then try again. The running broker uses the file, too, and "
    "locks it for moments only"
)
"""The remedy: the other program, not the broker, has to end."""


class Failure(Exception):
    """The command cannot be done. `words` is one line: the thing, what is wrong, the remedy."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


def explained(error: Exception) -> tuple[int, list[str]] | None:
    """The exit code and the lines for stderr; None for an error that is not expected."""
    problems = getattr(error, "problems", None)
    if isinstance(problems, list):
        return WRONG, problems
    words = getattr(error, "words", None)
    if isinstance(error, OSError) and not isinstance(words, str):
        # A reader that closed the pipe, as `head` does, is handled by Typer.
        return (
            None
            if error.errno == errno.EPIPE
            else (
                FAILED,
                [of_system(error, getattr(error, "where", "this command"))],
            )
        )
    if isinstance(words, str):
        damaged = "; `broker db check` names the job and says what to do"
        return FAILED, [words + damaged if type(error).__name__ == "RecordDamaged" else words]
    if type(error).__name__ in ("CannotStore", "Occupied"):
        return FAILED, [str(error)]
    words = of_database(error, None)
    return (FAILED, [words]) if words else None


def of_system(error: OSError, thing: str = "this command") -> str:
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
    if "broker.store.sqlite" not in sys.modules:
        return None  # no database was asked; importing it takes longer than most of what fails
    from broker.store.sqlite import FileFault, fault_of

    fault = fault_of(error)
    if fault is None:
        return None
    thing = str(file) if file else "the database"
    match fault:
        case FileFault.LOCKED:
            remedy = LOCKED
        case FileFault.FULL:
            remedy = "the disk is full; make room, then do it again"
        case FileFault.READ_ONLY:
            remedy = "cannot be written; run this as the user that the broker runs as"
        case FileFault.CANNOT_OPEN:
            remedy = "cannot be opened; look at the owner and mode of the file and its folder"
        case FileFault.DAMAGED:
            remedy = (
                "is not a database, or damaged: `broker db check` lists the damage, `broker "
                "restore DIR` brings a backup back. Nothing was removed"
            )
        case FileFault.DISK:
            remedy = "the disk cannot be read or written; look at the system's log"
        case _:
            remedy = str(getattr(error, "orig", error))
    return f"{thing}: {remedy}"


REMEDIES: Mapping[Refusal, str] = {
    Refusal.NOT_DICOM: (
        "The peer did not speak DICOM: a port scanner, HTTP, or TLS on the port without TLS. If "
        "it is a modality, correct its port (TLS: tls.port); otherwise ignore it."
    ),
    Refusal.SILENT: (
        "The peer connected and sent nothing. It is often a check of a load balancer or a monitor: "
        "use `broker check` there, or ignore it."
    ),
    Refusal.BROKEN_OFF: (
        "The peer closed the connection while it requested an association. If a modality cannot "
        "print, look at the network and at firewalls between it and the broker."
    ),
    Refusal.TLS_FAILED: (
        "The log says why. Plain DICOM belongs on broker.port. A modality must trust who issued "
        "the broker's certificate, and have one of tls.client_ca where that is set."
    ),
    Refusal.PENDING_CUT: (
        "There were too many connections without an association; the oldest was closed. Find the "
        "peer that opens them; films are not affected."
    ),
    Refusal.NO_DESCRIPTORS: (
        "The broker has too few file descriptors. Raise LimitNOFILE of its service, or `ulimit "
        "-n`, and start it again."
    ),
    Refusal.CALLED_AE: (
        "The modality calls another AE title than broker.ae_title, which `broker config show` "
        "names. Correct that there, or add the one that it calls to broker.ae_titles."
    ),
    Refusal.CALLING_AE: (
        "The peer gives no AE title of its own, or one with control characters. Set "
        "its own AE title at the modality: it cannot print until then."
    ),
    Refusal.APPLICATION_CONTEXT: (
        "The peer does not ask for DICOM's application context. It may not be a modality; ask its "
        "vendor."
    ),
    Refusal.PROTOCOL_VERSION: (
        "The peer speaks another version of the DICOM upper layer protocol. Ask its vendor."
    ),
    Refusal.TOO_MANY: (
        "All limits.associations were in use. Modalities try again; if it goes on, raise the "
        "limit, and find the peer that holds most."
    ),
    Refusal.TOO_MANY_OF_ONE: (
        "One AE title at an address had limits.associations_per_peer, or one address three "
        "quarters of limits.associations: the log says which. Raise it where many modalities share "
        "one."
    ),
    Refusal.NO_CONTEXT: (
        "The modality proposed nothing that the broker prints: color alone, or transfer syntaxes "
        "that it does not know. The log names them; set grayscale, uncompressed, there."
    ),
    Refusal.TURNED_AWAY: (
        "The broker was stopping, or had no thread left. Modalities try again; if it goes on "
        "while it runs, look at its log."
    ),
    Refusal.SLOW: (
        "A request was not complete in limits.establish_s, or arrived more slowly than "
        "16 KB/s for limits.message_s. Look at the network to that peer."
    ),
    Refusal.IDLE: (
        "An association without any request for limits.idle_s was ended. Modalities open a new "
        "one; nothing to do."
    ),
    Refusal.MADE_ROOM: (
        "All places were taken, and an association that was not in use made room for another. If "
        "it is often so, raise limits.associations."
    ),
    Refusal.PDU_TOO_LONG: (
        "The peer sent more in one piece than was agreed, or no DICOM at all. If it is a modality, "
        "ask its vendor."
    ),
    Refusal.BROKEN_PROTOCOL: (
        "The peer broke DICOM's rules, and its association was aborted. If it is a modality, show "
        "its vendor the broker's log."
    ),
    Refusal.NOT_READING: (
        "The peer did not read the answers to what it asked. It hangs, or the network does: look "
        "at the modality."
    ),
    Refusal.DATA_SET_TOO_LARGE: (
        "A request had more beside its pixels than any print needs. If it is a modality, show its "
        "vendor the broker's log."
    ),
    Refusal.TOO_MUCH: (
        "One association made more film boxes, image boxes or LUTs than it may. If a modality "
        "needs them, raise limits.film_boxes."
    ),
    Refusal.WRONG_REQUEST: (
        "The standard does not allow what was asked, or it is not offered. The log's `request "
        "refused` has status and reason; show it to the modality's vendor."
    ),
    Refusal.BESIDE_PRINTING: (
        "A C-ECHO, N-GET or N-DELETE that the standard does not allow, or of what is not there. "
        "No film is missing for it; the log's `request refused` has status and reason."
    ),
    Refusal.FAULT: (
        "The broker failed on a request, and the modality got 0x0110. Print the film again. The "
        "broker's log has the traceback: show it to those who maintain the broker."
    ),
    Refusal.NO_PRINTER: (
        "Every printer was seen to refuse this. The log's `request refused` says what. The "
        "printers are asked again by themselves; `broker printers forget NAME` forgets it at once."
    ),
    Refusal.NOT_ASKED: (
        "A printer makes the image boxes of SLIDE, SUPERSLIDE and CUSTOM, for each film size, and "
        "none could be asked. Bring one back that has them (`broker printers` says "
        "how), then print again; or use STANDARD."
    ),
    Refusal.PRINTERS_BUSY: (
        "A printer makes the image boxes of SLIDE, SUPERSLIDE and CUSTOM, for each film size, and "
        "those that could be asked were busy with other films. Print again in a minute."
    ),
    Refusal.NONE_CONFIGURED: (
        "No printer is configured, so that nothing would print the film. Name a printer in the "
        "configuration file, in a table [[printers]], and reload it."
    ),
    Refusal.DISK_NEARLY_FULL: (
        "New films were refused, as less disk was free than retention.floor_mb and no finished job "
        "had pixels left. Make room; `broker check` says whether it is still so."
    ),
    Refusal.QUEUE_FULL: (
        "Too much waits of one AE title at an address, of one address, or in all: the lines above "
        "say of whom. `broker jobs` says why; or raise limits.waiting_jobs, waiting_mb, queue_jobs."
    ),
    Refusal.IMAGE_NOT_STORED: (
        "An image was not taken: larger than limits.image_mb or session_mb, or the disk is full, "
        "fails, or has no spool. The broker's log says which."
    ),
    Refusal.FILM_NOT_STORED: (
        "A print request failed: a full or failing disk, or a database that is locked, damaged or "
        "was replaced. The broker's log says which."
    ),
}


def remedy(kind: str) -> str:
    """What to say of a kind; nothing of one that another version has counted."""
    return REMEDIES[Refusal(kind)] if kind in set(Refusal) else ""
