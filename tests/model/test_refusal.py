"""Kinds of refusals."""

from __future__ import annotations

import pytest

from broker.model.refusal import Refusal, of_status


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (0x0213, Refusal.TOO_MUCH),
        (0xC601, Refusal.FILM_NOT_STORED),
        (0xC602, Refusal.FILM_NOT_STORED),
        (0xC605, Refusal.IMAGE_NOT_STORED),
        (0x0106, None),
        (0x0000, None),
    ],
)
def test_only_want_of_room_is_counted(status: int, kind: Refusal | None) -> None:
    """A status that says there is no room has a kind; a modality's mistake has none."""
    assert of_status(status) is kind


def test_kinds_are_short() -> None:
    """They fit into the column that they are counted in, and read well beside a number."""
    assert max(len(each) for each in Refusal) <= 32
