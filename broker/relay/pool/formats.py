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
BUSY = "busy: no printer had time to be asked for the image boxes of its own format"
Ask = Callable[[Address, Attributes, Attributes], int]
"""How many image boxes the printer makes for a film box with these attributes, in a film session
with those. Raises: Trouble."""


class _BoxQuestion:
    """How many image boxes a film box of a printer's own format has."""

    def __init__(self, session: Attributes, film_box: Attributes) -> None:
        self.session = session
        self.film_box = film_box
        self.whole = traits(PrintObject.SESSION, session) | traits(PrintObject.FILM_BOX, film_box)
        self.deciding = deciding(session, film_box)
        self.answer: Future[int] = Future()
        self.busy: frozenset[str] = frozenset()
        """Printers that had no time for it, when they were asked last."""
        self.refusals: dict[str, Capability] = {}
        """By which printers were not asked."""
        self.may = False
        """Whether a printer may make such a film box at another time."""


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
        self._open: dict[Combination, _BoxQuestion] = {}
        """The questions that are open, each with a thread of its own."""
        self._opening = threading.Lock()

    def __call__(self, session: Attributes, film_box: Attributes) -> int:
        """How many image boxes such a film box has. Where it is not known, printers are asked in
        turn, and waited for.

        Raises:
            Refused: every printer takes no such film box, for good.
            Unavailable: no printer made one, and one of them may at another time; or none has
                answered in time. It is `busy` where printers only had no time for it.
        """
        number = self._known(deciding(session, film_box))
        if number:
            return number
        question = self._opened(_BoxQuestion(session, film_box))
        try:
            return question.answer.result(self._patience_s)
        except TimeoutError:
            if question.busy:
                raise Unavailable(BUSY, busy=True) from None
            raise Unavailable(
                "no printer has said in time how many image boxes its own format has"
            ) from None

    def _opened(self, question: _BoxQuestion) -> _BoxQuestion:
        """The same question where it is open; else this one, from now on.

        Raises: Unavailable: there are too many, or the system has no thread for one more.
        """
        with self._opening:
            if question.whole in self._open:
                return self._open[question.whole]
            if len(self._open) >= MOST:
                raise Unavailable("too many questions about printers' own formats are open")

            def run() -> None:
                try:
                    found = self._found(question)
                except BaseException as error:  # noqa: BLE001 - it is raised to those that wait
                    self._close(question)
                    question.answer.set_exception(error)
                else:
                    self._close(question)
                    question.answer.set_result(found)

            try:
                threading.Thread(target=run, name="printers-own-format", daemon=True).start()
            except RuntimeError:
                raise Unavailable("the system has no thread for one more question") from None
            self._open[question.whole] = question
            return question

    def _close(self, question: _BoxQuestion) -> None:
        with self._opening:
            self._open.pop(question.whole, None)

    def _known(self, key: Combination) -> int:
        """The number that a printer made before, one that may print soon rather than another; 0
        where it is not known."""
        for each in sorted(self._printers.list(), key=_by_readiness):
            for known in self._capabilities.of(each.name):
                if known.lesson is Lesson.IMAGE_BOXES and known.among == key:
                    return known.answer
        return 0

    def _found(self, question: _BoxQuestion) -> int:
        """Ask the printers; those that are busy again and again, as long as a modality waits.

        Raises: Refused, Unavailable: as the call.
        """
        until = time.monotonic() + self._patience_s
        printers = self._printers.list()
        question.may = not printers
        while True:
            with self._asking:
                number = self._known(question.deciding) or self._asked(question, printers)
            if number:
                return number
            if not question.busy or time.monotonic() + REST_S > until:
                break
            printers = [each for each in self._printers.list() if each.name in question.busy]
        self._recheck(question.refusals)
        if question.busy:
            raise Unavailable(BUSY, busy=True)
        if question.may:
            raise Unavailable("no printer could be asked for the image boxes of its own format")
        raise Refused("no printer takes this format", permanent=True)

    def _asked(self, question: _BoxQuestion, printers: Sequence[Printer]) -> int:
        """The number that one of these printers makes; 0 where none makes such a film box now. One
        question at a time, with a rest between: films go first."""
        threading.Event().wait(max(0.0, self._asked_at + REST_S - time.monotonic()))
        self._asked_at = time.monotonic()
        busy: set[str] = set()
        for each in sorted(printers, key=_by_readiness):
            if each.duty is Duty.MAINT or each.health is Health.DOWN:
                question.may = True
            elif (refusal := refused(each.refuses, (question.whole,))) is not None:
                question.refusals[each.name] = refusal
            else:
                try:
                    number = self._ask(each.address, question.session, question.film_box)
                except Unavailable as trouble:
                    question.may = True
                    if trouble.busy or trouble.full:
                        busy.add(each.name)
                except Refused as trouble:
                    question.may = question.may or not trouble.permanent
                else:
                    lesson = makes(question.session, question.film_box, number)
                    self._capabilities.learn(each.name, lesson)
                    return number
        question.busy = frozenset(busy)
        return 0


def _by_readiness(printer: Printer) -> tuple[bool, int]:
    """Those that get films first, and of these those that are up."""
    return printer.duty is not Duty.READY, list(Health).index(printer.health)
