"""Delivers notices over one channel, in a thread of its own: a slow channel delays no other."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from broker.events import Event, Note
from broker.model.alert_rules import Notice

WAITING = 100
"""Notices that wait for a channel that is down; further ones are dropped, and that is noted."""
FIRST_S, LONGEST_S = 5.0, 300.0
"""Pauses between tries double."""
TRIES = 12
GRACE_S = 1.0
"""For a delivery that is under way when the broker stops."""

Send = Callable[[Notice], None]
"""Delivers one notice. Raises: OSError, ValueError: when it could not."""


class ChannelDelivery:
    """The notices of one channel."""

    def __init__(self, channel: str, send: Send, note: Note, *, first_s: float = FIRST_S) -> None:
        self.channel = channel
        self._send = send
        self._note = note
        self._first_s = first_s
        self._waiting: queue.Queue[Notice | None] = queue.Queue(WAITING)
        self._stopping = threading.Event()
        self._current: Notice | None = None
        self._thread = threading.Thread(target=self._loop, name=f"notify-{channel}", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self._thread.start()

    def take(self, notice: Notice) -> None:
        """Deliver it when its turn comes."""
        try:
            self._waiting.put_nowait(notice)
        except queue.Full:
            self._note(Event.NOTICE_DROPPED, {"channel": self.channel, "event_told": notice.event})

    def halt(self) -> None:
        """Begin to stop: no more attempts."""
        self._stopping.set()
        with suppress(queue.Full):  # the thread wakes up for what is queued
            self._waiting.put_nowait(None)

    def stop(self) -> list[Notice]:
        """End; the notices that were not delivered. A delivery that hangs is not waited for: it
        counts as not delivered, and may arrive twice.
        """
        self.halt()
        if self._thread.is_alive():
            self._thread.join(GRACE_S)
        left = [self._current]
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        return [each for each in left if each is not None]

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._current = self._waiting.get()
            if self._current is not None and self._deliver(self._current):
                self._current = None

    def _deliver(self, notice: Notice) -> bool:
        """Whether it was delivered, or given up for good."""
        pause_s = self._first_s
        for number in range(1, TRIES + 1):
            try:
                self._send(notice)
            except Exception as error:  # noqa: BLE001 - the next notice is tried all the same
                facts = {"channel": self.channel, "event_told": notice.event, "why": str(error)}
                if number in (1, TRIES):
                    self._note(Event.NOTICE_NOT_DELIVERED, {**facts, "tries": number})
                if number == TRIES:
                    return True
                if self._stopping.wait(pause_s):
                    return False
                pause_s = min(LONGEST_S, 2 * pause_s)
            else:
                self._note(
                    Event.NOTICE_DELIVERED, {"channel": self.channel, "event_told": notice.event}
                )
                return True
        return True
