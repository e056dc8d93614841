"""How many connections, and how many requests of one kind, there may be at one time; and one thread
that does one call after the other, with a bounded queue.

A ThreadPoolExecutor bounds no queue, and its thread keeps the process from ending.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import queue
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from broker.model.hosts import plain_host
from broker.web.server.responses import busy


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


@dataclass(frozen=True)
class ConnectionLimits:
    """How many connections the page keeps."""

    all: int = 384
    by_address: int = 96
    """Of one address other than this machine's own."""
    for_this_machine: int = 24
    """Places that no other address takes: probes and people on this machine get in."""


CONNECTION_LIMITS = ConnectionLimits()


class Taken(Protocol):
    """A place that a connection has."""

    @property
    def address(self) -> str:
        """Its peer, as `peer_of` names it."""

    @property
    def idle_since(self) -> float | None:
        """Since when the page waits for the peer, in seconds of the monotonic clock; None while it
        works on its request, or sends events."""


Place = TypeVar("Place", bound=Taken)


@dataclass(frozen=True)
class ConnectionAdmission(Generic[Place]):
    """What becomes of a new connection."""

    admitted: bool
    gives_way: Place | None = None
    """The connection that ends for it."""


def admission(
    taken: Collection[Place], address: str, limits: ConnectionLimits = CONNECTION_LIMITS
) -> ConnectionAdmission[Place]:
    """Whether a new connection from `address` is kept.

    Where its address, all other machines together, or all connections have as many places as they
    may have, the one among these whose peer has been idle for the longest time gives way. Where
    none is idle, the new one is refused.
    """
    rivals: Collection[Place] = ()
    if not _is_this_machine(address):
        own = [each for each in taken if each.address == address]
        others = [each for each in taken if not _is_this_machine(each.address)]
        if len(own) >= limits.by_address:
            rivals = own
        elif len(others) >= limits.all - limits.for_this_machine:
            rivals = others
    if not rivals and len(taken) >= limits.all:
        rivals = taken
    if not rivals:
        return ConnectionAdmission(True)
    idle = [(each.idle_since, each) for each in rivals if each.idle_since is not None]
    if not idle:
        return ConnectionAdmission(False)
    return ConnectionAdmission(True, min(idle, key=lambda pair: pair[0])[1])


def peer_of(host: str) -> str:
    """What counts as one peer: an IPv4 address however it is written, and the 64 bits of an IPv6
    address that name its network, as one machine may take any address in it."""
    try:
        address = ipaddress.ip_address(plain_host(host.partition("%")[0]))
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _is_this_machine(peer: str) -> bool:
    return peer == "::1" or peer.startswith("127.")


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
