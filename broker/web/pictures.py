"""Pictures of films for the page: drawn on request, the last ones kept in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import partial

from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool

from broker.model.films.film import Film
from broker.model.printers.trouble import PRINT_AGAIN
from broker.model.storage.disk import MB
from broker.operations.opened import Store
from broker.operations.words.failures import Failure
from broker.store.reading.job_rows import film_to_json
from broker.web.picture_process import NO_PICTURE, TOO_LARGE
from broker.web.server.responses import busy
from broker.web.server.worker import Worker, WorkerFull

WAITING = 64
"""Pictures that are drawn, one at a time as the relay has the other core, or wait for it. A page of
films asks for as many as its browser has connections, mostly six."""
PATIENCE_S = 60.0
KEPT = 32 * MB
"""Bytes of pictures that are kept, in memory alone: no patient stays on a disk."""

Key = tuple[int, int, int]
"""Job, film, width."""


class NoPicture(Failure):
    """There is no picture. `words` says why, and what to do."""


class Pictures:
    """Of the films of one store."""

    def __init__(self, store: Store, *, patience_s: float = PATIENCE_S, kept: int = KEPT) -> None:
        self._store = store
        self._patience_s = patience_s
        self._drawing = Worker("pictures", waiting=WAITING, by_key=WAITING)
        self._lock = threading.Lock()
        self._kept: LRUCache[Key, bytes] = LRUCache(kept, getsizeof=len)

    async def png(self, job_id: int, number: int, width: int) -> bytes:
        """Film `number`, from 1, `width` pixels wide.

        Raises: NoSuchJob: there is none.
                NoPicture: it cannot be drawn.
                RequestRefused: as many wait as may wait.
        """
        found = await run_in_threadpool(self._kept_or_film, job_id, number, width)
        if isinstance(found, bytes):
            return found
        name = f"film {number} of job {job_id}"
        key = (job_id, number, width)
        try:
            return await self._drawing.do("", partial(self._draw_and_keep, key, found, name))
        except WorkerFull:
            raise busy("too many pictures are asked for at once", 5) from None

    def _kept_or_film(self, job_id: int, number: int, width: int) -> bytes | Film:
        """The picture, where it is kept; else the film to draw."""
        job = self._store.jobs.get(job_id)
        if job.pixels_removed_at is not None:
            self._forget(job_id)
            raise NoPicture(f"job {job_id}: its pixels have been removed since; {PRINT_AGAIN}")
        if (kept := self._of((job_id, number, width))) is not None:
            return kept
        films = self._store.jobs.films(job_id)
        film = next((each.film for each in films if each.number == number), None)
        if film is None:
            raise NoPicture(f"job {job_id} has no film {number}: its films are 1 to {job.films}")
        return film

    def _of(self, key: Key) -> bytes | None:
        with self._lock:
            return self._kept.get(key)

    def _draw_and_keep(self, key: Key, film: Film, name: str) -> bytes:
        if (kept := self._of(key)) is not None:
            return kept  # it was drawn for another while this one waited
        drawn = self._draw(film, key[2], name)
        with self._lock, suppress(ValueError):  # one that is larger than all that may be kept
            self._kept[key] = drawn
        return drawn

    @property
    def size(self) -> int:
        """Bytes that are kept now."""
        with self._lock:
            return int(self._kept.currsize)

    def _draw(self, film: Film, width: int, name: str) -> bytes:
        spool = str(self._store.config.data_dir / "spool")
        told = {"film": film_to_json(film), "spool": spool, "width": width}
        try:
            done = subprocess.run(
                [sys.executable, "-m", "broker.web.picture_process", str(os.getpid())],
                input=json.dumps(told).encode() + b"\n",
                capture_output=True,
                timeout=self._patience_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            words = f"{name} took longer than {self._patience_s:g} s to draw; nothing else is wrong"
            raise NoPicture(words) from None
        if done.returncode == 0:
            return done.stdout
        why = done.stderr.decode(errors="replace")
        if done.returncode == TOO_LARGE:
            raise NoPicture(f"{name}: {why}")
        if done.returncode != NO_PICTURE:
            last = why.strip().rpartition("\n")[2]
            raise NoPicture(f"{name} cannot be drawn: code {done.returncode} {last}".rstrip())
        raise NoPicture(f"{name}: {why}; {PRINT_AGAIN}")

    def _forget(self, job_id: int) -> None:
        with self._lock:
            for key in [each for each in self._kept if each[0] == job_id]:
                del self._kept[key]
