"""Printers that lack one thing, and DCMTK's print SCU that does not know it."""

from __future__ import annotations

import pytest

from tests.bench import printer_keys
from tests.peers.beside_direct import Verdict
from tests.peers.printer_keys import LACKING, Composed

pytestmark = pytest.mark.dcmtk

MATTERS = ("--img-request-size", "--request-crop", "--request-fail", "--filmsize", "--medium-type")
"""Changes scale, size or medium: never left out by itself."""


def _printed(film: Composed) -> bool:
    """Whether it must come out without anybody's leave."""
    return not (
        any(option in (*film.composed, *film.wishes) for option in MATTERS)
        or film.printer.startswith(("Supports12Bit", "DisplayFormat"))
        or (film.printer.startswith("ImplicitOnly") and "--plut" in film.composed)
    )


@pytest.mark.parametrize("film", [each for each in LACKING if _printed(each)], ids=str)
def test_a_film_comes_out_as_from_a_console_that_knows_the_printer(film: Composed) -> None:
    """Straight from dcmprscu where the printer takes it; else as dcmprscu prints it that leaves
    out what this printer does not take, and the job says what was left out."""
    (found,) = printer_keys.measure([film], lambda _: None, times=1)

    assert found.verdict is (Verdict.EQUAL if found.unaware.printed else Verdict.ADAPTED)
    assert found.unaware.printed or "oki-1" in found.words


def _refused(film: Composed) -> bool:
    """A table for 12 bits is refused with its image, which may be for the one or the other."""
    return not _printed(film) and not (
        film.keys["Supports12Bit"] == "false" and film.composed[:1] == ("--plut",)
    )


@pytest.mark.parametrize("film", [each for each in LACKING if _refused(each)], ids=str)
def test_a_film_that_no_printer_takes_is_refused_at_the_console(film: Composed) -> None:
    """The second time, where it would come out in another size, scale, depth or medium."""
    (found,) = printer_keys.measure([film], lambda _: None, times=2)

    first, second = found.times
    assert first.verdict is not Verdict.EQUAL
    assert found.verdict is Verdict.REFUSED
    assert second.console.status == found.unaware.status
