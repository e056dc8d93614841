"""The relay's vital signs in their file: small, private, of this life only, harmless."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from broker.config.file import parse
from broker.dicom.scp.allowance import PATIENCE_S
from broker.events import Event
from broker.model.jobs.job import State
from broker.model.vitals import Vitals
from broker.operations.condition.readiness import read_vitals, silent_s
from broker.relay.vitals import FILE_NAME, VitalSigns
from broker.service.data_folder import DataFolder
from broker.store.occupancy import Occupancy
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]
WAIT_S = 30.0


class Signs:
    """Vital signs with rounds that can be waited for: each asks how many associations there are."""

    def __init__(self, folder: Path) -> None:
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.file = folder / FILE_NAME
        self.open = 0
        self._rounds = 0
        self._changed = threading.Condition()
        self.told = VitalSigns(
            lambda event, facts: self.notes.append((event, facts)), folder, lambda: 1000.5, 0.01
        )
        self.told.start(self._associations)

    def _associations(self) -> int:
        with self._changed:
            self._rounds += 1
            self._changed.notify_all()
            return self.open

    def wait_for_a_round(self) -> None:
        """Return when a round that began after this is over."""
        with self._changed:
            wanted = self._rounds + 2
            assert self._changed.wait_for(lambda: self._rounds >= wanted, WAIT_S)


@pytest.fixture
def signs(tmp_path: Path) -> Iterator[Signs]:
    """Of a broker that has the folder."""
    occupancy = Occupancy.take(tmp_path)
    made = Signs(tmp_path)
    yield made
    made.told.stop()
    occupancy.close()


def test_they_are_written_at_the_start_and_for_the_owner_only(signs: Signs, tmp_path: Path) -> None:
    """Nothing has happened, and it can be read that this one lives; no half file lies beside."""
    signs.wait_for_a_round()
    found = read_vitals(tmp_path)
    assert found is not None
    assert (found.started_at, found.films, found.associations) == (1000.5, 0, 0)
    assert signs.file.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.iterdir()) == ["broker.lock", FILE_NAME]


def test_they_are_written_only_when_they_have_changed(signs: Signs, tmp_path: Path) -> None:
    """A broker at rest writes no file: it sets the time of the one that there is, as a sign of
    life. A film, or an association, and it writes."""
    signs.wait_for_a_round()
    with signs.file.open() as before:  # open, so that its inode is no other file's
        os.utime(signs.file, (0.0, 0.0))
        signs.wait_for_a_round()
        assert os.path.samestat(os.fstat(before.fileno()), signs.file.stat())
        assert signs.file.stat().st_mtime > 0

        signs.told(Event.FILMS_ACCEPTED, {"films": 2, "seconds": 0.003})
        signs.open = 1
        signs.wait_for_a_round()
        found = read_vitals(tmp_path)
        assert found is not None
        assert (found.films, found.associations) == (2, 1)
        assert not os.path.samestat(os.fstat(before.fileno()), signs.file.stat())


def test_a_file_that_is_removed_is_written_again(signs: Signs, tmp_path: Path) -> None:
    """Without it the broker would be taken for one that hangs."""
    signs.wait_for_a_round()
    signs.file.unlink()
    signs.wait_for_a_round()
    signs.wait_for_a_round()
    assert read_vitals(tmp_path) is not None
    assert signs.notes == []


def test_the_last_failure_to_store_is_told(signs: Signs, tmp_path: Path) -> None:
    """Until a film is stored again. That there is no room is told elsewhere."""
    signs.told(Event.STORAGE_FAILED, {"why": "new films are refused: less disk is free than floor"})
    signs.wait_for_a_round()
    found = read_vitals(tmp_path)
    assert found is not None
    assert not found.failing
    signs.told(
        Event.STORAGE_FAILED, {"what": "the film cannot be recorded", "why": "no such table"}
    )
    signs.wait_for_a_round()
    found = read_vitals(tmp_path)
    assert found is not None
    assert (found.failing, found.failure) == (True, "the film cannot be recorded: no such table")


def test_what_is_counted_is_noted(signs: Signs) -> None:
    """It is passed on as it was, whether it counts or not."""
    taken = {"films": 2, "seconds": 0.003}
    signs.told(Event.FILMS_ACCEPTED, taken)
    signs.told(Event.BROKER_LISTENS, {"port": 104})
    assert signs.notes == [("films accepted", taken), ("broker listens", {"port": 104})]


def test_notes_of_many_threads_all_count(signs: Signs) -> None:
    """Films that come at the same moment are as many as they were."""

    def take() -> None:
        for _ in range(500):
            signs.told(Event.FILMS_ACCEPTED, {"films": 1, "seconds": 0.003})

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    signs.wait_for_a_round()
    assert json.loads(signs.file.read_text())["tally"]["films"] == 4000


def test_a_file_that_cannot_be_written_is_noted_once(tmp_path: Path) -> None:
    """Counting goes on, one line is logged, and the end is an end; written again, once it can be
    written.
    """
    with_broker = Occupancy.take(tmp_path)
    (tmp_path / FILE_NAME).mkdir()
    signs = Signs(tmp_path)
    signs.wait_for_a_round()
    signs.told(Event.FILMS_ACCEPTED, {"films": 1, "seconds": 0.003})
    signs.wait_for_a_round()
    assert [event for event, _ in signs.notes] == ["vital signs not written", "films accepted"]

    signs.file.rmdir()
    signs.wait_for_a_round()
    found = read_vitals(tmp_path)
    assert found is not None
    assert found.films == 1
    signs.file.unlink()
    signs.file.mkdir()
    signs.told.stop()
    with_broker.close()


def test_a_clean_end_leaves_no_file(tmp_path: Path) -> None:
    """No relay is alive then."""
    signs = Signs(tmp_path)
    signs.wait_for_a_round()
    assert signs.file.exists()
    signs.told.stop()
    assert not signs.file.exists()


def test_what_a_killed_broker_left_is_not_the_next_ones(tmp_path: Path) -> None:
    """Its file stays until the next one writes: until then there are no vital signs."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(WAIT_S)
    (tmp_path / FILE_NAME).write_text(json.dumps(Vitals(gone.pid, 1000.5).document()))
    occupancy = Occupancy.take(tmp_path)
    assert read_vitals(tmp_path) is None
    occupancy.close()


def test_those_of_another_process_are_not_the_holders(tmp_path: Path) -> None:
    """A folder that was copied from another machine names a process that may live here, too."""
    (tmp_path / FILE_NAME).write_text(json.dumps(Vitals(os.getppid(), 1000.5).document()))
    occupancy = Occupancy.take(tmp_path)
    assert read_vitals(tmp_path) is None
    occupancy.close()


def test_a_start_takes_away_those_that_are_there(tmp_path: Path) -> None:
    """Also where they name the same process, as in a container, which is always the first: until
    the relay writes its own there is no sign of life, and no silence since the old one."""
    (tmp_path / FILE_NAME).write_text(json.dumps(Vitals(os.getpid(), 1000.5).document()))
    os.utime(tmp_path / FILE_NAME, (1.0, 1.0))
    config = parse(f'[broker]\ndata_dir = "{tmp_path}"\n', folder=tmp_path)
    folder = DataFolder(config, lambda _event, _facts: None, time.time)
    assert read_vitals(tmp_path) is None
    assert silent_s(tmp_path, time.time()) is None
    folder.close()


def test_none_without_a_broker(tmp_path: Path) -> None:
    """Also when the number of its process is another's by now."""
    (tmp_path / FILE_NAME).write_text(json.dumps(Vitals(1, 1000.5).document()))
    assert read_vitals(tmp_path) is None


def test_the_wait_for_a_turn_counts_as_the_modalitys(relay: MakeRelay) -> None:
    """While others are served, a modality waits before its film is even looked at: that is part of
    the time until it hears success.
    """
    room = relay(1)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    began = time.monotonic()
    with room.service._turns.take():  # as a request of another modality does
        assert ct.action("1.2.840.10008.5.1.1.2", ct.film_box).status == 0
    heard = time.monotonic() - began
    ct.release()
    room.wait_until(State.SENT, 1)
    (seconds,) = [facts["seconds"] for event, facts in room.notes if event == "films accepted"]
    assert isinstance(seconds, float)
    assert PATIENCE_S <= seconds <= heard + 0.001
