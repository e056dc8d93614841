"""A request that is refused for what its head says, or for what it costs."""

from __future__ import annotations

from collections.abc import Mapping


class RequestRefused(Exception):
    """It is not carried out. `words` says why, and what to do; nothing more of it is read."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.words = words
        self.headers = dict(headers or {})


def busy(words: str, retry_s: int = 2, status: int = 503) -> RequestRefused:
    """Not now: the page does as much as it may already."""
    return RequestRefused(
        status, f"{words}; try again in {retry_s} s", {"Retry-After": str(retry_s)}
    )
