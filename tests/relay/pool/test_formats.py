"""How long a modality waits for what printers say of their own formats."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping

import pytest

from broker.model.films.capabilities import Capability
from broker.model.films.film import Attributes
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Refused, Unavailable
from broker.relay.pool.formats import MOST, PrinterFormats
from broker.store.capabilities import Capabilities
from broker.store.database import Database
from broker.store.printers import Printers
from tests.store.conftest import Clock, clock, database, printers, url

__all__ = ["clock", "database", "printers", "url"]

AT_ONCE_S = 0.05
LONG_S = 30.0


class SlowPrinter:
    """A printer that answers when the test lets it."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.asked = threading.Event()
        self.questions = 0

    def __call__(self, _address: Address, _session: Attributes, _film_box: Attributes) -> int:
        """Twelve, at last."""
        self.questions += 1
        self.asked.set()
        assert self.answers.wait(LONG_S)
        return 12


@pytest.fixture
def slow() -> Iterator[SlowPrinter]:
    """It answers in the end."""
    made = SlowPrinter()
    yield made
    made.answers.set()


class BusyPrinters:
    """Printers that are busy for so many questions each, by name; the others take no such film
    box."""

    def __init__(self, **busy: int) -> None:
        self.busy = {name.replace("_", "-"): times for name, times in busy.items()}
        self.asked: list[str] = []

    def __call__(self, address: Address, _session: Attributes, _film_box: Attributes) -> int:
        """Four, at last."""
        self.asked.append(address.name)
        if address.name not in self.busy:
            raise Refused("it does not have that", permanent=True)
        if self.busy[address.name]:
            self.busy[address.name] -= 1
            raise Unavailable("busy: it rejected the association", busy=True)
        return 4


def untold(_refusals: Mapping[str, Capability]) -> None:
    """Nothing is asked again."""


def film_box(format_: str) -> Attributes:
    """Of that format."""
    return {"ImageDisplayFormat": (format_,), "FilmSizeID": ("A4",)}


def test_a_printer_that_does_not_answer_is_waited_for_no_longer(
    database: Database, printers: Printers, clock: Clock, slow: SlowPrinter
) -> None:
    """The modality hears so in time, and may ask again; the same question is not asked twice, and
    the answer, when it comes, is remembered."""
    learned = Capabilities(database, clock)
    hasty = PrinterFormats(printers, learned, slow, AT_ONCE_S, recheck=untold)
    for _ in range(3):
        with pytest.raises(Unavailable, match="no printer has said in time"):
            hasty({}, film_box("SLIDE"))
    assert slow.asked.wait(LONG_S)
    assert slow.questions == 1
    slow.answers.set()
    patient = PrinterFormats(printers, learned, slow, LONG_S, recheck=untold)
    assert patient({}, film_box("SLIDE")) == 12


def test_questions_without_an_answer_do_not_pile_up(
    database: Database, printers: Printers, clock: Clock, slow: SlowPrinter
) -> None:
    """Beyond a few that are open, a modality is told at once, and no thread waits for it."""
    formats = PrinterFormats(
        printers, Capabilities(database, clock), slow, AT_ONCE_S, recheck=untold
    )
    before = threading.active_count()
    for number in range(MOST):
        with pytest.raises(Unavailable, match="in time"):
            formats({}, film_box(f"CUSTOM\\{number}"))
    for number in range(MOST, MOST + 5):
        with pytest.raises(Unavailable, match="too many questions"):
            formats({}, film_box(f"CUSTOM\\{number}"))
    assert threading.active_count() - before <= MOST


def test_a_printer_that_prints_just_then_is_asked_again(
    database: Database, printers: Printers, clock: Clock
) -> None:
    """Until it is free; one that has answered is not asked again for it."""
    busy = BusyPrinters(oki_2=2)
    formats = PrinterFormats(printers, Capabilities(database, clock), busy, LONG_S, recheck=untold)
    assert formats({}, film_box("SLIDE")) == 4
    assert sorted(busy.asked) == ["oki-1", "oki-2", "oki-2", "oki-2"]


@pytest.mark.parametrize("patience_s", [0.9, 1.5])
def test_a_printer_that_stays_busy_is_said_to_be_busy(
    database: Database, printers: Printers, clock: Clock, patience_s: float
) -> None:
    """The trouble is of that kind, however little patience there is: it passes."""
    busy = BusyPrinters(oki_1=1000)
    formats = PrinterFormats(
        printers, Capabilities(database, clock), busy, patience_s, recheck=untold
    )
    with pytest.raises(Unavailable, match="busy") as raised:
        formats({}, film_box("SLIDE"))
    assert raised.value.busy
