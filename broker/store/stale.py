"""An operator command on what has changed since the person looked (promise 12)."""

from __future__ import annotations


class Stale(RuntimeError):
    """A job or a printer is not what the person saw any more: nothing is done.

    `words` names it, and says how it is now; `version` is that of now.
    """

    def __init__(self, version: str, thing: str, now: str) -> None:
        self.version = version
        self.words = (
            f"{thing} has changed since you looked: it is {now}. Nothing was done; look at it, "
            "and decide again"
        )
        super().__init__(self.words)
