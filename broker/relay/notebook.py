"""Where everything notes what is worth a log line: what peers repeat is told as a number."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from broker.model.repetition import Repetitions

Note = Callable[[str, Mapping[str, object]], None]

REPEATED = frozenset(
    {
        "association aborted",
        "association fault",
        "association lost",
        "association probe",
        "association refused",
        "association rejected",
        "request refused",
    }
)
"""What any peer can make happen as often as it likes."""


class Notebook:
    """Passes notes on. Of REPEATED, equal in event and `kind`, the first few go one by one, and
    then one every few seconds with their `number`.

    For any thread. `close` tells what is still kept.
    """

    def __init__(self, note: Note, monotonic: Callable[[], float]) -> None:
        self._pass_on = note
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._repetitions = Repetitions()
        self._timer: threading.Timer | None = None

    def note(self, event: str, facts: Mapping[str, object]) -> None:
        """Tell this, now or as one of a number."""
        if event not in REPEATED:
            self._pass_on(event, facts)
            return
        with self._lock:
            now = self._monotonic()
            told = self._repetitions.heard((event, str(facts.get("kind", ""))), facts, now)
            if told is None:
                self._wind(now)
        if told is not None:
            self._pass_on(event, told)

    def close(self) -> None:
        """Tell everything that is kept."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            kept = self._repetitions.due(float("inf"))
        for (event, _), facts in kept:
            self._pass_on(event, facts)

    def _wind(self, now: float) -> None:
        """See to it that what is kept is told in time."""
        due = self._repetitions.next_due
        if self._timer is None and due is not None:
            self._timer = threading.Timer(max(0.0, due - now), self._ring)
            self._timer.daemon = True
            self._timer.start()

    def _ring(self) -> None:
        with self._lock:
            self._timer = None
            now = self._monotonic()
            told = self._repetitions.due(now)
            self._wind(now)
        for (event, _), facts in told:
            self._pass_on(event, facts)
