"""Damaged spool files: held, told, no printer blamed, nothing wrong on paper. All cases are in
`tests.bench.spool_damage`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.emulator.printer import EmulatedPrinter
from tests.bench.damage_site import PRINTER, DamageSite, name_of_film, print_films
from tests.bench.spool_damage import damage


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        ("0 bytes", "waiting"),
        ("unreadable", "waiting"),
        ("a FIFO", "waiting"),
        ("0 bytes", "printing"),
        ("a folder", "restarted"),
        ("one bit", "restarted"),
    ],
)
def test_what_is_damaged_is_held_and_harms_no_other(kind: str, moment: str, tmp_path: Path) -> None:
    """Put right and released, each film is on paper once."""
    outcome = damage(tmp_path, kind, moment)
    assert outcome.good, outcome


def test_a_folder_that_cannot_be_read_keeps_no_broker_from_its_films(tmp_path: Path) -> None:
    """It is told; what lies elsewhere is printed."""
    with EmulatedPrinter(PRINTER, "OKI1", tmp_path / "tray", scenario="down") as printer:
        site = DamageSite(tmp_path, printer)
        with site.begin() as broker:
            print_films(broker.port, (1,))
            assert broker.end() == 0
        folder = next(
            each
            for each in (site.data_dir / "spool").iterdir()
            if len(each.name) == 2 and not name_of_film(1).startswith(each.name)
        )
        folder.chmod(0)
        printer.set_scenario("ok")
        with site.begin() as broker:
            assert "PermissionError" in broker.wait_for("upkeep failed")["why"]
            assert printer.wait_for_sheets(1, 20)[0].pixels == (name_of_film(1),)
            folder.chmod(0o700)
            assert broker.end() == 0
