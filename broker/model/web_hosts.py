"""Where the page may be served, and under which names it answers."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from broker.model.hosts import Hosts, hosts_of, is_loopback

__all__ = ["is_loopback", "refused", "same_origin", "stranger"]


def refused(host: Hosts, *, any_users: bool) -> str:
    """Why the page may not be served on these addresses; empty when it may."""
    if any_users or is_loopback(host):
        return ""
    listed = ", ".join(hosts_of(host))
    return (
        f"web.host is {listed}, which other machines reach, and there are no users: `broker user "
        "add NAME --role operator` makes one; or set web.host to 127.0.0.1"
    )


def stranger(host_header: str) -> str:
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
