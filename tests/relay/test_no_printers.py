"""No printers: a film is refused while nothing can print it, everything says why, and films that
were taken before wait for printers to come back."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRINTER, PRINTER_INSTANCE, VERIFICATION
from broker.dicom.upper_layer.command_set import Command
from broker.emulator.printer import EmulatedPrinter
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.speaker import Speaker

BROKER = '[broker]\nhost = "127.0.0.1"\nport = 0\n[web]\nport = 0\n[health]\ninterval_s = 0.2\n'
PASSWORD = "correct horse battery"
REFUSED = "FILMS ARE REFUSED: no printer is configured"


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """A printer that the configuration may name."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray") as made:
        yield made


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The configuration's file."""
    return tmp_path / "broker.toml"


def named(printer: EmulatedPrinter) -> str:
    """A configuration with that printer."""
    return (
        f'{BROKER}[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\n"
    )


def said(*arguments: str, config: Path) -> str:
    """What a command prints, in one line."""
    done = command(*arguments, config=config)
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("text", [BROKER, f"printers = []\n{BROKER}"], ids=["none", "empty"])
def test_films_are_refused_and_everything_says_why(config: Path, text: str) -> None:
    """The modality hears a failure as it creates its film session, and that the Printer has failed
    where it asks before; C-ECHO is answered. Log, refusals, probe, tables, page and metrics say
    that no printer is configured."""
    config.write_text(text)
    with BrokerProcess(config, web=True) as broker:
        url = str(broker.wait_for("page served")["url"])
        ct = Speaker(broker.port)
        assert ct.say(Command.C_ECHO, on=VERIFICATION, AffectedSOPClassUID=VERIFICATION).status == 0
        answer = ct.get(PRINTER, PRINTER_INSTANCE)
        assert answer.dataset is not None
        assert answer.dataset.PrinterStatus == "FAILURE"
        assert answer.dataset.PrinterStatusInfo == "PRINTER OFFLINE"
        answer = ct.open_session()
        assert answer.status == statuses.RESOURCE_LIMITATION
        assert answer.command.ErrorComment == "no printer is configured"
        ct.release()
        line = broker.wait_for("request refused")
        assert (line["kind"], line["why"]) == (
            "no printers configured",
            "no printer is configured",
        )

        for table in ("jobs", "printers"):
            assert REFUSED in said(table, config=config)
        assert "New films are refused" in said("printers", config=config)
        checked = command("check", config=config)
        assert checked.returncode == 1
        assert "films can NOT be taken" in " ".join(checked.stdout.split())
        done = command("test-print", config=config)
        assert done.returncode == 1
        assert "no printer is configured" in done.stderr
        with httpx.Client(base_url=url, transport=httpx.HTTPTransport(retries=3)) as page:
            probed = page.get("/readyz")
            assert probed.status_code == 503
            assert "no printer is configured" in probed.text
            text = page.get("/").text
            assert "FILMS ARE REFUSED" in text
            assert "no printer is configured" in text
            counted = page.get("/metrics").text
            options = ("--role", "operator", "--password-stdin")
            command("user", "add", "ruth", *options, config=config, given=PASSWORD)
            ordered = page.post("/api/test-print", json={}, auth=("ruth", PASSWORD))
            assert ordered.status_code == 409
            assert "no printer is configured" in ordered.json()["error"]
        broker.end()
    assert 'dicom_print_broker_refusals_total{kind="no printers configured"}' in counted
    assert "Name a printer" in said("refusals", config=config)
    (refusal,) = json.loads(command("refusals", "--json", config=config).stdout)
    assert (refusal["kind"], refusal["number"]) == ("no printers configured", 1)
    assert json.loads(command("jobs", "--all", "--json", config=config).stdout) == []


def test_films_that_were_taken_wait_for_printers(config: Path, printer: EmulatedPrinter) -> None:
    """A reload takes the printers away: a film that was taken stays queued, one that is asked for
    now is refused, even in a film session that was open before. With the printer back, the first
    one prints."""
    right = named(printer)
    config.write_text(right)
    with BrokerProcess(config) as broker:
        broker.wait_for("printer changed", printer="oki-1", health="up")
        command("printers", "drain", "oki-1", config=config)
        waiting = Speaker(broker.port)
        assert waiting.print_film() == statuses.SUCCESS
        waiting.open_film_box()
        waiting.set_image()

        config.write_text(f"printers = []\n{BROKER}")
        broker.send(signal.SIGHUP)
        line = broker.wait_for("configuration read again", printers=0)
        assert line["words"] == "no printers are configured: new films are refused"
        for sop_class, uid, status in (
            (FILM_BOX, waiting.film_box, statuses.FILM_BOX_QUEUE_FULL),
            (FILM_SESSION, waiting.session, statuses.SESSION_QUEUE_FULL),
        ):
            answer = waiting.action(sop_class, uid)
            assert answer.status == status
            assert answer.command.ErrorComment == "no printer is configured"
        (job,) = json.loads(command("jobs", "--json", config=config).stdout)
        assert (job["id"], job["state"]) == (1, "queued")

        config.write_text(right)
        broker.send(signal.SIGHUP)
        broker.wait_for("configuration read again", printers=1)
        command("printers", "ready", "oki-1", config=config)
        broker.wait_for("job sent", job=1)
        assert waiting.action(FILM_BOX, waiting.film_box).status == statuses.SUCCESS
        broker.wait_for("job sent", job=2)
        waiting.release()
        assert broker.end() == 0
    assert len(printer.sheets) == 2
