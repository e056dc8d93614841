"""Turns of requests: a few are worked on at one time, some wait, and the rest come again."""

from __future__ import annotations

import asyncio

from broker.web.server.refusal import busy


class Turns:
    """`at_once` of them at one time, while `waiting` others wait. In one event loop."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._most = waiting
        self._waiting = 0

    async def take(self) -> None:
        """Wait for a place.

        Raises: Refused: 503, as many wait as may wait.
        """
        if self._places.locked() and self._waiting >= self._most:
            raise busy("too many requests wait for the page")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    def give(self) -> None:
        """A place is free."""
        self._places.release()


class Turn:
    """The turn of one request, which may come, and be left, more than once."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._has = False

    async def come(self) -> None:
        """Return when it has come; Refused."""
        if not self._has:
            await self._turns.take()
            self._has = True

    def leave(self) -> None:
        """Let the next one have it."""
        if self._has:
            self._has = False
            self._turns.give()
