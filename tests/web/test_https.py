"""The page over HTTPS, with the certificate that modalities see."""

from __future__ import annotations

import resource
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
import trustme

from broker.config.file import ConfigError, parse
from broker.model.storage.disk import MB
from broker.web.server.connection import TimeLimits
from tests.web.print_room import CONFIGURATION, BrokerProcess
from tests.web.served_page import served_page


def test_it_is_served_with_the_brokers_certificate(tmp_path: Path) -> None:
    """A browser that trusts its issuer sees the page; cookies are for HTTPS alone then."""
    issuer = trustme.CA()
    issued = issuer.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    config = tmp_path / "broker.toml"
    config.write_text(f'{CONFIGURATION}tls = true\n[tls]\ncertificate = "broker.pem"\nport = 0\n')
    context = ssl.create_default_context()
    issuer.configure_trust(context)
    with BrokerProcess(config, web=True) as process:
        url = str(process.wait_for("page served")["url"])
        assert url.startswith("https://")
        with httpx.Client(transport=httpx.HTTPTransport(verify=context, retries=3)) as client:
            answer = client.get(url)
    assert answer.status_code == 200
    assert "Secure" in answer.headers["set-cookie"]


def test_it_needs_a_certificate() -> None:
    """Said with the other mistakes of the file."""
    with pytest.raises(ConfigError, match=r"web\.tls: needs a certificate; set tls\.certificate"):
        parse("[web]\ntls = true\n", folder=Path("/etc/broker"))


def test_browsers_are_told_to_stay_with_https(tmp_path: Path) -> None:
    """Strict-Transport-Security over HTTPS, on every answer, and never over HTTP (RFC 6797 7.2); a
    peer that does not agree on TLS in time is not waited for.
    """
    issuer = trustme.CA()
    issued = issuer.issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    context = ssl.create_default_context()
    issuer.configure_trust(context)
    patience = TimeLimits(handshake_s=1.0)
    with (
        served_page(tmp_path, patience=patience, certificate=tmp_path / "broker.pem") as served,
        httpx.Client(verify=context, base_url=served.url) as client,
    ):
        for path in ("/", "/healthz", "/static/page.css", "/nothing", "/static/nothing"):
            answer = client.get(path, headers={"Host": "localhost"})
            assert answer.headers["strict-transport-security"].startswith("max-age="), path
        port = int(served.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as silent:
            assert silent.recv(1) == b""
    with served_page(tmp_path) as served:
        assert "strict-transport-security" not in httpx.get(served.url).headers


def test_silent_connections_take_little_memory(tmp_path: Path) -> None:
    """Hundreds that connect and say nothing, each in place of an earlier one: what they take is
    bounded by the connections that the page keeps, and small for each."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "broker.pem"))
    config = tmp_path / "broker.toml"
    config.write_text(f'{CONFIGURATION}tls = true\n[tls]\ncertificate = "broker.pem"\nport = 0\n')
    context = ssl._create_unverified_context()
    with ExitStack() as stack, BrokerProcess(config, web=True) as process:
        port = int(process.wait_for("page served")["port"])

        def answered() -> None:
            with socket.create_connection(("127.0.0.1", port), 30) as plain:
                peer = stack.enter_context(context.wrap_socket(plain))
                peer.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                assert peer.recv(100).startswith(b"HTTP/1.1 200")

        answered()
        page = _child(process.process.pid)
        before = _resident(page)
        for number in range(700):
            peer = stack.enter_context(socket.socket())
            peer.bind((f"127.5.{number // 250}.{2 + number % 250}", 0))
            peer.connect(("127.0.0.1", port))
        answered()
        assert _resident(page) - before < 60 * MB


def _child(pid: int) -> int:
    """The one process that another has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    (child,) = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    return child


def _resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
