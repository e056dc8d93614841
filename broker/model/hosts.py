"""Hosts as people write them, and what they mean: names, IPv4 and IPv6 addresses, `*`."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

EVERY = "*"
"""Every interface of this machine, over IPv4 and IPv6."""
EVERY_IPV4 = "0.0.0.0"
"""Every interface, over IPv4 alone."""
LOCALHOST = "localhost"

Hosts = str | Sequence[str]
"""One host to listen on, or several."""


def plain_host(text: str) -> str:
    """The host without the brackets that surround an IPv6 address before a port (RFC 3986 3.2.2).

    An IPv4-mapped address (RFC 4291 2.5.5.2) is the IPv4 address that it maps. Anything else, such
    as a name or a zone behind `%`, stays as it is.
    """
    bracketed = text.startswith("[") and text.endswith("]")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
    except ValueError:
        return text
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return str(mapped)
    return text[1:-1] if bracketed else text


def hosts_of(value: Hosts) -> tuple[str, ...]:
    """The hosts to listen on, each once, in their order. `::` is `*`: Linux serves both on it."""
    listed = (value,) if isinstance(value, str) else tuple(value)
    return tuple(dict.fromkeys(EVERY if each == "::" else each for each in listed))


def at_port(host: str, port: int) -> str:
    """Host and port in one word, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def at_ports(value: Hosts, port: int) -> str:
    """All of them, with commas between."""
    return ", ".join(at_port(each, port) for each in hosts_of(value))


def is_loopback(value: Hosts) -> bool:
    """Whether only this machine reaches all of them. A name other than localhost may be any."""
    return all(_is_loopback(each) for each in hosts_of(value))


def _is_loopback(host: str) -> bool:
    if host.lower() == LOCALHOST:
        return True
    try:
        return ipaddress.ip_address(plain_host(host)).is_loopback
    except ValueError:
        return False


def called_here(value: Hosts) -> str:
    """The host by which this machine reaches what listens on them."""
    hosts = hosts_of(value)
    if EVERY in hosts or EVERY_IPV4 in hosts:
        return "127.0.0.1"
    return next((each for each in hosts if _is_loopback(each)), hosts[0])


def in_url(host: str) -> str:
    """As a URL has it: an IPv6 address in brackets, its zone behind `%25` (RFC 6874)."""
    return f"[{host.replace('%', '%25')}]" if ":" in host else host
