"""What no printer of the pool takes, as far as it was learned: refused before it is promised."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

from broker.events import Event, Note
from broker.model.films.capabilities import Capability, Combination, Impossible, impossible
from broker.store.capabilities import Capabilities
from broker.store.database import FAILURES, in_words

STALE_S = 1.0
"""What other processes change is seen after so long."""


class PoolCapabilities:
    """Asked with each film; for any thread."""

    def __init__(
        self,
        capabilities: Capabilities,
        refuse: Callable[[], bool],
        monotonic: Callable[[], float],
        note: Note,
        *,
        recheck: Callable[[Mapping[str, Capability]], None],
    ) -> None:
        """`refuse` tells whether the site wants what no printer takes to be refused; `recheck` is
        told by what each printer does."""
        self._capabilities = capabilities
        self._refuse = refuse
        self._monotonic = monotonic
        self._note = note
        self._lock = threading.Lock()
        self._recheck = recheck
        self._known: dict[str, tuple[Capability, ...]] = {}
        """What each printer refuses."""
        self._seen = -1, float("-inf")

    def __call__(self, asked: Callable[[], Collection[Combination]]) -> Impossible | None:
        """What of this no printer takes; None where one may, and where that cannot be read: what is
        not known is never refused. `asked` is called where something is refused at all."""
        if not self._refuse():
            return None
        try:
            known = self._latest()
        except FAILURES as error:
            self._note(Event.STORAGE_FAILED, {"why": in_words(error)})
            return None
        found = impossible(known, asked()) if known else None
        if found is not None:
            self._recheck(found.refusals)
        return found

    def _latest(self) -> dict[str, tuple[Capability, ...]]:
        version, now = self._capabilities.version, self._monotonic()
        with self._lock:
            seen, at = self._seen
            if seen != version or now - at >= STALE_S:
                self._known = self._capabilities.refusals()
                self._seen = version, now
            return self._known
