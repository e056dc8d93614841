"""How many connections, and how many requests of one kind, there may be at one time."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from broker.model.peers.hosts import plain_host
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
    taken: Collection[Place],
    address: str,
    limits: ConnectionLimits = CONNECTION_LIMITS,
    *,
    proxy: bool = False,
) -> ConnectionAdmission[Place]:
    """Whether a new connection from `address` is kept; `proxy`: many people are behind it, so that
    it may have more places than one address.

    Where its address, all other machines together, or all connections have as many places as they
    may have, the one among these whose peer has been idle for the longest time gives way. Where
    none is idle, the new one is refused.
    """
    rivals: Collection[Place] = ()
    if not _is_this_machine(address):
        own = [each for each in taken if each.address == address]
        others = [each for each in taken if not _is_this_machine(each.address)]
        if len(own) >= limits.by_address and not proxy:
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
