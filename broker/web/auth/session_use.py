"""Which sessions are used, when and from where: written down now and then, beside the requests.

No request waits for it: a database that is locked, or a disk that is full, must not keep a person
from the page that says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from cachetools import FIFOCache

from broker.events import Event, Note
from broker.model.user import PageSession
from broker.store.database import in_words

MOST = 1000
"""Sessions that are remembered; those that were not heard of for longest go first."""
EVERY_S = 60.0
"""Between two writes of one session."""
LOOK_S = 30.0

Write = Callable[[Sequence[PageSession]], None]


class SessionUse:
    """For any thread; `start` and `stop` belong to the page's process."""

    def __init__(self, write: Write, note: Note) -> None:
        self._write = write
        self._note = note
        self._changed = threading.Condition()
        self._used: FIFOCache[str, PageSession] = FIFOCache(MOST)
        """What is not written down, by session."""
        self._written: FIFOCache[str, float] = FIFOCache(MOST)
        """When sessions were used last by what is written down."""
        self._fresh = False
        """Whether one is among them of which nothing is written down."""
        self._stopping = False
        # A daemon: a database that is locked must not keep the process from ending.
        self._thread = threading.Thread(target=self._loop, name="sessions", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what there is, and end."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(1.0)

    def seen(self, session: PageSession) -> None:
        """It was used."""
        with self._changed:
            written = self._written.get(session.session)
            if written is not None and 0 <= session.used_at - written < EVERY_S:
                return
            self._used[session.session] = session
            if written is None:
                self._fresh = True
                self._changed.notify_all()

    def ended(self, session: str) -> None:
        """It is over, or another than it was: what was heard of it before is not written."""
        with self._changed:
            self._used.pop(session, None)
            self._written.pop(session, None)

    def unwritten(self, user: str) -> list[PageSession]:
        """What is not written down of that user."""
        with self._changed:
            return [each for each in self._used.values() if each.user == user]

    def _loop(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._fresh or self._stopping, LOOK_S)
                self._fresh = False
                stopping, used = self._stopping, list(self._used.values())
            if used:
                self._write_down(used)
            if stopping:
                return

    def _write_down(self, used: Sequence[PageSession]) -> None:
        """What cannot be written is kept for the next time."""
        try:
            self._write(used)
        except Exception as error:  # noqa: BLE001 - the page goes on
            self._note(Event.SESSIONS_NOT_WRITTEN, {"why": in_words(error)})
            return
        with self._changed:
            for each in used:
                self._written[each.session] = each.used_at
                if self._used.get(each.session) == each:
                    del self._used[each.session]
