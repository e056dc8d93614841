"""Web addresses as they may be shown: what gives access is left out."""

from __future__ import annotations

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
