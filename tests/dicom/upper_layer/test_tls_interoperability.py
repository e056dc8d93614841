"""TLS with other implementations: DCMTK's server and client, and pynetdicom both ways."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from broker.dicom import statuses
from broker.dicom.upper_layer.connection import Broken, Timeouts
from tests.peers.acceptor import accepting, echoed, opened
from tests.peers.certificates import HOST, Authority
from tests.peers.dcmtk import program

SITE = Authority()
PATIENCE_S = 20.0
HASTE = Timeouts(associate_s=5)


@contextmanager
def storescp(folder: Path, *options: str) -> Iterator[int]:
    """DCMTK's SCP over TLS, with a certificate of the site's; yields its port."""
    tls = SITE.write(folder / "tls")
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    own = ["+tls", str(tls / "key.pem"), str(tls / "cert.pem")]
    authority = ["--add-cert-file", str(tls / "ca.pem")]
    command = [program("storescp"), "--ignore", "--quiet", *own, *authority, *options, str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + PATIENCE_S
            while not listens(port):
                assert process.poll() is None, "storescp has ended"
                assert time.monotonic() < deadline, "storescp does not listen"
            yield port
        finally:
            process.kill()


def listens(port: int) -> bool:
    """Whether it listens; it says nothing when it is ready, so it is asked until it answers."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.dcmtk
def test_dcmtk_is_called_over_tls(tmp_path: Path) -> None:
    """It answers C-ECHO, and is not believed by a peer that trusts another authority."""
    with storescp(tmp_path, "--ignore-peer-cert") as port:
        with opened(port, tls=SITE.client()) as requestor:
            assert echoed(requestor) == statuses.SUCCESS
        with pytest.raises(Broken, match="is not trusted"):
            opened(port, tls=Authority().client(), timeouts=HASTE)


@pytest.mark.dcmtk
def test_dcmtk_demands_a_certificate(tmp_path: Path) -> None:
    """Without one it is said what may be missing; with one it answers."""
    known = SITE.client()
    SITE.issue().configure_cert(known)
    with storescp(tmp_path, "--require-peer-cert") as port:
        with pytest.raises(Broken, match="certificate of ours"):
            opened(port, tls=SITE.client(), timeouts=HASTE)
        with opened(port, tls=known) as requestor:
            assert echoed(requestor) == statuses.SUCCESS


@pytest.mark.dcmtk
@pytest.mark.parametrize("profile", ["--profile-bcp195-nd", "--profile-bcp195-ex"])
def test_dcmtk_calls_over_tls(tmp_path: Path, profile: str) -> None:
    """In the profiles of PS3.15 that are not retired."""
    tls = SITE.write(tmp_path / "tls")
    server = SITE.server("localhost", HOST)
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        told = [program("echoscu"), "+tla", profile, "--add-cert-file", str(tls / "ca.pem")]
        names = ["-aec", "BROKER", "--repeat", "3", HOST, str(acceptor.tls_port)]
        subprocess.run([*told, *names], check=True, timeout=PATIENCE_S)
        seen.wait_for("released")

    assert seen.names == ["accepted", "released"]


def test_pynetdicom_calls_over_tls() -> None:
    """Another implementation is accepted, answered and released."""
    server = SITE.server()
    ae = AE("CT1")
    ae.add_requested_context(Verification)
    with accepting(tls_port=0, tls=lambda: server) as (acceptor, seen):
        assoc = ae.associate(
            HOST, acceptor.tls_port, ae_title="BROKER", tls_args=(SITE.client(), HOST)
        )
        assert assoc.send_c_echo().Status == statuses.SUCCESS
        assoc.release()
        seen.wait_for("released")


def test_pynetdicom_is_called_over_tls() -> None:
    """With its own server socket."""
    entity = AE("PLAIN")
    entity.add_supported_context(Verification)
    handlers = [(evt.EVT_C_ECHO, lambda _event: statuses.SUCCESS)]
    server = entity.start_server(
        (HOST, 0), block=False, evt_handlers=handlers, ssl_context=SITE.server()
    )
    assert server is not None
    try:
        port = server.server_address[1]
        with opened(port, "PLAIN", tls=SITE.client()) as requestor:
            assert echoed(requestor) == statuses.SUCCESS
    finally:
        server.shutdown()
