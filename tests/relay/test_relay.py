"""A modality prints on the broker, a printer makes the film."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRESENTATION_LUT
from broker.model.jobs.job import State
from tests.peers.sized_films import lay_out, print_session
from tests.peers.speaker import dataset, image_box, picture, reference
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


def test_a_film_comes_out_as_it_was_sent(relay: MakeRelay) -> None:
    """Layout, size, orientation, pixels, polarity and copies reach the paper."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session(NumberOfCopies=2, MediumType="PAPER")
    ct.open_film_box(r"ROW\1,2", FilmSizeID="A3", FilmOrientation="LANDSCAPE")
    ct.set_image(2, image_box(2, picture(PixelData=bytes(16)), Polarity="REVERSE"))
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()

    (job,) = room.wait_until(State.SENT, 1)

    (sheet,) = room.printers["oki-1"].sheets
    assert (sheet.calling_ae, sheet.copies) == ("BROKER", 2)
    assert (sheet.display_format, sheet.film_size) == (r"ROW\1,2", "A3")
    assert sheet.orientation == "LANDSCAPE"
    (image,) = sheet.images
    assert (image.position, image.attributes) == (2, {"Polarity": ["REVERSE"]})
    assert (job.films, job.films_accepted, job.printer) == (1, 1, "oki-1")


@pytest.mark.parametrize("rows", [15, 20])
def test_a_film_of_many_small_images_comes_out(relay: MakeRelay, rows: int) -> None:
    """225 and 400 image boxes, the first and the last with an image."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session()
    ct.open_film_box(rf"STANDARD\{rows},{rows}")
    for position in (1, rows * rows):
        assert ct.set_image(position, image_box(position, picture())).status == statuses.SUCCESS
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.release()
    room.wait_until(State.SENT, 1)
    (sheet,) = room.printers["oki-1"].sheets
    assert sheet.display_format == rf"STANDARD\{rows},{rows}"
    assert [image.position for image in sheet.images] == [1, rows * rows]


def test_equal_printers_share_twelve_films_evenly(relay: MakeRelay) -> None:
    """Twelve single-film sessions on three printers of one speed are four for each."""
    room = relay(3, seconds=0.2)
    room.print_films(12)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 4, "oki-2": 4, "oki-3": 4}


def test_films_follow_the_weights(relay: MakeRelay) -> None:
    """Weights 100, 100, 50: ten films are 4, 4 and 2."""
    room = relay(3, seconds=0.6, weights={"oki-3": 50})
    room.print_films(10)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 4, "oki-2": 4, "oki-3": 2}


def test_a_film_session_comes_out_collated(relay: MakeRelay) -> None:
    """Three copies of a film session of two films are 1 2, 1 2, 1 2 (PS3.4 H.4.1.2.4)."""
    room = relay(1)
    print_session(room.speaker(), "A4", "A3", NumberOfCopies=3)
    (job,) = room.wait_until(State.SENT, 1)
    sheets = room.printers["oki-1"].sheets
    assert [(sheet.film_size, sheet.copies) for sheet in sheets] == [("A4", 1), ("A3", 1)] * 3
    assert (job.films, job.films_accepted, job.copies) == (2, 2, 3)


def test_films_of_one_film_session_stay_in_order_on_one_printer(relay: MakeRelay) -> None:
    """Eight film boxes printed one by one come out in that order, all on one printer."""
    room = relay(3, seconds=0.05)
    ct = room.speaker()
    ct.open_session()
    sizes = ["A4", "A3", "8INX10IN", "10INX12IN", "11INX14IN", "14INX14IN", "14INX17IN", "A4"]
    for size in sizes:
        lay_out(ct, size)
        ct.action(FILM_BOX, ct.film_box)
        ct.delete(FILM_BOX, ct.film_box)
    ct.release()
    room.wait_until(State.SENT)
    (used,) = [printer for printer in room.printers.values() if printer.sheets]
    assert [sheet.film_size for sheet in used.sheets] == sizes


def test_a_film_with_a_lut_goes_where_luts_are_taken(relay: MakeRelay) -> None:
    """A printer that refuses the context never gets the film; the other one gets the LUT."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("no-lut")
    room.wait_until_up()
    for _ in range(3):
        ct = room.speaker()
        lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
        named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
        ct.open_session()
        ct.open_film_box(ReferencedPresentationLUTSequence=[named], Illumination=2000)
        ct.set_image()
        assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
        ct.release()
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 3}
    assert [sheet.images[0].lut for sheet in room.printers["oki-2"].sheets] == ["LIN OD"] * 3


def test_a_lut_does_not_stay_for_the_next_film(relay: MakeRelay) -> None:
    """On a printer that wants it in the film session, a film without LUT gets none."""
    room = relay(1, lut_level="film session")
    ct = room.speaker()
    lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
    named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
    ct.open_session(NumberOfCopies=1, MediumType="PAPER")
    for chosen in ([named], [named], [], [named]):
        more = {"ReferencedPresentationLUTSequence": chosen} if chosen else {}
        ct.open_film_box(**more)
        ct.set_image()
    assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
    ct.release()
    room.wait_until(State.SENT, 1)
    sheets = room.printers["oki-1"].sheets
    assert [sheet.images[0].lut for sheet in sheets] == ["LIN OD", "LIN OD", "", "LIN OD"]
    assert {sheet.session["MediumType"] for sheet in sheets} == {"PAPER"}


def test_luts_are_not_taken_while_no_printer_takes_them(relay: MakeRelay) -> None:
    """The context is rejected, so that the modality renders its LUT itself."""
    room = relay(1)
    room.printers["oki-1"].set_scenario("no-lut")
    room.wait_for(lambda: room.service.printers.get("oki-1").supports_lut is False)
    assert room.speaker().wire.context(PRESENTATION_LUT) is None
    room.printers["oki-1"].set_scenario("ok")
    room.wait_for(lambda: room.service.printers.get("oki-1").supports_lut is True)
    assert room.speaker().wire.context(PRESENTATION_LUT) is not None
