"""`broker serve` as an operator runs it: a process, a file, and signals."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_SESSION
from broker.emulator.printer import EmulatedPrinter
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.speaker import Speaker

Start = Callable[[], BrokerProcess]


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """One printer, a third of a second for each film."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", seconds_per_film=0.3) as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, printer: EmulatedPrinter) -> Path:
    """A configuration with that printer."""
    path = tmp_path / "broker.toml"
    path.write_text(
        '[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = 5\n[health]\ninterval_s = 0.2\n'
        f'[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\n"
    )
    return path


@pytest.fixture
def start(config: Path) -> Iterator[Start]:
    """Starts brokers; whichever still runs at the end of the test is killed."""
    started: list[BrokerProcess] = []

    def begin() -> BrokerProcess:
        started.append(BrokerProcess(config))
        return started[-1]

    yield begin
    for broker in started:
        if broker.process.poll() is None:
            broker.end(signal.SIGKILL)


def print_session(broker: BrokerProcess, films: int) -> None:
    """A modality prints a film session of `films` films and hears success."""
    ct = Speaker(broker.port)
    ct.open_session()
    for _ in range(films):
        ct.open_film_box()
        ct.set_image()
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    ct.release()


def jobs(config: Path) -> list[dict[str, object]]:
    """`broker jobs --all --json`."""
    done = command("jobs", "--all", "--json", config=config)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(start: Start, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end it with exit code 0."""
    broker = start()
    assert broker.end(number) == 0
    assert broker.lines[-1]["event"] == "broker stopped"


def test_a_stop_answers_the_film_in_hand(
    start: Start, config: Path, printer: EmulatedPrinter
) -> None:
    """SIGTERM while printing: the film in hand is accepted, the others wait for the next start."""
    broker = start()
    print_session(broker, 4)
    broker.wait_for("film accepted", film=1)

    assert broker.end() == 0

    (job,) = jobs(config)
    assert job["state"] == "queued"
    assert len(printer.sheets) == job["films_accepted"]
    assert len(printer.sheets) < 4

    again = start()
    again.wait_for("job sent")
    assert len(printer.sheets) == 4


def test_a_killed_broker_holds_what_cannot_be_known(
    start: Start, config: Path, printer: EmulatedPrinter
) -> None:
    """SIGKILL with a film asked for: that film is uncertain, and no sheet comes out twice."""
    broker = start()
    print_session(broker, 3)
    printer.wait_for_sheets(1)
    broker.end(signal.SIGKILL)

    again = start()
    again.wait_for("job recovered")
    (job,) = jobs(config)
    assert job["state"] in ("held", "queued", "printing", "sent")
    if job["state"] == "held":
        assert "uncertain" in str(job["reason"])
        done = command("jobs", "release", "1", "--printed", config=config)
        assert done.returncode == 0, done.stderr
    again.wait_for("job sent")
    assert len(printer.sheets) <= 3


def test_a_hangup_reads_the_configuration_again(start: Start, config: Path) -> None:
    """SIGHUP takes over printers, and the log names those that came and went, and the jobs that
    wait for these alone; a file with mistakes is named and changes nothing."""
    broker = start()
    command("printers", "drain", "oki-1", config=config)
    command("test-print", "--printer", "oki-1", "--no-wait", config=config)
    config.write_text(config.read_text().replace('"oki-1"', '"oki-9"'))
    broker.send(signal.SIGHUP)
    line = broker.wait_for("configuration read again", printers=1)
    assert (line["came"], line["went"], line["jobs_sent_there"]) == (["oki-9"], ["oki-1"], [1])
    found = json.loads(command("printers", "--json", config=config).stdout)
    assert [each["name"] for each in found] == ["oki-9"]

    config.write_text(config.read_text() + "colour = 1\n")
    broker.send(signal.SIGHUP)
    line = broker.wait_for("configuration not readable, the old one stays")
    assert "colour" in line["problems"][0]
    assert broker.end() == 0


def test_a_file_that_lost_its_printers_is_refused(start: Start, config: Path) -> None:
    """An empty file, or one of another queue, changes nothing at a hangup; operators see it above
    their tables until the file is mended."""
    broker = start()
    command("printers", "maint", "oki-1", "-r", "new drum", config=config)
    right = config.read_text()
    kept = config.with_name("kept.toml")
    kept.write_text(right)
    config.write_text("")
    broker.send(signal.SIGHUP)
    line = broker.wait_for("configuration not taken")
    assert line["level"] == "error"
    assert "printers: the file names none, and oki-1 would be gone" in line["why"]
    assert "`printers = []`" in line["why"]

    for table in ("jobs", "printers"):
        said = until(lambda table=table: shown(table, kept))
        assert "THE CONFIGURATION WAS NOT RELOADED" in said
    (printer,) = json.loads(command("printers", "--json", config=kept).stdout)
    assert (printer["name"], printer["duty"]) == ("oki-1", "maint")

    config.write_text(right.replace("[broker]", '[broker]\ndata_dir = "elsewhere"'))
    broker.send(signal.SIGHUP)
    line = broker.wait_for("configuration not taken", why=line_of_folder(config))
    config.write_text(right)
    broker.send(signal.SIGHUP)
    broker.wait_for("configuration read again", printers=1)
    until(lambda: "" if shown("printers", kept) else "mended")
    assert broker.end() == 0


def line_of_folder(config: Path) -> str:
    """What is said of a file that names another data folder."""
    folder = config.parent
    return (
        f"broker.data_dir: names {folder}/elsewhere, and this broker's films are in "
        f"{folder}/broker-data; put that back, or stop the broker, move the data, and start it "
        "again"
    )


def shown(table: str, config: Path) -> str:
    """What stands above a table of the configuration that was not reloaded; else empty."""
    said = " ".join(command(table, config=config).stdout.split())
    return said if "NOT RELOADED" in said else ""


def until(found: Callable[[], str]) -> str:
    """What is found, once it is not empty. AssertionError when it stays so."""
    for _ in range(40):
        if said := found():
            return said
    raise AssertionError("it has not come true")


@pytest.mark.parametrize("duty", ["drain", "maint"])
def test_no_printers_on_purpose_are_taken(start: Start, config: Path, duty: str) -> None:
    """`printers = []` says so; put back, a printer has its duty."""
    broker = start()
    command("printers", duty, "oki-1", "-r", "toner", config=config)
    right = config.read_text()
    config.write_text("printers = []\n" + right.partition("[[printers]]")[0])
    broker.send(signal.SIGHUP)
    broker.wait_for("configuration read again", printers=0)
    assert json.loads(command("printers", "--json", config=config).stdout) == []
    config.write_text(right)
    broker.send(signal.SIGHUP)
    broker.wait_for("configuration read again", printers=1)
    (printer,) = json.loads(command("printers", "--json", config=config).stdout)
    assert (printer["duty"], printer["duty_reason"]) == (duty, "toner")


def test_what_needs_a_restart_is_named(start: Start, config: Path) -> None:
    """Each time, as long as it differs from what the broker runs with."""
    broker = start()
    config.write_text(config.read_text().replace("grace_s = 5", "grace_s = 6"))
    for _ in range(2):
        broker.send(signal.SIGHUP)
        line = broker.wait_for("configuration needs a restart")
        assert line["words"] == "changed, but needs a restart: broker.grace_s"
        assert line["level"] == "warning"
        broker.lines.clear()


def test_a_second_broker_names_the_first(start: Start, config: Path) -> None:
    """One broker for one data directory: the second leaves with exit code 1."""
    broker = start()
    done = command("serve", config=config)
    assert done.returncode == 1
    assert f"process {broker.process.pid}" in done.stderr


def test_without_its_spool_a_broker_says_what_to_do(config: Path) -> None:
    """One line, exit code 1, and a person decides."""
    command("db", "upgrade", config=config)
    command("test-print", "--no-wait", config=config)
    (config.parent / "broker-data/spool").rename(config.parent / "elsewhere")

    ended = command("serve", config=config)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "broker-data/spool: the spool is not there, with pixels that" in ended.stderr
    assert "`broker serve --new-spool`" in ended.stderr
    with BrokerProcess(config, "--new-spool") as broker:
        broker.wait_for("broker listens")


def test_the_demo_shows_every_film_once(tmp_path: Path) -> None:
    """`broker demo` needs nothing, ends with exit code 0, and leaves the films as pictures."""
    folder = tmp_path / "demo"
    done = command("demo", "--folder", str(folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 30 films came out exactly once" in done.stdout
    assert len(list(folder.glob("oki-*/*.png"))) == 30
    assert max(len(line) for line in done.stdout.splitlines()) <= 120

    done = command("demo", "--folder", str(folder))
    assert done.returncode == 1
    assert "is there already" in done.stderr


def test_operator_commands_move_a_running_broker(
    start: Start, config: Path, printer: EmulatedPrinter
) -> None:
    """Drain, print, move and ready from other processes, as an operator would."""
    broker = start()
    broker.wait_for("printer changed", health="up")
    assert command("printers", "drain", "oki-1", "-r", "toner", config=config).returncode == 0
    print_session(broker, 1)
    explained = command("jobs", "explain", "1", config=config).stdout
    assert "draining" in explained
    assert "toner" in explained
    assert command("printers", "ready", "oki-1", config=config).returncode == 0
    broker.wait_for("job sent", job=1)
    shown = json.loads(command("jobs", "show", "1", "--json", config=config).stdout)
    assert shown["films_accepted"] == 1
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["accepted"]
    assert shown["films"][0]["printer"] == "oki-1"
    assert len(printer.sheets) == 1


def test_a_second_broker_on_the_same_queue_names_the_first(tmp_path: Path) -> None:
    """Two data directories and one database: their spools would miss each other's pixels."""
    files = []
    for name in ("one", "two"):
        files.append(tmp_path / f"{name}.toml")
        files[-1].write_text(
            f'[broker]\nhost = "127.0.0.1"\nport = 0\ndata_dir = "{name}"\n'
            '[database]\nurl = "sqlite:///queue.db"\n'
        )
    with BrokerProcess(files[0]) as broker:
        ended = command("serve", config=files[1])

        assert ended.returncode == 1
        said = f"queue.db: another broker (process {broker.process.pid}) runs on it"
        assert said in ended.stderr
