"""The page over HTTPS, with the certificate that modalities see."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx
import pytest
import trustme

from broker.config import ConfigError, parse
from tests.web.print_room import CONFIGURATION, BrokerProcess


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
