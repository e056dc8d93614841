"""A broker that speaks TLS with modalities and printers, as an operator runs it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_SESSION
from broker.dicom.upper_layer.connection import Broken
from broker.emulator.printer import EmulatedPrinter
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.certificates import LONG_AGO, Authority
from tests.peers.dcmtk import program
from tests.peers.speaker import Speaker

SITE = Authority()
CLIENT = SITE.client()


@pytest.fixture
def printer(tmp_path: Path) -> Iterator[EmulatedPrinter]:
    """One printer, which speaks TLS and nothing else."""
    server = SITE.server()
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", tls=lambda: server) as made:
        yield made


@pytest.fixture
def config(tmp_path: Path, printer: EmulatedPrinter) -> Path:
    """A configuration with that printer, and a TLS port."""
    SITE.write(tmp_path / "tls")
    path = tmp_path / "broker.toml"
    path.write_text(
        '[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = 5\n[health]\ninterval_s = 0.2\n'
        '[tls]\nport = 0\ncertificate = "tls/cert.pem"\nkey = "tls/key.pem"\nca = "tls/ca.pem"\n'
        f'[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "127.0.0.1"\n'
        f"port = {printer.port}\ntls = true\n"
    )
    return path


def change(config: Path, old: str, new: str) -> None:
    """Edit the file."""
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def print_film(modality: Speaker) -> None:
    """One film, taken with success."""
    modality.open_session()
    modality.open_film_box()
    modality.set_image()
    assert modality.action(FILM_SESSION, modality.session).status == statuses.SUCCESS
    modality.release()


def test_films_go_in_and_out_over_tls(config: Path, printer: EmulatedPrinter) -> None:
    """From a modality without TLS, from one with it, to a printer that checks find well."""
    with BrokerProcess(config) as broker:
        assert 0 not in (broker.port, broker.tls_port)
        broker.wait_for("printer changed", health="up")
        print_film(Speaker(broker.port))
        print_film(Speaker(broker.tls_port, tls=CLIENT))
        broker.wait_for("job sent", job=2)
        assert len(printer.sheets) == 2

        checked = command("check", "oki-1", config=config)
        assert " over TLS, as configured: " in checked.stdout
        assert (checked.returncode, checked.stderr) == (0, "")
        door = ["127.0.0.1", str(broker.tls_port), "--called-ae", "BROKER"]
        assert command("check", *door, "--tls", config=config).returncode == 0
        assert command("check", *door, config=config).returncode == 1
        assert broker.end() == 0

    refused = json.loads(command("refusals", "--json", config=config).stdout)
    assert [each["kind"] for each in refused] == ["TLS failed"]


def test_a_printer_that_is_not_believed_gets_no_films(
    config: Path, tmp_path: Path, printer: EmulatedPrinter
) -> None:
    """It is down, with words that say what is wrong; not one film reaches it."""
    shutil.rmtree(tmp_path / "tls")
    Authority().write(tmp_path / "tls")
    with BrokerProcess(config) as broker:
        down = broker.wait_for("printer changed", health="down")
        assert "shows a certificate that is not trusted" in str(down)
        print_film(Speaker(broker.port))
        assert broker.end() == 0
    assert printer.sheets == []


def test_without_a_plain_port(config: Path) -> None:
    """`only = true`: films come over TLS, and `broker check` asks the broker so."""
    change(config, "[tls]\n", "[tls]\nonly = true\n")
    with BrokerProcess(config) as broker:
        assert broker.port == 0
        change(
            config, "[tls]\nonly = true\nport = 0", f"[tls]\nonly = true\nport = {broker.tls_port}"
        )
        print_film(Speaker(broker.tls_port, tls=CLIENT))
        checked = command("check", config=config)
        assert checked.returncode == 0, checked.stdout
        assert f"broker (TLS) BROKER@127.0.0.1:{broker.tls_port}: healthy" in checked.stdout


def test_a_hangup_takes_a_renewed_certificate(config: Path, tmp_path: Path) -> None:
    """For new connections; those that run go on. One that cannot be used changes nothing."""
    with BrokerProcess(config) as broker:
        first = Speaker(broker.tls_port, tls=CLIENT)
        renewed = Authority()
        renewed.write(tmp_path / "renewed", until=LONG_AGO)
        for name in ("cert.pem", "key.pem"):
            shutil.copy(tmp_path / "renewed" / name, tmp_path / "tls" / name)
        broker.send(signal.SIGHUP)
        warned = broker.wait_for("certificate")
        assert "has expired" in warned["words"]
        broker.wait_for("configuration read again")
        with pytest.raises(Broken, match="not trusted"):
            Speaker(broker.tls_port, tls=CLIENT)
        with pytest.raises(Broken, match="has expired"):
            Speaker(broker.tls_port, tls=renewed.client())

        SITE.write(tmp_path / "again")
        shutil.copy(tmp_path / "again" / "key.pem", tmp_path / "tls" / "key.pem")
        broker.send(signal.SIGHUP)
        kept = broker.wait_for("configuration not readable, the old one stays")
        assert "is not the key of the certificate" in kept["problems"][0]

        shutil.copy(tmp_path / "again" / "cert.pem", tmp_path / "tls" / "cert.pem")
        broker.send(signal.SIGHUP)
        broker.lines.clear()
        broker.wait_for("configuration read again")
        print_film(Speaker(broker.tls_port, tls=CLIENT))
        print_film(first)
        assert broker.end() == 0


def test_mistakes_stop_the_start_and_are_named(config: Path, tmp_path: Path) -> None:
    """`serve` and `config check` say the same line, with exit code 2."""
    (tmp_path / "tls" / "key.pem").unlink()
    words = f"tls.key: {tmp_path}/tls/key.pem: no such file or directory; name a PEM file\n"
    for arguments in (["serve"], ["config", "check"]):
        done = command(*arguments, config=config)
        assert (done.returncode, done.stderr) == (2, words)


def test_an_expired_certificate_stops_no_peer_without_tls(config: Path, tmp_path: Path) -> None:
    """It is said at the start and by `config check`; plain films are printed."""
    shutil.rmtree(tmp_path / "tls")
    SITE.write(tmp_path / "tls", until=LONG_AGO)
    checked = command("config", "check", config=config)
    assert checked.returncode == 0
    assert checked.stderr.startswith("warning: tls.certificate: ")
    assert "correct" not in checked.stdout
    assert checked.stdout.endswith("no mistakes, 1 printer, but 1 warning above\n")
    with BrokerProcess(config) as broker:
        assert "has expired" in broker.wait_for("certificate")["words"]
        print_film(Speaker(broker.port))
        broker.wait_for("job sent")
        assert broker.end() == 0


def test_a_port_that_is_taken_is_named(config: Path) -> None:
    """The TLS port, when it is that one; nothing is left listening on the other."""
    with BrokerProcess(config) as broker:
        second = config.with_name("second.toml")
        second.write_text(
            config.read_text().replace("[tls]\nport = 0", f"[tls]\nport = {broker.tls_port}")
        )
        change(second, "[broker]\n", '[broker]\ndata_dir = "second"\n')
        done = command("serve", config=second)
        assert done.returncode == 1
        assert f"127.0.0.1:{broker.tls_port}: the port is in use" in done.stderr


@pytest.mark.dcmtk
def test_dcmtk_echoes_over_tls(config: Path, tmp_path: Path) -> None:
    """Without a certificate of its own, with one, and not at all where one is demanded."""
    tls = tmp_path / "tls"
    own = ["+tls", str(tls / "key.pem"), str(tls / "cert.pem")]

    def echoed(port: int, *options: str) -> int:
        names = ["-aet", "CT1", "-aec", "BROKER", "127.0.0.1", str(port)]
        told = [program("echoscu"), "--quiet", "--add-cert-file", str(tls / "ca.pem"), *options]
        return subprocess.run([*told, *names], timeout=20, check=False).returncode

    with BrokerProcess(config) as broker:
        assert echoed(broker.tls_port, "+tla") == 0
        assert echoed(broker.tls_port, *own) == 0
    change(config, "[tls]\n", '[tls]\nclient_ca = "tls/ca.pem"\n')
    with BrokerProcess(config) as broker:
        assert echoed(broker.tls_port, "+tla") != 0
        broker.wait_for("association refused", kind="TLS failed")
        assert echoed(broker.tls_port, *own) == 0
