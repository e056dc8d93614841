"""Standard streams that are closed, or end in nothing, stop neither the broker nor a command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.dicom.upper_layer.connection import Broken
from broker.emulator.printer import EmulatedPrinter
from tests.peers.processes import children, listening
from tests.peers.speaker import Speaker

PATIENCE_S = 60.0
STARTED: list[subprocess.Popen[str]] = []
PROGRAM = f"{sys.executable} -m broker.cli.main"
CLOSED = ("<&-", ">&-", "2>&-", "<&- >&- 2>&-")
LINES = """
import sys
from broker.service import process_start
process_start.stand_in()
process_start.lossy_stderr()
"""


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """A printer that takes films."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, printer: EmulatedPrinter) -> Path:
    """A configuration with that printer."""
    path = tmp_path / "broker.toml"
    path.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = 5\n'
        f"[web]\nport = 0\n[health]\ninterval_s = 0.2\n"
        f'[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\n"
    )
    return path


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """Whatever still runs when a test has failed is ended."""
    yield
    for each in STARTED:
        if each.returncode is None:
            each.kill()
            each.communicate(timeout=PATIENCE_S)
    STARTED.clear()


def shell(command: str, config: Path) -> subprocess.Popen[str]:
    """Begin a line of bash; the broker takes the shell's place where the line begins with exec."""
    begun = subprocess.Popen(
        ["bash", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"BROKER_CONFIG": str(config), "COLUMNS": "80"},
    )
    STARTED.append(begun)
    return begun


def print_film(broker: subprocess.Popen[str]) -> None:
    """A modality prints one film, once the broker answers."""
    port = wait_until(lambda: next(filter(answers, listening(broker.pid)), 0))
    ct = Speaker(port)
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()


def answers(port: int) -> bool:
    """Whether a broker takes associations there, and not the page."""
    try:
        Speaker(port).release()
    except (Broken, OSError):
        return False
    return True


def wait_until(found: Callable[[], int]) -> int:
    """What is found, once it is not 0; AssertionError when it stays so."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.05)):
        if number := found():
            return number
        pause.wait(0.05)
    raise AssertionError("it has not come true")


@pytest.mark.parametrize("closed", CLOSED)
def test_serve_goes_on_without_a_stream(
    closed: str, config: Path, printer: EmulatedPrinter
) -> None:
    """It prints, ends with exit code 0, and no file of its own stands where a stream was."""
    broker = shell(f"exec {PROGRAM} serve {closed}", config)
    try:
        print_film(broker)
        printer.wait_for_sheets(1)
        numbers = Path(f"/proc/{broker.pid}/fd")
        for number in ("0", "1", "2"):
            place = str((numbers / number).readlink())
            assert place == "/dev/null" or place.startswith("pipe:"), place
        for each in children(broker.pid):
            place = str(Path(f"/proc/{each}/fd/2").readlink())
            assert place == "/dev/null" or place.startswith("pipe:"), place
    finally:
        broker.send_signal(signal.SIGTERM)
        broker.communicate(timeout=PATIENCE_S)
    assert broker.returncode == 0


@pytest.mark.parametrize("closed", CLOSED)
@pytest.mark.parametrize("command", ["jobs", "db upgrade"])
def test_every_command_does_its_work_without_a_stream(
    command: str, closed: str, config: Path
) -> None:
    """Exit code 0; what the other streams are told is as always, and the database is whole."""
    (config.parent / "broker-data").mkdir()
    expected = shell(f"{PROGRAM} {command}", config)
    out, err = expected.communicate(timeout=PATIENCE_S)
    assert expected.returncode == 0, err

    ended = shell(f"{PROGRAM} {command} {closed}", config)
    said, told = ended.communicate(timeout=PATIENCE_S)

    assert ended.returncode == 0, told
    if command != "db upgrade":  # it says another sentence the second time
        assert said == ("" if ">&- " in f"{closed} ".replace("2>&- ", "") else out)
    with (config.parent / "broker-data" / "broker.db").open("rb") as database:
        assert database.read(16) == b"SQLite format 3\0"


def test_a_log_without_a_reader_ends_nothing(config: Path, printer: EmulatedPrinter) -> None:
    """The program that took the log has gone (EPIPE): films go on, and the stop is a clean one."""
    broker = shell(f"exec {PROGRAM} serve --no-web", config)
    assert broker.stderr is not None
    for text in broker.stderr:
        if json.loads(text)["event"] == "broker listens":
            break
    broker.stderr.close()
    for number in range(1, 4):
        print_film(broker)
        printer.wait_for_sheets(number)
    broker.send_signal(signal.SIGTERM)
    assert broker.wait(PATIENCE_S) == 0
    assert broker.stdout is not None
    broker.stdout.close()


def test_a_log_on_a_full_disk_ends_nothing(config: Path, printer: EmulatedPrinter) -> None:
    """Lines are lost (ENOSPC), films are not."""
    broker = shell(f"exec {PROGRAM} serve --no-web 2>/dev/full", config)
    print_film(broker)
    printer.wait_for_sheets(1)
    broker.send_signal(signal.SIGTERM)
    broker.communicate(timeout=PATIENCE_S)
    assert broker.returncode == 0


@pytest.mark.parametrize("target", ["/dev/full", "pipe", "terminal"])
def test_text_for_an_error_stream_that_fails_is_lost(target: str) -> None:
    """Ten thousand lines cost next to nothing, and the process ends in good order."""
    program = LINES + "for n in range(10_000):\n    print('x' * 100, n, file=sys.stderr)\n"
    if target == "pipe":
        reading, writing = os.pipe()
        os.close(reading)
    elif target == "terminal":
        reading, writing = os.openpty()
        os.close(reading)
    else:
        writing = os.open(target, os.O_WRONLY)
    ended = subprocess.run([sys.executable, "-c", program], stderr=writing, timeout=20)
    os.close(writing)
    assert ended.returncode == 0


def test_what_can_be_written_is_written() -> None:
    """Every line, whole and in order, and what the stream cannot encode is replaced."""
    program = LINES + "for n in range(300):\n    print('x' * 1000, n, file=sys.stderr)\n"
    program += "print('\\udcff', file=sys.stderr)\n"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.stderr == "".join(f"{'x' * 1000} {n}\n" for n in range(300)) + "?\n"
    assert ended.returncode == 0


def test_a_reader_of_one_line_is_enough(config: Path) -> None:
    """`broker jobs | head -1` shows it, and no word of a broken pipe."""
    ended = shell(f"{PROGRAM} config show | head -1", config)
    said, told = ended.communicate(timeout=PATIENCE_S)
    assert (len(said.splitlines()), told) == (1, "")


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_a_wrong_configuration_is_exit_2_all_the_same(closed: str, config: Path) -> None:
    """Whether or not the reason can be read."""
    config.write_text("colour = 1\n")
    for command in ("serve", "jobs"):
        ended = shell(f"{PROGRAM} {command} {closed}", config)
        ended.communicate(timeout=PATIENCE_S)
        assert ended.returncode == 2
