"""One thread that does one call after the other, with a bounded queue.

A ThreadPoolExecutor bounds no queue, and its thread keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

NICE = 19
"""Expensive calls get the processor last."""


class WorkerFull(Exception):
    """As many calls wait as may wait."""


class Worker:
    """Expensive calls, which delay nothing else here. `do` belongs to one event loop.

    At most `waiting` calls are there at a time, `by_key` of them of one key."""

    def __init__(self, name: str, *, waiting: int, by_key: int) -> None:
        self._waiting = waiting
        self._by_key = by_key
        self._there: Counter[str] = Counter()
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        # A daemon: a call that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._begun = False

    def full(self, key: str) -> bool:
        """Whether a further call of that key is refused now."""
        return self._there.total() >= self._waiting or self._there[key] >= self._by_key

    async def do(self, key: str, call: Callable[[], T]) -> T:
        """What the call returns, or raises.

        Raises: WorkerFull: at once, when there are as many calls as may be.
        """
        if self.full(key):
            raise WorkerFull
        if not self._begun:
            self._begun = True
            self._thread.start()
        done: Future[T] = Future()
        self._there[key] += 1
        loop = asyncio.get_running_loop()
        awaited = asyncio.wrap_future(done, loop=loop)
        # Where its caller has gone, nothing else is told what it raises.
        awaited.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        try:
            self._calls.put((done, call))
            return await asyncio.shield(awaited)
        finally:
            if awaited.done():
                self._gone(key)
            else:  # its caller has gone; it takes its place until it is done all the same
                awaited.add_done_callback(lambda _: self._gone(key))

    def _gone(self, key: str) -> None:
        self._there[key] -= 1
        if not self._there[key]:
            del self._there[key]

    def _work(self) -> None:
        if sys.platform == "linux":  # elsewhere it would be the whole process
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        while True:
            done, call = self._calls.get()
            try:
                done.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is its caller's
                done.set_exception(error)
