"""How many image boxes a film has whose format is the printer's own affair: SLIDE, SUPERSLIDE,
CUSTOM. A printer of the pool is asked once, and what it made is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from broker.model.capabilities import Capability, Lesson, PrintObject, Trait, refused, traits
from broker.model.film import Attributes
from broker.model.printer import Address, Duty, Health, Printer
from broker.model.trouble import Refused, Trouble, Unavailable
from broker.store.capabilities import Capabilities
from broker.store.printers import Printers

Ask = Callable[[Address, Attributes], int]
"""How many image boxes the printer makes for a film box with these attributes. Raises: Trouble."""


class PrinterFormats:
    """For any thread."""

    def __init__(self, printers: Printers, capabilities: Capabilities, ask: Ask) -> None:
        self._printers = printers
        self._capabilities = capabilities
        self._ask = ask

    def __call__(self, film_box: Attributes) -> int:
        """How many image boxes such a film box has. Where it is not known, printers are asked in
        turn, which takes as long as they take.

        Raises:
            Refused: every printer that answered takes no such film box.
            Unavailable: no printer answered.
        """
        key = format_of(film_box)
        found = self._printers.list()
        for each in found:
            for known in self._capabilities.of(each.name):
                if (known.lesson, known.trait) == (Lesson.IMAGE_BOXES, key):
                    return known.answer
        return self._asked(key, film_box, found)

    def _asked(self, key: Trait, film_box: Attributes, printers: Iterable[Printer]) -> int:
        said: Trouble = Unavailable("no printer is there to be asked for its format")
        wanted = traits(PrintObject.FILM_BOX, film_box)
        for each in sorted(printers, key=_by_health):
            if each.duty is Duty.MAINT or each.health is Health.DOWN:
                continue
            if (known := refused(each.refuses, wanted)) is not None:
                said = Refused(f"{each.name} {known.words}", permanent=True)
                continue
            try:
                number = self._ask(each.address, film_box)
            except (Refused, Unavailable) as trouble:
                said = trouble
                continue
            self._capabilities.learn(each.name, Capability(Lesson.IMAGE_BOXES, key, number))
            return number
        raise said


def format_of(film_box: Attributes) -> Trait:
    """What the number of image boxes depends on: the format, and the sheet that it lies on."""
    names = ("ImageDisplayFormat", "FilmSizeID", "FilmOrientation")
    said = ["\\".join(film_box[each]) for each in names if film_box.get(each)]
    return Trait(PrintObject.FILM_BOX, names[0], ", ".join(said))


def _by_health(printer: Printer) -> int:
    """Those that are up first."""
    return list(Health).index(printer.health)
