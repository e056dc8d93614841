"""The Print SCP over real associations, with real storage behind it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.attributes import put_raw
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    IMPLICIT_LITTLE,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
    VERIFICATION,
)
from broker.dicom.upper_layer.command_set import Command
from broker.model.jobs.job import FilmState, Level, Priority, State
from tests.dicom.conftest import ScpSite
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference

Speak = Callable[..., Speaker]


@pytest.mark.parametrize("syntax", [EXPLICIT_LITTLE, IMPLICIT_LITTLE])
def test_a_film_box_becomes_a_job_with_its_pixels(site: ScpSite, speak: Speak, syntax: str) -> None:
    """What a modality set and printed is what the job holds, in either transfer syntax."""
    ct = speak(calling_ae="CT1", transfer_syntaxes=(syntax,))
    ct.open_session(NumberOfCopies=2, PrintPriority="HIGH", MediumType="PAPER")
    ct.open_film_box(r"STANDARD\2,1", FilmSizeID="A4", MinDensity=20, FilmOrientation="LANDSCAPE")
    ct.set_image(2, image_box(2, picture(PixelData=bytes(16)), Polarity="REVERSE"))

    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS

    (job,) = site.jobs.queries.list()
    assert (job.state, job.calling_ae, job.called_ae) == (State.QUEUED, "CT1", "BROKER")
    assert (job.level, job.copies, job.priority) == (Level.FILM_BOX, 2, Priority.HIGH)
    (film,) = site.jobs.queries.films(job.id)
    assert film.state is FilmState.WAITING
    assert film.film.attributes == {
        "ImageDisplayFormat": ("STANDARD\\2,1",),
        "FilmSizeID": ("A4",),
        "FilmOrientation": ("LANDSCAPE",),
        "MinDensity": ("20",),
    }
    left, right = film.film.image_boxes
    assert left.image is None
    assert right.image is not None
    assert right.attributes == {"Polarity": ("REVERSE",)}
    assert site.spool.read(right.image.pixels) == bytes(16)


def test_a_film_session_prints_all_its_film_boxes(site: ScpSite, speak: Speak) -> None:
    """N-ACTION on the film session makes one job of all films, in the order of their creation."""
    ct = speak()
    ct.open_session(NumberOfCopies=3)
    for size in ("A4", "A3"):
        ct.open_film_box(FilmSizeID=size)
        ct.set_image()

    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS

    (job,) = site.jobs.queries.list()
    assert (job.level, job.films, job.copies) == (Level.FILM_SESSION, 2, 3)
    assert [film.film.film_size for film in site.jobs.queries.films(job.id)] == ["A4", "A3"] * 3


def test_the_frozen_copy_outlives_its_objects(site: ScpSite, speak: Speak) -> None:
    """What was accepted stays as it was, whatever the modality sets or deletes afterwards."""
    ct = speak()
    ct.print_film()
    before = site.jobs.queries.films(1)

    ct.set_image(1, image_box(1, picture(PixelData=bytes(16))))
    ct.set(FILM_BOX, ct.film_box, dataset(MaxDensity=300))
    assert ct.delete(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    assert ct.delete(FILM_SESSION, ct.session).status == statuses.SUCCESS
    ct.abort()
    site.wait_for_endings(1)

    assert site.jobs.queries.films(1) == before
    assert site.spool.read(before[0].film.spooled[0]) == bytes(range(16))


@pytest.mark.parametrize("end", ["release", "abort"])
def test_what_was_not_actioned_is_forgotten(site: ScpSite, speak: Speak, end: str) -> None:
    """Release and abort leave neither a job nor pixels of a film that was not asked for."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()

    getattr(ct, end)()
    site.wait_for_endings(1)

    assert site.jobs.queries.list() == []
    assert list(site.spool.names()) == []
    assert site.unkept() == []


def test_a_second_action_on_the_same_film_box_is_a_second_job(site: ScpSite, speak: Speak) -> None:
    """Printing a film box twice is asked for by some modalities, and done."""
    ct = speak()
    ct.print_film()
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    assert [job.id for job in site.jobs.queries.list()] == [1, 2]
    first, second = site.jobs.queries.list()
    assert first.film_session == second.film_session


def test_replies_carry_the_accepted_attributes(speak: Speak) -> None:
    """N-CREATE answers with a data set: what was sent, and the defaults that were used."""
    ct = speak()
    reply = ct.open_session(FilmSessionLabel="L", MediumType="PAPER").dataset
    assert reply is not None
    assert (reply.MediumType, reply.NumberOfCopies, reply.PrintPriority) == ("PAPER", 1, "MED")
    reply = ct.open_film_box("ROW\\1,2", FilmSizeID="14INX17IN").dataset
    assert reply is not None
    assert (reply.ImageDisplayFormat, reply.FilmSizeID) == ("ROW\\1,2", "14INX17IN")
    assert len(reply.ReferencedImageBoxSequence) == 3


def test_instance_uids_of_the_modality_are_kept(speak: Speak) -> None:
    """An N-CREATE with a UID makes an object of that UID; one without gets a fresh one."""
    ct = speak()
    answer = ct.create(FILM_SESSION, None, "1.2.3")
    assert answer.command.AffectedSOPInstanceUID == "1.2.3"
    answer = speak().create(FILM_SESSION, None)
    assert str(answer.command.AffectedSOPInstanceUID).startswith("2.25.")


def test_uids_that_are_not_quite_right_are_taken(speak: Speak) -> None:
    """A time with a zero in front, as a component of a UID, costs no film."""
    ct = speak()
    uid = "1.2.840.113619.2.20260101.090501"
    assert ct.create(FILM_SESSION, None, uid).status == statuses.SUCCESS


def test_labels_keep_every_byte(site: ScpSite, speak: Speak) -> None:
    """The byte of a backslash may be half a character: a label is not taken apart (Shift-JIS)."""
    label = bytes.fromhex("2020835c209 1be985920".replace(" ", ""))
    ct = speak()
    made = dataset()
    put_raw(made, "SpecificCharacterSet", "CS", b"ISO_IR 13 ")
    put_raw(made, "FilmSessionLabel", "LO", label)
    ct.session = str(ct.create(FILM_SESSION, made).command.AffectedSOPInstanceUID)
    ct.open_film_box()
    ct.set_image()
    ct.action(FILM_BOX, ct.film_box)
    (kept,) = site.jobs.queries.request(1).session["FilmSessionLabel"]
    assert kept.encode("latin-1") == label.rstrip(b" ")


def test_values_are_passed_on_as_the_standard_spells_them(site: ScpSite, speak: Speak) -> None:
    """What is understood in another spelling is told in the reply, and reaches printers right."""
    ct = speak()
    made = dataset()
    put_raw(made, "PrintPriority", "CS", b"high")
    ct.session = str(ct.create(FILM_SESSION, made).command.AffectedSOPInstanceUID)
    made = ct.film_box_of(r" standard\ 1,1")
    put_raw(made, "FilmOrientation", "CS", b"portrait")
    answer = ct.create(FILM_BOX, made)
    reply = answer.dataset
    assert reply is not None
    ct.film_box = str(answer.command.AffectedSOPInstanceUID)
    ct.boxes = [str(reply.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID)]
    assert (reply.ImageDisplayFormat, reply.FilmOrientation) == (r"STANDARD\1,1", "PORTRAIT")
    assert ct.set(FILM_BOX, ct.film_box, made).status == statuses.SUCCESS, "the same, said again"
    ct.set_image()
    ct.action(FILM_BOX, ct.film_box)
    assert site.jobs.queries.get(1).priority is Priority.HIGH


def test_zero_length_values_mean_the_default(site: ScpSite, speak: Speak) -> None:
    """Empty optional values are no error: they are as if not sent."""
    ct = speak()
    empty = dataset(NumberOfCopies=None, PrintPriority="", MemoryAllocation=None, MediumType="")
    ct.session = str(ct.create(FILM_SESSION, empty).command.AffectedSOPInstanceUID)
    assert ct.open_film_box(FilmSizeID="", Trim="", MinDensity=None).status == statuses.SUCCESS
    ct.set_image(1, image_box(1, picture(), Polarity="", RequestedImageSize=None))
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (job,) = site.jobs.queries.list()
    assert (job.copies, job.priority) == (1, Priority.MED)
    assert site.jobs.queries.request(1).films[0].attributes == {
        "ImageDisplayFormat": ("STANDARD\\1,1",)
    }


@pytest.mark.parametrize("level", ["film session", "film box", "image box"])
def test_a_lut_is_taken_back_by_a_reference_of_zero_length(
    site: ScpSite, speak: Speak, level: str
) -> None:
    """N-SET with an empty sequence: the film prints without it (PS3.7 10.1.3)."""
    ct = speak()
    lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
    given = [reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))]
    ct.open_session()
    ct.open_film_box()
    for named in (given, []):
        asked = dataset(ReferencedPresentationLUTSequence=named)
        if level == "film session":
            ct.set(FILM_SESSION, ct.session, asked)
        elif level == "film box":
            ct.set(FILM_BOX, ct.film_box, asked)
        ct.set_image(1, image_box(1, ReferencedPresentationLUTSequence=named))
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (film,) = site.jobs.queries.request(1).films
    assert film.luts == ()


def test_a_lut_stays_with_the_film_that_names_it(site: ScpSite, speak: Speak) -> None:
    """The LUT is part of the frozen copy, also when it is deleted before the print."""
    ct = speak()
    lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
    uid = str(lut.command.AffectedSOPInstanceUID)
    ct.open_session()
    ct.open_film_box(ReferencedPresentationLUTSequence=[reference(PRESENTATION_LUT, uid)])
    ct.set_image()
    assert ct.delete(PRESENTATION_LUT, uid).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    (film,) = site.jobs.queries.request(1).films
    assert film.lut is not None
    assert film.lut.shape == "LIN OD"
    assert site.jobs.queries.get(1).needs_lut


def test_an_image_lies_where_the_modality_puts_it(site: ScpSite, speak: Speak) -> None:
    """Image Box Position decides, whichever image box of the film it came with."""
    ct = speak()
    ct.open_session()
    ct.open_film_box(r"STANDARD\1,2")
    ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[0], image_box(2))
    ct.action(FILM_BOX, ct.film_box)
    (film,) = site.jobs.queries.request(1).films
    assert [box.image is None for box in film.image_boxes] == [True, False]


def test_an_empty_image_sequence_erases_the_box(site: ScpSite, speak: Speak) -> None:
    """N-SET with a sequence of no items takes the image away, and its pixels with it."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    erased = dataset(ImageBoxPosition=1)
    erased.BasicGrayscaleImageSequence = []
    assert ct.set(GRAYSCALE_IMAGE_BOX, ct.boxes[0], erased).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.EMPTY_FILM_BOX
    assert site.jobs.queries.list() == []
    assert site.unkept() == []


def test_the_only_candidate_serves_where_no_instance_is_named(site: ScpSite, speak: Speak) -> None:
    """N-ACTION and N-DELETE without an instance UID mean the one object there is."""
    ct = speak()
    ct.open_session()
    ct.open_film_box()
    ct.set_image()
    assert ct.action(FILM_BOX, "").status == statuses.SUCCESS
    assert ct.action(FILM_SESSION, "").status == statuses.SUCCESS
    assert ct.delete(FILM_BOX, "").status == statuses.SUCCESS
    assert ct.delete(FILM_SESSION, "").status == statuses.SUCCESS
    assert len(site.jobs.queries.list()) == 2


def test_the_printer_answers_for_the_pool(speak: Speak) -> None:
    """N-GET of the Printer gives all, or what was asked; what no printer has is listed (0x0107)."""
    ct = speak()
    answer = ct.get(PRINTER, PRINTER_INSTANCE)
    assert answer.status == statuses.SUCCESS
    assert answer.dataset is not None
    assert answer.dataset.PrinterName == "BROKER"
    answer = ct.get(PRINTER, PRINTER_INSTANCE, [0x21100010, 0x00100010])
    assert answer.status == statuses.ATTRIBUTE_LIST_ERROR
    assert answer.dataset is not None
    assert answer.dataset.PrinterStatus in ("NORMAL", "WARNING")
    assert int(answer.command.AttributeIdentifierList) == 0x00100010


def test_echo(speak: Speak) -> None:
    """C-ECHO on its context is answered."""
    answer = speak().say(Command.C_ECHO, on=VERIFICATION, AffectedSOPClassUID=VERIFICATION)
    assert answer.status == statuses.SUCCESS


def test_two_associations_know_nothing_of_each_other(site: ScpSite, speak: Speak) -> None:
    """The same UIDs on two associations are two objects (PS3.4 H.4.1.2.1.3)."""
    first, second = speak(calling_ae="CT1"), speak(calling_ae="MR1")
    assert first.create(FILM_SESSION, None, "1.2.3").status == statuses.SUCCESS
    assert second.create(FILM_SESSION, None, "1.2.3").status == statuses.SUCCESS
    first.release()
    site.wait_for_endings(1)
    second.session = "1.2.3"
    second.open_film_box()
    second.set_image()
    assert second.action(FILM_BOX, second.film_box).status == statuses.SUCCESS
    (job,) = site.jobs.queries.list()
    assert job.calling_ae == "MR1"


def test_no_patient_text_is_noted(site: ScpSite, speak: Speak) -> None:
    """Labels, owners and values that were refused appear in no log line (promise 10)."""
    ct = speak()
    ct.open_session(FilmSessionLabel="DOE^JANE", OwnerID="DOE", PrintPriority="MED")
    ct.open_film_box(FilmOrientation="DOE JANE")
    ct.open_film_box()
    ct.set_image(1, image_box(1, Polarity="DOE"))
    ct.set_image()
    ct.action(FILM_BOX, ct.film_box)
    ct.release()
    site.wait_for_endings(1)
    assert "DOE" not in repr(site.notes)
