"""Readiness for balancers, which ask again and again: a thread looks, answers come at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from broker.desk.readiness import Kind, Obstacle, Readiness

EVERY_S = 1.0
"""From one look to the next, while questions come."""
COMMIT_EVERY = 10
"""Looks from one that commits a row to the next: each is a change that open pages look at."""
ASKED_S = 60.0
"""Without a question for so long the thread stops looking: a broker at rest writes nothing."""
FRESH_S = 2.5
"""A look that is older says nothing any more."""
HANGS_S = 1.0
"""A look that takes longer hangs: a disk does not answer."""

Look = Callable[[bool], Readiness]
"""Takes a look; whether it also commits a row."""


class SampledReadiness:
    """The latest look. `start` and `stop` it; for any thread. No answer waits longer than HANGS_S,
    and while a question comes each minute none waits at all.
    """

    def __init__(self, look: Look, clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._changed = threading.Condition()
        self._latest: Readiness | None = None
        self._latest_at = 0.0
        self._began: float | None = None
        """When the look began that is being taken."""
        self._asked_at = clock()
        self._stopping = False
        self._thread = threading.Thread(target=self._loop, name="readiness", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that hangs is not waited for."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(HANGS_S)

    def answer(self) -> Readiness:
        """How things are."""
        with self._changed:
            self._asked_at = self._clock()
            self._changed.notify_all()
            if not self._fresh() and not self._hangs():
                self._changed.wait_for(self._fresh, HANGS_S)
            if self._fresh():
                assert self._latest is not None
                return self._latest
            taken = 0.0 if self._began is None else self._clock() - self._began
        words = f"the checks have not ended for {taken:.0f} s: a disk does not answer"
        return Readiness((Obstacle(Kind.HANGS, words),))

    def _fresh(self) -> bool:
        return self._latest is not None and self._clock() - self._latest_at <= FRESH_S

    def _hangs(self) -> bool:
        return self._began is not None and self._clock() - self._began > HANGS_S

    def _loop(self) -> None:
        number = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._clock() - self._asked_at < ASKED_S
                )
                if self._stopping:
                    return
                self._began = self._clock()
            found = self._taken(number % COMMIT_EVERY == 0)
            number += 1
            with self._changed:
                self._latest, self._latest_at = found, self._clock()
                self._began = None
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopping, EVERY_S)

    def _taken(self, committing: bool) -> Readiness:
        try:
            return self._look(committing)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            return Readiness((Obstacle(Kind.HANGS, f"the checks failed: {error!r}"),))
