"""The paper tray."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Barrier, Thread

import pytest
from PIL import Image as pictures

from broker.emulator.paper_path import Sheet, Tray
from broker.model.films.film import Film, Image, ImageBox, PresentationLut
from broker.model.jobs.job import Priority

BLANK = pictures.new("L", (20, 30), 255)
FILM = Film(
    attributes={
        "ImageDisplayFormat": (r"STANDARD\1,2",),
        "FilmSizeID": ("A4",),
        "FilmOrientation": ("PORTRAIT",),
        "BorderDensity": ("BLACK",),
    },
    image_boxes=(
        ImageBox(1),
        ImageBox(
            2,
            {"Polarity": ("REVERSE",)},
            Image("ab" * 32, 32, 4, 4, 16, 12, "MONOCHROME1"),
            PresentationLut(descriptor=(4096, 0, 12), table=bytes(8192)),
        ),
    ),
    lut=PresentationLut(shape="IDENTITY"),
)
SESSION = {
    "MediumType": ("PAPER",),
    "FilmDestination": ("BIN_2",),
    "FilmSessionLabel": ("DOE^JANE 1970",),
    "OwnerID": ("DOE",),
    "NumberOfCopies": ("3",),
}


def put(tray: Tray) -> Sheet:
    """Lay a sheet into the tray."""
    return tray.put(
        FILM,
        BLANK,
        printed_at="2030-01-01T12:00:00+00:00",
        calling_ae="CT1",
        called_ae="OKI1",
        copies=3,
        priority=Priority.HIGH,
        session=SESSION,
    )


def test_a_sheet_is_a_picture_and_a_slip(tmp_path: Path) -> None:
    """0001.png is the picture; 0001.json says what was asked for."""
    sheet = put(Tray(tmp_path / "tray"))
    assert sorted(path.name for path in (tmp_path / "tray").iterdir()) == ["0001.json", "0001.png"]
    with pictures.open(tmp_path / "tray" / "0001.png") as picture:
        assert (picture.size, picture.mode) == ((20, 30), "L")
    slip = json.loads((tmp_path / "tray" / "0001.json").read_text())
    assert slip == {
        "number": 1,
        "printed_at": "2030-01-01T12:00:00+00:00",
        "calling_ae": "CT1",
        "called_ae": "OKI1",
        "film_size": "A4",
        "orientation": "PORTRAIT",
        "display_format": r"STANDARD\1,2",
        "copies": 3,
        "priority": "HIGH",
        "session": {"MediumType": "PAPER", "FilmDestination": "BIN_2"},
        "film_box": {
            "ImageDisplayFormat": [r"STANDARD\1,2"],
            "FilmSizeID": ["A4"],
            "FilmOrientation": ["PORTRAIT"],
            "BorderDensity": ["BLACK"],
        },
        "images": [
            {
                "position": 2,
                "rows": 4,
                "columns": 4,
                "bits": 12,
                "photometric": "MONOCHROME1",
                "pixels": "ab" * 32,
                "lut": "table of 4096",
                "attributes": {"Polarity": ["REVERSE"]},
            }
        ],
    }
    assert sheet.pixels == ("ab" * 32,)


def test_no_label_is_on_a_slip(tmp_path: Path) -> None:
    """Labels and owners are people's names: no file of the tray has them."""
    put(Tray(tmp_path))
    for path in tmp_path.iterdir():
        assert b"DOE" not in path.read_bytes()


def test_numbers_go_on_after_a_restart(tmp_path: Path) -> None:
    """A new run numbers on, even where the last one left a picture without a slip."""
    put(Tray(tmp_path))
    assert put(Tray(tmp_path)).number == 2
    (tmp_path / "0007.png").write_bytes(b"")
    (tmp_path / ".0009.png.part").write_bytes(b"")
    (tmp_path / "notes.json").write_text("{}")
    assert put(Tray(tmp_path)).number == 8


def test_sheets_from_several_threads_get_numbers_of_their_own(tmp_path: Path) -> None:
    """Eight at once: eight sheets, one after the other."""
    tray, together = Tray(tmp_path), Barrier(8)
    numbers: list[int] = []

    def lay() -> None:
        together.wait()
        numbers.append(put(tray).number)

    threads = [Thread(target=lay) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 9))
    assert len(list(tmp_path.glob("*.json"))) == 8


def test_a_sheet_that_cannot_be_written_leaves_no_slip(tmp_path: Path) -> None:
    """The slip comes last: where the picture fails there is none."""
    tray = Tray(tmp_path)
    (tmp_path / ".0001.png.part").mkdir()
    with pytest.raises(OSError, match="directory"):
        put(tray)
    assert list(tmp_path.glob("*.json")) == []
