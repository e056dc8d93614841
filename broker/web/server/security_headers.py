"""What every answer of the page says, whatever it is."""

from __future__ import annotations

POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""Nothing from elsewhere is loaded, and no other page frames this one."""
HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
HTTPS_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""RFC 6797: a browser that came over HTTPS once comes over HTTPS for a year. Said over HTTPS alone
(7.2: never over HTTP)."""
