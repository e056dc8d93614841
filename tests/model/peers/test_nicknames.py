"""Nicknames of modalities: what people call them beside their AE titles."""

from __future__ import annotations

from broker.model.peers.nicknames import Nicknames, with_nickname

BOTH = Nicknames({"CT1": "CT, ground floor", "MR1": "Magnet"})


def test_a_nickname_is_of_one_ae_title_exactly() -> None:
    """An AE title in other case is another modality; what has no nickname has an empty one."""
    assert BOTH.of("CT1") == "CT, ground floor"
    assert (BOTH.of("ct1"), BOTH.of("XA1"), BOTH.of("")) == ("", "", "")


def test_a_modality_is_found_by_its_nickname_in_any_case() -> None:
    """Whole, as an AE title is; and by a part of it where a text is looked for."""
    assert BOTH.called("ct, GROUND floor") == {"CT1"}
    assert BOTH.called("ground") == BOTH.called("") == frozenset()
    assert BOTH.having("GROUND") == {"CT1"}
    assert BOTH.having("g") == {"CT1", "MR1"}
    assert BOTH.having("") == frozenset()


def test_the_nickname_stands_behind_the_ae_title() -> None:
    """In a sentence; an AE title without one stands alone."""
    assert with_nickname("CT1", "Magnet") == "CT1 (Magnet)"
    assert with_nickname("CT1", "") == "CT1"
    assert BOTH.named("MR1") == "MR1 (Magnet)"
    assert BOTH.named("XA1") == "XA1"
