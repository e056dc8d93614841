"""Proxies that the page believes, and what a request through them says of its origin.

A proxy that ends TLS tells by X-Forwarded-For who asks, and by X-Forwarded-Proto whether over
HTTPS. Any peer can write these headers, so that they count where they come from such a proxy alone.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from broker.model.peers.hosts import plain_host

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SCHEMES = ("http", "https")


def network_of(text: str) -> Network:
    """An address, or a network as 10.0.0.0/24.

    Raises: ValueError: when it is neither, or bits of its host are set; its words say which.
    """
    host, slash, length = text.partition("/")
    return ipaddress.ip_network(plain_host(host) + slash + length)


@dataclass(frozen=True)
class RequestOrigin:
    """Where a request comes from."""

    address: str
    scheme: str
    """http or https, as the person's browser has it."""


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies of one site."""

    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str]) -> TrustedProxies:
        """Those that are written so, each an address or a network.

        Raises: ValueError: when one is neither.
        """
        return cls(tuple(map(network_of, texts)))

    def __contains__(self, host: str) -> bool:
        """Whether that address is of one of them."""
        found = _address(host)
        return found is not None and any(found in each for each in self.networks)

    def origin(
        self, peer: RequestOrigin, forwarded_for: Sequence[str], forwarded_proto: Sequence[str]
    ) -> RequestOrigin:
        """Who asks through `peer`; `peer` itself, where it is none of these proxies.

        Each proxy adds its own peer at the end of X-Forwarded-For, whatever stood there before. So
        the last address that is no proxy's is believed, and nothing before it. `forwarded_for` and
        `forwarded_proto` are the values of all headers of that name, in their order.
        """
        if peer.address not in self:
            return peer
        address = peer.address
        for each in reversed(",".join(forwarded_for).split(",")):
            found = _address(each)
            if found is None:
                break
            address = str(found)
            if address not in self:
                break
        scheme = ",".join(forwarded_proto).rpartition(",")[2].strip().lower()
        return RequestOrigin(address, scheme if scheme in SCHEMES else peer.scheme)


NO_PROXIES = TrustedProxies()


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in `192.0.2.7`, `192.0.2.7:4711`, `2001:db8::1`, `[2001:db8::1]:4711`; None where
    there is none, as in `unknown`."""
    written = text.strip()
    if written.startswith("["):
        written = written.partition("]")[0] + "]"
    elif written.count(":") == 1:
        written = written.partition(":")[0]
    try:
        return ipaddress.ip_address(plain_host(written).partition("%")[0])
    except ValueError:
        return None
