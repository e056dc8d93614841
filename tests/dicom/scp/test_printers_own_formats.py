"""What a modality is told where no printer says how many image boxes its own format has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.model.films.film import Attributes
from broker.model.peers.refusal import Refusal
from broker.model.printers.trouble import Refused, Trouble, Unavailable
from tests.dicom.conftest import ScpSite
from tests.peers.speaker import Speaker

Speak = Callable[..., Speaker]


@pytest.mark.parametrize(
    ("trouble", "status", "kind"),
    [
        (Refused("no", permanent=True), statuses.INVALID_ATTRIBUTE_VALUE, Refusal.NO_PRINTER),
        (Unavailable("gone"), statuses.PROCESSING_FAILURE, Refusal.NOT_ASKED),
        (Unavailable("busy", busy=True), statuses.PROCESSING_FAILURE, Refusal.PRINTERS_BUSY),
    ],
)
def test_it_is_told_why(
    site: ScpSite, speak: Speak, trouble: Trouble, status: int, kind: Refusal
) -> None:
    """A status that fits, and a kind of refusal with what to do: printers that are busy need not be
    brought back."""

    def ask(_session: Attributes, _film_box: Attributes) -> int:
        raise trouble

    site.image_boxes = ask
    ct = speak()
    ct.open_session()
    assert ct.open_film_box("SLIDE").status == status
    (told,) = (facts for event, facts in site.notes if event == "request refused")
    assert (told["kind"], told["attribute"]) == (kind, "ImageDisplayFormat")
    assert ("busy" in str(told["why"])) == (kind is Refusal.PRINTERS_BUSY)
