"""What balancers and monitors request: liveness, readiness, metrics.

They are answered apart from everything that can wait: what they need is read by threads of their
own, over a database connection of their own, at most once a second. What cannot be read in time is
reported as not read.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from fastapi.responses import JSONResponse, PlainTextResponse, Response
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from broker.operations.condition.readiness import Obstacle, ObstacleKind, Readiness, look
from broker.operations.opened import Store
from broker.operations.words.failures import explained
from broker.store.database import FAILURES
from broker.web.metrics import SpoolSize, parts, rendered

T = TypeVar("T")


class Late(Exception):
    """It has not been read in time. `since_s`: for how many seconds it has been tried."""

    def __init__(self, since_s: float) -> None:
        super().__init__(f"not read for {since_s:.1f} s")
        self.since_s = since_s


class Fresh(Generic[T]):
    """One thing to read. While a read hangs, no second one begins."""

    def __init__(self, read: Callable[[], T], every_s: float) -> None:
        self._read = read
        self._every_s = every_s
        self._reading: Future[T] | None = None
        self._began = 0.0

    async def get(self, within_s: float) -> T:
        """What was read less than `every_s` ago, or what is read now; what the read raised.

        Raises: Late: after `within_s`, when the read has not come to its end.
        """
        now = time.monotonic()
        reading = self._reading
        if reading is None or (reading.done() and now - self._began >= self._every_s):
            reading = self._reading = Future()
            self._began = now
            # A daemon: one that hangs must not keep the process from ending.
            threading.Thread(target=self._run, args=(reading,), daemon=True).start()
        awaited = asyncio.wrap_future(reading)
        # What it raises after that is told to the next that asks.
        awaited.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(awaited)
        except TimeoutError:
            if reading.done():
                return reading.result()
            raise Late(time.monotonic() - self._began) from None

    def _run(self, reading: Future[T]) -> None:
        try:
            reading.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is asked for
            reading.set_exception(error)


EVERY_S = 1.0
"""Nothing is read more often."""
WITHIN_S = 0.7
"""Nothing is waited for longer: a probe has its answer within a second."""
COMMIT_EVERY = 10
"""Looks from one that commits a row to the next: each is a change that open pages look at."""
NOT_KEPT = {"Cache-Control": "no-store"}


class Probes:
    """`begin` comes before the first question."""

    def __init__(self) -> None:
        self.answers: Mapping[str, Callable[[bool], Awaitable[Response]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
        }

    def begin(self, store: Store) -> None:
        """Read from this store, which nothing else uses."""
        turns = itertools.count()
        self._readiness = Fresh(
            lambda: look(store, committing=next(turns) % COMMIT_EVERY == 0), EVERY_S
        )
        found = parts(store, SpoolSize(store.config.data_dir / "spool"), time.time)
        self._parts = {name: Fresh(read, EVERY_S) for name, read in found.items()}

    async def _healthz(self, _json: bool) -> Response:
        """The page's process lives."""
        return _plain("ok\n", 200)

    async def _readyz(self, json: bool) -> Response:
        """Films can be taken: 200; or 503, and why not. What else is worth knowing stands below."""
        found = await self._looked()
        said, status = [each.words for each in found.obstacles], 200 if found.ready else 503
        if json:
            document = {"ready": found.ready, "problems": said, "remarks": list(found.remarks)}
            return JSONResponse(document, status_code=status, headers=NOT_KEPT)
        lines = [*(said or ["ready"]), *found.remarks]
        return _plain("".join(f"{each}\n" for each in lines), status)

    async def _looked(self) -> Readiness:
        try:
            return await self._readiness.get(WITHIN_S)
        except Late as late:
            words = (
                f"not known: what a film needs has been read for {late.since_s:.0f} s without an "
                "end; the database, the disk or the machine does not answer"
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, films may not be taken
            known = explained(error)
            words = " ".join(known[1]) if known else f"the checks failed: {error!r}"
        return Readiness((Obstacle(ObstacleKind.HANGS, words),))

    async def _metrics(self, _json: bool) -> Response:
        """All figures; nothing of a patient is among them, so they need no sign-in."""
        found: dict[str, Sequence[Metric] | None] = {}
        end = time.monotonic() + WITHIN_S
        for name, part in self._parts.items():
            try:
                found[name] = await part.get(max(0.05, end - time.monotonic()))
            except (Late, *FAILURES, OSError):
                found[name] = None
        return Response(rendered(found), media_type=CONTENT_TYPE_LATEST, headers=NOT_KEPT)


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status, headers=NOT_KEPT)
