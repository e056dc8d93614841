"""Statuses that we give."""

from __future__ import annotations

import pytest

from broker.dicom.statuses import Fault
from broker.model.refusal import Refusal


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
    assert Fault(status, "").kind is kind
