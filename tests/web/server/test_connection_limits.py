"""Which connections the page keeps."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from broker.web.server.limits import ConnectionLimits, admission, peer_of

LIMITS = ConnectionLimits(all=8, by_address=3, for_this_machine=2)


@dataclass(frozen=True)
class Seat:
    """A place that is taken."""

    address: str
    idle_since: float | None


def test_there_is_room_until_all_places_are_taken() -> None:
    """Then the one whose peer has been idle for the longest time gives way; none that is worked
    for does, and where all are, the new one is refused.
    """
    taken = [Seat(f"10.0.0.{number}", None) for number in range(4)]
    assert admission(taken, "10.0.9.9", LIMITS).admitted
    taken += [Seat("10.0.1.1", 7.0), Seat("10.0.1.2", 5.0)]
    found = admission(taken, "10.0.9.9", LIMITS)
    assert found.admitted
    assert found.gives_way == Seat("10.0.1.2", 5.0)
    busy = [Seat(f"10.0.0.{number}", None) for number in range(6)]
    assert not admission(busy, "10.0.9.9", LIMITS).admitted


def test_an_address_takes_its_own_places_only() -> None:
    """Its own oldest connection gives way for its next one, though others are idle for longer."""
    taken = [Seat("10.0.0.1", 3.0), Seat("10.0.0.1", 2.0), Seat("10.0.0.1", 4.0)]
    taken.append(Seat("10.0.0.2", 1.0))
    assert admission(taken, "10.0.0.1", LIMITS).gives_way == Seat("10.0.0.1", 2.0)
    assert admission(taken, "10.0.0.2", LIMITS).gives_way is None


def test_a_proxy_takes_more_than_one_address() -> None:
    """Many people are behind it; what is kept for this machine is kept from it, too."""
    taken = [Seat("10.0.0.1", 3.0)] * 5
    assert admission(taken, "10.0.0.1", LIMITS, proxy=True).gives_way is None
    assert admission([*taken, Seat("10.0.0.1", 1.0)], "10.0.0.1", LIMITS, proxy=True).gives_way == (
        Seat("10.0.0.1", 1.0)
    )


def test_places_are_kept_for_this_machine() -> None:
    """Whatever other machines do, it gets in, and keeps none of its own connections waiting."""
    taken = [Seat(f"10.0.0.{number}", None) for number in range(6)]
    assert not admission(taken, "10.0.9.9", LIMITS).admitted
    for address in ("127.0.0.1", "::1"):
        assert admission(taken, address, LIMITS).admitted
    own = [Seat("127.0.0.1", float(number)) for number in range(7)]
    assert admission(own, "127.0.0.1", LIMITS).gives_way is None
    assert admission([*own, Seat("127.0.0.1", 9.0)], "127.0.0.1", LIMITS).gives_way == own[0]


@pytest.mark.parametrize(
    ("host", "peer"),
    [
        ("10.0.0.4", "10.0.0.4"),
        ("::ffff:10.0.0.4", "10.0.0.4"),
        ("::1", "::1"),
        ("fd00:1:2:3:4:5:6:7", "fd00:1:2:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_peer_has_one_name(host: str, peer: str) -> None:
    """However its address is written, and whichever of its own network it takes."""
    assert peer_of(host) == peer
