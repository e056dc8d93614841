"""A data set that is not in the transfer syntax of its presentation context."""

from __future__ import annotations

import pytest

from broker.dicom import statuses
from broker.dicom.uids import EXPLICIT_LITTLE, FILM_SESSION, GRAYSCALE_META, IMPLICIT_LITTLE
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.dataset import buffers, encode_dataset
from broker.dicom.upper_layer.negotiation import Offer
from tests.dicom.conftest import ScpSite
from tests.peers.raw import ABORT, Raw, echo
from tests.peers.speaker import dataset

CREATE = {**echo(1), "AffectedSOPClassUID": FILM_SESSION, "CommandField": Command.N_CREATE}


def answered(site: ScpSite, syntax: str, encoded: bytes) -> tuple[int, str]:
    """The status of an N-CREATE of a film session with these bytes, and what the log says of it;
    the association must print on."""
    with Raw.connect(site.port) as raw:
        raw.associate(Offer(GRAYSCALE_META, (syntax,)))
        raw.say(1, CREATE, encoded)
        status = int(raw.hear_all().Status)
        raw.say(1, CREATE)
        assert raw.hear_all().Status == statuses.SUCCESS
        raw.send(ABORT)
    (why,) = (str(facts["why"]) for event, facts in site.notes if event == "request refused")
    return status, why


@pytest.mark.parametrize(
    ("agreed", "sent", "said"),
    [
        (
            EXPLICIT_LITTLE,
            IMPLICIT_LITTLE,
            "Explicit VR Little Endian: (2000,0010) has no VR that is known",
        ),
        (IMPLICIT_LITTLE, EXPLICIT_LITTLE, "Implicit VR Little Endian: (2000,0010) is cut off"),
    ],
)
def test_the_log_names_the_syntax_and_where_it_broke(
    site: ScpSite, agreed: str, sent: str, said: str
) -> None:
    """0x0110: a vendor finds the fault by it."""
    made = dataset(NumberOfCopies="2", FilmSessionLabel="Doe^Synthetic")
    encoded = b"".join(map(bytes, buffers(encode_dataset(made, sent))))
    status, why = answered(site, agreed, encoded)
    assert status == statuses.PROCESSING_FAILURE
    assert why == f"the data set cannot be read as {said}"


def test_text_that_is_read_as_a_tag_is_not_told(site: ScpSite) -> None:
    """After a wrong length the next tag is four bytes of a name (promise 10)."""
    label = b"\x00\x20\x50\x00LO\x02\x00Doe^Synthetic "
    status, why = answered(site, EXPLICIT_LITTLE, label)
    assert status == statuses.PROCESSING_FAILURE
    assert why == (
        "the data set cannot be read as Explicit VR Little Endian: an element has no VR that is "
        "known"
    )
