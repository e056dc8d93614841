"""Presentation contexts that are rejected are seen by the operator."""

from __future__ import annotations

import pytest
from pynetdicom.sop_class import BasicColorPrintManagementMeta  # type: ignore[attr-defined]

from broker.dicom.uids import BESIDE_IMAGES, CARRY_IMAGES, PRINT_JOB, PRINTER
from broker.dicom.upper_layer.associate_pdus import associate_rq
from broker.dicom.upper_layer.dataset_reader import EXPLICIT_LE, IMPLICIT_LE
from broker.dicom.upper_layer.negotiation import Offer, proposed_contexts
from broker.model.peers.refusal import Refusal
from tests.peers.acceptor import GRAYSCALE_META, OFFERS, VERIFICATION, accepting
from tests.peers.raw import RELEASE_RP, RELEASE_RQ, Raw

COLOR = Offer(BasicColorPrintManagementMeta, (IMPLICIT_LE,))
GRAY = Offer(GRAYSCALE_META, (IMPLICIT_LE,))
ECHO = Offer(VERIFICATION, (IMPLICIT_LE,))
JOB = Offer(PRINT_JOB, (IMPLICIT_LE,))
PRINTERS = Offer(PRINTER, (IMPLICIT_LE,))
CT = Offer("1.2.840.10008.5.1.4.1.1.2", (IMPLICIT_LE,))
JPEG = "1.2.840.10008.1.2.4.50"
JOB_NAME = "Print Job SOP Class"
GRAY_NAME = "Basic Grayscale Print Management Meta SOP Class"
COLOR_NAME = "Basic Color Print Management Meta SOP Class"


@pytest.mark.parametrize(
    ("proposed", "words", "kind"),
    [
        ((COLOR,), COLOR_NAME, Refusal.NO_CONTEXT),
        ((ECHO, COLOR), COLOR_NAME, Refusal.NO_CONTEXT),
        ((COLOR, PRINTERS), COLOR_NAME, Refusal.NO_CONTEXT),
        ((GRAY, COLOR), COLOR_NAME, None),
        ((ECHO, JOB), JOB_NAME, None),
        ((JOB,), JOB_NAME, None),
        ((ECHO, CT), "CT Image Storage", Refusal.NO_CONTEXT),
        ((CT,), "CT Image Storage", Refusal.NO_CONTEXT),
        (
            (Offer(GRAYSCALE_META, (JPEG,)),),
            f"{GRAY_NAME} (no transfer syntax in common)",
            Refusal.NO_CONTEXT,
        ),
        ((GRAY, Offer("9.8.7", (EXPLICIT_LE,))), "9.8.7", None),
        ((), "no presentation context was proposed", Refusal.NO_CONTEXT),
        (
            tuple(Offer(f"9.8.{number}", (IMPLICIT_LE,)) for number in range(20)),
            ", ".join(f"9.8.{number}" for number in range(8)) + " and 12 more",
            Refusal.NO_CONTEXT,
        ),
    ],
    ids=[
        "color",
        "color and echo",
        "color and printer",
        "both",
        "print job and echo",
        "print job",
        "storage and echo",
        "storage",
        "compressed",
        "private",
        "nothing",
        "many",
    ],
)
def test_what_is_rejected_is_told_by_its_name(
    proposed: tuple[Offer, ...], words: str, kind: Refusal | None
) -> None:
    """And counted as a refusal where a class with images was proposed and none is left, or nothing
    is left at all for a peer that did not only want to ask."""
    offers = [*OFFERS, PRINTERS]
    with (
        accepting(offers=lambda: offers, needed=CARRY_IMAGES, beside=BESIDE_IMAGES) as made,
        Raw.connect(made[0].port) as raw,
    ):
        seen = made[1]
        assert raw.associate(*proposed)[0] == 2
        told = seen.wait_for("contexts rejected")
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP

    assert (told["calling_ae"], told["words"], told.get("kind")) == ("RAW", words, kind)


@pytest.mark.parametrize(
    "proposed", [(ECHO,), (ECHO, GRAY), (GRAY, Offer(GRAYSCALE_META, (JPEG,)))], ids=len
)
def test_nothing_is_told_where_every_class_is_accepted(proposed: tuple[Offer, ...]) -> None:
    """A class may be proposed in several contexts, of which one is enough."""
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.associate(*proposed)
        raw.send(RELEASE_RQ)
        assert raw.pdu() == RELEASE_RP
        seen.wait_for("released")

    assert "contexts rejected" not in seen.names


def test_text_in_the_place_of_a_uid_is_not_told() -> None:
    """It may be anything."""
    contexts = proposed_contexts([GRAY, Offer("9.8.7.6.5.4.3", (IMPLICIT_LE,))])
    asked = associate_rq(calling_ae="RAW", called_ae="BROKER", contexts=contexts, max_pdu=0)
    with accepting() as (acceptor, seen), Raw.connect(acceptor.port) as raw:
        raw.send(asked.replace(b"9.8.7.6.5.4.3", b"Doe^Synthetic"))
        assert raw.pdu()[0] == 2
        assert seen.wait_for("contexts rejected")["words"] == "an invalid UID"
