"""Reading the store again and again, in a thread of its own: keys never wait for the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from broker.model.vitals import Vitals
from broker.operations.condition.readiness import read_vitals
from broker.operations.opened import Store
from broker.operations.overview import OverviewState, overview_state
from broker.operations.words.failures import explained
from broker.operations.words.text import age
from broker.store.database import DatabaseBusy
from broker.store.sqlite import Watch

EVERY_S = 1.0
RENEW_S = 15.0
"""Some things change without a row: a disk fills, a wait ends."""
SHARE = 12
"""The pause after a look is this many times what it cost: all looks take at most a twelfth of a
core, however long the queue is."""
NOT_IN_PLACE = (
    "THE DATABASE IS GONE, or another file is in its place: {file}. Put it back; if it was put "
    "back from a copy, leave with q and begin again. What is below is what was there before."
)
OLD = "What is below is {age} old: "


def in_words(error: Exception) -> str:
    """What failed, for the screen."""
    if isinstance(error, DatabaseBusy):
        return f"the database: {error}"
    return " ".join((explained(error) or (1, [repr(error)]))[1])


class StoreWatch:
    """Reports the store when it has changed, and why it cannot be read."""

    def __init__(
        self,
        store: Store,
        see: Callable[[OverviewState, Vitals | None], None],
        alarm: Callable[[Sequence[str]], None],
    ) -> None:
        self._store = store
        self._see = see
        self._alarm = alarm
        self._file = store.config.database_file
        self._watch = Watch(self._file)
        self._wake = threading.Event()
        self._stopped = False

    def again(self) -> None:
        """Look at once: a command was given here."""
        self._wake.set()

    def stop(self) -> None:
        """No more looks."""
        self._stopped = True
        self._wake.set()

    @property
    def lost(self) -> str:
        """That the database is no longer where it was, in words; else empty."""
        return "" if self._watch.in_place() else NOT_IN_PLACE.format(file=self._file)

    def run(self) -> None:
        """Look until `stop` is called."""
        seen_at, due, pause = time.monotonic(), 0.0, 0.0
        while not self._stopped:
            self._wake.clear()
            now = time.monotonic()
            try:
                if lost := self.lost:
                    due = now
                    self._alarm([lost])
                elif self._watch.changed() or now >= due:
                    due = now  # until it has been seen
                    pause = self._look()
                    seen_at = time.monotonic()
                    due = seen_at + RENEW_S
            except Exception as error:  # noqa: BLE001 - shown on the screen
                self._alarm([OLD.format(age=age(now - seen_at)) + in_words(error)])
            self._wake.wait(max(EVERY_S, pause))
        self._watch.close()

    def _look(self) -> float:
        """Read the store; the seconds to pause afterwards."""
        began = time.thread_time()
        found = overview_state(self._store, time.time())
        vitals = read_vitals(self._store.config.data_dir)
        cost = time.thread_time() - began
        self._see(found, vitals)
        return SHARE * cost
