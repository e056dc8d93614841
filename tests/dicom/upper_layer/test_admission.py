"""Who gets an association, and who must go for it."""

from __future__ import annotations

from broker.dicom.upper_layer.acceptor import (
    SPARE_OF_MANY_S,
    SPARE_S,
    TOO_MANY_OF_ADDRESS,
    TOO_MANY_OF_ONE,
    Admitted,
    Caps,
    RunningAssociation,
    admit,
)
from broker.dicom.upper_layer.negotiation import TOO_MANY, Rejection
from broker.model.peers.caller import Caller

NOW = 1000.0
CAPS = Caps(in_all=4, of_one=3)


def held(*each: tuple[str, str, float | None]) -> list[RunningAssociation[str]]:
    """Associations: name, address, and for how many seconds it has been spare, if it is."""
    return [
        RunningAssociation(name, Caller("AE", address), None if spare is None else NOW - spare)
        for name, address, spare in each
    ]


def ask(
    address: str, others: list[RunningAssociation[str]], caps: Caps, ae_title: str = "AE"
) -> Admitted[str] | Rejection:
    """For one more of that address."""
    return admit(Caller(ae_title, address), others, caps, NOW)


def test_there_is_room() -> None:
    """Below both caps no association has to go."""
    others = held(("a", "ct", 100), ("b", "ct", 100), ("c", "mr", 100))
    assert ask("ct", others, CAPS) == Admitted()


def test_an_address_that_is_full_makes_room_among_its_own() -> None:
    """Its oldest spare one goes, though another address has an older one."""
    others = held(("a", "ct", 6), ("b", "ct", 60), ("c", "ct", None), ("d", "mr", 600))
    assert ask("ct", others, Caps(9, 3)) == Admitted("b")


def test_modalities_behind_one_gateway_have_places_of_their_own() -> None:
    """The limit is of an AE title at an address; a quarter of all is left for other addresses."""
    others = held(*((name, "gateway", None) for name in "abc"))
    assert ask("gateway", others, CAPS, "OTHER") == TOO_MANY_OF_ADDRESS
    assert ask("gateway", others, Caps(8, 3), "OTHER") == Admitted()
    assert ask("ct", others, CAPS) == Admitted()
    assert "limits.associations" in TOO_MANY_OF_ADDRESS.words
    assert "limits.associations_per_peer" in TOO_MANY_OF_ONE.words


def test_an_address_that_uses_all_of_its_own_is_rejected() -> None:
    """Transient, by the presentation service-provider, local limit exceeded."""
    others = held(("a", "ct", None), ("b", "ct", None), ("c", "ct", SPARE_S - 1))
    assert ask("ct", others, CAPS) == TOO_MANY_OF_ONE
    assert (TOO_MANY_OF_ONE.result, TOO_MANY_OF_ONE.source, TOO_MANY_OF_ONE.reason) == (2, 3, 2)


def test_the_one_that_was_spare_for_longest_goes() -> None:
    """When all places are taken, and no address has more than a share."""
    others = held(("a", "ct", 10), ("b", "mr", 30), ("c", "us", 20), ("d", "xa", None))
    assert ask("nm", others, CAPS) == Admitted("b")


def test_no_association_that_is_in_use_is_lost() -> None:
    """Rejected for now, when nothing can be spared."""
    others = held(("a", "ct", None), ("b", "mr", None), ("c", "us", SPARE_S - 1), ("d", "xa", None))
    assert ask("nm", others, CAPS) == TOO_MANY


def test_who_has_more_than_a_share_gives_sooner() -> None:
    """Associations opened and left by one address do not keep another out for seconds."""
    others = held(*((name, "x", SPARE_OF_MANY_S) for name in "abc"), ("d", "ct", 3600))
    assert ask("mr", others, CAPS) == Admitted("a")


def test_who_has_most_cannot_push_others_out() -> None:
    """One more for the greedy takes nothing that others have had for less than the full time."""
    others = held(*((name, "x", 1) for name in "abc"), *((name, "ct", 1) for name in "def"))
    assert ask("x", others, Caps(6, 9)) == TOO_MANY
