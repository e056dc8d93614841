"""Watching the printers: checks on an interval, and what printers say meanwhile, as rows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from broker.events import Event, Note
from broker.model.printers.health import Check, observe
from broker.model.printers.printer import Address, Duty, Printer
from broker.relay.loop import Loop
from broker.store.database import DatabaseReplaced, in_words
from broker.store.printers import NoSuchPrinter, Printers


@dataclass(frozen=True)
class Rhythm:
    """How often, and how many checks in a row it takes to believe a change."""

    interval_s: float = 5.0
    rise: int = 2
    fall: int = 3


AfterCheck = Callable[[Printer, Check, threading.Event], None]
"""Gets the printer as it was before a check, what the check found, and what is set as soon as
nothing more is to be written."""


class Monitor:
    """Checks each printer that is not in maintenance, at most one check a printer at a time."""

    def __init__(
        self,
        printers: Printers,
        probe: Callable[[Address], Check],
        rhythm: Callable[[], Rhythm],
        *,
        clock: Callable[[], float],
        changed: Callable[[], None],
        note: Note,
        after_check: AfterCheck = lambda _printer, _check, _stopping: None,
    ) -> None:
        """`after_check` is called on the thread of each check: until it returns, no other check of
        that printer is made."""
        self._printers = printers
        self._probe = probe
        self._rhythm = rhythm
        self._clock = clock
        self._changed = changed
        self._note = note
        self._after_check = after_check
        self._checking: dict[str, threading.Thread] = {}
        self._unhelpful: dict[str, float] = {}
        """Printer -> the step of its attempt during which a check told nothing."""
        self._saying = threading.Lock()
        self._writing = threading.Lock()
        """Held while one of the following is looked at or changed."""
        self._heard: dict[str, Check] = {}
        """Printer -> what it has reported by itself last, as long as that is not written down."""
        self._told_at: dict[str, float] = {}
        """Printer -> when it told its status last, of those that do so."""
        self._mute: set[str] = set()
        """Printers that did not tell it on an association for films."""
        self._loop = Loop("monitor", self._step)

    def start(self) -> None:
        """Begin with a check of every printer."""
        self._loop.start()

    def stop(self, grace_s: float) -> None:
        """Begin no more checks, and wait for those that run, `grace_s` seconds at most for all.

        What a check finds afterwards is not written down.
        """
        deadline = time.monotonic() + grace_s
        self._loop.stop(grace_s)
        for thread in self._checking.values():
            if thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))

    def hear(self, name: str, check: Check) -> None:
        """What a printer has reported by itself. For any thread: it waits for nothing, and the next
        step writes it down."""
        with self._saying:
            self._heard[name] = check

    def ask(self, name: str, status: Callable[[], Check | None]) -> None:
        """Ask a printer for its status, on an association for films that is about to be released,
        where none was told for an interval: as long as films keep a printer busy, no check is made.

        One that does not answer is never asked so again: the next film would wait for that each
        time. Never raises: what goes wrong is noted.
        """
        self._attempted(self._write_heard)
        if self._overdue(name):
            self._attempted(lambda: self._ask(name, status))

    def _ask(self, name: str, status: Callable[[], Check | None]) -> None:
        check = status()
        if check is not None:
            self._write(name, check)
            return
        with self._saying:
            self._mute.add(name)

    def _overdue(self, name: str) -> bool:
        with self._saying:
            told_at = None if name in self._mute else self._told_at.get(name)
        if told_at is None:
            return False
        return not 0 <= self._clock() - told_at < self._rhythm().interval_s

    def _attempted(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong must not end the watch, nor cost a film."""
        try:
            step()
        except (NoSuchPrinter, DatabaseReplaced):
            return  # taken out of the configuration meanwhile; or told where it was seen
        except Exception as error:  # noqa: BLE001 - see above
            self._note(Event.MONITOR_FAILED, {"why": in_words(error)})

    def _write_heard(self) -> None:
        """Write down what was reported: the last of each printer, again where that fails. One
        thread at a time: an earlier report must not be written after a later one."""
        with self._writing:
            with self._saying:
                heard, self._heard = self._heard, {}
            while heard:
                name, check = heard.popitem()
                try:
                    self._write(name, check)
                except (NoSuchPrinter, DatabaseReplaced):
                    continue  # see `_attempted`
                except Exception:
                    with self._saying:
                        self._heard = {name: check, **heard, **self._heard}
                    raise

    def _step(self) -> float:
        self._attempted(self._write_heard)
        self._attempted(self._look)
        return min(0.5, self._rhythm().interval_s / 2)

    def _look(self) -> None:
        self._checking = {
            name: thread for name, thread in self._checking.items() if thread.is_alive()
        }
        for printer in self._printers.list():
            if printer.name not in self._checking and self._due(printer):
                thread = threading.Thread(
                    target=self._check, args=(printer,), name=f"check-{printer.name}", daemon=True
                )
                self._checking[printer.name] = thread
                thread.start()

    def _due(self, printer: Printer) -> bool:
        """Not in maintenance, and not while an attempt runs that makes progress.

        Many printers take one association at a time: a check would only be in the film's way, and
        the attempt tells how the printer is. When the attempt has waited for long, the check may
        tell more; where it does not, none is made again before the attempt's next step.
        """
        if printer.duty is Duty.MAINT:
            return False
        if printer.claims and (
            not printer.waited_for(self._clock())
            or self._unhelpful.get(printer.name) == printer.moved_at
        ):
            return False
        last = printer.last_check_at
        # A clock that was set back must not put the next check off.
        return last is None or not 0 <= self._clock() - last < self._rhythm().interval_s

    def _check(self, printer: Printer) -> None:
        self._attempted(lambda: self._checked(printer))

    def _checked(self, printer: Printer) -> None:
        check = self._probe(printer.address)
        if self._loop.stopping.is_set():
            return
        if printer.moved_at is not None and check.tells_nothing:
            self._unhelpful[printer.name] = printer.moved_at
        # What it was busy with when the check began is what the check met.
        self._write(printer.name, check, printer.claims)
        self._after_check(printer, check, self._loop.stopping)

    def _write(self, name: str, check: Check, claims: int = 0) -> None:
        """Raises: NoSuchPrinter, DatabaseReplaced, Exception: when it cannot be written."""
        rhythm, now = self._rhythm(), self._clock()
        if check.told:
            with self._saying:
                self._told_at[name] = now
        before, seen = self._printers.observe(
            name,
            lambda row: observe(replace(row, claims=claims), check, now, rhythm.rise, rhythm.fall),
        )
        if seen.health is not before.health:
            self._note(
                Event.PRINTER_CHANGED,
                {
                    "printer": name,
                    "health": str(seen.health),
                    "was": str(before.health),
                    "reason": seen.reason,
                },
            )
        elif seen.reason != before.reason:
            said = {"printer": name, "health": str(seen.health), "reason": seen.reason}
            self._note(Event.PRINTER_SAID, said)
        elif seen.supports_lut not in (None, before.supports_lut):
            words = "supports Presentation LUT" if seen.supports_lut else "refuses Presentation LUT"
            self._note(Event.PRINTER_SAID, {"printer": name, "reason": words})
        else:
            return
        self._changed()
