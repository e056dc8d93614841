"""What a film is printed without, and how it is found out: pure."""

from __future__ import annotations

from collections.abc import Callable

from broker.dicom.scu.adaptation import Adaptations, Found, LeftOut, named, search
from broker.dicom.statuses import INVALID_ATTRIBUTE_VALUE, NO_SUCH_ATTRIBUTE
from broker.model.adaptations import ALLOWED, HARMLESS
from broker.model.capabilities import Capability, Lesson, PrintObject, Trait

BOX, IMAGE = PrintObject.FILM_BOX, PrintObject.IMAGE_BOX
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
    "BitsStored",
}


def _refusing(*keywords: str) -> tuple[Callable[[LeftOut], bool], list[LeftOut]]:
    """A printer that refuses each of these, and what it was asked."""
    asked: list[LeftOut] = []

    def takes(left_out: LeftOut) -> bool:
        asked.append(left_out)
        return left_out >= set(keywords)

    return takes, asked


def test_what_makes_another_film_is_no_harmless_adaptation() -> None:
    """Copies, medium, format, size, orientation, depth, polarity, scale."""
    harmless = {keyword for pairs in HARMLESS.values() for _, keyword in pairs}
    assert not NEVER & harmless
    assert not harmless & {keyword for pairs in ALLOWED.values() for _, keyword in pairs}


def test_one_attribute_is_left_out_alone() -> None:
    """The first that it takes the film without; nothing else is asked."""
    takes, asked = _refusing("Trim")
    assert search(takes, ["SmoothingType", "Trim", "BorderDensity"], ["FilmSizeID"]) == Found(
        frozenset({"Trim"})
    )
    assert asked == [{"SmoothingType"}, {"Trim"}]


def test_of_several_only_those_are_left_out_that_it_refuses() -> None:
    """The others are put back."""
    takes, _ = _refusing("Trim", "SmoothingType")
    found = search(takes, ["SmoothingType", "Trim", "BorderDensity"], ["FilmSizeID"])
    assert found == Found(frozenset({"Trim", "SmoothingType"}))


def test_what_cannot_be_left_out_is_named() -> None:
    """Whatever else it refuses beside that."""
    for optional in ((), ("Trim",), ("Trim", "SmoothingType")):
        takes, _ = _refusing("FilmSizeID", *optional)
        found = search(
            takes, ["SmoothingType", "Trim"], ["FilmSizeID", "FilmOrientation", "MediumType"]
        )
        assert found == Found(None, frozenset({"FilmSizeID"}))
    takes, _ = _refusing("FilmSizeID", "MediumType")
    assert search(takes, [], ["FilmSizeID", "FilmOrientation", "MediumType"]).refused == {
        "FilmSizeID",
        "MediumType",
    }


def test_a_printer_that_refuses_everything_teaches_nothing() -> None:
    """What is not known is not refused."""
    takes, _ = _refusing("something else")
    assert search(takes, ["Trim"], ["FilmSizeID"]) == Found(None)
    assert search(takes, [], []) == Found(None)


def test_what_the_printer_names_is_known() -> None:
    """Its own attributes by their names; what print does not name, together."""
    assert list(named(["Trim", "PatientName"], {**SENT, "other elements": ("",)})) == [
        "Trim",
        "other elements",
    ]


def test_optional_and_essential_are_what_the_site_allows() -> None:
    """`adapt` allows what makes another film, and forbids what is harmless."""
    usual = Adaptations()
    assert usual.optional(BOX, SENT) == ["SmoothingType", "Trim", "RequestedDecimateCropBehavior"]
    assert usual.essential(BOX, SENT) == ["FilmSizeID"]
    site = Adaptations(adapt=("film-size", "no-trim", "no-decimate"))
    assert site.optional(BOX, SENT) == ["SmoothingType", "FilmSizeID"]
    assert site.essential(BOX, SENT) == ["RequestedDecimateCropBehavior"]


def test_the_simplest_format_is_no_reason() -> None:
    """Nothing could be asked for in its place."""
    assert Adaptations().essential(BOX, {"ImageDisplayFormat": ("STANDARD\\1,1",)}) == []
    assert Adaptations().essential(BOX, {"ImageDisplayFormat": ("STANDARD\\2,1",)}) == [
        "ImageDisplayFormat"
    ]


def test_how_an_image_is_cropped_is_not_left_out() -> None:
    """But for what every printer does by itself; likewise a polarity that changes nothing."""
    for keyword, value, optional in (
        ("RequestedDecimateCropBehavior", "CROP", False),
        ("RequestedDecimateCropBehavior", "DECIMATE", True),
        ("Polarity", "REVERSE", False),
        ("Polarity", "NORMAL", True),
    ):
        sent = {keyword: (value,)}
        assert (Adaptations().optional(IMAGE, sent) == [keyword]) == optional
        assert (Adaptations().essential(IMAGE, sent) == [keyword]) != optional


def test_it_is_the_value_that_is_remembered() -> None:
    """Of that request: another value is asked for."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    seen.leave_out(BOX, frozenset({"Trim"}), SENT)
    assert seen.left_out(BOX, SENT) == {"Trim"}
    assert seen.left_out(BOX, {"Trim": ("NO",)}) == set()
    assert seen.left_out(IMAGE, SENT) == set()
    assert Adaptations(learned).left_out(BOX, SENT) == {"Trim"}
    seen.leave_out(BOX, frozenset({"Trim"}), SENT)
    assert len(learned) == 1, "it was told once"


def test_no_text_of_a_patient_is_remembered() -> None:
    """Labels and other elements are left out whatever they say."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    asked = {"FilmSessionLabel": ("DOE^JANE",), "other elements": ("",)}
    seen.leave_out(PrintObject.SESSION, frozenset(asked), asked)
    assert {each.trait.value for each in learned} == {""}
    assert seen.left_out(PrintObject.SESSION, {"FilmSessionLabel": ("B",)}) == {"FilmSessionLabel"}


def test_an_attribute_that_does_not_exist_is_refused_with_every_value() -> None:
    """0x0105 is about the attribute, 0x0106 about its value; a format always exists."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    seen.refuse(BOX, frozenset({"FilmSizeID"}), SENT, NO_SUCH_ATTRIBUTE)
    seen.refuse(BOX, frozenset({"FilmSizeID"}), SENT, INVALID_ATTRIBUTE_VALUE)
    form = {"ImageDisplayFormat": ("STANDARD\\2,2",)}
    seen.refuse(BOX, frozenset(form), form, NO_SUCH_ATTRIBUTE)
    assert [(each.lesson, each.trait) for each in learned] == [
        (Lesson.REFUSES, Trait(BOX, "FilmSizeID", "")),
        (Lesson.REFUSES, Trait(BOX, "FilmSizeID", "A4")),
        (Lesson.REFUSES, Trait(BOX, "ImageDisplayFormat", "STANDARD\\2,2")),
    ]


def test_what_the_site_omits_is_never_asked_for() -> None:
    """Whatever its value."""
    assert Adaptations(omit=("Trim",)).left_out(BOX, SENT) == {"Trim"}
