"""Sockets that listen: one port on every address that the configuration names."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from broker.model.peers.hosts import (
    EVERY,
    EVERY_IPV4,
    LOCALHOST,
    Hosts,
    at_port,
    hosts_of,
    plain_host,
)

PORT_TRIES = 50
"""Free ports that are tried until one is free on all addresses."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})
"""The machine has no such address, or no IPv6."""


class CannotListen(OSError):
    """A port cannot be had. `where` names it with its host, `port` is 0 for any free one."""

    def __init__(self, error: OSError, host: str, port: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.unknown_name = isinstance(error, socket.gaierror)
        self.where = at_port(host, port)
        self.port = port


@dataclass(frozen=True)
class _Place:
    """One address to bind."""

    host: str
    """As the configuration names it."""
    family: socket.AddressFamily
    address: tuple[str | int, ...]
    """As socket.bind takes it, but for the port, which is its second part."""
    may_lack: bool
    """Whether it is left out where the machine does not have it, as long as another is there."""


def listen(value: Hosts, port: int, *, backlog: int) -> list[socket.socket]:
    """Sockets that listen on all of the hosts, on one port.

    `*` is both families; IPv6 is left out where the machine has none. A name is every address that
    it has here. With port 0 all get the same free port. None is left open when one cannot be had.

    Raises: CannotListen: when an address cannot be had; it names it.
    """
    places = list(_places(hosts_of(value), port))
    for left in range(PORT_TRIES - 1, -1, -1):
        try:
            return _bound(places, port, backlog)
        except CannotListen as error:
            if port or error.errno != errno.EADDRINUSE or not left:
                raise
    raise AssertionError("the last try returns or raises")


def _places(hosts: Sequence[str], port: int) -> Iterator[_Place]:
    """What to bind, each once; an address that a wildcard covers is left out."""
    seen: set[tuple[socket.AddressFamily, str]] = set()
    everything = {
        socket.AF_INET: EVERY in hosts or EVERY_IPV4 in hosts,
        socket.AF_INET6: EVERY in hosts,
    }
    if everything[socket.AF_INET]:
        yield _Place(EVERY_IPV4, socket.AF_INET, (EVERY_IPV4, 0), may_lack=False)
    if everything[socket.AF_INET6]:
        yield _Place("::", socket.AF_INET6, ("::", 0, 0, 0), may_lack=True)
    for host in hosts:
        if host in (EVERY, EVERY_IPV4):
            continue
        for place in _of_host(host, port):
            key = (place.family, str(place.address))
            if not everything[place.family] and key not in seen:
                seen.add(key)
                yield place


def _of_host(host: str, port: int) -> list[_Place]:
    if host.lower() == LOCALHOST:
        # Its meaning is fixed (RFC 6761 6.3), whatever the resolver says.
        return [
            _Place(host, socket.AF_INET, ("127.0.0.1", 0), may_lack=False),
            _Place(host, socket.AF_INET6, ("::1", 0, 0, 0), may_lack=True),
        ]
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as exc:
        raise CannotListen(exc, host, port) from exc
    several = len({address for *_, address in found}) > 1
    return [
        _Place(host, socket.AddressFamily(family), _bindable(address), may_lack=several)
        for family, _, _, _, address in found
    ]


def _bindable(address: Sequence[str | int | bytes]) -> tuple[str | int, ...]:
    return tuple(each for each in address if isinstance(each, str | int))


def _bound(places: Sequence[_Place], port: int, backlog: int) -> list[socket.socket]:
    bound: list[socket.socket] = []
    lacking: CannotListen | None = None
    with ExitStack() as stack:
        for place in places:
            try:
                sock = stack.enter_context(_socket(place, port, backlog))
            except OSError as exc:
                shown = str(place.address[0]) if place.host in (EVERY_IPV4, "::") else place.host
                failed = CannotListen(exc, shown, port)
                if place.may_lack and exc.errno in _NOT_HERE:
                    lacking = lacking or failed
                    continue
                raise failed from exc
            bound.append(sock)
            port = port or int(sock.getsockname()[1])
        if not bound:
            assert lacking is not None
            raise lacking
        stack.pop_all()
    return bound


def _socket(place: _Place, port: int, backlog: int) -> socket.socket:
    """Each family has a socket of its own: no peer is then known by an IPv4-mapped address."""
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if place.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((place.address[0], port, *place.address[2:]))
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    return sock


def names_of_peer(address: Sequence[str | int]) -> tuple[str, str]:
    """A peer's address as it is known and counted, and the same with its port.

    `address` is as socket.accept returns it. A link-local address has its zone behind it: the same
    one on another interface is another machine.
    """
    host, port = plain_host(str(address[0])), int(address[1])
    scope = int(address[3]) if len(address) > 3 else 0
    if scope and "%" not in host and ":" in host:
        host = f"{host}%{_interface(scope)}"
    return host, at_port(host, port)


def _interface(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return str(index)
