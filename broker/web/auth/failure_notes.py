"""Failed sign-ins, written down now and then, beside the requests: guessing makes few writes, and a
database that is locked keeps no person from signing in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from cachetools import FIFOCache

from broker.events import Event, Note
from broker.model.user import FailedSignInCount
from broker.relay.loop import Loop
from broker.store.database import in_words

WRITE_S = 2.0
"""Between two writes."""
UNWRITTEN = 200
"""Users and addresses that are remembered until then; the oldest go first."""
END_S = 1.0


class FailureNotes:
    """For any thread; `start` and `stop` belong to the page's process."""

    def __init__(
        self,
        write: Callable[[Sequence[FailedSignInCount]], None],
        note: Note,
        clock: Callable[[], float],
    ) -> None:
        self._write = write
        self._note = note
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: FIFOCache[tuple[str, str], FailedSignInCount] = FIFOCache(UNWRITTEN)
        self._loop = Loop("failed sign-ins", self._step, first_s=WRITE_S, at_end=self._write_down)

    def start(self) -> None:
        """Begin to write."""
        self._loop.start()

    def stop(self) -> None:
        """Write what there is, and end."""
        self._loop.stop(END_S)

    def failed(self, user: str, address: str) -> None:
        """One more. `user` is empty where there is none of the name that was given."""
        now = self._clock()
        self._add([FailedSignInCount(user, address[:64], 1, now, now)])

    def _add(self, more: Sequence[FailedSignInCount]) -> None:
        with self._lock:
            for each in more:
                before = self._counts.get((each.user, each.address))
                self._counts[each.user, each.address] = before + each if before else each

    def _step(self) -> float:
        self._write_down()
        return WRITE_S

    def _write_down(self) -> None:
        """What cannot be written is kept for the next time."""
        with self._lock:
            counts = list(self._counts.values())
            self._counts.clear()
        if not counts:
            return
        try:
            self._write(counts)
        except Exception as error:  # noqa: BLE001 - the page goes on
            self._note(Event.SIGN_INS_NOT_WRITTEN, {"why": in_words(error)})
            self._add(counts)
