"""Certificates as a site has them: an authority, what it has issued, and peers that use them."""

from __future__ import annotations

import datetime
import socket
import ssl
from pathlib import Path

import trustme

from tests.peers.raw import PATIENCE_S, Raw

HOST = "127.0.0.1"
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
"""When what has expired did."""


class Authority:
    """One certificate authority."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def issue(self, *names: str, until: datetime.datetime | None = None) -> trustme.LeafCert:
        """A certificate for these names, and without any for this machine, until that time."""
        return self._ca.issue_cert(*(names or (HOST,)), not_after=until)

    def write(self, folder: Path, *names: str, until: datetime.datetime | None = None) -> Path:
        """The same as files of a new folder: ca.pem, cert.pem, key.pem."""
        folder.mkdir()
        issued = self.issue(*names, until=until)
        self._ca.cert_pem.write_to_path(str(folder / "ca.pem"))
        issued.private_key_pem.write_to_path(str(folder / "key.pem"))
        for pem in issued.cert_chain_pems:
            pem.write_to_path(str(folder / "cert.pem"), append=True)
        return folder

    def server(self, *names: str, until: datetime.datetime | None = None) -> ssl.SSLContext:
        """For the side that is called."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.issue(*names, until=until).configure_cert(context)
        return context

    def client(self) -> ssl.SSLContext:
        """For the side that calls, and trusts this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    def trust(self, context: ssl.SSLContext) -> None:
        """Let it trust this authority."""
        self._ca.configure_trust(context)


def old(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same, with TLS 1.2 at most."""
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def calling(port: int, context: ssl.SSLContext) -> Raw:
    """A peer that speaks in bytes, over TLS with a port of this machine."""
    sock = socket.create_connection((HOST, port), timeout=PATIENCE_S)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Raw(context.wrap_socket(sock, server_hostname=HOST, suppress_ragged_eofs=False))


def hello(context: ssl.SSLContext) -> bytes:
    """A ClientHello."""
    outgoing = ssl.MemoryBIO()
    records = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    try:
        records.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError("a handshake without a peer")
