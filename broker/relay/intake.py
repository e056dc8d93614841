"""Films in: from the modality's door to stable storage."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from broker.events import Note
from broker.model.caller import Caller
from broker.model.job import PrintRequest
from broker.model.pool import PoolStatus, pool_status
from broker.model.room import Room
from broker.model.trouble import CannotStore, DiskFull, QueueFull
from broker.relay.quota import Quota
from broker.spool.files import PixelUpload, Spool, UploadedPixels
from broker.spool.upload import UNWRITTEN
from broker.store.database import FAILURES, in_words
from broker.store.jobs import Jobs, Rule
from broker.store.printers import Printers
from broker.store.replacement import DatabaseReplaced

NO_ROOM = "an image was refused: it does not fit beside what must stay free"
NEARLY_FULL = "new films are refused: less disk is free than retention.floor_mb"


class Intake:
    """What every association hands its films to. Success means stable: see `accept`."""

    def __init__(
        self,
        jobs: Jobs,
        printers: Printers,
        spool: Spool,
        *,
        room: Callable[[], Room],
        make_room: Callable[[Callable[[Room], int]], Room] | None = None,
        rule: Callable[[], Rule],
        quota: Quota,
        wake: Callable[[], None],
        note: Note,
        look: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make_room` removes what can go until nothing is missing by the measure it is given, and
        says what room there is then. `look` raises DatabaseReplaced where the database is not the
        one that was opened."""
        self._jobs = jobs
        self._printers = printers
        self._spool = spool
        self._room = room
        self._make_room = make_room
        self._rule = rule
        self._quota = quota
        self._wake = wake
        self._note = note
        self._look = look
        self._monotonic = monotonic

    def check_room(self, calling_ae: str, peer: str) -> None:
        """CannotStore when the disk is fuller than the site wants it, the modality's part of the
        queue is full, or the database was replaced: better no film than half, and sooner than
        later."""
        try:
            self._look()
        except DatabaseReplaced as error:
            raise self._cannot("no film can be recorded", error) from error
        room = self._with_room(lambda room: room.floor + 1 - room.free)
        if room.low:
            self._note("storage failed", {"why": NEARLY_FULL})
            raise DiskFull(room.words)
        caller = Caller.of(calling_ae, peer)
        try:
            self._quota.check(caller)
            self._quota.check_bytes(caller, 0, room.above_floor)
        except QueueFull:
            raise
        except Exception as error:
            raise self._cannot("the queue cannot be read", error) from error

    def receive(self, size: int, calling_ae: str, peer: str) -> PixelUpload:
        """Write so many bytes of pixels while they come; CannotStore when the disk does not take
        them, or they do not fit beside what must stay free; QueueFull when the modality's part of
        the disk is full."""
        room = self._check_fit(size)
        try:
            self._quota.check_bytes(Caller.of(calling_ae, peer), size, room.for_open_sessions)
        except QueueFull:
            raise
        except Exception as error:
            raise self._cannot("the queue cannot be read", error) from error
        try:
            return self._spool.begin(size, self._check_fit, self._cannot)
        except OSError as error:
            raise self._cannot(UNWRITTEN, error) from error

    def accept(self, request: PrintRequest, received: Sequence[UploadedPixels], came: float) -> int:
        """Put the pixels, then the rows, on stable storage; the number of the job.

        Only when this returns may the modality be told success. CannotStore otherwise, and then
        nothing of the request is left. `came` is when the request was there, of `monotonic`: its
        wait for a turn counts.
        """
        caller = Caller.of(request.calling_ae, request.peer)
        try:
            self._quota.check(caller)
            self._with_room(lambda room: room.floor // 4 + 1 - room.free)
            with self._spool.keeping():
                self._spool.keep(received)
                admitted = self._jobs.admit(request, rule=self._rule())
            self._quota.took(caller, sum({each.name: each.length for each in received}.values()))
        except QueueFull:
            raise
        except Exception as error:
            self._undo(received)
            if isinstance(error, CannotStore):
                raise
            raise self._cannot("the film cannot be recorded", error) from error
        twin = {"duplicate_of": admitted.duplicate_of} if admitted.duplicate_of else {}
        self._note(
            "films accepted",
            {
                "job": admitted.job_id,
                "calling_ae": request.calling_ae,
                "films": len(request.films),
                "copies": request.copies,
                "level": str(request.level),
                "seconds": round(self._monotonic() - came, 4),
                **twin,
            },
        )
        if admitted.held:
            self._note("duplicate held", {"job": admitted.job_id, **twin})
        self._wake()
        return admitted.job_id

    def forget(self, received: Sequence[UploadedPixels]) -> None:
        """Remove pixels that arrived and were not asked for."""
        self._spool.drop(received)

    def status(self) -> PoolStatus:
        """The pool as one printer: FAILURE only when films cannot be stored."""
        try:
            self._look()
            printers = self._printers.list()
            room = self._with_room(lambda room: room.floor + 1 - room.free)
        except Exception as error:  # noqa: BLE001 - whatever the disk says, it is the answer
            self._note("storage failed", {"why": in_words(error)})
            return pool_status((), can_store=False)
        return pool_status(printers, can_store=True, room=not room.low)

    def _check_fit(self, size: int) -> Room:
        """CannotStore when `size` bytes more would take what must stay free; the room there is."""
        room = self._with_room(lambda room: size - room.for_open_sessions)
        if not room.takes(size):
            self._note("storage failed", {"why": NO_ROOM})
            raise CannotStore(NO_ROOM)
        return room

    def _with_room(self, missing: Callable[[Room], int]) -> Room:
        """The room there is; more of it is made where bytes are missing by this measure, before a
        film is refused."""
        try:
            room = self._room()
            if missing(room) <= 0 or self._make_room is None:
                return room
            return self._make_room(missing)
        except OSError as error:
            raise self._cannot("the disk cannot be asked", error) from error
        except FAILURES as error:
            self._note("storage failed", {"what": "no room can be made", "why": in_words(error)})
            return room

    def _undo(self, received: Sequence[UploadedPixels]) -> None:
        """Take back what `keep` moved into place, as far as no job refers to it."""
        try:
            self._spool.undo(received, self._jobs.spooled)
        except Exception as error:  # noqa: BLE001 - the database is gone: upkeep sweeps later
            self._note("storage failed", {"why": in_words(error)})

    def _cannot(self, what: str, error: Exception) -> CannotStore:
        # Without the path of the file: it differs each time, and the trouble is the same.
        why = (error.strerror if isinstance(error, OSError) else None) or in_words(error)
        self._note("storage failed", {"what": what, "why": why})
        return CannotStore(f"{what}: {why}")
