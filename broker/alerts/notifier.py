"""Checks the alert rules every few seconds, and sends notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from broker.alerts.delivery import ChannelDelivery, Send
from broker.events import Event, Note
from broker.model.reasons.alert_rules import AlertLimits, Known, Notice, Seen, due_notices
from broker.spool.private_file import write_private
from broker.store.database import in_words

LOOK_S = 5.0


class Notifier:
    """What was sent is kept in a file: a restart sends nothing twice, and sends what could not be
    delivered before. `see` may return None while nothing is known yet.
    """

    def __init__(
        self,
        file: Path,
        see: Callable[[], Seen | None],
        limits: AlertLimits,
        channels: Mapping[str, Send],
        *,
        clock: Callable[[], float],
        note: Note,
        look_s: float = LOOK_S,
    ) -> None:
        self._file = file
        self._see = see
        self._limits = limits
        self._clock = clock
        self._note = note
        self._look_s = look_s
        self._deliveries = [
            ChannelDelivery(channel, send, note) for channel, send in channels.items()
        ]
        self._known, self._undelivered = _read(file)
        self._kept = self._known
        self._looking = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="notifier", daemon=True)

    def start(self) -> None:
        """Begin, where there is a channel."""
        if self._deliveries:
            for each in self._deliveries:
                for notice in self._undelivered.pop(each.channel, ()):
                    each.take(notice)
                each.start()
            self._thread.start()

    def stop(self) -> None:
        """End; what could not be delivered is sent after the next start."""
        self._stopping.set()
        for each in self._deliveries:
            each.halt()
        if self._thread.is_alive():
            self._thread.join(1.0)
        if not self._deliveries:
            return  # nothing was sent
        with self._looking:
            for each in self._deliveries:
                self._undelivered[each.channel] = each.stop()
            # A disk that fails must not keep the broker from ending.
            with suppress(OSError):
                _write(self._file, self._known, self._undelivered)

    def look(self) -> list[Notice]:
        """Check the rules once, and deliver the notices."""
        seen = self._see()
        with self._looking:
            if seen is None or self._stopping.is_set():
                return []
            notices, self._known = due_notices(self._known, seen, self._clock(), self._limits)
            # Before it is written down: a full disk must not silence its own message.
            for notice in notices:
                for each in self._deliveries:
                    each.take(notice)
            if self._known != self._kept:
                _write(self._file, self._known, {})
                self._kept = self._known
        return notices

    def _loop(self) -> None:
        failed = ""
        while not self._stopping.wait(self._look_s):
            try:
                self.look()
                failed = ""
            except Exception as error:  # noqa: BLE001 - a failing disk must not end the thread
                words = in_words(error)
                if words != failed:
                    self._note(Event.NOTIFIER_FAILED, {"why": words})
                failed = words


def _read(file: Path) -> tuple[Known, dict[str, list[Notice]]]:
    """What was sent, and what could not be delivered, by channel."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        told = {str(key): float(at) for key, at in document["told"].items()}
        last = {str(key): float(at) for key, at in document.get("last", {}).items()}
        held, incomplete = (
            frozenset(int(each) for each in document.get(name, ()))
            for name in ("held", "incomplete")
        )
        refused = {str(key): float(at) for key, at in document.get("refused", {}).items()}
        known = Known(told, held, last, incomplete, refused)
        undelivered = {
            str(channel): [Notice(**{**each, "jobs": tuple(each["jobs"])}) for each in notices]
            for channel, notices in document.get("undelivered", {}).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Known(), {}  # no file yet, or a damaged one: then all is sent again
    return known, undelivered


def _write(file: Path, known: Known, undelivered: Mapping[str, list[Notice]]) -> None:
    document = {
        "told": dict(known.told),
        "held": sorted(known.held),
        "incomplete": sorted(known.incomplete),
        "last": dict(known.last),
        "refused": dict(known.refused),
        "undelivered": {
            name: [asdict(each) for each in left] for name, left in undelivered.items()
        },
    }
    write_private(file, json.dumps(document).encode())
