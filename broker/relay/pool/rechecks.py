"""Printers are asked again whether they still refuse what a modality was refused for: one that was
changed meanwhile is used from then on, without a person's word.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from broker.events import Event, Note
from broker.model.films.capabilities import Capability, Combination
from broker.model.printers.printer import Address, Duty, Health
from broker.model.printers.trouble import Trouble
from broker.relay.loop import Loop
from broker.store.capabilities import Capabilities
from broker.store.database import in_words
from broker.store.printers import Printers

Takes = Callable[[Address, Combination], bool]
"""Whether a printer takes this now. Raises: Trouble."""

REST_S = 10.0
"""A printer is not asked for the same thing more often."""
IDLE_S = 3600.0


class Rechecks:
    """One at a time, on a thread of its own. For any thread."""

    def __init__(
        self,
        takes: Takes,
        printers: Printers,
        capabilities: Capabilities,
        monotonic: Callable[[], float],
        note: Note,
    ) -> None:
        self._takes = takes
        self._printers = printers
        self._capabilities = capabilities
        self._monotonic = monotonic
        self._note = note
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, Combination], None] = {}
        """Printers and what they are asked for, in this order."""
        self._asked_at: dict[tuple[str, Combination], float] = {}
        self._loop = Loop("rechecks", self._step, first_s=IDLE_S)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    def stop(self, grace_s: float) -> None:
        """End after the one in hand."""
        self._loop.stop(grace_s)

    def ask(self, refusals: Mapping[str, Capability]) -> None:
        """A modality was refused because of these, by the printers' names. Waits for nothing."""
        now = self._monotonic()
        with self._lock:
            recent = {key: at for key, at in self._asked_at.items() if now - at < REST_S}
            self._asked_at = recent
            for name, capability in refusals.items():
                key = name, capability.among
                if key not in recent:
                    recent[key] = now
                    self._waiting[key] = None
            if not self._waiting:
                return
        self._loop.wake()

    def _step(self) -> float:
        while not self._loop.stopping.is_set():
            with self._lock:
                if not self._waiting:
                    return IDLE_S
                name, asked = next(iter(self._waiting))
                del self._waiting[name, asked]
            try:
                self._recheck(name, asked)
            except Exception as error:  # noqa: BLE001 - one that fails must not end the others
                self._note(Event.MONITOR_FAILED, {"printer": name, "why": in_words(error)})
        return IDLE_S

    def _recheck(self, name: str, asked: Combination) -> None:
        printer = next((each for each in self._printers.list() if each.name == name), None)
        if printer is None or printer.duty is Duty.MAINT or printer.health is Health.DOWN:
            return
        try:
            taken = self._takes(printer.address, asked)
        except Trouble:
            with self._lock:
                self._asked_at.pop((name, asked), None)
            return  # it is busy, or gone: the next refusal asks again
        if self._loop.stopping.is_set():
            return
        if taken and self._capabilities.forget(name, asked):
            what = ", ".join(each.words for each in sorted(asked))
            facts = {"printer": name, "number": 1, "what": f"takes {what} again"}
            self._note(Event.CAPABILITIES_FORGOTTEN, facts)
