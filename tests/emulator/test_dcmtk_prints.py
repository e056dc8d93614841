"""DCMTK's print SCU on an emulated printer: somebody else's idea of a modality."""

from __future__ import annotations

import os
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from broker.emulator.printer import EmulatedPrinter
from tests.emulator.conftest import NewPrinter

pytestmark = pytest.mark.dcmtk

CONFIG = r"""
[[GENERAL]]
[PRINT]
Directory = {folder}/spool
[DATABASE]
Directory = {folder}/database
[LUT]
Directory = {folder}/lut
[NETWORK]
aetitle = DCMTK
[[COMMUNICATION]]
[OKI]
Aetitle = OKI1
Hostname = 127.0.0.1
Port = {port}
Type = PRINTER
BorderDensity = BLACK\WHITE
DisableNewVRs = false
DisplayFormat = 1,1\1,2
FilmSizeID = A4\A3
ImplicitOnly = {implicit}
MaxPDU = 32768
Supports12Bit = true
SupportsPresentationLUT = true
SupportsTrim = true
"""


class Dcmtk:
    """dcmpsprt renders a stored print, dcmprscu sends it to the printer."""

    def __init__(self, folder: Path, printer: EmulatedPrinter, *, implicit: bool = False) -> None:
        self.folder = folder
        for name in ("spool", "database", "lut"):
            (folder / name).mkdir()
        text = CONFIG.format(folder=folder, port=printer.port, implicit=str(implicit).lower())
        (folder / "dcmpstat.cfg").write_text(text)

    def render(self, *options: str) -> list[str]:
        """Compose a film of two images; the SHA-256 of what is to be printed, in order."""
        images = [
            str(get_testdata_file(name, download=False))
            for name in ("CT_small.dcm", "MR_small.dcm")
        ]
        self._run("dcmpsprt", "--layout", "1", "2", "--filmsize", "A4", *options, *images)
        rendered = [dcmread(path) for path in (self.folder / "database").glob("HG_*.dcm")]
        ordered = sorted(rendered, key=lambda image: -int(image.Rows))
        return [sha256(image.PixelData).hexdigest() for image in ordered]

    def print(self, *options: str) -> None:
        """Send the stored print; it must succeed."""
        (stored,) = (self.folder / "database").glob("SP_*.dcm")
        self._run("dcmprscu", *options, str(stored))

    def _run(self, program: str, *options: str) -> None:
        config = ("--config", str(self.folder / "dcmpstat.cfg"), "--printer", "OKI")
        done = subprocess.run(
            [program, *config, *options],
            cwd=self.folder,
            env={**os.environ, "TCP_NODELAY": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "E:" not in done.stderr, done.stderr


@pytest.mark.parametrize("implicit", [False, True], ids=["explicit", "implicit"])
def test_dcmprscu_prints_a_film(new_printer: NewPrinter, tmp_path: Path, implicit: bool) -> None:
    """Its film box N-ACTION succeeds; layout, LUT and every pixel arrive."""
    printer = new_printer()
    dcmtk = Dcmtk(tmp_path, printer, implicit=implicit)
    expected = dcmtk.render("--identity", "--trim", "--border", "BLACK")
    dcmtk.print()
    (sheet,) = printer.sheets
    assert sheet.pixels == tuple(expected)
    assert (sheet.display_format, sheet.film_size) == (r"STANDARD\1,2", "A4")
    assert sheet.film_box["BorderDensity"] == ["BLACK"]
    assert [image.lut for image in sheet.images] == ["IDENTITY", "IDENTITY"]


def test_dcmprscu_prints_a_film_session(new_printer: NewPrinter, tmp_path: Path) -> None:
    """Its film session N-ACTION succeeds, with copies and medium."""
    printer = new_printer()
    dcmtk = Dcmtk(tmp_path, printer)
    expected = dcmtk.render()
    dcmtk.print("--session-print", "--copies", "2", "--medium-type", "PAPER")
    (sheet,) = printer.sheets
    assert sheet.pixels == tuple(expected)
    assert (sheet.copies, sheet.session) == (2, {"MediumType": "PAPER"})


def test_dcmprscu_sees_a_refusal(new_printer: NewPrinter, tmp_path: Path) -> None:
    """A refused N-ACTION is an error to it, and nothing is printed."""
    printer = new_printer("refuse-action:0xC602")
    dcmtk = Dcmtk(tmp_path, printer)
    dcmtk.render()
    with pytest.raises(AssertionError, match="unable to print"):
        dcmtk.print()
    assert printer.sheets == []
