"""Delivers notices one way, in a thread of its own: whatever is slow there delays nobody."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from broker.model.bulletin import Notice
from broker.model.note import Note

WAITING = 100
"""Notices that wait for a way that is down; the newest beyond are dropped, and that is noted."""
FIRST_S, LONGEST_S = 5.0, 300.0
"""Pauses between tries double."""
TRIES = 12

Send = Callable[[Notice], None]
"""Delivers one notice; OSError or ValueError when it could not."""


class Postman:
    """One way."""

    def __init__(self, way: str, send: Send, note: Note, *, first_s: float = FIRST_S) -> None:
        self._way = way
        self._send = send
        self._note = note
        self._first_s = first_s
        self._waiting: queue.Queue[Notice | None] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name=f"notify-{way}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def take(self, notice: Notice) -> None:
        """Deliver it when its turn comes."""
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._note("notice dropped", {"way": self._way, "event_told": notice.event})

    def stop(self) -> None:
        """No more tries; does not wait for one that hangs."""
        self._stopping.set()
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return  # it looks at `stopping` after each

    def _loop(self) -> None:
        while not self._stopping.is_set():
            notice = self._waiting.get()
            if notice is not None:
                self._deliver(notice)

    def _deliver(self, notice: Notice) -> None:
        pause_s = self._first_s
        for number in range(1, TRIES + 1):
            try:
                self._send(notice)
            except (OSError, ValueError) as error:
                facts = {"way": self._way, "event_told": notice.event, "why": str(error)}
                if number in (1, TRIES):
                    self._note("notice not delivered", {**facts, "tries": number})
                if number == TRIES or self._stopping.wait(pause_s):
                    return
                pause_s = min(LONGEST_S, 2 * pause_s)
            else:
                self._note("notice delivered", {"way": self._way, "event_told": notice.event})
                return
