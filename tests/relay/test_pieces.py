"""A film goes through the broker in pieces: none is held whole, none that is wrong is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.emulator.printer import EmulatedPrinter
from broker.model.jobs.job import FilmState, State
from broker.model.printers.printer import Duty
from tests.peers.broker_process import BrokerProcess
from tests.peers.speaker import Speaker, image_box, picture
from tests.relay.conftest import Relay

MB = 1 << 20
SIDE = 4096
LARGE = image_box(
    1,
    picture(
        Rows=SIDE,
        Columns=SIDE,
        BitsAllocated=16,
        BitsStored=12,
        HighBit=11,
        PixelData=bytes(2 * SIDE * SIDE),
    ),
)
"""33 MB, as large as films are."""


def peak(process: BrokerProcess) -> int:
    """The most memory that it has had, in bytes."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10


def forget_peak(process: BrokerProcess) -> None:
    """Count anew."""
    Path(f"/proc/{process.process.pid}/clear_refs").write_text("5")


def test_a_large_film_costs_no_memory(tmp_path: Path) -> None:
    """33 MB in, and out to a printer: less than 8 MB more than an idle broker that has printed."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "oki-1") as printer:
        config = tmp_path / "broker.toml"
        config.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\n[[printers]]\n'
            'name = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
            f"port = {printer.port}\n"
        )
        with BrokerProcess(config) as broker:
            ct = Speaker(broker.port)
            assert ct.print_film() == statuses.SUCCESS
            broker.wait_for("job sent", job=1)
            forget_peak(broker)
            idle = peak(broker)

            assert ct.set_image(1, LARGE).status == statuses.SUCCESS
            assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
            broker.wait_for("job sent", job=2)

            assert peak(broker) - idle < 8 * MB
            ct.release()
        printer.wait_for_sheets(2)


def test_a_large_film_that_was_altered_is_never_printed(
    relay: Callable[..., Relay],
) -> None:
    """What is wrong in its last byte is noticed when most of it has left: the job is held."""
    room = relay(1)
    room.service.printers.set_duty("oki-1", Duty.DRAIN)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image(1, LARGE)
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (name,) = room.service.spool.names()
    with (room.folder / "broker-data/spool" / name[:2] / name).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
        file.flush()
        room.service.printers.set_duty("oki-1", Duty.READY)
        (job,) = room.wait_until(State.HELD, 1)
        words = f"film 1: spool file {name} was altered: its content is not what it was"
        assert job.reason == f"{words}; print it again at the modality"
        assert [film.state for film in room.service.jobs.queries.films(1)] == [FilmState.WAITING]
        assert room.sheets() == {"oki-1": 0}
        file.seek(-1, 2)
        file.write(b"\x00")

    room.service.jobs.commands.release(1)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 1}
