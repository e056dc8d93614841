"""What a person chose for a reprint is printed so, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pynetdicom.sop_class import BasicFilmBox  # type: ignore[attr-defined]

from broker.model.jobs.job import State
from broker.model.jobs.reprint import ReprintChoice
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.relay.conftest import Relay
from tests.relay.test_capabilities import ask, ended

SIZE, MEDIUM = ReprintChoice(film_size="A3"), ReprintChoice(medium="PAPER")


@dataclass
class Rooms:
    """Brokers with printers that a test describes."""

    folder: Path
    stack: ExitStack

    def open(self, *printers: ChoosyPrinter, more: str = "") -> Relay:
        """One with these printers, of which all keys are the same."""
        for each in printers:
            self.stack.enter_context(running(each))
        relay = Relay(self.folder, [each.address for each in printers], more=more)
        self.stack.callback(relay.close)
        relay.wait_until_up()
        return relay


@pytest.fixture
def rooms(tmp_path: Path) -> Iterator[Rooms]:
    """They are closed at the end of the test."""
    with ExitStack() as stack:
        yield Rooms(tmp_path, stack)


def again(relay: Relay, choice: ReprintChoice) -> tuple[State, str]:
    """How a reprint of job 1 ends, and why."""
    new = relay.service.jobs.commands.reprint(1, choice, again=True)
    return ended(relay, new), relay.jobs(new)[0].reason


@pytest.mark.parametrize(
    ("choice", "refuses", "adapt"),
    [(SIZE, {"FilmSizeID": "A3"}, "film-size"), (MEDIUM, {"MediumType": "PAPER"}, "medium")],
    ids=["size", "medium"],
)
def test_what_was_chosen_is_never_left_out(
    rooms: Rooms, choice: ReprintChoice, refuses: dict[str, object], adapt: str
) -> None:
    """Though the site lets films print without: the reprint is held with what the printer refuses,
    and who chose it; films of modalities still print, and the printer is well."""
    ((keyword, value),) = refuses.items()
    printer = ChoosyPrinter("oki-1", refuses=refuses)
    relay = rooms.open(printer, more=f'adapt = ["{adapt}"]\n')
    assert ask(relay) == [0, 0, 0]
    assert ended(relay, 1) is State.SENT

    state, reason = again(relay, choice)

    assert state is State.HELD
    assert f"it refuses {keyword} {value}, which a person chose" in reason
    assert len(printer.printed) == 1
    if keyword == "FilmSizeID":
        assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
        assert ended(relay, 3) is State.SENT
    else:
        ct = relay.speaker()
        ct.open_session(MediumType="PAPER")
        assert ask(relay, ct) == [0, 0, 0]
        ct.release()
        assert ended(relay, 3) is State.SENT
    (film,) = relay.service.jobs.queries.films(3)
    assert f"without {keyword}: oki-1 does not take it" in film.words
    assert again(relay, choice)[0] is State.HELD, "what was learned of films without it is not used"
    assert relay.service.printers.get("oki-1").failures == 0


def test_another_printer_that_takes_it_prints_it(rooms: Rooms) -> None:
    """It is held only where none does."""
    odd = ChoosyPrinter("oki-1", refuses={"FilmSizeID": "A3"})
    good = ChoosyPrinter("oki-2")
    relay = rooms.open(odd, good, more='adapt = ["film-size"]\n')
    assert ask(relay) == [0, 0, 0]
    assert ended(relay, 1) is State.SENT
    assert again(relay, SIZE)[0] is State.SENT
    assert str(good.printed[-1][1].FilmSizeID) == "A3"


def test_what_the_site_never_asks_for_cannot_be_chosen(rooms: Rooms) -> None:
    """The printer is not asked, and would print on a size of its own."""
    printer = ChoosyPrinter("oki-1")
    relay = rooms.open(printer, more='omit = ["FilmSizeID"]\n')
    assert ask(relay, FilmSizeID="A4") == [0, 0, 0]
    assert ended(relay, 1) is State.SENT
    before = len(printer.asked(BasicFilmBox))

    state, reason = again(relay, SIZE)

    assert state is State.HELD
    assert "oki-1 is never asked for FilmSizeID (printers.omit), which a person chose" in reason
    assert len(printer.asked(BasicFilmBox)) == before


@pytest.mark.parametrize(
    ("status", "echoed", "state"),
    [(0x0116, False, State.HELD), (0x0116, True, State.SENT), (0xB605, False, State.SENT)],
    ids=["unnamed", "unnamed, and said to be taken", "density"],
)
def test_a_warning_that_names_nothing_may_be_about_it(
    rooms: Rooms, status: int, echoed: bool, state: State
) -> None:
    """Unless the printer says beside it that it took what was chosen, or what it warns of is
    something else."""
    printer = ChoosyPrinter("oki-1")
    relay = rooms.open(printer)
    assert ask(relay) == [0, 0, 0]
    assert ended(relay, 1) is State.SENT
    printer.warns = status
    if echoed:
        printer.answers["FilmSizeID"] = "A3"

    found, reason = again(relay, SIZE)

    assert found is state
    assert ("which a person chose" in reason) == (state is State.HELD)
    assert len(printer.printed) == (2 if state is State.SENT else 1)
    assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
    assert ended(relay, 3) is State.SENT, "of modalities it is told beside the film"


def test_a_printer_that_takes_another_one_instead_prints_nothing(rooms: Rooms) -> None:
    """As it tells by its answer."""
    printer = ChoosyPrinter("oki-1")
    relay = rooms.open(printer)
    assert ask(relay) == [0, 0, 0]
    assert ended(relay, 1) is State.SENT
    printer.answers["FilmSizeID"] = "A4"

    state, reason = again(relay, SIZE)

    assert state is State.HELD
    assert "oki-1 made FilmSizeID 'A4' of 'A3', which a person chose" in reason
    assert len(printer.printed) == 1
