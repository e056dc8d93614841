"""DCMTK's print SCU on an emulated printer: a modality that others have written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.emulator.conftest import NewPrinter
from tests.peers.dcmtk_modality import DcmtkModality
from tests.peers.pictures import pictures
from tests.peers.stored_print import stored_prints

pytestmark = pytest.mark.dcmtk

FILM = ("--layout", "1", "2", "--filmsize", "14INX17IN")


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_dcmprscu_prints_a_film(new_printer: NewPrinter, tmp_path: Path, implicit: bool) -> None:
    """Its film box N-ACTION succeeds; layout, LUT and every pixel arrive."""
    printer = new_printer()
    modality = DcmtkModality(tmp_path / "scu", implicit=implicit)
    images = pictures(tmp_path / "pictures", 2)
    stored = modality.compose(images, *FILM, "--identity", "--border", "BLACK", lut=True)
    modality.print([stored], printer.port, "OKI1", lut=True)
    (expected,) = stored_prints(tmp_path / "scu")
    (sheet,) = printer.sheets
    assert sheet.pixels == tuple(image.pixels for image in expected.images)
    assert {image.bits for image in sheet.images} == {12}
    assert (sheet.display_format, sheet.film_size) == (r"STANDARD\1,2", "14INX17IN")
    assert sheet.film_box["BorderDensity"] == ["BLACK"]
    assert [image.lut for image in sheet.images] == ["IDENTITY", "IDENTITY"]


def test_dcmprscu_prints_a_film_session(new_printer: NewPrinter, tmp_path: Path) -> None:
    """Its film session N-ACTION succeeds, with copies and medium."""
    printer = new_printer()
    modality = DcmtkModality(tmp_path / "scu")
    stored = modality.compose(pictures(tmp_path / "pictures", 2), *FILM)
    asked = ("--session-print", "--copies", "2", "--medium-type", "PAPER")
    modality.print([stored], printer.port, "OKI1", *asked)
    (sheet,) = printer.sheets
    assert (sheet.copies, sheet.session) == (2, {"MediumType": "PAPER"})


def test_dcmprscu_sees_a_refusal(new_printer: NewPrinter, tmp_path: Path) -> None:
    """A refused N-ACTION is an error to it, and nothing is printed."""
    printer = new_printer("refuse-action:0xC602")
    modality = DcmtkModality(tmp_path / "scu")
    stored = modality.compose(pictures(tmp_path / "pictures", 2), *FILM)
    with pytest.raises(AssertionError, match="unable to print"):
        modality.print([stored], printer.port, "OKI1")
    assert printer.sheets == []
