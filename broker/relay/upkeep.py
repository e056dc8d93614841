"""Keeping house: what a crash, an abort or a failing disk left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from broker.model.job import State
from broker.store.jobs import Jobs
from broker.store.spool import Spool

ORPHAN_AGE_S = 3600.0
"""A spool file that no job refers to is removed after this time; younger ones may be arriving."""
CLAIM_AGE_S = 30.0
"""A claim that is younger may be about to get its attempt."""


class Upkeep:
    """Sweeps the spool, and settles claims that no attempt is working on any more."""

    def __init__(
        self,
        jobs: Jobs,
        spool: Spool,
        *,
        running: Callable[[], Collection[int]],
        on_uncertain: Callable[[], str],
        clock: Callable[[], float],
        note: Callable[[str, Mapping[str, object]], None],
        interval_s: float = 60.0,
    ) -> None:
        self._jobs = jobs
        self._spool = spool
        self._running = running
        self._on_uncertain = on_uncertain
        self._clock = clock
        self._note = note
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="upkeep", daemon=True)

    def start(self) -> None:
        """Begin; the first round comes after one interval."""
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """End after the round in hand."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _loop(self) -> None:
        while not self._stopping.wait(self._interval_s):
            try:
                self.round()
            except Exception as error:  # noqa: BLE001 - a failing disk must not end the upkeep
                self._note("upkeep failed", {"why": repr(error)})

    def round(self) -> None:
        """One round, now."""
        self.recover(self._clock() - CLAIM_AGE_S)
        swept = self._spool.sweep(self._jobs.spooled, ORPHAN_AGE_S, self._clock())
        if swept:
            self._note("spool swept", {"files": swept})

    def recover(self, began_before: float | None = None) -> None:
        """Settle the claims of attempts that are gone (promise 3); all, or those begun earlier."""
        for job in self._jobs.recover(
            self._on_uncertain(), running=self._running(), began_before=began_before
        ):
            held = job.state is State.HELD
            self._note(
                "job recovered",
                {"job": job.id, "state": str(job.state), "reason": job.reason if held else ""},
            )
