"""What a film is printed without, and how it is found out: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from broker.dicom.scu.adaptation import Adaptations, Asked, Found, LeftOut, named, search
from broker.model.films.adaptations import ALLOWED, HARMLESS
from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.films.film import Attributes

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


def _asked(level: PrintObject, attributes: Attributes, *among: Trait) -> Asked:
    return Asked(level, attributes, frozenset(among))


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
    """The first that it takes the film without; then the whole film is asked for again."""
    takes, asked = _refusing("Trim")
    assert search(takes, ["SmoothingType", "Trim", "BorderDensity"], ["FilmSizeID"]) == Found(
        frozenset({"Trim"})
    )
    assert asked == [{"SmoothingType"}, {"Trim"}, set()]


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
    assert site.essential(BOX, SENT) == ["RequestedDecimateCropBehavior", "Trim"]


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


def test_it_is_the_request_that_is_remembered() -> None:
    """Another value, or another one beside it, is asked for."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    asked = _asked(BOX, SENT)
    seen.leave_out(asked, frozenset({"Trim"}))
    assert seen.left_out(asked) == {"Trim"}
    for other in (
        _asked(BOX, {**SENT, "Trim": ("NO",)}),
        _asked(BOX, {**SENT, "FilmSizeID": ("A3",)}),
        _asked(BOX, SENT, Trait(PrintObject.SESSION, "MediumType", "PAPER")),
        _asked(IMAGE, SENT),
    ):
        assert seen.left_out(other) == set()
    assert Adaptations(learned).left_out(asked) == {"Trim"}
    seen.leave_out(asked, frozenset({"Trim"}))
    assert len(learned) == 1, "it was told once"


def test_no_text_of_a_patient_is_remembered() -> None:
    """Labels and other elements are left out whatever they say."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    asked = {"FilmSessionLabel": ("DOE^JANE",), "other elements": ("",)}
    seen.leave_out(_asked(PrintObject.SESSION, asked), frozenset(asked))
    assert "DOE" not in repr(learned)
    other = {**asked, "FilmSessionLabel": ("ROE^RICHARD",)}
    assert seen.left_out(_asked(PrintObject.SESSION, other)) == set(asked)


def test_a_refusal_is_remembered_with_what_was_asked_for_beside() -> None:
    """And in words."""
    learned: list[Capability] = []
    seen = Adaptations(learn=learned.append)
    size, medium = Trait(BOX, "FilmSizeID", "A4"), Trait(PrintObject.SESSION, "MediumType", "PAPER")
    said = seen.refuse(_asked(BOX, SENT, size, medium), frozenset({"FilmSizeID"}), 0x0106)
    assert said == "FilmSizeID A4 with MediumType PAPER"
    assert learned == [Capability(Lesson.REFUSES, size, frozenset({size, medium}), 0x0106)]


def test_a_refusal_that_has_passed_teaches_nothing() -> None:
    """The whole request is asked for again in the end."""
    for optional, essential in ((["Trim"], []), ([], ["FilmSizeID"])):
        passing = iter([False] * len(optional + essential))

        def takes(left_out: LeftOut, passing: Iterator[bool] = passing) -> bool:
            return bool(left_out) or next(passing, True)

        next(passing, None)
        assert search(takes, optional, essential) == Found(frozenset())


def test_pixels_that_are_to_be_printed_as_they_are_stay_so() -> None:
    """MagnificationType NONE is about scale (PS3.3 C.13.3)."""
    usual = Adaptations()
    assert usual.optional(BOX, {"MagnificationType": ("NONE",)}) == []
    assert usual.optional(BOX, {"MagnificationType": ("CUBIC",)}) == ["MagnificationType"]


def test_what_the_site_omits_is_never_asked_for() -> None:
    """Whatever its value."""
    assert Adaptations(omit=("Trim",)).left_out(_asked(BOX, SENT)) == {"Trim"}


def test_what_a_person_chose_is_never_left_out() -> None:
    """Neither by the site's word, nor by what was learned of other films; and a refusal of it says
    nothing of films that may be printed without it."""
    size = Trait(BOX, "FilmSizeID", "A4")
    asked = _asked(BOX, {"FilmSizeID": ("A4",), "Trim": ("YES",)}, size)
    known = [Capability(Lesson.WITHOUT, size, asked.whole)]
    learned: list[Capability] = []
    named = {"adapt": ("film-size",), "omit": ("Trim",)}
    usual = Adaptations(known, learned.append, **named)
    strict = Adaptations(known, learned.append, **named, chosen=["FilmSizeID"])

    assert usual.left_out(asked) == {"FilmSizeID", "Trim"}
    assert strict.left_out(asked) == {"Trim"}
    assert "FilmSizeID" in usual.optional(BOX, asked.attributes)
    assert "FilmSizeID" not in strict.optional(BOX, asked.attributes)
    assert strict.essential(BOX, asked.attributes) == ["FilmSizeID"]
    words = strict.refuse(asked, frozenset({"FilmSizeID"}), 0x0106)
    assert words == "FilmSizeID A4, which a person chose"
    assert learned == []


def test_a_chosen_size_that_no_film_may_be_printed_without_teaches_all() -> None:
    """Other films with it would be refused likewise."""
    size = Trait(BOX, "FilmSizeID", "A4")
    learned: list[Capability] = []
    strict = Adaptations((), learned.append, chosen=["FilmSizeID"])
    asked = _asked(BOX, {"FilmSizeID": ("A4",)}, size)
    strict.refuse(asked, frozenset({"FilmSizeID"}), 0x0106)
    assert [each.lesson for each in learned] == [Lesson.REFUSES]
