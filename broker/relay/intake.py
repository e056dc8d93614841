"""Films in: from the modality to stable storage; and each modality's part of the queue."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from broker.events import Event, Note
from broker.model.jobs.job import PrintRequest
from broker.model.peers.caller import Caller, Waiting
from broker.model.printers.printer import KEPT, PoolStatus, pool_status
from broker.model.printers.trouble import CannotStore, DiskFull, NoPrinters, QueueFull
from broker.model.storage.disk import MB, Full, Room, Use, full
from broker.spool.files import Spool
from broker.spool.upload import UNWRITTEN, PixelUpload, UploadedPixels
from broker.store.database import FAILURES, DatabaseReplaced, in_words
from broker.store.printers import Printers
from broker.store.queue.spool_references import SpoolReferences
from broker.store.queue.submission import Submission
from broker.store.reading.duplicates import Rule

STALE_S = 1.0
"""A count is made again after so long: people reprint, and other programs print test films."""
NOTHING = Waiting()


@dataclass(frozen=True)
class QueueLimits:
    """What the site allows."""

    jobs: int
    """Unfinished, of one AE title at an address."""
    all_jobs: int
    """Unfinished, in all."""
    bytes: int = 0
    """Of one AE title at an address: its unfinished jobs' pixels, and what its associations hold;
    0: as much as is still free, which alone is half of the room."""


class Queue(Protocol):
    """What is asked of the queue."""

    def unfinished(self) -> Mapping[Caller, Waiting]:
        """How much each caller has; pixels of several jobs are counted with each."""

    def waiting_bytes(self, caller: Caller) -> tuple[int, int]:
        """Of a caller, and of its address, each file once."""


class Held(Protocol):
    """Bytes that associations hold, and that no job has yet."""

    def of(self, caller: Caller) -> int:
        """Of a caller."""

    def of_address(self, address: str) -> int:
        """Of an address."""


class Quota:
    """Shared by all associations. For any thread.

    `kept` tells how many bytes of the disk could be freed for films; `clock` is monotonic, in
    seconds.
    """

    def __init__(
        self,
        queue: Queue,
        limits: Callable[[], QueueLimits],
        clock: Callable[[], float],
        *,
        held: Held,
        kept: Callable[[], int] = lambda: 0,
    ) -> None:
        self._queue = queue
        self._limits = limits
        self._clock = clock
        self._held = held
        self._kept = kept
        self._lock = threading.Lock()
        self._waiting: dict[Caller, Waiting] = {}
        """At least as much as is unfinished: what was counted, and what was taken since."""
        self._of_address: dict[str, Waiting] = {}
        self._whole = NOTHING
        self._counted_at = float("-inf")

    def check(self, caller: Caller) -> None:
        """Check how many jobs of the caller are unfinished. The queue is counted before a refusal.

        Raises: QueueFull: when as many are as may be.
        """
        limits = self._limits()
        with self._lock:
            if self._clock() - self._counted_at < STALE_S and not self._jobs_full(caller, limits):
                return
            # Under the lock, so that what is taken meanwhile is added to it.
            self._recount()
            found = self._jobs_full(caller, limits)
            waiting = self._waiting.get(caller, NOTHING).jobs
            of_address = self._of_address.get(caller.address, NOTHING).jobs
            whole = self._whole.jobs
        if found is Full.CALLER:
            raise QueueFull(f"{waiting} unfinished jobs of {caller}")
        if found is Full.ADDRESS:
            raise QueueFull(f"{of_address} unfinished jobs of AE titles at {caller.address}")
        if found is Full.WHOLE:
            raise QueueFull(f"{whole} unfinished jobs in the queue")

    def check_bytes(self, caller: Caller, more: int, free: int) -> None:
        """Raises: QueueFull: when `more` bytes are too many for this caller, with `free` left."""
        most = self._limits().bytes
        with self._lock:
            if self._clock() - self._counted_at >= STALE_S:
                self._recount()
            jobs = self._waiting.get(caller, NOTHING).bytes
            of_address = self._of_address.get(caller.address, NOTHING).bytes
        if self._bytes_full(caller, jobs, of_address, more, free, most) is None:
            return
        jobs, of_address = self._queue.waiting_bytes(caller)
        found = self._bytes_full(caller, jobs, of_address, more, free, most)
        if found is not None and (kept := self._kept()):
            found = self._bytes_full(caller, jobs, of_address, more, free + kept, most)
        if found is None:
            return
        if found is Full.ADDRESS:
            used = of_address + self._held.of_address(caller.address)
            raise QueueFull(f"{used // MB} MB unprinted of AE titles at {caller.address}")
        used = jobs + self._held.of(caller)
        raise QueueFull(f"{used // MB} MB unprinted of {caller}")

    def took(self, caller: Caller, size: int) -> None:
        """A job of the caller, with `size` bytes of pixels, has been queued."""
        with self._lock:
            self._add(caller, Waiting(1, size))

    def _jobs_full(self, caller: Caller, limits: QueueLimits) -> Full | None:
        use = Use(
            self._waiting.get(caller, NOTHING).jobs,
            self._of_address.get(caller.address, NOTHING).jobs,
        )
        return full(use, 1, limits.all_jobs - self._whole.jobs, limits.jobs)

    def _bytes_full(
        self, caller: Caller, jobs: int, of_address: int, more: int, free: int, most: int
    ) -> Full | None:
        """A limit that the site has set takes the place of what is free."""
        own = jobs + self._held.of(caller)
        if most and own + more > most:
            return Full.CALLER
        use = Use(0 if most else own, of_address + self._held.of_address(caller.address))
        return full(use, more, free)

    def _recount(self) -> None:
        found = self._queue.unfinished()
        self._counted_at = self._clock()
        self._waiting, self._of_address, self._whole = {}, defaultdict(Waiting), NOTHING
        for caller, waiting in found.items():
            self._add(caller, waiting)

    def _add(self, caller: Caller, more: Waiting) -> None:
        self._waiting[caller] = self._waiting.get(caller, NOTHING) + more
        at = caller.address
        self._of_address[at] = self._of_address.get(at, NOTHING) + more
        self._whole += more


NO_ROOM = "an image was refused: it does not fit beside what must stay free"
NEARLY_FULL = "new films are refused: less disk is free than retention.floor_mb"


class Intake:
    """Stores the films of every association. Success means stable: see `accept`."""

    def __init__(
        self,
        submission: Submission,
        references: SpoolReferences,
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
        kept: Callable[[], PoolStatus] = lambda: KEPT,
        configured: Callable[[], bool] = lambda: True,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`make_room` removes what can go until nothing is missing by the measure it is given, and
        says what room there is then. `look` raises DatabaseReplaced where the database is not the
        one that was opened. `kept` is told to modalities while no printer is well. `configured`
        tells whether there is any printer: without one, films are refused."""
        self._submission = submission
        self._references = references
        self._printers = printers
        self._spool = spool
        self._room = room
        self._make_room = make_room
        self._rule = rule
        self._quota = quota
        self._wake = wake
        self._note = note
        self._look = look
        self._kept = kept
        self._configured = configured
        self._monotonic = monotonic

    def check_room(self, calling_ae: str, peer: str) -> None:
        """Check before a film session whether its films can be stored.

        Raises: CannotStore: when no printer is configured, the disk is fuller than the site wants
        it, the modality's part of the queue is full, or the database was replaced.
        """
        self._check_printers()
        try:
            self._look()
        except DatabaseReplaced as error:
            raise self._cannot("no film can be recorded", error) from error
        room = self._with_room(lambda room: room.floor + 1 - room.free)
        if room.low:
            self._note(Event.STORAGE_FAILED, {"why": NEARLY_FULL})
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
        """Write `size` bytes of pixels while they come.

        Raises:
            CannotStore: when they cannot be written, or do not fit beside what must stay free.
            QueueFull: when the modality's part of the disk is full.
        """
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

        Only when this returns may the modality be told success. `came` is when the request was
        there, of `monotonic`: its wait for a turn counts.

        Raises: CannotStore: otherwise, and then nothing of the request is left.
        """
        # Again: the printers may have gone since the film session began.
        self._check_printers()
        caller = Caller.of(request.calling_ae, request.peer)
        try:
            self._quota.check(caller)
            self._with_room(lambda room: room.floor // 4 + 1 - room.free)
            with self._spool.keeping():
                self._spool.keep(received)
                admitted = self._submission.admit(request, rule=self._rule())
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
            Event.FILMS_ACCEPTED,
            {
                "job": admitted.job_id,
                "calling_ae": request.calling_ae,
                "peer": request.peer,
                "films": len(request.films),
                "copies": request.copies,
                "level": str(request.level),
                "seconds": round(self._monotonic() - came, 4),
                **twin,
            },
        )
        if missing := sum(film.images_refused for film in request.films):
            facts = {"job": admitted.job_id, "calling_ae": request.calling_ae, "images": missing}
            self._note(Event.FILM_INCOMPLETE, facts)
        if admitted.held:
            self._note(Event.DUPLICATE_HELD, {"job": admitted.job_id, **twin})
        self._wake()
        return admitted.job_id

    def forget(self, received: Sequence[UploadedPixels]) -> None:
        """Remove pixels that arrived and were not asked for."""
        self._spool.drop(received)

    def status(self) -> PoolStatus:
        """The pool as one printer: FAILURE only when films are refused."""
        try:
            self._look()
            printers = self._printers.list()
            room = self._with_room(lambda room: room.floor + 1 - room.free)
        except Exception as error:  # noqa: BLE001 - whatever the disk says, it is the answer
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})
            return pool_status((), can_store=False)
        return pool_status(
            printers,
            can_store=True,
            room=not room.low,
            configured=self._configured(),
            kept=self._kept(),
        )

    def _check_printers(self) -> None:
        """Raises: NoPrinters: when none is configured."""
        if not self._configured():
            raise NoPrinters

    def _check_fit(self, size: int) -> Room:
        """The room there is.

        Raises: CannotStore: when `size` bytes more would take what must stay free.
        """
        room = self._with_room(lambda room: size - room.for_open_sessions)
        if not room.takes(size):
            self._note(Event.STORAGE_FAILED, {"why": NO_ROOM})
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
            self._note(
                Event.STORAGE_FAILED, {"what": "no room can be made", "why": in_words(error)}
            )
            return room

    def _undo(self, received: Sequence[UploadedPixels]) -> None:
        """Take back what `keep` moved into place, as far as no job refers to it."""
        try:
            self._spool.undo(received, self._references.spooled)
        except Exception as error:  # noqa: BLE001 - the database is gone: upkeep sweeps later
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})

    def _cannot(self, what: str, error: Exception) -> CannotStore:
        # Without the path of the file: it differs each time, and the trouble is the same.
        why = (error.strerror if isinstance(error, OSError) else None) or in_words(error)
        self._note(Event.STORAGE_FAILED, {"what": what, "why": why})
        return CannotStore(f"{what}: {why}")
