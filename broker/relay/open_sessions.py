"""Film sessions at printers that stay open for a moment, for the next job of the same film session.

A modality that prints film box after film box makes one job of each. The association and the film
session of a job at its printer linger when the job is over, and the next job of that film session
goes on through them (promise 8), as it would go on with its next film. No job waits for that: where
a lingering association is in the way of another one, it ends first.

A lingering association is watched by a thread of its own, which sleeps until the printer says
something, another thread has a use for it, or its time is over.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Protocol, TypeVar

from broker.dicom.scu.print_session import PrintSession
from broker.events import Event, Note
from broker.model.films.film import Attributes
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Unavailable
from broker.relay.lingering import BegunWith, Lingering

T = TypeVar("T")
RELEASE_AT_STOP_S = 2.0
"""For a printer's answer to A-RELEASE-RQ while the broker is stopping."""
LEAVE_AT_STOP_S = 0.5
"""The same for one that lingers: its films are all accepted, and a stop waits for nothing else."""
ATTEND_S = 1.0
"""For the rest of a message that a printer begins while its association lingers. One that takes
longer is given up, as a job may be waiting."""
ENDING_S = 5.0
"""The longest that a job waits for the end of an association that was in its way."""
FREES_S = 1.0
"""A printer that takes one association at a time may reject the next one for so long after it has
answered the release of the last: it looks, or has to see that the connection is closed."""
FREES_LOOK_S = 0.1
"""How often it is asked meanwhile."""
IN_QUEUE_S = 0.5
"""The linger of a film session that its modality has ended: all films that may follow are in the
queue already, and the dispatcher looks there as often."""
ENDED_KEPT = 1000
"""Film sessions of which it is remembered that their modalities have ended them. Of earlier ones
that are still in the queue it is not known: they linger for longer than they need."""


class Opener(Protocol):
    """Opens an association to a printer and begins a film session on it."""

    def __call__(
        self,
        address: Address,
        session: Attributes,
        copies: int,
        *,
        lut: bool,
        lut_class: bool,
        more: bytes,
        chosen: frozenset[str],
    ) -> PrintSession:
        """`lut`: films have a Presentation LUT; `lut_class`: their modality had that class. `more`
        are elements of the film session that print does not name, `chosen` those of `Film.chosen`.

        Raises: Unavailable, Refused: when there is no film session on the printer.
        """


class SessionInUse:
    """A film session at a printer while one attempt uses it.

    In the end one of `keep`, `end` and `abandon`; what follows the first of them does nothing.
    """

    def __init__(
        self, pool: OpenSessions, wanted: BegunWith, found: Lingering | None, generation: int
    ) -> None:
        self._pool = pool
        self._wanted = wanted
        self.begun_with = wanted if found is None else found.begun_with
        self.generation = generation
        self.inherited = found is not None
        """An earlier job began it, and none of the films of this one was accepted through it yet.
        """
        self.session = pool.open(wanted) if found is None else found.session
        self._used = True

    def begin_anew(self, *, lut: bool | None = None) -> None:
        """End the one that there is, and begin another one in its place; `lut`: with Presentation
        LUT, or without that class.

        Raises: Unavailable, Refused: when there is none.
        """
        self.inherited = False
        if lut is not None:
            self._wanted = replace(self._wanted, lut=lut, lut_class=lut)
        self.session.end()
        self._pool.over(self._wanted.address)
        self.generation, self.begun_with = self._pool.generation, self._wanted
        self.session = self._pool.open(self._wanted)

    def keep(self) -> None:
        """Let it linger for the next job of its film session."""
        if self._used:
            self._used = False
            self._pool.take_back(self)

    def end(self, release_s: float = math.inf) -> None:
        """Delete the film session and release the association, in `release_s` at most."""
        self._finish(lambda: self.session.end(release_s))

    def abandon(self) -> None:
        """Abort the association."""
        self._finish(self.session.abandon)

    def _finish(self, how: Callable[[], None]) -> None:
        if self._used:
            self._used = False
            try:
                how()
            finally:
                self._pool.left(self.begun_with.address)


class OpenSessions:
    """The film sessions that are open at printers. For any thread."""

    def __init__(
        self,
        opener: Opener,
        linger_s: Callable[[], float],
        note: Note,
        lessons_hold: Callable[[str, PrintSession], bool] = lambda _printer, _session: True,
    ) -> None:
        """`linger_s` is asked each time; with 0 none lingers. `lessons_hold` says whether a film
        session may go on with what it believes of the printer of that name."""
        self._opener = opener
        self._lessons_hold = lessons_hold
        self._linger_s = linger_s
        self._note = note
        self._changed = threading.Condition()
        self._lingering: list[Lingering] = []
        """The one that has lingered for longest comes first."""
        self._in_use: Counter[str] = Counter()
        """Printer -> film sessions that attempts use there."""
        self._asked: set[str] = set()
        """Printers that are asked something by an association of its own, see `aside`."""
        self._over_at: dict[str, float] = {}
        """Printer -> when the last association there was over, of `time.monotonic()`."""
        self._ended_by_modality: dict[str, None] = {}
        """Film sessions that their modalities have ended, in this order."""
        self._stopping = False
        self.generation = 0
        """How often the configuration was read again: what was begun before does not linger."""

    def begin(self, wanted: BegunWith) -> SessionInUse:
        """One that lingers and serves, or a new one.

        Raises: Unavailable, Refused: when there is none.
        """
        with self._changed:
            found = self._taken(wanted)
            self._in_use[wanted.address.name] += 1
            self._wait_for_question(wanted.address.name)
            if found is None:
                self._make_place(wanted)
            generation = self.generation
        try:
            use = SessionInUse(self, wanted, found, generation)
        except BaseException:
            with self._changed:
                self._in_use[wanted.address.name] -= 1
                self._changed.notify_all()
            raise
        try:
            if found is not None and not self._lessons_hold(found.printer, use.session):
                use.begin_anew()
        except BaseException:
            use.abandon()
            raise
        return use

    def open(self, begun_with: BegunWith) -> PrintSession:
        """A new film session; for SessionInUse.

        Raises: Unavailable, Refused: when there is none.
        """
        it = begun_with
        return self._once_free(
            it.address,
            lambda: self._opener(
                it.address,
                it.session,
                it.copies,
                lut=it.lut,
                lut_class=it.lut_class,
                more=it.more,
                chosen=it.chosen,
            ),
        )

    def over(self, address: Address) -> None:
        """An association there is over; for SessionInUse."""
        with self._changed:
            self._over_at[address.name] = time.monotonic()

    def left(self, address: Address) -> None:
        """One that an attempt used there is over; for SessionInUse."""
        with self._changed:
            self.over(address)
            self._in_use[address.name] -= 1
            self._changed.notify_all()

    def take_back(self, use: SessionInUse) -> None:
        """It lingers from now on, if it may; for SessionInUse."""
        begun_with, session = use.begun_with, use.session
        try:
            goes_on = session.attend(ATTEND_S)
        except BaseException:
            self.left(begun_with.address)
            raise
        linger_s = self._linger_s()
        with self._changed:
            if begun_with.film_session in self._ended_by_modality:
                linger_s = min(linger_s, IN_QUEUE_S)
            stopping = self._stopping
            current = use.generation == self.generation and not stopping
            if goes_on and current and linger_s > 0:
                it = self._watched(begun_with, session, time.monotonic() + linger_s)
                if it is not None:
                    self._lingering.append(it)
                    self._in_use[begun_with.address.name] -= 1
                    return
        try:
            session.end(RELEASE_AT_STOP_S if stopping else math.inf)
        finally:
            self.left(begun_with.address)

    @property
    def lingering(self) -> Collection[str]:
        """Names of the printers at which one lingers."""
        with self._changed:
            return frozenset(each.printer for each in self._lingering)

    def only_at(self, printers: Collection[str]) -> None:
        """End those at other printers: these get no more films."""
        self._end_where(lambda each: each.printer not in printers)

    def meanwhile(self, address: Address, question: Callable[[], T]) -> T:
        """Ask a printer something by another association; those that linger there end first, as it
        may take one at a time.

        Raises: what `question` raises.
        """
        with self._changed:
            self._end_where(lambda each: each.printer == address.name)
            self._changed.wait_for(
                lambda: all(each.printer != address.name for each in self._lingering), ENDING_S
            )
            self._wait_for_question(address.name)
        return self._once_free(address, question)

    def aside(self, address: Address, question: Callable[[], T]) -> T | None:
        """Ask a printer something that no film needs, by another association, as a check of it has
        just ended; None where one is open there. Who wants one meanwhile waits for the end of the
        question, ENDING_S at most.

        Raises: what `question` raises.
        """
        name = address.name
        with self._changed:
            lingers = any(each.printer == name for each in self._lingering)
            if self._stopping or self._in_use[name] or lingers or name in self._asked:
                return None
            self._asked.add(name)
            self.over(address)  # the association of the check
        try:
            return self._once_free(address, question)
        finally:
            with self._changed:
                self._asked.discard(name)
                self.over(address)
                self._changed.notify_all()

    def renew(self) -> None:
        """The configuration was read again: end all that linger. Those in use will not linger."""
        with self._changed:
            self.generation += 1
            self._end_where(lambda _: True)

    def modality_ended(self, film_session: str) -> None:
        """No film of it will come any more, beyond those that are in the queue."""
        with self._changed:
            ended = self._ended_by_modality
            ended[film_session] = None
            while len(ended) > ENDED_KEPT:
                del ended[next(iter(ended))]
            for each in self._lingering:
                if each.begun_with.film_session == film_session:
                    each.end_by(time.monotonic() + IN_QUEUE_S)

    def stop(self) -> None:
        """None lingers any more. Waits for their ends, LEAVE_AT_STOP_S at most."""
        with self._changed:
            self._stopping = True
            self._end_where(lambda _: True)
            self._changed.wait_for(lambda: not self._lingering, LEAVE_AT_STOP_S)

    def _taken(self, wanted: BegunWith) -> Lingering | None:
        """One that serves, which lingers no more."""
        while True:
            now = time.monotonic()
            serving = (each for each in self._lingering if each.serves(wanted))
            found = next((each for each in serving if not each.over(now)), None)
            if found is None or not found.attended:
                break
            self._changed.wait()  # for ATTEND_S at most
        if found is not None:
            self._lingering.remove(found)
            found.wake()
        return found

    def _make_place(self, wanted: BegunWith) -> None:
        """End what is in the way of a new one: an earlier one of the same film session, and, beyond
        the printer's number of associations, those that have lingered for longest.

        Returns when they are over, after ENDING_S at most.
        """
        now, name = time.monotonic(), wanted.address.name

        def there() -> list[Lingering]:
            return [each for each in self._lingering if each.printer == name]

        def staying() -> list[Lingering]:
            return [each for each in there() if not each.over(now)]

        def surplus() -> int:
            return self._in_use[name] + len(there()) - wanted.address.associations

        for each in self._lingering:
            if each.begun_with.film_session == wanted.film_session:
                each.end_by(now)
        too_many = surplus() - (len(there()) - len(staying()))
        for each in staying()[: max(0, too_many)]:
            each.end_by(now)
        self._changed.wait_for(lambda: surplus() <= 0 or not there(), ENDING_S)

    def _wait_for_question(self, printer: str) -> None:
        self._changed.wait_for(lambda: printer not in self._asked, ENDING_S)

    def _once_free(self, address: Address, question: Callable[[], T]) -> T:
        """Put a question to a printer; again, where it is about to be free.

        Raises: what `question` raises.
        """
        while True:
            try:
                return question()
            except Unavailable as trouble:
                if not (trouble.busy and self._about_to_be_free(address)):
                    raise

    def _about_to_be_free(self, address: Address) -> bool:
        """Whether a printer that is busy may be so with an association of ours that is over. Waits
        for a moment then."""
        with self._changed:
            over_at = self._over_at.get(address.name, -math.inf)
            if time.monotonic() - over_at >= FREES_S:
                return False
            return not self._changed.wait_for(lambda: self._stopping, FREES_LOOK_S)

    def _end_where(self, which: Callable[[Lingering], bool]) -> None:
        with self._changed:
            now = time.monotonic()
            for each in filter(which, self._lingering):
                each.end_by(now)

    def _watched(
        self, begun_with: BegunWith, session: PrintSession, until: float
    ) -> Lingering | None:
        """One that lingers, and its thread, which first waits for the lock; None where the system
        has no room for one more."""
        try:
            it = Lingering(begun_with, session, until)
        except OSError:
            return None
        name = f"lingering-{it.printer}"
        try:
            threading.Thread(target=self._watch, args=(it,), name=name, daemon=True).start()
        except RuntimeError:
            os.close(it.woken)
            return None
        return it

    def _watch(self, it: Lingering) -> None:
        """Until a job takes it, or it is over."""
        try:
            while True:
                it.sleep()
                if not self._look_after(it):
                    return
        except Exception as error:  # noqa: BLE001 - nothing was asked for through it
            self._note(Event.ATTEMPT_BROKE, {"printer": it.printer, "why": type(error).__name__})
            with self._changed:
                if it in self._lingering:
                    it.session.abandon()
        finally:
            with self._changed:
                if it in self._lingering:
                    self._lingering.remove(it)
                    self._changed.notify_all()
                os.close(it.woken)

    def _look_after(self, it: Lingering) -> bool:
        """Do what there is to do; whether it lingers on."""
        with self._changed:
            if it not in self._lingering:
                return False  # a job has it
            it.ending = it.over(time.monotonic())
            it.attended = not it.ending
            stopping = self._stopping
        if it.ending and stopping:
            it.session.leave(LEAVE_AT_STOP_S)
        elif it.ending:
            it.session.end()
        goes_on = it.attended and it.session.attend(ATTEND_S)
        with self._changed:
            if not goes_on:
                self.over(it.begun_with.address)
            it.attended = False
            it.ending = not goes_on
            self._changed.notify_all()
        return goes_on
