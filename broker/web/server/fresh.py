"""What is read at most once in a while, in a thread of its own, and never waited for for long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Late(Exception):
    """It has not been read in time. `since_s`: for how many seconds it has been tried."""

    def __init__(self, since_s: float) -> None:
        super().__init__(f"not read for {since_s:.1f} s")
        self.since_s = since_s


class Fresh(Generic[T]):
    """One thing to read. While a read hangs, no second one begins."""

    def __init__(self, read: Callable[[], T], every_s: float) -> None:
        self._read = read
        self._every_s = every_s
        self._reading: Future[T] | None = None
        self._began = 0.0

    async def get(self, within_s: float) -> T:
        """What was read less than `every_s` ago, or what is read now; what the read raised.

        Raises: Late: after `within_s`, when the read has not come to its end.
        """
        now = time.monotonic()
        reading = self._reading
        if reading is None or (reading.done() and now - self._began >= self._every_s):
            reading = self._reading = Future()
            self._began = now
            # A daemon: one that hangs must not keep the process from ending.
            threading.Thread(target=self._run, args=(reading,), daemon=True).start()
        awaited = asyncio.wrap_future(reading)
        # What it raises after that is told to the next that asks.
        awaited.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(awaited)
        except TimeoutError:
            if reading.done():
                return reading.result()
            raise Late(time.monotonic() - self._began) from None

    def _run(self, reading: Future[T]) -> None:
        try:
            reading.set_result(self._read())
        except BaseException as error:  # noqa: BLE001 - it is raised where it is asked for
            reading.set_exception(error)
