"""DCMTK's printers with their restrictions: a film with a wish that one does not take comes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import Job, State
from broker.model.printers.printer import Address
from tests.peers.dcmtk import dcmprscp
from tests.peers.speaker import image_box
from tests.relay.conftest import Relay

SESSION, BOX, IMAGE = "film session", "film box", "image box"
OPTIONAL: list[tuple[str, str, object]] = [
    (SESSION, "FilmDestination", "BIN_9"),
    (SESSION, "MemoryAllocation", "100"),
    (SESSION, "OwnerID", "X"),
    (SESSION, "PrintPriority", "HIGH"),
    (BOX, "Trim", "YES"),
    (BOX, "BorderDensity", "150"),
    (BOX, "EmptyImageDensity", "77"),
    (BOX, "MinDensity", 11),
    (BOX, "MaxDensity", 333),
    (BOX, "SmoothingType", "WILD"),
    (BOX, "MagnificationType", "REPLICATE"),
    (BOX, "ConfigurationInformation", "ZZZ"),
    (BOX, "RequestedResolutionID", "HIGH"),
    (BOX, "AnnotationDisplayFormatID", "X"),
    (IMAGE, "MagnificationType", "REPLICATE"),
    (IMAGE, "SmoothingType", "WILD"),
    (IMAGE, "ConfigurationInformation", "ZZZ"),
    (IMAGE, "MinDensity", 10),
    (IMAGE, "RequestedDecimateCropBehavior", "DECIMATE"),
]


def printed(relay: Relay, level: str, keyword: str, value: object) -> tuple[Job, str]:
    """A film with one wish, once it has come to an end; and what is said beside it."""
    wish = {keyword: value}
    ct = relay.speaker()
    ct.open_session(**(wish if level == SESSION else {}))
    ct.open_film_box(**(wish if level == BOX else {}))
    ct.set_image(1, image_box(1, **(wish if level == IMAGE else {})))
    assert ct.action(FILM_BOX, ct.film_box).status == 0
    ct.release()
    number = len(relay.jobs())
    ends = (State.SENT, State.HELD)
    relay.wait_for(lambda: relay.service.jobs.queries.get(number).state in ends)
    (film,) = relay.service.jobs.queries.films(number)
    return relay.service.jobs.queries.get(number), film.words


@pytest.mark.parametrize("profile", ["IHEFULL", "IHERESTRICTED", "KODAK", "AGFA"])
def test_each_optional_wish_comes_out(tmp_path: Path, profile: str) -> None:
    """With it, or without it and saying so; size and scale are never given up."""
    with dcmprscp(tmp_path / "printer", profile) as port:
        relay = Relay(tmp_path / "relay", [Address("oki-1", profile, "127.0.0.1", port)])
        try:
            relay.wait_until_up()
            ended = {wish[:2]: printed(relay, *wish) for wish in OPTIONAL}
            size, _ = printed(relay, BOX, "FilmSizeID", "A3")
            crop, said = printed(relay, IMAGE, "RequestedDecimateCropBehavior", "CROP")
        finally:
            relay.close()

    assert [wish for wish, (job, _) in ended.items() if job.state is not State.SENT] == []
    without = {wish[1] for wish, (_, words) in ended.items() if f"without {wish[1]}" in words}
    assert {"FilmDestination", "SmoothingType", "ConfigurationInformation"} <= without
    assert size.state is State.HELD
    assert crop.state is State.HELD or "without" not in said
