"""Statuses that we give."""

from __future__ import annotations

import pytest

from broker.dicom import statuses
from broker.dicom.statuses import Fault
from broker.model.peers.refusal import Refusal


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (statuses.RESOURCE_LIMITATION, Refusal.TOO_MUCH),
        (statuses.SESSION_QUEUE_FULL, Refusal.FILM_NOT_STORED),
        (statuses.FILM_BOX_QUEUE_FULL, Refusal.FILM_NOT_STORED),
        (statuses.NO_MEMORY_FOR_IMAGE, Refusal.IMAGE_NOT_STORED),
        (statuses.INVALID_ATTRIBUTE_VALUE, None),
        (statuses.SUCCESS, None),
    ],
)
def test_only_want_of_room_is_counted(status: int, kind: Refusal | None) -> None:
    """A status that says there is no room has a kind; a modality's mistake has none."""
    assert Fault(status, "").kind is kind
