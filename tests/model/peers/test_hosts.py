"""Hosts as people write them."""

from __future__ import annotations

import pytest

from broker.model.peers.hosts import (
    at_port,
    at_ports,
    called_here,
    hosts_of,
    in_url,
    is_loopback,
    plain_host,
)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[fe80::1%eth0]", "fe80::1%eth0"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("[::FFFF:10.0.0.1]", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("oki-1.hospital.example", "oki-1.hospital.example"),
        ("[oki-1]", "[oki-1]"),
        ("*", "*"),
    ],
)
def test_brackets_and_mapped_addresses_are_spellings(written: str, host: str) -> None:
    """What is no address stays as it is."""
    assert plain_host(written) == host


def test_several_hosts_stay_in_their_order() -> None:
    """Each once; `::` is what Linux makes of it, both families."""
    assert hosts_of("127.0.0.1") == ("127.0.0.1",)
    assert hosts_of(["b", "a", "b"]) == ("b", "a")
    assert hosts_of("::") == ("*",)
    assert hosts_of(("::", "*")) == ("*",)


def test_an_ipv6_address_has_brackets_before_a_port() -> None:
    """Otherwise it could not be told where the port begins."""
    assert at_port("::1", 104) == "[::1]:104"
    assert at_port("10.0.0.1", 104) == "10.0.0.1:104"
    assert at_ports(["127.0.0.1", "::1"], 80) == "127.0.0.1:80, [::1]:80"
    assert in_url("fe80::1%eth0") == "[fe80::1%25eth0]"
    assert in_url("localhost") == "localhost"


@pytest.mark.parametrize(
    ("hosts", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("LocalHost", True),
        (["127.0.0.1", "::1"], True),
        (["127.0.0.1", "10.0.0.1"], False),
        (["::1", "*"], False),
        ("*", False),
        ("::", False),
        ("0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("broker.example", False),
    ],
)
def test_all_must_be_loopback(hosts: str | list[str], loopback: bool) -> None:
    """One that others reach is enough that others reach it."""
    assert is_loopback(hosts) is loopback


@pytest.mark.parametrize(
    ("hosts", "called"),
    [
        ("*", "127.0.0.1"),
        ("::", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::1", "::1"),
        ("10.0.0.4", "10.0.0.4"),
        (["10.0.0.4", "::1"], "::1"),
        (["10.0.0.4", "10.0.0.5"], "10.0.0.4"),
    ],
)
def test_this_machine_calls_what_is_reached_from_here(hosts: str | list[str], called: str) -> None:
    """A wildcard is no address to call."""
    assert called_here(hosts) == called
