"""One thread with a short queue; what is read at most once in a while.

`asyncio.sleep(0)` is one turn of the loop, in which new tasks run up to their first wait.
"""

from __future__ import annotations

import asyncio
import threading

import pytest

from broker.web.probes import Fresh, Late
from broker.web.server.worker import Worker, WorkerFull


def test_more_than_may_wait_is_refused_at_once() -> None:
    """In all, and of one key; what has ended gives its place back, failed or not."""
    go = threading.Event()
    worker = Worker("test", waiting=3, by_key=2)

    async def play() -> list[object]:
        first = [asyncio.create_task(worker.do("a", go.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(WorkerFull):
            await worker.do("a", go.wait)
        other = asyncio.create_task(worker.do("b", lambda: 1 // 0))
        await asyncio.sleep(0)
        with pytest.raises(WorkerFull):
            await worker.do("c", go.wait)
        go.set()
        found = await asyncio.gather(*first, other, return_exceptions=True)
        return [*found, await worker.do("a", lambda: "again"), worker.full("a")]

    first, second, failed, again, full = asyncio.run(play())
    assert (first, second, again, full) == (True, True, "again", False)
    assert isinstance(failed, ZeroDivisionError)


def test_a_caller_that_has_gone_keeps_its_place_until_the_call_ends() -> None:
    """Else those who go away at once would have as much done as they like."""
    go = threading.Event()
    worker = Worker("test", waiting=1, by_key=1)

    async def play() -> None:
        task = asyncio.create_task(worker.do("a", go.wait))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert worker.full("b")
        go.set()
        async with asyncio.timeout(10):
            while worker.full("b"):  # only the thread knows, and tells the loop
                await asyncio.sleep(0.001)

    asyncio.run(play())


def test_it_is_read_once_for_all_and_late_is_said() -> None:
    """While a read hangs no second one begins, and those who ask hear since when; what was read is
    told until it is old, then it is read again.
    """
    go = threading.Event()
    reads: list[int] = []

    def read() -> int:
        reads.append(1)
        go.wait(30)
        return len(reads)

    async def play() -> None:
        fresh = Fresh(read, 0.0)
        for _ in range(2):
            with pytest.raises(Late) as raised:
                await fresh.get(0.05)
        assert raised.value.since_s >= 0.1
        assert len(reads) == 1
        go.set()
        assert await fresh.get(30) == 1
        assert await fresh.get(30) == 2
        kept = Fresh(read, 60.0)
        assert await kept.get(30) == await kept.get(30) == 3

    asyncio.run(play())
