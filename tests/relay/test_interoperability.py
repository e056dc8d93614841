"""DCMTK on both sides: what comes out through the broker is what comes out without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydicom import dcmread

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import Level, State
from broker.model.printers.printer import Address
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.dcmtk import dcmprscp, heard_by
from tests.peers.dcmtk_modality import DcmtkModality
from tests.peers.heard import Heard, actions, asked, places
from tests.peers.pictures import pictures
from tests.peers.stored_print import StoredPrint, stored_prints
from tests.peers.ways import IDENTITY, LINEAR, TABLE, WAYS, Way
from tests.relay.conftest import Relay

pytestmark = pytest.mark.dcmtk


@dataclass
class Bench:
    """One dcmprscp to print on straight, its twin behind a broker."""

    profile: str
    folder: Path
    straight_port: int
    relay: Relay
    _seen: dict[str, tuple[int, int]] = field(default_factory=dict)

    def fresh(self, which: str) -> tuple[list[StoredPrint], list[Heard]]:
        """What was printed there, and what was heard there, since this was asked last."""
        prints, words = stored_prints(self.folder / which), heard_by(self.folder / which)
        seen = self._seen.get(which, (0, 0))
        self._seen[which] = (len(prints), len(words))
        return prints[seen[0] :], words[seen[1] :]


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


def claimed(wanted: dict[str, list[tuple[str, str]]]) -> dict[str, list[tuple[str, str]]]:
    """The same, with the copies and the priority that the modality was told it has."""
    told = {"NumberOfCopies": "[1]", "PrintPriority": "[MED]"}
    session = told | dict(wanted["BasicFilmSessionSOPClass"])
    return wanted | {"BasicFilmSessionSOPClass": sorted(session.items())}


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_same_film_comes_out(benches: dict[str, Bench], tmp_path: Path, way: Way) -> None:
    """Pixels bit for bit, and all that the printer is asked for, equal printing straight."""
    bench = benches[way.profile]
    modality = DcmtkModality(tmp_path / "scu", bits=way.bits)
    columns, rows = way.layout
    height, width = way.size
    stored = modality.compose(
        pictures(tmp_path / "pictures", columns * rows, rows=height, columns=width),
        *("--layout", str(columns), str(rows), "--filmsize", "14INX17IN", "--portrait"),
        *way.lut,
        *way.options,
        lut=bool(way.lut),
    )
    asking = [*(["--session-print"] if way.session else []), *way.wishes]
    look = {"lut": bool(way.lut), "lut_in_session": way.profile == "AGFA"}
    bench.fresh("straight")
    modality.implicit = way.implicit and way.lut != TABLE  # which dcmprscp cannot read
    modality.print([stored], bench.straight_port, way.profile, *asking, **look)
    (expected,), wanted = bench.fresh("straight")
    before = len(bench.relay.jobs())
    bench.fresh("behind")
    modality.implicit = way.implicit

    words = modality.print([stored], bench.relay.service.port, "BROKER", *asking, **look)

    (job,) = bench.relay.wait_until(State.SENT, before + 1)
    (actual,), said = bench.fresh("behind")
    assert actual == expected
    assert asked(said) == claimed(asked(wanted))
    assert places(said) == [(place, place) for place in range(1, columns * rows + 1)]
    assert actions(said) == ["BasicFilmBoxSOPClass"]
    assert job.level is (Level.FILM_SESSION if way.session else Level.FILM_BOX)
    assert len(actual.images) == columns * rows
    assert {(image.bits[1], image.rows) for image in actual.images} == {(way.bits, height)}
    assert bool(actual.luts) == bool(way.lut)
    assert ("LUTData" in actual.luts) == (way.lut == TABLE)
    syntax = "Little Endian Implicit" if way.implicit else "Little Endian Explicit"
    assert {each.syntax for each in words if each.incoming and each.syntax} == {syntax}


def test_the_comparison_sees_a_difference(benches: dict[str, Bench], tmp_path: Path) -> None:
    """Two films that differ in one attribute, or in their pixels, do not compare equal."""
    bench = benches["IHEFULL"]
    bench.fresh("straight")
    for number, options in enumerate(((), ("--landscape",), ("--img-polarity", "REVERSE"))):
        modality = DcmtkModality(tmp_path / str(number))
        stored = modality.compose(
            pictures(tmp_path / "pictures", 1), "--filmsize", "14INX17IN", *options
        )
        modality.print([stored], bench.straight_port, "IHEFULL")
    films, _ = bench.fresh("straight")
    assert len(set(films)) == 3


@pytest.mark.parametrize("lut", [IDENTITY, LINEAR, TABLE], ids=["identity", "lin od", "table"])
def test_a_printer_of_the_older_kind_needs_no_setting(tmp_path: Path, lut: tuple[str, ...]) -> None:
    """DCMTK's AGFA profile refuses a Presentation LUT in the film box with 0x0105: it gets it in
    the film session, and the same film comes out as straight from a modality that knows."""
    modality = DcmtkModality(tmp_path / "scu")
    stored = modality.compose(
        pictures(tmp_path / "pictures", 1), "--filmsize", "14INX17IN", *lut, lut=True
    )
    with (
        dcmprscp(tmp_path / "straight", "AGFA") as straight,
        dcmprscp(tmp_path / "behind", "AGFA") as behind,
    ):
        modality.print([stored], straight, "AGFA", lut=True, lut_in_session=True)
        relay = Relay(tmp_path / "relay", [Address("oki-1", "AGFA", "127.0.0.1", behind)])
        try:
            relay.wait_until_up()
            modality.print([stored], relay.service.port, "BROKER", lut=True)
            relay.wait_until(State.SENT, 1)
        finally:
            relay.close()
    assert stored_prints(tmp_path / "behind") == stored_prints(tmp_path / "straight")


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


def test_a_layout_that_the_printer_lacks_is_held_with_its_words(
    benches: dict[str, Bench], tmp_path: Path
) -> None:
    r"""dcmprscp knows STANDARD alone: ROW\1,2 is held with its status, and the next film prints."""
    bench = benches["KODAK"]
    modality = DcmtkModality(tmp_path / "scu")
    stored = modality.compose(pictures(tmp_path / "pictures", 1), "--filmsize", "14INX17IN")
    film = dcmread(stored)
    film[0x2130, 0x0030].value[0].ImageDisplayFormat = r"ROW\1"
    row = stored.with_name("row.dcm")
    film.save_as(row)
    before = len(bench.relay.jobs())
    bench.fresh("behind")

    modality.print([row, stored], bench.relay.service.port, "BROKER")

    bench.relay.wait_until(State.SENT, before + 2)
    (job,) = bench.relay.wait_until(State.HELD, before + 1)
    assert "N-CREATE of the film box answered 0x0106" in job.reason
    films, _ = bench.fresh("behind")
    assert len(films) == 1


@pytest.mark.parametrize("level", [FILM_BOX, FILM_SESSION], ids=["box", "session"])
def test_three_copies_of_two_films(benches: dict[str, Bench], level: str) -> None:
    """On film boxes, each film is asked for once, with its copies; on the session, collated. Both
    by one film session.

    dcmprscu prints one film a session, so here another modality asks.
    """
    bench = benches["IHEFULL"]
    before = len(bench.relay.jobs())
    bench.fresh("behind")
    ct = bench.relay.speaker()
    ct.open_session(NumberOfCopies="3")
    for display_format in (r"STANDARD\1,1", r"STANDARD\1,2"):
        ct.open_film_box(display_format)
        ct.set_image()
        if level == FILM_BOX:
            assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    if level == FILM_SESSION:
        assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    ct.release()

    bench.relay.wait_until(State.SENT, *(job.id for job in bench.relay.jobs()[before:]))

    films, said = bench.fresh("behind")
    one_and_two = [r"STANDARD\1,1", r"STANDARD\1,2"]
    collated = level == FILM_SESSION
    session = asked(said)["BasicFilmSessionSOPClass"]
    copies = [value for key, value in session if key == "NumberOfCopies"]
    assert [film.display_format for film in films] == one_and_two * (3 if collated else 1)
    assert copies == (["[1]"] if collated else ["[3]"])


@pytest.mark.parametrize("session", [False, True], ids=["box", "session"])
def test_the_command_relays_the_same_film(tmp_path: Path, session: bool) -> None:
    """dcmprscu, `broker serve` as a process, dcmprscp: the same film, and no label in the log."""
    modality = DcmtkModality(tmp_path / "scu")
    stored = modality.compose(
        pictures(tmp_path / "pictures", 2), "--layout", "1", "2", "--identity", lut=True
    )
    wishes = [*(["--session-print"] if session else []), "--label", "Mustermann"]
    config = tmp_path / "broker.toml"
    with (
        dcmprscp(tmp_path / "straight") as straight,
        dcmprscp(tmp_path / "behind") as behind,
    ):
        modality.print([stored], straight, "IHEFULL", *wishes, lut=True)
        config.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\n[health]\ninterval_s = 0.2\n'
            '[[printers]]\nname = "oki-1"\nae_title = "IHEFULL"\nhost = "127.0.0.1"\n'
            f"port = {behind}\n"
        )
        with BrokerProcess(config) as broker:
            broker.wait_for("printer changed", health="up")
            modality.print([stored], broker.port, "BROKER", *wishes, lut=True)
            broker.wait_for("job sent", job=1)
            assert broker.end() == 0
        (job,) = json.loads(command("jobs", "--all", "--json", config=config).stdout)
    assert (job["state"], job["films"], job["films_accepted"]) == ("sent", 1, 1)
    assert stored_prints(tmp_path / "behind") == stored_prints(tmp_path / "straight")
    assert asked(heard_by(tmp_path / "behind")) == claimed(asked(heard_by(tmp_path / "straight")))
    assert "Mustermann" not in json.dumps(broker.lines)
