"""Hosts as people write them, and what they mean: names, IPv4 and IPv6 addresses, `*`.

Also where the page answers, and web addresses as they may be shown.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

HIDDEN = "hidden"
"""How an address begins that is shown without its secrets, so that it is taken for none."""


def shown(address: str, *, path: bool = True) -> str:
    """The address itself, where it has no secret; else HIDDEN, and where it leads.

    A name and password before the host, a query and a fragment may be secrets; a path may be one,
    too, as those of chat systems' webhooks are, unless `path` says that it is known to many.
    """
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN  # what cannot be read may hold anything
    if not parts.scheme:
        return HIDDEN
    secret_path = not path and parts.path not in ("", "/")
    if not ("@" in parts.netloc or parts.query or parts.fragment or secret_path):
        return address
    rest = "" if secret_path else parts.path
    place = f"[{host}]" if ":" in host else host
    return f"{HIDDEN}: {parts.scheme}://{place}{port}{rest}"


EVERY = "*"
"""Every interface of this machine, over IPv4 and IPv6."""
EVERY_IPV4 = "0.0.0.0"
"""Every interface, over IPv4 alone."""
LOCALHOST = "localhost"

Hosts = str | Sequence[str]
"""One host to listen on, or several."""


@lru_cache(maxsize=4096)
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


def refused(host: Hosts, *, any_users: bool) -> str:
    """Why the page may not be served on these addresses; empty when it may."""
    if any_users or is_loopback(host):
        return ""
    listed = ", ".join(hosts_of(host))
    return (
        f"web.host is {listed}, which other machines reach, and there are no users: `broker user "
        "add NAME --role operator` makes one; or set web.host to 127.0.0.1"
    )


def foreign_name(host_header: str) -> str:
    """What to say when a page of this machine alone is asked for under another name; else empty.

    A page elsewhere could have its name point here, and read what the browser gets.
    """
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        name = host_header  # brackets around what is no address
    if is_loopback(name):
        return ""
    return f"this page is for this machine alone: ask for it as localhost, not as {name[:100]}"


def same_origin(origin: str, scheme: str, host_header: str) -> bool:
    """Whether an Origin or Referer header names this page."""
    try:
        found = urlsplit(origin)
    except ValueError:
        return False
    return (found.scheme, found.netloc) == (scheme, host_header)


def proxied(header_names: Iterable[str]) -> str:
    """What to say when a request to a page of this machine alone came through a proxy; else empty.

    A proxy on this machine hides that others ask: its own address is a loopback address.
    """
    found = sorted(
        name
        for name in map(str.lower, header_names)
        if name in ("forwarded", "via", "x-real-ip") or name.startswith("x-forwarded-")
    )
    if not found:
        return ""
    return (
        f"this page is for this machine alone, and a proxy passes requests on to it ({found[0]}): "
        "`broker user add NAME --role operator` makes a user; then others may ask, too"
    )
