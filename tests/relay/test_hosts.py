"""The broker as it is reached over IPv4 and IPv6, whatever the machine has of them."""

from __future__ import annotations

import json
import signal
import socket
from pathlib import Path

import httpx
import pytest

from broker.emulator.printer import EmulatedPrinter
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.configuration import UNREACHABLE
from tests.peers.surroundings import own_network, within, without_ipv6_sockets

DISABLED = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6"
LINK_LOCAL = "fe80::7%lo"


def configured(folder: Path, *, host: str = "", web: str = "on = false", more: str = "") -> Path:
    """A configuration that says no more of hosts than this."""
    file = folder / "broker.toml"
    line = f"host = {host}\n" if host else ""
    file.write_text(f"[broker]\nport = 0\n{line}[web]\n{web}\nport = 0\n{more or UNREACHABLE}")
    return file


def test_an_unchanged_configuration_serves_both_families(tmp_path: Path) -> None:
    """And says so."""
    with BrokerProcess(configured(tmp_path)) as broker:
        told = broker.wait_for("broker listens")
        for host in ("127.0.0.1", "::1", "[::1]", "localhost", "::ffff:127.0.0.1"):
            done = command("check", host, str(broker.port), "--called-ae", "BROKER")
            assert (done.returncode, "healthy" in done.stdout) == (0, True), done
        assert broker.end() == 0

    assert told["host"] == "*"
    assert told["addresses"] == [f"0.0.0.0:{broker.port}", f"[::]:{broker.port}"]
    peers = {str(line["peer"]).rpartition(":")[0] for line in broker.lines if "peer" in line}
    assert peers <= {"127.0.0.1", "[::1]"}


@pytest.mark.parametrize(
    ("host", "families"),
    [
        ('"::"', {"127.0.0.1", "::1"}),
        ('"[::]"', {"127.0.0.1", "::1"}),
        ('["0.0.0.0", "::"]', {"127.0.0.1", "::1"}),
        ('"0.0.0.0"', {"127.0.0.1"}),
    ],
)
def test_every_way_to_write_all_interfaces_is_understood(
    tmp_path: Path, host: str, families: set[str]
) -> None:
    """IPv6's is both families, as Linux has it; IPv4's is IPv4 alone, as the configuration says."""
    with BrokerProcess(configured(tmp_path, host=host)) as broker:
        broker.wait_for("broker listens")
        reached = set()
        for each in ("127.0.0.1", "::1"):
            try:
                socket.create_connection((each, broker.port), timeout=5).close()
            except ConnectionRefusedError:
                continue
            reached.add(each)
        assert broker.end() == 0
    assert reached == families


@pytest.mark.parametrize("kind", ["switched off", "not supported"])
def test_it_starts_where_there_is_no_ipv6(tmp_path: Path, kind: str) -> None:
    """By sysctl, or because the kernel, or systemd, gives no such socket."""
    under = own_network(DISABLED) if kind == "switched off" else without_ipv6_sockets()
    config = configured(tmp_path, web='host = ["localhost"]')
    with BrokerProcess(config, under=under, web=True) as broker:
        assert broker.wait_for("page served")["addresses"][0].startswith("127.0.0.1:")
        inside = within(broker.process.pid)
        done = command(
            "check", "127.0.0.1", str(broker.port), "--called-ae", "BROKER", under=inside
        )
        assert done.returncode == 0, done
        assert broker.end() == 0
    addresses = broker.wait_for("broker listens")["addresses"]
    assert addresses[0] == f"0.0.0.0:{broker.port}"
    if kind == "not supported":
        assert len(addresses) == 1


def test_a_link_local_address_is_listened_on_and_called(tmp_path: Path) -> None:
    """With its zone, which is kept wherever the peer is named."""
    under = own_network("ip addr add fe80::7/64 dev lo nodad")
    with BrokerProcess(configured(tmp_path, host=f'"[{LINK_LOCAL}]"'), under=under) as broker:
        inside = within(broker.process.pid)
        done = command(
            "check", f"[{LINK_LOCAL}]", str(broker.port), "--called-ae", "NONE", under=inside
        )
        assert "called AE title not recognized" in " ".join(done.stdout.split())
        rejected = broker.wait_for("association rejected")
        assert broker.end() == 0

    assert broker.wait_for("broker listens")["addresses"] == [f"[{LINK_LOCAL}]:{broker.port}"]
    assert rejected["peer"].startswith(f"[{LINK_LOCAL}]:")


def test_the_page_answers_on_every_address_of_its_list(tmp_path: Path) -> None:
    """On one port, without users, as only this machine reaches them; its address works."""
    config = configured(tmp_path, web='host = ["127.0.0.1", "[::1]"]')
    with BrokerProcess(config, web=True) as broker:
        told = broker.wait_for("page served")
        transport = httpx.HTTPTransport(retries=5)
        with httpx.Client(transport=transport, timeout=30) as client:
            for url in (told["url"], *(f"http://{each}/" for each in told["addresses"])):
                assert client.get(url).status_code == 200
        assert len(told["addresses"]) == 2
        assert broker.end() == 0


def test_the_page_on_every_interface_names_an_address_that_works(tmp_path: Path) -> None:
    """Not the wildcard; and a list of which one address is reached by others needs users."""
    config = configured(tmp_path, web='host = ["127.0.0.1", "*"]')
    with BrokerProcess(config, web=True) as broker:
        assert "web.host is 127.0.0.1, *" in broker.wait_for("page not served")["why"]
        words = ["user", "add", "ruth", "--password-stdin"]
        added = command(*words, config=config, given="correct horse battery\n")
        assert added.returncode == 0, added.stderr
        told = broker.wait_for("page served")
        assert told["url"] == f"http://localhost:{told['port']}/"
        assert told["addresses"] == [f"0.0.0.0:{told['port']}", f"[::]:{told['port']}"]
        with httpx.Client(transport=httpx.HTTPTransport(retries=5), timeout=30) as client:
            assert client.get(f"{told['url']}healthz").status_code == 200
        assert broker.end() == 0


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    """The one of the list, and nothing is left listening."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        file = configured(tmp_path, host='["127.0.0.1", "::1"]')
        file.write_text(file.read_text().replace("port = 0", f"port = {port}", 1))
        done = command("serve", config=file)

    assert done.returncode == 1
    assert f"the broker cannot start: [::1]:{port}: the port is in use" in done.stderr


def test_a_printer_with_brackets_prints(tmp_path: Path) -> None:
    """`[::1]` in the file is the printer's address, and every table shows it in brackets."""
    with EmulatedPrinter("oki-1", "OKI1", tmp_path / "tray", host="::1") as printer:
        more = (
            '[[printers]]\nname = "oki-1"\nae_title = "OKI1"\nhost = "[::1]"\n'
            f"port = {printer.port}\n"
        )
        config = configured(tmp_path, more=more)
        with BrokerProcess(config) as broker:
            broker.wait_for("printer changed", health="up")
            shown = command("printers", config=config).stdout
            assert f"OKI1@[::1]:{printer.port}" in shown
            (found,) = json.loads(command("printers", "--json", config=config).stdout)
            assert found["host"] == "::1"
            assert broker.end(signal.SIGTERM) == 0
