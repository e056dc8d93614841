"""Who calls: an AE title at an address."""

from __future__ import annotations

import pytest

from broker.model.peers.caller import Caller, address_of


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("10.0.0.9:4000", "10.0.0.9"),
        ("::ffff:10.0.0.9:4000", "10.0.0.9"),
        ("[::ffff:10.0.0.9]:4000", "10.0.0.9"),
        ("::FFFF:10.0.0.9:4000", "10.0.0.9"),
        ("fe80::1:4000", "fe80::1"),
        ("[fe80::1]:4000", "fe80::1"),
        ("::ffff:nonsense:4000", "::ffff:nonsense"),
    ],
)
def test_the_address_of_a_peer(peer: str, address: str) -> None:
    """Without its port; an IPv4 address is one, however it is written."""
    assert address_of(peer) == address


def test_it_is_named_without_surprises() -> None:
    """In an Error Comment a backslash would begin another value (PS3.5 6.2, LO); a
    letter beyond ASCII is of no repertoire that a command set names (PS3.5 6.1.2)."""
    assert str(Caller.of("CT\\1\x1b", "10.0.0.9:1")) == "CT?1? at 10.0.0.9"
    assert str(Caller.of("R\xd8NTGEN\u2603", "10.0.0.9:1")) == "R?NTGEN? at 10.0.0.9"
