"""How many image boxes a film has whose format is the printer's own affair: SLIDE, SUPERSLIDE,
CUSTOM. A printer of the pool is asked once, and what it made is remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future

from broker.model.films.capabilities import (
    Capability,
    Combination,
    Lesson,
    PrintObject,
    refused,
    traits,
)
from broker.model.films.film import Attributes
from broker.model.films.printers_own import deciding, makes
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.printers.trouble import Refused, Unavailable
from broker.store.capabilities import Capabilities
from broker.store.printers import Printers

REST_S = 1.0
"""Between two questions."""
PATIENCE_S = 15.0
"""A modality waits for the printers' answers for so long at most; one that comes later is
remembered."""
MOST = 4
"""Questions that are open at once."""
Ask = Callable[[Address, Attributes, Attributes], int]
"""How many image boxes the printer makes for a film box with these attributes, in a film session
with those. Raises: Trouble."""


class PrinterFormats:
    """For any thread."""

    def __init__(
        self,
        printers: Printers,
        capabilities: Capabilities,
        ask: Ask,
        patience_s: float = PATIENCE_S,
        *,
        recheck: Callable[[Mapping[str, Capability]], None],
    ) -> None:
        """`recheck` is told by what printers refuse a format that is not asked of them for it."""
        self._printers = printers
        self._capabilities = capabilities
        self._ask = ask
        self._patience_s = patience_s
        self._recheck = recheck
        self._asking = threading.Lock()
        self._asked_at = float("-inf")
        self._open: dict[Combination, Future[int]] = {}
        """The questions that are open, each with a thread of its own."""
        self._opening = threading.Lock()

    def __call__(self, session: Attributes, film_box: Attributes) -> int:
        """How many image boxes such a film box has. Where it is not known, printers are asked in
        turn, and waited for.

        Raises:
            Refused: every printer takes no such film box, for good.
            Unavailable: no printer made one, and one of them may at another time; or none has
                answered in time.
        """
        whole = traits(PrintObject.SESSION, session) | traits(PrintObject.FILM_BOX, film_box)
        key = deciding(session, film_box)
        printers = self._printers.list()
        number = self._known(key, printers)
        if number:
            return number

        def ask() -> int:
            with self._asking:
                return self._known(key, printers) or self._asked(whole, session, film_box, printers)

        try:
            return self._question(whole, ask).result(self._patience_s)
        except TimeoutError:
            raise Unavailable(
                "no printer has said in time how many image boxes its own format has"
            ) from None

    def _question(self, whole: Combination, ask: Callable[[], int]) -> Future[int]:
        """The open question for such a film box; a new one where there is none.

        Raises: Unavailable: there are too many, or the system has no thread for one more.
        """
        with self._opening:
            if whole in self._open:
                return self._open[whole]
            if len(self._open) >= MOST:
                raise Unavailable("too many questions about printers' own formats are open")
            question: Future[int] = Future()

            def run() -> None:
                try:
                    found = ask()
                except BaseException as error:  # noqa: BLE001 - it is raised to those that wait
                    self._close(whole)
                    question.set_exception(error)
                else:
                    self._close(whole)
                    question.set_result(found)

            try:
                threading.Thread(target=run, name="printers-own-format", daemon=True).start()
            except RuntimeError:
                raise Unavailable("the system has no thread for one more question") from None
            self._open[whole] = question
            return question

    def _close(self, whole: Combination) -> None:
        with self._opening:
            self._open.pop(whole, None)

    def _known(self, key: Combination, printers: Sequence[Printer]) -> int:
        """The number that a printer made before, one that may print soon rather than another; 0
        where it is not known."""
        for each in sorted(printers, key=_by_readiness):
            for known in self._capabilities.of(each.name):
                if known.lesson is Lesson.IMAGE_BOXES and known.among == key:
                    return known.answer
        return 0

    def _asked(
        self,
        whole: Combination,
        session: Attributes,
        film_box: Attributes,
        found: Sequence[Printer],
    ) -> int:
        """Ask the printers. One question at a time, with a rest between: films go first."""
        threading.Event().wait(max(0.0, self._asked_at + REST_S - time.monotonic()))
        self._asked_at = time.monotonic()
        may = not found
        refusals: dict[str, Capability] = {}
        for each in sorted(found, key=_by_readiness):
            if each.duty is Duty.MAINT or each.health is Health.DOWN:
                may = True
            elif (refusal := refused(each.refuses, (whole,))) is not None:
                refusals[each.name] = refusal
            else:
                try:
                    number = self._ask(each.address, session, film_box)
                except (Refused, Unavailable) as trouble:
                    may = may or isinstance(trouble, Unavailable) or not trouble.permanent
                    continue
                self._capabilities.learn(each.name, makes(session, film_box, number))
                return number
        self._recheck(refusals)
        if may:
            raise Unavailable("no printer could be asked for the image boxes of its own format")
        raise Refused("no printer takes this format", permanent=True)


def _by_readiness(printer: Printer) -> tuple[bool, int]:
    """Those that get films first, and of these those that are up."""
    return printer.duty is not Duty.READY, list(Health).index(printer.health)
