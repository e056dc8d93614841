"""The overview that all open pages share: read when something changed, and not too often."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from broker.events import Event, Note
from broker.model.jobs.job import LISTED_S, UNFINISHED, URGENCY, Job, State
from broker.model.printers.printer import Printer
from broker.model.reasons.remedies import Face
from broker.operations.condition.alarms import above
from broker.operations.condition.refusals import RefusedLately
from broker.operations.condition.whole import Situation
from broker.operations.jobs.job_status import JobStatus, job_statuses
from broker.operations.opened import Store
from broker.operations.words.failures import explained
from broker.store.sqlite import Watch

NEWEST = 150
"""Finished jobs that are shown at most."""
POLL_S = 0.5
"""How often it is asked whether anything changed, which costs next to nothing."""
LEAST_S = 1.0
"""Between two reads."""
SHARE = 100
"""Pause between two reads, in multiples of the processor time of one: all open pages together take
a hundredth of a core."""
STREAMS_SHARE = 10
"""The same, in multiples of what rendering for open pages took: all different views together take a
tenth of a core."""
RENEW_S = 15.0
"""Some things change without a row: free disk space, the end of a pause."""


@dataclass(frozen=True)
class OverviewState:
    """Printers and jobs at about one moment."""

    at: float
    """In seconds since the epoch."""
    running: bool
    situation: Situation
    """The state of the whole, and what to do about it."""
    others: tuple[str, ...]
    """Further alarms, with what to type."""
    printers: tuple[Printer, ...]
    """As they stand: of each that refuses every film, it is said."""
    jobs: tuple[JobStatus, ...]
    """All that are not finished, the most urgent state first, then the recent, newest first."""
    refused: RefusedLately | None = None
    """Callers that were refused lately."""

    @property
    def alarms(self) -> tuple[str, ...]:
        """The state of the whole where a person has to do something about it, and the further
        alarms."""
        alarming = self.situation.overall.condition.alarming
        first = (self.situation.line(self.at, Face.COMMANDS),) if alarming else ()
        return (*first, *self.others)

    @property
    def oldest(self) -> Job | None:
        """The job that waits for the longest time."""
        waiting = [each.job for each in self.jobs if each.job.state is State.QUEUED]
        return min(waiting, key=lambda job: job.created_at, default=None)

    def in_tab(self, label: str) -> int:
        """How many jobs a tab of that label lists, of those that are not finished; 0 for others."""
        named = label.lower()
        return self.number(named) if named in tuple(UNFINISHED) else 0

    def number(self, state: State | str) -> int:
        """How many of its jobs are in that state.

        Raises: ValueError: when there is no such state.
        """
        wanted = State(state)
        return sum(each.job.state is wanted for each in self.jobs)


def overview_state(store: Store, now: float) -> OverviewState:
    """Read it."""
    open_jobs, recent = store.jobs.overview(now - LISTED_S, NEWEST)
    open_jobs.sort(key=lambda job: (URGENCY[job.state], job.id))
    active = [job for job in open_jobs if job.state is not State.HELD]
    seen = above(store, now)
    return OverviewState(
        at=now,
        running=store.running,
        situation=seen.situation,
        others=seen.others,
        printers=seen.printers or tuple(store.printers.list()),
        jobs=tuple(job_statuses(store, [*open_jobs, *recent], active)),
        refused=seen.refused,
    )


class LiveOverview:
    """The latest overview: `current` for a page that is requested, `next` for event streams."""

    def __init__(self, store: Store, note: Note, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._note = note
        self._clock = clock
        self._watch = Watch(store.config.database_file)
        self._lock = threading.Lock()
        self._latest: OverviewState | None = None
        self._version = 0
        self._cost_s = 0.0
        self._rendering_s = 0.0
        self._taken_at = 0.0
        self._due = True
        """Something has changed, or may have, since the last read."""
        self._awaited = 0
        self._news: asyncio.Condition | None = None
        self._task: asyncio.Task[None] | None = None

    def current(self) -> tuple[int, OverviewState]:
        """The overview now, and its version. Blocks while it is read.

        Raises: Exception: of the database or the system, as when it is locked for too long. The
            next call reads again.
        """
        with self._lock:
            stale = time.monotonic() - self._taken_at >= RENEW_S
            self._due = self._watch.changed() or self._due or stale
            if self._due or self._latest is None:
                began = time.thread_time()
                self._latest = overview_state(self._store, self._clock())
                self._due = False
                self._version += 1
                self._cost_s = time.thread_time() - began
                self._taken_at = time.monotonic()
            return self._version, self._latest

    def latest(self) -> tuple[int, OverviewState]:
        """The overview that was read last; there is one."""
        assert self._latest is not None
        return self._version, self._latest

    def rendering_took(self, seconds: float) -> None:
        """Rendering the latest overview for open pages took that much processor time."""
        self._rendering_s = seconds

    async def start(self) -> None:
        """Begin to watch; in the loop that serves the pages."""
        self._news = asyncio.Condition()
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End, and wake what waits in `next`."""
        assert self._task is not None
        assert self._news is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        async with self._news:
            self._news.notify_all()
        self._watch.close()

    @property
    def over(self) -> bool:
        """Whether no newer version will come."""
        return self._task is None

    async def next(self, seen: int, patience_s: float) -> int:
        """The latest version, once it is another than `seen`, or after `patience_s`."""
        assert self._news is not None
        self._awaited += 1
        try:
            async with self._news:
                news = self._news.wait_for(lambda: self._version != seen or self.over)
                with contextlib.suppress(TimeoutError):  # nothing new
                    await asyncio.wait_for(news, patience_s)
        finally:
            self._awaited -= 1
        return self._version

    async def _follow(self) -> None:
        assert self._news is not None
        told = 0
        while True:
            await asyncio.sleep(POLL_S)
            rest = max(LEAST_S, SHARE * self._cost_s, STREAMS_SHARE * self._rendering_s)
            if time.monotonic() - self._taken_at >= rest and self._awaited:
                await self._take()
            if self._version != told:
                told = self._version
                async with self._news:
                    self._news.notify_all()

    async def _take(self) -> None:
        """A read that fails is noted and repeated: open pages go on when it works again."""
        try:
            await asyncio.to_thread(self.current)
        except Exception as error:  # noqa: BLE001 - any error may be over soon
            found = explained(error)
            why = type(error).__name__ if found is None else " ".join(found[1])
            self._note(Event.PAGE_LOOK_FAILED, {"kind": type(error).__name__, "why": why})
