"""DCMTK on both sides: what comes out through the broker is what comes out without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread

from broker.emulator.printer import EmulatedPrinter
from broker.model.job import Level, State
from broker.model.printer import Address
from tests.peers.dcmtk import dcmprscp
from tests.peers.dcmtk_modality import DcmtkModality
from tests.peers.pictures import pictures
from tests.peers.stored_print import StoredPrint, stored_prints
from tests.relay.conftest import Relay

pytestmark = pytest.mark.dcmtk


@dataclass
class Bench:
    """One dcmprscp to print on straight, its twin behind a broker."""

    profile: str
    folder: Path
    straight_port: int
    relay: Relay
    _seen: dict[str, int] = field(default_factory=dict)

    def fresh(self, which: str) -> list[StoredPrint]:
        """What was printed there since this was asked last."""
        found = stored_prints(self.folder / which)
        new = found[self._seen.get(which, 0) :]
        self._seen[which] = len(found)
        return new


@pytest.fixture(scope="module")
def benches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Bench]]:
    """A bench for each profile of dcmprscp, made when it is first asked for."""
    with ExitStack() as stack:

        class Benches(dict[str, Bench]):
            def __missing__(self, profile: str) -> Bench:
                folder = tmp_path_factory.mktemp(profile)
                straight = stack.enter_context(dcmprscp(folder / "straight", profile))
                behind = stack.enter_context(dcmprscp(folder / "behind", profile))
                level = "film session" if profile == "AGFA" else "film box"
                address = Address("oki-1", profile, "127.0.0.1", behind)
                relay = Relay(folder, [address], lut_level=level)
                stack.callback(relay.service.stop)
                relay.wait_until_up()
                self[profile] = Bench(profile, folder, straight, relay)
                return self[profile]

        made = Benches()
        yield made
        for bench in made.values():
            assert bench.relay.broken == []


@dataclass(frozen=True)
class Row:
    """One way of printing."""

    profile: str
    layout: tuple[int, int] = (1, 1)
    bits: int = 12
    session: bool = False
    lut: tuple[str, ...] = ()
    implicit: bool = False
    options: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [self.profile, f"{self.layout[0]}x{self.layout[1]}", f"{self.bits}bit"]
        parts += ["session"] if self.session else ["box"]
        parts += [self.lut[-1].strip("-")] if self.lut else []
        parts += ["implicit" if self.implicit else "explicit", *self.options[:1]]
        return "-".join(parts)


IDENTITY = ("--identity",)
TABLE = ("--plut", "LIGHTEN")
ROWS = [
    Row("IHEFULL"),
    Row("IHEFULL", implicit=True),
    Row("IHEFULL", bits=8),
    Row("IHEFULL", session=True),
    Row("IHEFULL", layout=(2, 3)),
    Row("IHEFULL", layout=(2, 3), bits=8, session=True, implicit=True),
    Row("IHEFULL", layout=(2, 3), lut=IDENTITY),
    Row("IHEFULL", lut=IDENTITY, bits=8),
    Row("IHEFULL", lut=TABLE),
    Row("IHEFULL", lut=TABLE, layout=(2, 3), session=True, implicit=True),
    Row("IHEFULL", lut=IDENTITY, session=True, implicit=True),
    Row(
        "IHEFULL", options=("--landscape", "--trim", "--border", "BLACK", "--empty-image", "WHITE")
    ),
    Row("IHEFULL", options=("--magnification", "CUBIC", "--min-density", "30")),
    Row("IHEFULL", options=("--img-polarity", "REVERSE", "--img-request-size", "150")),
    Row("IHERESTRICTED"),
    Row("IHERESTRICTED", bits=8, implicit=True),
    Row("IHERESTRICTED", session=True),
    Row("IHERESTRICTED", lut=IDENTITY),
    Row("IHERESTRICTED", lut=IDENTITY, session=True, implicit=True),
    Row("KODAK"),
    Row("KODAK", layout=(2, 2), implicit=True),
    Row("KODAK", bits=8, session=True),
    Row("KODAK", lut=IDENTITY),
    Row("KODAK", options=("--smoothing", "3", "--magnification", "CUBIC", "--configinfo", "CS001")),
    Row("AGFA"),
    Row("AGFA", layout=(2, 3), session=True, implicit=True),
    Row("AGFA", layout=(2, 3), bits=8),
    Row("AGFA", lut=IDENTITY),
    Row("AGFA", lut=TABLE),
    Row("AGFA", lut=IDENTITY, session=True),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_the_same_film_comes_out(benches: dict[str, Bench], tmp_path: Path, row: Row) -> None:
    """Pixels bit for bit, layout, size, orientation, densities and LUT equal printing straight."""
    bench = benches[row.profile]
    modality = DcmtkModality(tmp_path / "scu", implicit=row.implicit, bits=row.bits)
    columns, rows = row.layout
    stored = modality.compose(
        pictures(tmp_path / "pictures", columns * rows),
        *("--layout", str(columns), str(rows), "--filmsize", "14INX17IN", "--portrait"),
        *row.lut,
        *row.options,
        lut=bool(row.lut),
    )
    level = ["--session-print"] if row.session else []
    in_session = row.profile == "AGFA"
    lut = bool(row.lut)
    modality.print(
        [stored], bench.straight_port, row.profile, *level, lut=lut, lut_in_session=in_session
    )
    (expected,) = bench.fresh("straight")
    before = len(bench.relay.jobs())

    modality.print(
        [stored], bench.relay.service.port, "BROKER", *level, lut=lut, lut_in_session=in_session
    )

    (job,) = bench.relay.wait_until(State.SENT, before + 1)
    assert job.level is (Level.FILM_SESSION if row.session else Level.FILM_BOX)
    (actual,) = bench.fresh("behind")
    assert actual == expected
    assert len(actual.images) == columns * rows
    assert {image.bits[1] for image in actual.images} == {row.bits}
    assert bool(actual.luts) == lut


def test_the_comparison_sees_a_difference(benches: dict[str, Bench], tmp_path: Path) -> None:
    """Two films that differ in one attribute, or in their pixels, do not compare equal."""
    bench = benches["IHEFULL"]
    for number, options in enumerate(((), ("--landscape",), ("--img-polarity", "REVERSE"))):
        modality = DcmtkModality(tmp_path / str(number))
        stored = modality.compose(
            pictures(tmp_path / "pictures", 1), "--filmsize", "14INX17IN", *options
        )
        modality.print([stored], bench.straight_port, "IHEFULL")
    films = bench.fresh("straight")
    assert len(set(films)) == 3


@pytest.mark.parametrize("session", [False, True], ids=["box", "session"])
@pytest.mark.parametrize("bits", [8, 12])
def test_a_row_layout_comes_out(tmp_path: Path, session: bool, bits: int) -> None:
    r"""dcmprscu prints ROW\1,2 (dcmprscp knows STANDARD alone): pixels and places are the same."""
    modality = DcmtkModality(tmp_path / "scu", bits=bits)
    stored = modality.compose(
        pictures(tmp_path / "pictures", 3), "--layout", "1", "3", "--filmsize", "14INX17IN"
    )
    film = dcmread(stored)
    film[0x2130, 0x0030].value[0].ImageDisplayFormat = r"ROW\1,2"
    film.save_as(stored)
    level = ["--session-print", "--copies", "2"] if session else []
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as printer:
        modality.print([stored], printer.port, "OKI1", *level)
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            modality.print([stored], relay.service.port, "BROKER", *level)
            relay.wait_until(State.SENT, 1)
        finally:
            relay.service.stop()
        straight, through = printer.sheets
    assert through.display_format == r"ROW\1,2"
    assert through.images == straight.images
    assert [image.position for image in through.images] == [1, 2, 3]
    assert {image.bits for image in through.images} == {bits}
    assert (through.film_size, through.copies) == (straight.film_size, straight.copies)
    assert through.copies == (2 if session else 1)
