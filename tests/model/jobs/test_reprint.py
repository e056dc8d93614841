"""A reprint as a person chose: what was asked for, but for that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.model.films.film import Attributes, Film, Image, ImageBox
from broker.model.jobs.job import Level, PrintRequest
from broker.model.jobs.reprint import (
    ReprintChoice,
    UnfitChoice,
    altered,
    film_numbers,
    old_medium_words,
)


def film(size: str) -> Film:
    """An empty sheet."""
    return Film({"FilmSizeID": (size,), "Trim": ("YES",)}, (ImageBox(1),))


FILMS = (film("8INX10IN"), film("14INX17IN"), film("ODD SIZE"))
REQUEST = PrintRequest(
    "CT1",
    "BROKER",
    "10.0.0.9:4000",
    "one",
    Level.FILM_SESSION,
    {"MediumType": ("PAPER",), "FilmSessionLabel": ("x",)},
    FILMS,
    copies=2,
)


def test_nothing_chosen_changes_nothing() -> None:
    """Nor has it words."""
    assert altered(REQUEST, ReprintChoice(printer="oki-1", elsewhere=True)) == REQUEST
    assert ReprintChoice().words == ReprintChoice().of_job(1) == ""
    assert ReprintChoice(film_size="11INX14IN").of_job(1) == "job 1 on 11INX14IN"
    assert ReprintChoice(copies=2, films=(1,)).of_job(3) == "film 1 alone, 2 copies of job 3"
    chosen = ReprintChoice(films=(1, 2), film_size="A4", medium="PAPER")
    assert chosen.of_job(3) == "films 1, 2 of job 3 on A4, PAPER"


def test_films_copies_size_and_medium() -> None:
    """All else is as the modality asked."""
    choice = ReprintChoice(copies=1, film_size="A4", medium="BLUE FILM", films=(3, 1, 3))
    size = {"FilmSizeID": ("A4",)}
    assert altered(REQUEST, choice) == replace(
        REQUEST,
        copies=1,
        session={"MediumType": ("BLUE FILM",), "FilmSessionLabel": ("x",)},
        films=tuple(
            replace(
                each, attributes={**each.attributes, **size}, chosen=("FilmSizeID", "MediumType")
            )
            for each in (FILMS[0], FILMS[2])
        ),
    )
    assert choice.words == "films 3, 1, 3, 1 copy, A4, BLUE FILM"


def test_a_size_of_its_own_may_be_kept() -> None:
    """One that the standard does not name, and the modality did."""
    found = altered(REQUEST, ReprintChoice(film_size="ODD SIZE"))
    assert {each.attributes["FilmSizeID"] for each in found.films} == {("ODD SIZE",)}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"RequestedImageSize": ("300",)}, "film 2 has an image of a requested size in mm"),
        ({"MagnificationType": ("NONE",)}, "film 2 has an image that is printed dot for dot"),
    ],
    ids=["in mm", "dot for dot"],
)
def test_an_image_of_a_scale_of_its_own_keeps_its_film_size(asked: Attributes, words: str) -> None:
    """It would come out otherwise, and no printer need say so (PS3.3 C.13.5); films that are not
    chosen, and the size that it has, are no matter."""
    image = Image("ab" * 32, 8, 2, 4, 8, 8, "MONOCHROME2")
    box = ImageBox(1, asked, image)
    request = replace(REQUEST, films=(FILMS[0], replace(FILMS[1], image_boxes=(box,))))
    with pytest.raises(UnfitChoice, match=words):
        altered(request, ReprintChoice(film_size="A4"))
    assert altered(request, ReprintChoice(film_size="A4", films=(1,)))
    assert altered(request, ReprintChoice(film_size="14INX17IN"))


@pytest.mark.parametrize("layout", ["SLIDE", "SUPERSLIDE", "CUSTOM\\2"])
def test_a_printers_own_format_keeps_its_film_size(layout: str) -> None:
    """A printer may make another number of image boxes for another size: what can be done is said
    at once, and not by a printer that refuses the film."""
    own = replace(FILMS[0], attributes={**FILMS[0].attributes, "ImageDisplayFormat": (layout,)})
    request = replace(REQUEST, films=(own, FILMS[1]))
    with pytest.raises(UnfitChoice, match="print it on its own film size, or at the modality"):
        altered(request, ReprintChoice(film_size="A4"))
    assert altered(request, ReprintChoice(film_size="A4", films=(2,)))
    assert altered(request, ReprintChoice(film_size="8INX10IN", films=(1,)))


@pytest.mark.parametrize("layout", ["SLIDE", "SUPERSLIDE", "CUSTOM\\2"])
def test_a_printers_own_format_keeps_its_medium(layout: str) -> None:
    """A printer may make another number of image boxes on another medium, too."""
    own = replace(FILMS[0], attributes={**FILMS[0].attributes, "ImageDisplayFormat": (layout,)})
    request = replace(REQUEST, films=(own, FILMS[1]))
    with pytest.raises(UnfitChoice, match="print it on its own medium, or at the modality"):
        altered(request, ReprintChoice(medium="BLUE FILM"))
    with pytest.raises(UnfitChoice, match="may make others on PAPER"):
        altered(replace(request, session={}), ReprintChoice(medium="PAPER"))
    assert altered(request, ReprintChoice(medium="BLUE FILM", films=(2,)))
    assert altered(request, ReprintChoice(medium="PAPER ", films=(1,)))


LIT = {"Illumination": ("2000",), "ReflectedAmbientLight": ("10",)}
DENSE = {"MinDensity": ("20",), "MaxDensity": ("310",)}
EDGES = {"BorderDensity": ("BLACK",), "EmptyImageDensity": ("300",)}


def on_medium(medium: str) -> PrintRequest:
    """A film with all that belongs to its medium, on the film box and on its image box."""
    attributes = {"Trim": ("YES",), **LIT, **DENSE, **EDGES}
    box = ImageBox(1, {"Polarity": ("NORMAL",), **DENSE})
    session = {"MediumType": (medium,)} if medium else {}
    return replace(REQUEST, session=session, films=(Film(attributes, (box,)), FILMS[1]))


@pytest.mark.parametrize(
    ("medium", "chosen"),
    [("BLUE FILM", "PAPER"), ("MAMMO CLEAR FILM", "PAPER"), ("PAPER", "CLEAR FILM")],
)
def test_what_belongs_to_the_old_medium_is_left_out(medium: str, chosen: str) -> None:
    """Densities and light of a film mean nothing on paper, nor those of paper on a film."""
    request, choice = on_medium(medium), ReprintChoice(medium=chosen)
    film, _ = altered(request, choice).films
    assert film.attributes == {"Trim": ("YES",), "BorderDensity": ("BLACK",)}
    assert [each.attributes for each in film.image_boxes] == [{"Polarity": ("NORMAL",)}]
    assert old_medium_words(request, choice) == (
        "without EmptyImageDensity, Illumination, MaxDensity, MinDensity, ReflectedAmbientLight, "
        f"made for {medium}"
    )
    other = replace(choice, films=(2,))
    assert old_medium_words(request, other) == "", "the film that is printed has none of it"


@pytest.mark.parametrize(
    ("medium", "chosen"),
    [("BLUE FILM", "CLEAR FILM"), ("PAPER", "PAPER"), ("PAPER", "CANVAS"), ("", "PAPER"),
     ("PAPER", "")],
)  # fmt: skip
def test_what_belongs_to_the_medium_stays_on_one_of_its_kind(medium: str, chosen: str) -> None:
    """Or where it is not known to be of another."""
    request, choice = on_medium(medium), ReprintChoice(medium=chosen)
    film, _ = altered(request, choice).films
    assert film.attributes == request.films[0].attributes
    assert film.image_boxes == request.films[0].image_boxes
    unknown = medium == "" and chosen != ""
    assert ("as they were for the printer's own" in old_medium_words(request, choice)) is unknown


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (ReprintChoice(copies=3), "choose at most 2 copies, or fewer films"),
        (ReprintChoice(), "3 films in 2 copies are 6 sheets; limits.sheets allows 2 at once"),
        (ReprintChoice(copies=1), "3 films in 1 copy are 3 sheets.*: choose at most 2 films"),
    ],
)
def test_a_reprint_keeps_to_the_sheets_that_modalities_may_ask_for(
    choice: ReprintChoice, words: str
) -> None:
    """What is too much is said with what may be chosen."""
    most = 8 if choice.copies == 3 else 2
    with pytest.raises(UnfitChoice, match=words):
        altered(REQUEST, choice, most)
    assert altered(REQUEST, choice, 9)
    assert altered(REQUEST, replace(choice, films=(2,)), 1), "the printer copies a single film"


def test_a_medium_of_its_own_may_be_kept() -> None:
    """One that is no Code String, and the modality sent; another one is written without blanks."""
    request = replace(REQUEST, session={"MediumType": ("Paper",)})
    assert altered(request, ReprintChoice(medium="Paper")).session == request.session
    found = altered(REQUEST, ReprintChoice(medium="CLEAR FILM "))
    assert found.session["MediumType"] == ("CLEAR FILM",)
    with pytest.raises(UnfitChoice, match="is not a medium"):
        altered(REQUEST, ReprintChoice(medium="  "))


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        (ReprintChoice(films=(0,)), "there is no film 0; it has films 1 to 3"),
        (ReprintChoice(films=(1, 4)), "there is no film 4; it has films 1 to 3"),
        (ReprintChoice(copies=0), "0 is not a number of copies; use 1 to 100"),
        (ReprintChoice(copies=101), "101 is not a number of copies"),
        (ReprintChoice(film_size="A9"), "A9 is not a film size; use 14INX17IN, 8INX10IN, ODD"),
        (ReprintChoice(medium="paper"), "paper is not a medium; use a Medium Type as PAPER"),
        (ReprintChoice(medium="A" * 17), "is not a medium"),
    ],
)
def test_what_cannot_be_is_named(choice: ReprintChoice, words: str) -> None:
    """With what there is."""
    with pytest.raises(UnfitChoice, match=words):
        altered(REQUEST, choice)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("", ()), ("2", (2,)), ("1,3-5", (1, 3, 4, 5)), (" 4 , 1 - 2 , 4", (4, 1, 2))],
)
def test_films_are_named_by_numbers_and_ranges(text: str, numbers: tuple[int, ...]) -> None:
    """In the order of typing, each once."""
    assert film_numbers(text) == numbers


@pytest.mark.parametrize(
    "text", ["x", "1-", "5-3", "-2", "1,x", "1-2-3", "\u0661", "1-9999999", "1-99999"]
)
def test_what_names_no_films_is_refused(text: str) -> None:
    """A slip names itself."""
    with pytest.raises(UnfitChoice, match="names"):
        film_numbers(text)
