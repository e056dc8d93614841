"""A stop ends before a container engine kills (10 s), and at once where nothing is in hand."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.emulator.printer import EmulatedPrinter
from broker.service.signals import SAME_S
from tests.bench import stop_times
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.speaker import Speaker

AT_ONCE_S = 2.0
AT_MOST_S = 8.0


@pytest.mark.parametrize("case", ["nothing", "idle", "idle-20", "printed", "checks", "webhook"])
def test_what_waits_for_nothing_stops_at_once(case: str) -> None:
    """With the defaults, from SIGTERM to the end of the process; the best of three stops at most,
    as other tests use the machine, too."""
    found: list[float] = []
    while len(found) < 3 and min(found, default=AT_ONCE_S) >= AT_ONCE_S:
        found.append(stop_times.stop_once(stop_times.CASES[case]))
    assert min(found) < AT_ONCE_S


@pytest.mark.parametrize("case", ["streams", "unprinted", "half", "action"])
def test_every_stop_ends_before_a_container_engine_kills(case: str) -> None:
    """With the defaults, whatever hangs."""
    assert stop_times.stop_once(stop_times.CASES[case]) < AT_MOST_S


def configured(folder: Path, printer: EmulatedPrinter) -> Path:
    """A site with a grace that no test waits for."""
    file = folder / "broker.toml"
    file.write_text(
        '[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = 100\n[health]\ninterval_s = 0.2\n'
        f'[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\n"
    )
    return file


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_a_stop_at_once(tmp_path: Path, number: signal.Signals) -> None:
    """The film that the printer has not answered for is uncertain at the next start, not lost and
    not printed again."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", scenario="slow:600") as printer:
        config = configured(tmp_path, printer)
        with BrokerProcess(config) as broker:
            ct = Speaker(broker.port)
            assert ct.print_film() == statuses.SUCCESS
            ct.release()
            printer.print_jobs.wait_until_begun(1)
            broker.send(number)
            broker.wait_for("broker stops")
            threading.Event().wait(SAME_S)
            began = time.monotonic()
            assert broker.end(number) == 0
            assert time.monotonic() - began < AT_MOST_S
            assert broker.wait_for("broker stops at once")["jobs"] == [1]
        with BrokerProcess(config) as again:
            again.wait_for("job recovered", state="held")
        (job,) = json.loads(command("jobs", "--json", config=config).stdout)
        assert (job["state"], job["films"]) == ("held", 1)


def test_a_signal_that_comes_twice_at_once_is_one(tmp_path: Path) -> None:
    """As `timeout` of coreutils sends it, to the process and to its group: the grace is kept."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", scenario="slow:2") as printer:
        config = configured(tmp_path, printer)
        with BrokerProcess(config) as broker:
            ct = Speaker(broker.port)
            assert ct.print_film() == statuses.SUCCESS
            ct.release()
            printer.print_jobs.wait_until_begun(1)
            broker.send(signal.SIGTERM)
            assert broker.end(signal.SIGTERM) == 0
            assert "broker stops at once" not in [line["event"] for line in broker.lines]
        (job,) = json.loads(command("jobs", "--all", "--json", config=config).stdout)
        assert job["state"] == "sent"


def test_a_modality_in_the_middle_of_a_film_hears_success(tmp_path: Path) -> None:
    """Its request comes a moment after SIGTERM: it is answered, then the broker ends at once."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as printer:
        config = configured(tmp_path, printer)
        with BrokerProcess(config) as broker:
            ct = Speaker(broker.port)
            ct.open_session()
            ct.open_film_box()
            ct.set_image()
            broker.send(signal.SIGTERM)
            broker.wait_for("broker stops")
            assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
            began = time.monotonic()
            assert broker.wait() == 0
            assert time.monotonic() - began < AT_MOST_S
            ct.abort()
        assert len(json.loads(command("jobs", "--all", "--json", config=config).stdout)) == 1


def test_unprinted_images_that_end_with_an_association_are_told(tmp_path: Path) -> None:
    """After limits.idle_s: a warning with the AE title and the number of images, and no label."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as printer:
        config = configured(tmp_path, printer)
        config.write_text(config.read_text() + "[limits]\nidle_s = 0.5\n")
        with BrokerProcess(config) as broker:
            printed = Speaker(broker.port, calling_ae="CT1")
            assert printed.print_film() == statuses.SUCCESS
            unprinted = Speaker(broker.port, calling_ae="MR1")
            unprinted.open_session(FilmSessionLabel="Doe^Synthetic")
            unprinted.open_film_box()
            unprinted.set_image()
            told = broker.wait_for("association ended with unprinted images")
            broker.wait_for("association aborted", calling_ae="CT1")
            assert broker.end() == 0
            for each in (printed, unprinted):
                each.abort()
        assert (told["level"], told["calling_ae"], told["images"]) == ("warning", "MR1", 1)
        events = [line["event"] for line in broker.lines]
        assert events.count("association ended with unprinted images") == 1
        assert "Synthetic" not in json.dumps(broker.lines)
