"""What is left out of a request that a printer refuses: pure, but for what is remembered."""

from __future__ import annotations

from broker.dicom.scu.adaptation import MOST, OPTIONAL, Adaptations, PrintObject, tries

SENT = {
    "FilmSizeID": ("A4",),
    "Trim": ("YES",),
    "SmoothingType": ("SHARP",),
    "RequestedDecimateCropBehavior": ("DECIMATE",),
}
NEVER = {
    "NumberOfCopies",
    "MediumType",
    "ImageDisplayFormat",
    "FilmSizeID",
    "FilmOrientation",
    "Polarity",
    "RequestedImageSize",
}


def test_what_makes_another_film_is_in_no_list() -> None:
    """Copies, medium, format, size, orientation, polarity, scale."""
    assert not NEVER & {each for keywords in OPTIONAL.values() for each in keywords}


def test_what_the_printer_names_is_left_out() -> None:
    """Nothing else; and nothing at all where it names only what must stay."""
    assert list(tries(PrintObject.FILM_BOX, ["Trim", "FilmSizeID"], SENT)) == [frozenset({"Trim"})]
    assert list(tries(PrintObject.FILM_BOX, ["FilmSizeID"], SENT)) == []


def test_where_it_names_nothing_each_is_tried_alone() -> None:
    """That which costs least first, and all of them together last."""
    alone = [{"SmoothingType"}, {"Trim"}, {"RequestedDecimateCropBehavior"}]
    assert list(tries(PrintObject.FILM_BOX, [], SENT)) == [*alone, set().union(*alone)]
    assert list(tries(PrintObject.FILM_BOX, [], {"Trim": ("YES",)})) == [{"Trim"}]
    assert list(tries(PrintObject.FILM_BOX, [], {"FilmSizeID": ("A4",)})) == []


def test_pixels_are_sent_once_more_only() -> None:
    """All that an image box can be without, at once."""
    sent = {"SmoothingType": ("SHARP",), "MagnificationType": ("CUBIC",), "Polarity": ("REVERSE",)}
    assert list(tries(PrintObject.IMAGE_BOX, [], sent)) == [{"SmoothingType", "MagnificationType"}]


def test_how_an_image_is_cropped_is_not_left_out() -> None:
    """But for what every printer does by itself."""
    assert (
        list(tries(PrintObject.IMAGE_BOX, [], {"RequestedDecimateCropBehavior": ("CROP",)})) == []
    )


def test_it_is_the_value_that_is_remembered() -> None:
    """Of that printer and that request: another value is asked for."""
    seen = Adaptations()
    seen.leave_out("oki-1", PrintObject.FILM_BOX, frozenset({"Trim"}), SENT)
    assert seen.left_out("oki-1", PrintObject.FILM_BOX, SENT) == {"Trim"}
    assert seen.left_out("oki-1", PrintObject.FILM_BOX, {"Trim": ("NO",)}) == set()
    assert seen.left_out("oki-1", PrintObject.IMAGE_BOX, SENT) == set()
    assert seen.left_out("oki-2", PrintObject.FILM_BOX, SENT) == set()


def test_a_modality_with_ever_new_values_fills_no_memory() -> None:
    """What is remembered is bounded."""
    seen = Adaptations()
    for number in range(3 * MOST):
        asked = {"ConfigurationInformation": (str(number),)}
        seen.leave_out("oki-1", PrintObject.FILM_BOX, frozenset(asked), asked)
    remembered = [
        number
        for number in range(3 * MOST)
        if seen.left_out(
            "oki-1", PrintObject.FILM_BOX, {"ConfigurationInformation": (str(number),)}
        )
    ]
    assert len(remembered) <= MOST
