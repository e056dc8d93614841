"""A bounded number of requests is worked on at one time, some wait, and the rest are refused."""

from __future__ import annotations

import asyncio

from broker.web.server.request_refused import busy


class RequestSlots:
    """`at_once` slots, for which `waiting` further requests may wait. In one event loop."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most = waiting
        self._waiting = 0

    async def acquire(self) -> None:
        """Wait for a free slot.

        Raises: RequestRefused: 503, as many wait as may wait.
        """
        if self._free.locked() and self._waiting >= self._most:
            raise busy("too many requests wait for the page")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def release(self) -> None:
        """A slot is free."""
        self._free.release()


class RequestSlot:
    """The slot of one request, which may be taken, and released, more than once."""

    def __init__(self, slots: RequestSlots) -> None:
        self._slots = slots
        self._taken = False

    async def take(self) -> None:
        """Return when the request has a slot.

        Raises: RequestRefused: 503, as many wait as may wait.
        """
        if not self._taken:
            await self._slots.acquire()
            self._taken = True

    def release(self) -> None:
        """Let the next request have it."""
        if self._taken:
            self._taken = False
            self._slots.release()
