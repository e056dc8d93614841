"""Emulated modalities on emulated printers."""

from __future__ import annotations

import pytest

from broker.dicom import statuses
from broker.emulator.modality import Modality
from broker.emulator.printer import EmulatedPrinter
from broker.emulator.sample_films import color_films, sample_films
from broker.model.films.film import Film
from broker.model.jobs.job import Level, Priority
from broker.model.printers.trouble import Refused, Unavailable, Uncertain
from tests.emulator.conftest import NewPrinter

FILMS, PIXELS = sample_films()


def where(printer: EmulatedPrinter) -> tuple[str, int, str]:
    """The first arguments of print()."""
    return printer.host, printer.port, printer.ae_title


def test_every_sample_film_prints_as_it_was_composed(new_printer: NewPrinter) -> None:
    """Same layout, sizes, attributes and pixels, in order, each with 0x0000 of its own."""
    printer = new_printer()
    answered = Modality("CT1").print(*where(printer), FILMS, PIXELS.__getitem__)
    assert [(each.films, each.status, each.step) for each in answered] == [
        (1, 0, "N-ACTION")
    ] * len(FILMS)
    assert all(each.printed and each.seconds >= 0 for each in answered)
    sheets = printer.sheets
    assert [sheet.pixels for sheet in sheets] == [film.spooled for film in FILMS]
    for sheet, film in zip(sheets, FILMS, strict=True):
        assert sheet.film_box == {name: list(sent) for name, sent in film.attributes.items()}
        assert [image.attributes for image in sheet.images] == [
            {name: list(sent) for name, sent in box.attributes.items()}
            for box in film.image_boxes
            if box.image is not None
        ]
        assert {image.lut for image in sheet.images} == {"table of 4096" if film.lut else ""}


def test_a_film_session_is_one_request(new_printer: NewPrinter) -> None:
    """At film session level there is one N-ACTION for all films, with copies and priority."""
    printer = new_printer()
    answered = Modality("CT1").print(
        *where(printer),
        FILMS[:3],
        PIXELS.__getitem__,
        level=Level.FILM_SESSION,
        copies=2,
        priority=Priority.HIGH,
        session={"MediumType": ("BLUE FILM",), "FilmDestination": ("MAGAZINE",)},
    )
    assert [(each.films, each.status) for each in answered] == [(3, 0)]
    assert [(sheet.copies, sheet.priority) for sheet in printer.sheets] == [(2, "HIGH")] * 3
    assert printer.sheets[0].session == {"MediumType": "BLUE FILM", "FilmDestination": "MAGAZINE"}


def test_color_films_print_on_a_color_association(new_printer: NewPrinter) -> None:
    """RGB images go through Basic Color Print, byte for byte."""
    films, pixels = color_films()
    printer = new_printer()
    answered = Modality("US1").print(*where(printer), films, pixels.__getitem__)
    assert [each.status for each in answered] == [0] * len(films)
    assert [sheet.pixels for sheet in printer.sheets] == [film.spooled for film in films]
    assert {image.photometric for sheet in printer.sheets for image in sheet.images} == {"RGB"}


def test_the_first_failure_ends_the_film_session(new_printer: NewPrinter) -> None:
    """A refused film box is said with its step and status; later films are not sent."""
    printer = new_printer("refuse-size:A4")
    answered = Modality("CT1").print(*where(printer), FILMS[:3], PIXELS.__getitem__)
    assert [(each.step, each.status, each.printed) for each in answered] == [
        ("N-ACTION", 0, True),
        ("N-CREATE film box", statuses.INVALID_ATTRIBUTE_VALUE, False),
    ]
    assert len(printer.sheets) == 1


def test_a_refused_action_is_not_printed(new_printer: NewPrinter) -> None:
    """N-ACTION's own failure is said as such."""
    printer = new_printer("refuse-action:0xC602")
    answered = Modality("CT1").print(*where(printer), FILMS[:2], PIXELS.__getitem__)
    assert [(each.step, each.status, each.printed) for each in answered] == [
        ("N-ACTION", statuses.FILM_BOX_QUEUE_FULL, False)
    ]


@pytest.mark.parametrize(
    ("scenario", "trouble", "films"),
    [
        ("down", Unavailable, FILMS[:1]),
        ("busy", Unavailable, FILMS[:1]),
        ("dies-in-set", Unavailable, FILMS[:1]),
        ("prints-and-dies", Uncertain, FILMS[:1]),
        ("no-lut", Refused, FILMS[-1:]),
    ],
)
def test_what_breaks_is_raised(
    new_printer: NewPrinter, scenario: str, trouble: type[Exception], films: tuple[Film, ...]
) -> None:
    """No association, a broken one, a missing class: an exception, not a status."""
    printer = new_printer(scenario)
    with pytest.raises(trouble):
        Modality("CT1").print(*where(printer), films, PIXELS.__getitem__)
