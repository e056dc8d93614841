"""What a printer's refusal does not prove is not learned from it: another film is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom.sop_class import BasicGrayscaleImageBox  # type: ignore[attr-defined]

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX
from broker.model.jobs.job import State
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.peers.speaker import image_box, picture
from tests.relay.conftest import Relay


@contextmanager
def printing_on(folder: Path, printer: ChoosyPrinter) -> Iterator[Relay]:
    """A broker with this printer alone, which is up."""
    with running(printer):
        relay = Relay(folder, [printer.address])
        try:
            relay.wait_until_up()
            yield relay
        finally:
            relay.close()


def print_film(
    relay: Relay,
    session: dict[str, object] | None = None,
    image: Dataset | None = None,
    **film_box: object,
) -> tuple[int, str]:
    """The first failure that the modality was answered, and what became of the film, if any."""
    number = len(relay.jobs()) + 1
    ct = relay.speaker()
    statuses_of = [ct.open_session(**(session or {})).status]
    if not statuses_of[-1]:
        statuses_of.append(ct.open_film_box(**film_box).status)
    if not statuses_of[-1]:
        statuses_of.append(ct.set_image(made=image).status)
    if not statuses_of[-1]:
        statuses_of.append(ct.action(FILM_BOX, ct.film_box).status)
    ct.release()
    if statuses_of[-1]:
        return statuses_of[-1], ""
    ends = (State.SENT, State.HELD)
    relay.wait_for(lambda: relay.jobs(number)[0].state in ends, f"job {number} has no end")
    (film,) = relay.service.jobs.queries.films(number)
    return 0, f"{relay.jobs(number)[0].state}: {film.words}".removesuffix(": ")


def test_a_size_is_refused_on_its_medium_alone(tmp_path: Path) -> None:
    """The printer has 14INX17IN on BLUE FILM: refused on PAPER, it prints on BLUE FILM."""
    both = {"MediumType": "PAPER", "FilmSizeID": "14INX17IN"}
    printer = ChoosyPrinter("oki-1", refuses_together=[both])
    with printing_on(tmp_path, printer) as relay:
        blue, paper = {"MediumType": "BLUE FILM"}, {"MediumType": "PAPER"}
        assert print_film(relay, blue, FilmSizeID="14INX17IN") == (0, "sent")
        assert print_film(relay, paper, FilmSizeID="14INX17IN")[1].startswith("held")
        assert print_film(relay, blue, FilmSizeID="14INX17IN") == (0, "sent")
        assert print_film(relay, paper, FilmSizeID="A4") == (0, "sent")
        refused = print_film(relay, paper, FilmSizeID="14INX17IN")
        assert refused == (statuses.INVALID_ATTRIBUTE_VALUE, "")


def test_a_format_is_refused_on_its_size_alone(tmp_path: Path) -> None:
    """20 images on one size are no reason against 20 images on another."""
    both = {"ImageDisplayFormat": r"STANDARD\4,5", "FilmSizeID": "11INX17IN"}
    with printing_on(tmp_path, ChoosyPrinter("oki-1", refuses_together=[both])) as relay:
        small = print_film(relay, display_format=r"STANDARD\4,5", FilmSizeID="11INX17IN")
        assert small[1].startswith("held")
        large = print_film(relay, display_format=r"STANDARD\4,5", FilmSizeID="14INX17IN")
        assert large == (0, "sent")


def test_no_such_attribute_is_about_that_value(tmp_path: Path) -> None:
    """A printer that answers 0x0105 to one size prints another."""
    printer = ChoosyPrinter("oki-1", refuses={"FilmSizeID": "A3"}, status=0x0105)
    with printing_on(tmp_path, printer) as relay:
        assert print_film(relay, FilmSizeID="A3")[1].startswith("held")
        assert print_film(relay, FilmSizeID="A4") == (0, "sent")
        assert print_film(relay, FilmSizeID="A3") == (statuses.NO_SUCH_ATTRIBUTE, "")


def test_an_optional_value_is_left_out_beside_its_others_alone(tmp_path: Path) -> None:
    """SHARP is not taken beside REPLICATE, and goes there beside CUBIC."""
    both = {"SmoothingType": "SHARP", "MagnificationType": "REPLICATE"}
    with printing_on(tmp_path, ChoosyPrinter("oki-1", refuses_together=[both])) as relay:
        adapted = print_film(relay, SmoothingType="SHARP", MagnificationType="REPLICATE")
        assert adapted == (0, "sent: without SmoothingType: oki-1 does not take it")
        assert print_film(relay, SmoothingType="SHARP", MagnificationType="CUBIC") == (0, "sent")


@pytest.mark.parametrize("optional", [True, False])
def test_a_refusal_that_passes_teaches_nothing(tmp_path: Path, optional: bool) -> None:
    """One 0x0106, and then the same film is taken: it comes out whole."""
    with printing_on(tmp_path, ChoosyPrinter("oki-1", passing_refusals=1)) as relay:
        wish = {"Trim": "YES"} if optional else {"FilmSizeID": "A3"}
        assert print_film(relay, **wish) == (0, "sent")
        assert relay.service.capabilities.of("oki-1") == ()


def test_the_size_of_an_image_is_no_lesson_for_its_attributes(tmp_path: Path) -> None:
    """An image that is refused for its content is held; the next one has all of its attributes."""
    wish = {"MagnificationType": "CUBIC", "SmoothingType": "SHARP", "MaxDensity": 250}
    printer = ChoosyPrinter("oki-1", refuses={"Rows": 128})
    with printing_on(tmp_path, printer) as relay:
        large = image_box(1, picture(Rows=128, Columns=128, PixelData=bytes(1 << 14)), **wish)
        assert print_film(relay, image=large)[1].startswith("held")
        assert print_film(relay, image=image_box(1, **wish)) == (0, "sent")
    ((_, _, image),) = printer.printed
    assert (image.MagnificationType, image.SmoothingType, image.MaxDensity) == (
        "CUBIC",
        "SHARP",
        250,
    )


def test_nothing_of_an_experiment_stays_in_an_image_box(tmp_path: Path) -> None:
    """What was tried is not what is printed: the film is laid anew, in another film box."""
    printer = ChoosyPrinter("oki-1", refuses={"SmoothingType": "WILD"}, keeps_attributes=True)
    with printing_on(tmp_path, printer) as relay:
        wish = {"SmoothingType": "WILD", "MagnificationType": "CUBIC", "MaxDensity": 250}
        assert print_film(relay, image=image_box(1, **wish)) == (
            0,
            "sent: without SmoothingType: oki-1 does not take it",
        )
    ((_, _, image),) = printer.printed
    assert "SmoothingType" not in image
    assert (image.MagnificationType, image.MaxDensity) == ("CUBIC", 250)
    assert image.BasicGrayscaleImageSequence[0].Rows == picture().Rows
    whole = [each for each in printer.asked(BasicGrayscaleImageBox) if _is_whole(each)]
    assert len(whole) == 2


def _is_whole(image: Dataset) -> bool:
    return bool(image.BasicGrayscaleImageSequence[0].Rows == picture().Rows)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ({"Polarity": "REVERSE"}, {"Polarity": "NORMAL"}),
        ({"RequestedImageSize": "200"}, {"RequestedImageSize": "150"}),
        ({"RequestedDecimateCropBehavior": "FAIL"}, {"RequestedDecimateCropBehavior": "DECIMATE"}),
    ],
)
@pytest.mark.parametrize("level", ["film box", "image box"])
def test_an_image_that_would_come_out_otherwise_is_not_printed(
    tmp_path: Path, level: str, asked: dict[str, object], answered: dict[str, object]
) -> None:
    """A printer that answers success, and says that it makes another polarity or scale of it."""
    if level == "film box" and "Polarity" in asked:
        return  # it has none
    printer = ChoosyPrinter("oki-1", answers=answered)
    with printing_on(tmp_path, printer) as relay:
        if level == "film box":
            came = print_film(relay, **asked)
        else:
            came = print_film(relay, image=image_box(1, **asked))
    assert came[1].startswith("held")
    assert printer.printed == []


def test_a_printer_for_one_association_is_asked_for_its_format_beside_a_linger(
    tmp_path: Path,
) -> None:
    """What lingers there gives way: the modality is not told that the printer is busy."""
    printer = ChoosyPrinter("oki-1", boxes={"SLIDE": 6}, at_once=1)
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        ct.open_film_box()
        ct.set_image()
        assert ct.action(FILM_BOX, ct.film_box).status == 0
        relay.wait_until(State.SENT, 1)
        assert ct.open_film_box("SLIDE").status == 0
        assert len(ct.boxes) == 6


def test_a_film_box_without_image_boxes_is_no_answer(tmp_path: Path) -> None:
    """A printer that names none is asked again."""
    printer = ChoosyPrinter("oki-1", boxes={"SLIDE": 0})
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        assert ct.open_film_box("SLIDE").status == statuses.PROCESSING_FAILURE
        printer.boxes = {"SLIDE": 6}
        assert ct.open_film_box("SLIDE").status == 0


@pytest.mark.parametrize(
    ("refused", "taken"),
    [
        ({"MediumType": "BLUE FILM"}, {"MediumType": "BLUE FILM", "FilmDestination": "BIN_1"}),
        ({"MediumType": "BLUE FILM"}, {"MediumType": "PAPER"}),
    ],
)
def test_another_request_is_another_question(
    tmp_path: Path, refused: dict[str, str], taken: dict[str, str]
) -> None:
    """A printer may want a value beside another one: what was not asked for is not known."""
    only = {"MediumType": "BLUE FILM", "FilmDestination": ""}
    with printing_on(tmp_path, ChoosyPrinter("oki-1", refuses_together=[only])) as relay:
        assert print_film(relay, refused)[1].startswith("held")
        assert print_film(relay, taken) == (0, "sent")
        again = print_film(relay, refused)
        assert again[0] or again[1].startswith("held")


def test_several_copies_are_no_reason_against_one(tmp_path: Path) -> None:
    """They may be why the printer refused the film session."""
    both = {"MediumType": "BLUE FILM", "NumberOfCopies": "5"}
    with printing_on(tmp_path, ChoosyPrinter("oki-1", refuses_together=[both])) as relay:
        five = {"MediumType": "BLUE FILM", "NumberOfCopies": 5}
        assert print_film(relay, five)[1].startswith("held")
        assert print_film(relay, {"MediumType": "BLUE FILM"}) == (0, "sent")


def test_a_printer_that_was_changed_is_asked_with_as_many_image_boxes(tmp_path: Path) -> None:
    """What it refused in a format of four is asked for again in that format."""
    printer = ChoosyPrinter("oki-1", refuses={"Polarity": "REVERSE"})
    with printing_on(tmp_path, printer) as relay:
        film = {"display_format": r"STANDARD\2,2"}
        image = image_box(1, Polarity="REVERSE")
        assert print_film(relay, image=image, **film)[1].startswith("held")
        printer.refuses.clear()
        assert print_film(relay, image=image, **film) == (statuses.INVALID_ATTRIBUTE_VALUE, "")
        relay.wait_for(lambda: any(event == "capabilities forgotten" for event, _ in relay.notes))
        assert print_film(relay, image=image, **film) == (0, "sent")


def test_many_images_are_laid_twice_at_most(tmp_path: Path) -> None:
    """Each image of the film has a value of its own that is not taken: the pixels of each go over
    the wire twice, and once for the next film."""
    printer = ChoosyPrinter("oki-1", refuses={"SmoothingType": None})
    with printing_on(tmp_path, printer) as relay:
        for _ in range(2):
            ct = relay.speaker()
            ct.open_session()
            ct.open_film_box(r"STANDARD\2,3")
            for position in range(1, 7):
                wish = {"SmoothingType": "SHARP", "MaxDensity": 200 + position}
                ct.set_image(position, image_box(position, **wish))
            ct.action(FILM_BOX, ct.film_box)
            ct.release()
            relay.wait_until(State.SENT)
    whole = [each for each in printer.asked(BasicGrayscaleImageBox) if _is_whole(each)]
    assert len(whole) == 6 + 6 + 6
