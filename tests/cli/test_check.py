"""`broker check` looks deeper than a C-ECHO, and its exit code is fit for a load balancer."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.emulator.printer import EmulatedPrinter
from broker.model.films.capabilities import Capability, Lesson
from broker.model.printers.printer import Address, Duty
from tests.cli.conftest import Site, running, site
from tests.cli.test_whole import FORMAT, SIZE

__all__ = ["running", "site"]


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """A printer that works, called OKI1."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as started:
        yield started


def configure(site: Site, *printers: tuple[str, int]) -> None:
    """A configuration with these printers on loopback."""
    tables = [
        f'[[printers]]\nname = "{name}"\nae_title = "OKI1"\nhost = "127.0.0.1"\nport = {port}\n'
        for name, port in printers
    ]
    site.file.write_text("[broker]\nport = 0\n[health]\ntimeout_s = 5\n" + "".join(tables))


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_healthy_printer_is_exit_0(site: Site, printer: EmulatedPrinter) -> None:
    """By host and port with its AE title, by name, and with all the others."""
    configure(site, ("oki-1", printer.port))
    sentence = f"oki-1 OKI1@127.0.0.1:{printer.port}: healthy\n"
    for arguments in (["127.0.0.1", str(printer.port)], ["oki-1"], []):
        ended = site.broker("check", *arguments)
        assert (ended.code, ended.out, ended.err) == (0, sentence, "")


def test_an_address_that_is_not_configured_is_checked_too(
    site: Site, printer: EmulatedPrinter
) -> None:
    """The AE title to call, and ours, come from the command."""
    ended = site.broker(
        "check", "127.0.0.1", str(printer.port), "--called-ae", "OKI1", "--ae-title", "LB"
    )
    assert (ended.code, ended.out) == (0, f"OKI1@127.0.0.1:{printer.port}: healthy\n")


def test_a_printer_that_does_not_answer_is_exit_1(site: Site, printer: EmulatedPrinter) -> None:
    """One that is not healthy fails the whole check; each says why."""
    configure(site, ("oki-1", printer.port), ("oki-2", free_port()))
    ended = site.broker("check")
    assert ended.code == 1
    healthy, silent = json.loads(site.broker("check", "--json").out)
    assert (healthy["name"], healthy["healthy"]) == ("oki-1", True)
    assert (silent["name"], silent["healthy"], silent["kind"]) == ("oki-2", False, "silent")
    assert silent["words"]
    assert "NOT healthy (silent:" in ended.out
    assert "wait for the start of oki-2, or restart it" in " ".join(ended.out.split())
    assert max(map(len, ended.out.splitlines())) <= 80


def test_a_jammed_printer_that_still_echoes_is_exit_1(site: Site, tmp_path: Path) -> None:
    """This is what a C-ECHO check does not see."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", scenario="jam") as printer:
        configure(site, ("oki-1", printer.port))
        ended = site.broker("check", "oki-1")
    assert ended.code == 1
    assert "NOT healthy (FAILURE: FILM JAM)" in ended.out
    assert "Take the jammed film out of oki-1" in ended.out


def test_a_printer_that_checks_find_healthy_and_films_do_not_is_marked(
    site: Site, printer: EmulatedPrinter
) -> None:
    """The rows say what only films can show, and what a person wants; the exit code is the
    check's. A host and a port, as balancers ask, are not looked up."""
    configure(site, ("oki-1", printer.port))
    site.broker("printers")
    site.printers.sync([Address("oki-1", "OKI1", "127.0.0.1", printer.port)])
    site.failing("oki-1", 4)
    site.printers.set_duty("oki-1", Duty.DRAIN, "new drum")
    for arguments in ([], ["oki-1"]):
        ended = site.broker("check", *arguments)
        assert (ended.code, ended.err) == (0, "")
        said = " ".join(ended.out.split())
        assert f"oki-1 OKI1@127.0.0.1:{printer.port}: healthy BUT degraded for the broker" in said
        assert ", after 4 failed attempts in a row: fails films: 0xC602" in said
        assert "BUT in drain for " in said
        assert "`broker printers ready oki-1` puts it back in service." in said
        assert "Look at the panel of oki-1, and mend what its words name." in said
        assert max(map(len, ended.out.splitlines())) <= 80
    (document,) = json.loads(site.broker("check", "--json").out)
    assert (document["healthy"], document["broker_health"]) == (True, "degraded")
    assert (document["failures_in_row"], document["duty"]) == (4, "drain")
    assert "BUT" not in site.broker("check", "127.0.0.1", str(printer.port)).out


@pytest.mark.usefixtures("running")
def test_a_printer_that_refuses_every_film_is_told_as_in_the_table(
    site: Site, printer: EmulatedPrinter
) -> None:
    """The check finds it healthy; what every face says of it, and the remedy, stand below."""
    configure(site, ("oki-1", printer.port))
    site.printers.sync([Address("oki-1", "OKI1", "127.0.0.1", printer.port)])
    site.up("oki-1")
    site.capabilities.learn(
        "oki-1", Capability(Lesson.REFUSES, SIZE, frozenset({SIZE, FORMAT}), 0x0106)
    )
    site.job()
    said = " ".join(site.broker("check", "oki-1").out.split())
    assert "healthy BUT it refuses every film: the job that waits is one" in said
    assert "`broker printers ready oki-1`: what it refused is forgotten." in said


def test_rows_that_cannot_be_read_do_not_stop_a_check(site: Site, printer: EmulatedPrinter) -> None:
    """The printers are asked all the same, and that is what the exit code says."""
    configure(site, ("oki-1", printer.port))
    site.file.write_text(site.file.read_text().replace("port", 'data_dir = "damaged"\nport', 1))
    (site.folder / "damaged").mkdir()
    (site.folder / "damaged" / "broker.db").write_bytes(b"not a database at all" * 1000)
    ended = site.broker("check")
    assert (ended.code, ended.out) == (0, f"oki-1 OKI1@127.0.0.1:{printer.port}: healthy\n")
    assert ended.err.startswith("what the broker has seen is not known: ")
    assert "is not a database" in ended.err


def test_nothing_to_check_is_exit_1(site: Site) -> None:
    """No printers and no broker: nothing is healthy."""
    configure(site)
    ended = site.broker("check")
    assert (ended.code, ended.out) == (1, "")
    assert "nothing to check" in ended.err


@pytest.mark.usefixtures("running")
def test_whether_films_can_be_taken_is_said_without_any_printer(site: Site) -> None:
    """A broker runs that has no printer and no port of its own: its line is not left out."""
    configure(site)
    ended = site.broker("check")
    assert ended.code == 1
    assert ended.err == "No printers are configured.\n"
    assert " ".join(ended.out.split()).startswith(f"films can be taken at {site.folder}")


def test_a_broker_that_says_what_is_wrong_is_not_to_be_restarted(
    site: Site, tmp_path: Path
) -> None:
    """It answers; what it says is told beside what keeps films from being taken."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", scenario="jam") as answering:
        site.file.write_text(f'[broker]\nae_title = "OKI1"\nport = {answering.port}\n')
        said = " ".join(site.broker("check").out.split())
    assert "NOT healthy (FAILURE: FILM JAM)" in said
    assert "systemctl restart" not in said


@pytest.mark.usefixtures("running")
def test_what_keeps_films_from_being_taken_has_its_remedy(site: Site) -> None:
    """The file system where room is to be made, and what shows how much finished jobs hold."""
    configure(site)
    free_mb = shutil.disk_usage(site.folder).free >> 20
    site.file.write_text(f"{site.file.read_text()}[retention]\nfloor_mb = {free_mb + 100_000}\n")
    said = " ".join(site.broker("check").out.split())
    assert "films can NOT be taken" in said
    assert "the disk is nearly full: " in said
    assert f"Make room in the file system of {site.folder}" in said
    assert "`broker purge --pixels-hours 1 --dry-run`" in said


def test_half_an_address_is_wrong_usage(site: Site) -> None:
    """A host without a port is no printer's name; a port has its range."""
    ended = site.broker("check", "127.0.0.1")
    assert ended.code == 2
    assert "not a configured printer (oki-1, oki-2)" in " ".join(ended.err.split())
    assert site.broker("check", "127.0.0.1", "99999").code == 2


def test_tls_is_as_configured_for_a_printer(site: Site, printer: EmulatedPrinter) -> None:
    """`--tls` with a name is not passed over in silence."""
    configure(site, ("oki-1", printer.port))
    ended = site.broker("check", "oki-1", "--tls")
    assert ended.code == 0
    assert ended.err == "--tls is for HOST and PORT; without TLS, as configured: oki-1\n"
    assert "over TLS" not in ended.out
    (document,) = json.loads(site.broker("check", "oki-1", "--json").out)
    assert document["tls"] is False


@pytest.mark.parametrize("option", ["--ae-title", "--called-ae"])
@pytest.mark.parametrize("title", ["   ", "A\\B", "A\tB", "A" * 17, "\u00dcmlaut"])
def test_what_is_no_ae_title_is_said(site: Site, option: str, title: str) -> None:
    """Before anybody is called, with what would be right."""
    ended = site.broker("check", "127.0.0.1", "1", option, title)

    assert ended.code == 2
    words = " ".join(ended.err.replace("\u2502", " ").split())
    assert "is not an AE title; use 1 to 16 ASCII characters" in words
