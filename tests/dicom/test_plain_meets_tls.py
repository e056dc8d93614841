"""A printer that speaks TLS, and is called without: the words name the key to set."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.scu.probe import probe
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Unavailable
from tests.peers.acceptor import accepting
from tests.peers.certificates import Authority
from tests.peers.raw import Raw, listening

REMEDY = "set tls = true for this printer"


def checked(port: int) -> str:
    """What a check says."""
    address = Address("oki-1", "OKI1", "127.0.0.1", port)
    return probe(address, calling_ae="BROKER", timeout_s=10).words


def attempted(port: int) -> str:
    """What an attempt says."""
    with pytest.raises(Unavailable) as caught:
        PrintScu.open(Address("oki-1", "OKI1", "127.0.0.1", port), calling_ae="BROKER")
    return caught.value.words


def alert(raw: Raw) -> None:
    """As OpenSSL answers what is no ClientHello."""
    raw.pdu()
    raw.send(b"\x15\x03\x01\x00\x02\x02\x46")


def shut_down(raw: Raw) -> None:
    """As others do."""
    raw.pdu()


def speak_http(raw: Raw) -> None:
    """Something else."""
    raw.pdu()
    raw.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (alert, f": it speaks TLS on this port; {REMEDY}"),
        (shut_down, f"; if it speaks TLS on this port, {REMEDY}"),
    ],
)
def test_the_key_is_named(answer: Callable[[Raw], None], words: str) -> None:
    """For sure where there is an alert, as a guess where it hangs up without a word."""
    for said in (checked, attempted):
        with listening(answer) as port:
            assert said(port).endswith(words)


def test_what_answers_otherwise_is_not_taken_for_tls() -> None:
    """It spoke, and that was no TLS."""
    for said in (checked, attempted):
        with listening(speak_http) as port:
            assert "TLS" not in said(port)


def test_a_real_tls_port() -> None:
    """Ours, as any that OpenSSL serves."""
    server: ssl.SSLContext = Authority().server()
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, _):
        assert REMEDY in checked(acceptor.tls_port)
        assert REMEDY in attempted(acceptor.tls_port)
