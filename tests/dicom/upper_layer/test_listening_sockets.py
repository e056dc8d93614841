"""One port on every address that the configuration names, over IPv4 and IPv6."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import pytest

from broker.dicom import statuses
from broker.dicom.upper_layer.listening_sockets import CannotListen, listen, names_of_peer
from broker.dicom.upper_layer.requestor import Requestor
from tests.peers.acceptor import OFFERS, accepting, echoed
from tests.peers.certificates import Authority
from tests.peers.raw import Raw

MAPPED = "::ffff:127.0.0.1"
BOTH = {"127.0.0.1", "::1"}


@contextmanager
def listened(host: str | Sequence[str], port: int = 0) -> Iterator[list[str]]:
    """The addresses that are bound, with their port."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(each) for each in listen(host, port, backlog=4)]
        yield [names_of_peer(each.getsockname())[1] for each in sockets]


def reached(port: int) -> set[str]:
    """The loopback addresses on which something listens on the port."""
    found = set()
    for host in BOTH:
        try:
            socket.create_connection((host, port), timeout=10).close()
        except ConnectionRefusedError:
            continue
        found.add(host)
    return found


@pytest.mark.parametrize(
    ("host", "families"),
    [
        ("*", BOTH),
        ("::", BOTH),
        ("0.0.0.0", {"127.0.0.1"}),
        ("localhost", BOTH),
        (["127.0.0.1", "::1"], BOTH),
        (["0.0.0.0", "::"], BOTH),
        (["*", "127.0.0.1", "::1"], BOTH),
        (["::1", "::1"], {"::1"}),
        ("127.0.0.1", {"127.0.0.1"}),
    ],
    ids=lambda each: str(sorted(each) if isinstance(each, set) else each),
)
def test_each_setting_serves_its_families(host: str | list[str], families: set[str]) -> None:
    """With port 0, one free port serves all of them."""
    with listened(host) as addresses:
        ports = {int(each.rpartition(":")[2]) for each in addresses}
        assert len(ports) == 1
        assert reached(*ports) == families


def test_no_address_is_left_listening_when_one_cannot_be_had() -> None:
    """The error names that one."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(CannotListen) as caught:
        listen(["127.0.0.1", "192.0.2.7"], port, backlog=4)

    assert caught.value.errno == errno.EADDRNOTAVAIL
    assert caught.value.where == f"192.0.2.7:{port}"
    assert reached(port) == set()


def test_a_port_that_is_taken_over_ipv6_alone_is_taken() -> None:
    """A wildcard does not serve half of what it says."""
    with socket.create_server(("::", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as caught:
            listen("*", port, backlog=4)

    assert caught.value.errno == errno.EADDRINUSE
    assert caught.value.where == f"[::]:{port}"


def test_a_name_that_is_not_known_is_said_to_be() -> None:
    """With the name."""
    with pytest.raises(CannotListen) as caught:
        listen("no-such-host.invalid", 104, backlog=4)

    assert caught.value.unknown_name
    assert caught.value.where == "no-such-host.invalid:104"


@pytest.mark.parametrize(
    ("address", "host", "where"),
    [
        (("10.0.0.1", 4000), "10.0.0.1", "10.0.0.1:4000"),
        (("::ffff:10.0.0.1", 4000, 0, 0), "10.0.0.1", "10.0.0.1:4000"),
        (("::1", 4000, 0, 0), "::1", "[::1]:4000"),
        (("fe80::1", 4000, 0, 1), "fe80::1%lo", "[fe80::1%lo]:4000"),
        (("fe80::1", 4000, 0, 99999), "fe80::1%99999", "[fe80::1%99999]:4000"),
        (("fe80::1%lo", 4000, 0, 1), "fe80::1%lo", "[fe80::1%lo]:4000"),
    ],
    ids=str,
)
def test_one_peer_has_one_name(address: tuple[str | int, ...], host: str, where: str) -> None:
    """However its address is spelled; the same link-local one on another interface is another."""
    assert names_of_peer(address) == (host, where)


def test_an_ipv4_peer_is_the_same_whatever_is_listened_on() -> None:
    """It is told and counted by its IPv4 address; its limit holds over both families' sockets."""
    with accepting(host="*", max_associations_per_peer=1, spare_s=100) as (acceptor, seen):
        with ExitStack() as stack:
            for host in ("127.0.0.1", MAPPED):
                sock = socket.create_connection((host, acceptor.port), timeout=10)
                raw = stack.enter_context(Raw(sock))
                answer = raw.associate(*OFFERS)
            assert seen.wait_for("accepted")["peer"].startswith("127.0.0.1:")  # type: ignore[attr-defined]
            assert seen.wait_for("rejected")["peer"].startswith("127.0.0.1:")  # type: ignore[attr-defined]
            assert answer[0] == 3
        with Requestor.open(
            "::1", acceptor.port, calling_ae="CT1", called_ae="BROKER", proposals=OFFERS
        ) as other:
            assert echoed(other) == statuses.SUCCESS
        assert seen.wait_for("accepted", 2)["peer"].startswith("[::1]:")  # type: ignore[attr-defined]


def test_the_tls_port_is_on_the_same_addresses() -> None:
    """A certificate for an IPv6 address is believed, the zone of a link-local one aside."""
    authority = Authority()
    server = authority.server("127.0.0.1", "::1")
    with accepting(host=["127.0.0.1", "::1"], tls_port=0, tls=lambda: server) as (acceptor, _):
        assert acceptor.addresses == [
            f"127.0.0.1:{acceptor.port}",
            f"[::1]:{acceptor.port}",
            f"127.0.0.1:{acceptor.tls_port}",
            f"[::1]:{acceptor.tls_port}",
        ]
        for host in ("127.0.0.1", "::1", "::1%1"):
            with Requestor.open(
                host,
                acceptor.tls_port,
                calling_ae="CT1",
                called_ae="BROKER",
                proposals=OFFERS,
                tls=authority.client(),
            ) as requestor:
                assert echoed(requestor) == statuses.SUCCESS
