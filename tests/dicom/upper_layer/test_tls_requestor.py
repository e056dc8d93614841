"""Calling printers over TLS: whom to believe, and what is said of those who are not."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.upper_layer.connection import Broken, Timeouts
from tests.peers.acceptor import accepting, echoed, opened
from tests.peers.certificates import LONG_AGO, Authority
from tests.peers.raw import Raw, listening

SITE = Authority()
CLIENT = SITE.client()
HASTE = Timeouts(associate_s=0.3)


def broken(port: int, tls: ssl.SSLContext = CLIENT) -> str:
    """Why there is no association, without host and port."""
    with pytest.raises(Broken) as caught:
        opened(port, tls=tls, timeouts=HASTE)
    assert not caught.value.connected
    where, _, words = caught.value.words.partition(" ")
    assert where == f"127.0.0.1:{port}"
    return words


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (
            SITE.server(until=LONG_AGO),
            "shows a certificate that has expired: renew it there, or set the clock right",
        ),
        (
            SITE.server("printer.example"),
            "shows a certificate for another host: use a host name or an address that its "
            "certificate has",
        ),
        (
            Authority().server(),
            "shows a certificate that is not trusted (unable to get local issuer certificate): "
            "put its issuer, or the certificate itself where it has none, into the file of tls.ca "
            "for a printer, of tls.client_ca for a modality",
        ),
    ],
    ids=["expired", "another host", "another authority"],
)
def test_a_certificate_that_is_not_believed(server: ssl.SSLContext, words: str) -> None:
    """Each reason has words of its own, with what to do; the printer hears an alert."""
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        assert broken(acceptor.tls_port) == words
        assert "our certificate" in str(seen.wait_for("refused")["words"])


def test_a_printer_that_speaks_no_tls() -> None:
    """Whether it answers in plain DICOM, hangs up, or says nothing: look at the port."""
    remedy = "see that it speaks TLS on this port"
    with accepting() as (acceptor, _):
        assert broken(acceptor.port) == f"does not speak TLS, but plain DICOM; {remedy}"

    def shut_down(raw: Raw) -> None:
        raw.sock.recv(100_000)

    def wait(raw: Raw) -> None:
        raw.sock.recv(100_000)
        assert raw.closed()

    def speak_http(raw: Raw) -> None:
        raw.sock.recv(100_000)
        raw.send(b"HTTP/1.0 400 Bad Request\r\n\r\n")

    with listening(shut_down) as port:
        assert broken(port) == (f"closed the connection instead of a TLS handshake; {remedy}")
    with listening(wait) as port:
        assert broken(port) == f"took longer than 0.3 s for the TLS handshake; {remedy}"
    with listening(speak_http) as port:
        assert broken(port) == f"does not speak TLS; {remedy}"


def test_a_printer_that_goes_in_the_middle() -> None:
    """A record that is not finished is an end like any other."""

    def half(raw: Raw) -> None:
        raw.sock.recv(100_000)
        raw.send(b"\x16\x03\x03\x00\x40\x02\x00")

    with listening(half) as port:
        assert broken(port) == "closed the connection in the middle of the TLS handshake"


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_a_printer_that_demands_a_certificate(newest: ssl.TLSVersion) -> None:
    """It is said so, whenever the alert comes; with one that it trusts there is an association."""
    server = SITE.server()
    server.verify_mode = ssl.CERT_REQUIRED
    server.maximum_version = newest
    SITE.trust(server)
    known = SITE.client()
    SITE.issue().configure_cert(known)
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, _):
        assert "certificate" in broken(acceptor.tls_port)
        with opened(acceptor.tls_port, tls=known) as requestor:
            assert echoed(requestor) == statuses.SUCCESS


def old_server() -> ssl.SSLContext:
    """TLS 1.1 and no newer, as printers from long ago."""
    context = SITE.server()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def test_a_printer_with_an_old_tls() -> None:
    """TLS 1.1 is not spoken (BCP 195), and that is what is said."""
    server = old_server()
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        words = "supports no version of TLS that we support, which is 1.2 or newer"
        assert broken(acceptor.tls_port) == words
        assert seen.wait_for("refused")["words"] == f"the peer {words}"


@pytest.mark.parametrize("end", ["released", "aborted"])
def test_an_association_ends_in_due_form(end: str) -> None:
    """As over plain TCP, and no end of ours is an error to the peer."""
    server = SITE.server()
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        requestor = opened(acceptor.tls_port, tls=CLIENT)
        finish: Callable[[], None] = requestor.release if end == "released" else requestor.abort
        finish()
        seen.wait_for(end)

    assert seen.names == ["accepted", end]
