"""What a person may choose for a reprint: where, how many, on what, which films."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from broker.model.films.film import MILLIMETRES, Attributes, Film, first
from broker.model.films.printers_own import is_printers_own
from broker.model.jobs.job import PrintRequest

COPIES = 100
"""Of one reprint, at most: a slip of a finger empties no tray."""
CODE_LENGTH = 16
"""Characters of a Code String (PS3.5 6.2)."""


class UnfitChoice(ValueError):
    """The job cannot be printed again so. `words` names what is wrong, and what there is."""

    def __init__(self, words: str) -> None:
        super().__init__(words)
        self.words = words


@dataclass(frozen=True)
class ReprintChoice:
    """Nothing chosen: as the modality asked, on any printer."""

    printer: str = ""
    """This one and no other."""
    elsewhere: bool = False
    """Not on the printers that made it."""
    copies: int | None = None
    film_size: str = ""
    """A Film Size ID (PS3.3 C.13.3)."""
    medium: str = ""
    """A Medium Type (PS3.3 C.13.1)."""
    films: tuple[int, ...] = ()
    """Numbers of the films; empty: all."""

    def has(self, number: int) -> bool:
        """Whether the film of that number is printed again."""
        return not self.films or number in self.films

    @property
    def words(self) -> str:
        """What is another than in the job, for a person; empty where nothing is."""
        return ", ".join(filter(None, (self._which, self._on)))

    def of_job(self, job_id: int) -> str:
        """The same, with the job's number: `film 2 alone of job 1 on 11INX14IN`."""
        which = f"{self._which} of job {job_id}" if self._which else f"job {job_id}"
        on = f" on {self._on}" if self._on else ""
        return f"{which}{on}" if self.words else ""

    @property
    def _on(self) -> str:
        return ", ".join(filter(None, (self.film_size, self.medium)))

    @property
    def _which(self) -> str:
        said = []
        if self.films:
            numbers = ", ".join(map(str, self.films))
            said.append(f"film {numbers} alone" if len(self.films) == 1 else f"films {numbers}")
        if self.copies is not None:
            said.append(f"{self.copies} copies" if self.copies != 1 else "1 copy")
        return ", ".join(said)


def altered(
    request: PrintRequest, choice: ReprintChoice, sheets: int | None = None
) -> PrintRequest:
    """The request, printed as the person chose, and not without that. All else is as the modality
    asked, but for what `of_old_medium` names.

    `sheets`: films times copies, at most, as modalities may ask for; None: any number.

    Raises: UnfitChoice: a film that there is not, copies out of 1 to COPIES, more than `sheets`, a
        film size or medium that cannot be one, or one on which a film came out otherwise.
    """
    numbers = range(1, len(request.films) + 1)
    if wrong := [each for each in choice.films if each not in numbers]:
        raise UnfitChoice(f"there is no film {wrong[0]}; it has films 1 to {len(request.films)}")
    if choice.copies is not None and not 1 <= choice.copies <= COPIES:
        raise UnfitChoice(f"{choice.copies} is not a number of copies; use 1 to {COPIES}")
    films = {number: request.films[number - 1] for number in numbers if choice.has(number)}
    copies = request.copies if choice.copies is None else choice.copies
    _check_sheets(len(films), copies, sheets)
    session = request.session
    if choice.film_size:
        _check_size(request, films, choice.film_size)
        films = {
            number: _with_chosen(film, "FilmSizeID", {"FilmSizeID": (choice.film_size,)})
            for number, film in films.items()
        }
    if choice.medium:
        own = choice.medium in request.session.get("MediumType", ())
        medium = choice.medium if own else _code(choice.medium)
        if medium != first(session, "MediumType"):
            for number, film in films.items():
                _check_own_format(number, film, medium, "medium")
        old = of_old_medium(request, choice)
        session = {**session, "MediumType": (medium,)}
        films = {
            number: _with_chosen(_without(film, old), "MediumType")
            for number, film in films.items()
        }
    return replace(request, films=tuple(films.values()), session=session, copies=copies)


def of_old_medium(request: PrintRequest, choice: ReprintChoice) -> tuple[str, ...]:
    """Keywords of what the chosen films ask for that belongs to the medium of before: densities,
    and the light in which the film is looked at (PS3.3 C.13.3, C.13.5). Where a film that light
    falls through becomes one that reflects it, or the other way, they mean another thing, or
    nothing."""
    kinds = [_kind(each) for each in (first(request.session, "MediumType"), choice.medium)]
    if None in kinds or kinds[0] is kinds[1]:
        return ()
    return _all_of_medium(request, choice)


def _all_of_medium(request: PrintRequest, choice: ReprintChoice) -> tuple[str, ...]:
    asked: set[str] = set()
    for number, film in enumerate(request.films, start=1):
        if choice.has(number):
            boxes = (film.attributes, *(each.attributes for each in film.image_boxes))
            asked.update(*(_of_medium(each) for each in boxes))
    return tuple(sorted(asked))


def old_medium_words(request: PrintRequest, choice: ReprintChoice) -> str:
    """What `of_old_medium` names, for a person, or what stays although it may be of another medium,
    as the modality named none; empty where there is nothing."""
    medium = first(request.session, "MediumType")
    if old := of_old_medium(request, choice):
        return f"without {', '.join(old)}, made for {medium}"
    stays = _all_of_medium(request, choice) if choice.medium and not _kind(medium) else ()
    whose = medium or "the printer's own medium"
    return f"with {', '.join(stays)} as they were for {whose}" if stays else ""


class _MediumKind(Enum):
    """How light comes to the eye."""

    TRANSMISSIVE = "through the film"
    REFLECTIVE = "from the paper"


def _kind(medium: str) -> _MediumKind | None:
    """None of one that is not known, as of the printer's own."""
    if "PAPER" in medium.upper():
        return _MediumKind.REFLECTIVE
    return _MediumKind.TRANSMISSIVE if "FILM" in medium.upper() else None


_OF_MEDIUM = frozenset({"MinDensity", "MaxDensity", "Illumination", "ReflectedAmbientLight"})
_NUMBER_OF_MEDIUM = frozenset({"BorderDensity", "EmptyImageDensity"})
"""They are BLACK, WHITE, or a density."""


def _of_medium(attributes: Attributes) -> set[str]:
    return {
        each
        for each in attributes
        if each in _OF_MEDIUM or (each in _NUMBER_OF_MEDIUM and first(attributes, each).isdecimal())
    }


def _without(film: Film, old: Iterable[str]) -> Film:
    """The film, without what belongs to another medium."""
    boxes = tuple(replace(box, attributes=_rest(box.attributes, old)) for box in film.image_boxes)
    return replace(film, attributes=_rest(film.attributes, old), image_boxes=boxes)


def _rest(attributes: Attributes, old: Iterable[str]) -> Attributes:
    gone = _of_medium(attributes).intersection(old)
    return {each: values for each, values in attributes.items() if each not in gone}


def _with_chosen(film: Film, keyword: str, changed: Attributes | None = None) -> Film:
    """The film as a person chose one thing of it."""
    chosen = tuple(dict.fromkeys((*film.chosen, keyword)))
    return replace(film, attributes={**film.attributes, **(changed or {})}, chosen=chosen)


def _check_sheets(films: int, copies: int, most: int | None) -> None:
    """Raises: UnfitChoice: more than that, where several films are sent once for each copy; the
    printer makes the copies of a single one."""
    if most is not None and films > 1 and films * copies > most:
        each = "copy" if copies == 1 else "copies"
        remedy = f"choose at most {most // films} copies, or fewer films"
        if films > most:
            remedy = f"choose at most {most} films"
        raise UnfitChoice(
            f"{films} films in {copies} {each} are {films * copies} sheets; limits.sheets allows "
            f"{most} at once: {remedy}"
        )


def _check_size(request: PrintRequest, films: dict[int, Film], size: str) -> None:
    """Raises: UnfitChoice: it is no film size, or one of the films cannot have it."""
    asked = {each for film in request.films for each in film.attributes.get("FilmSizeID", ())}
    known = dict.fromkeys([*sorted(asked), *MILLIMETRES])
    if size not in known:
        raise UnfitChoice(f"{size} is not a film size; use {', '.join(known)}")
    for number, film in films.items():
        if size_of(film) == size:
            continue
        if (scaled := _asked_scale(film)) is not None:
            raise UnfitChoice(
                f"film {number} has an image {_SCALED[scaled]}, which would come out otherwise on "
                f"{size}; print it on its own film size"
            )
        _check_own_format(number, film, size, "film size")


def _check_own_format(number: int, film: Film, chosen: str, what: str) -> None:
    """Raises: UnfitChoice: how many image boxes it has depends on what would be another one."""
    if is_printers_own(film.display_format):
        raise UnfitChoice(
            f"film {number} has the format {film.display_format}: a printer itself makes its "
            f"image boxes, and may make others on {chosen}; print it on its own {what}, or at "
            "the modality"
        )


def size_of(film: Film) -> str:
    """Its Film Size ID; empty where the modality named none."""
    return first(film.attributes, "FilmSizeID", "")


_SCALED = {
    "RequestedImageSize": "of a requested size in mm",
    "MagnificationType": "that is printed dot for dot (Magnification Type NONE)",
}


def _asked_scale(film: Film) -> str | None:
    """The keyword by which an image of it asks for a scale that does not follow the sheet (PS3.3
    C.13.5): its width in mm, or no magnification; None where none does."""
    boxes = [film.attributes, *(each.attributes for each in film.image_boxes if each.image)]
    if any(first(each, "RequestedImageSize", "") for each in boxes):
        return "RequestedImageSize"
    dots = any(first(each, "MagnificationType", "") == "NONE" for each in boxes)
    return "MagnificationType" if dots else None


def _code(text: str) -> str:
    """A Code String. Raises: UnfitChoice."""
    text = text.strip(" ")
    if not re.fullmatch(r"[A-Z0-9 _]+", text) or len(text) > CODE_LENGTH:
        raise UnfitChoice(
            f"{text} is not a medium; use a Medium Type as PAPER, CLEAR FILM or BLUE FILM: capital "
            f"letters, at most {CODE_LENGTH}"
        )
    return text


def film_numbers(text: str) -> tuple[int, ...]:
    """`1,3-5` as 1, 3, 4, 5. Raises: UnfitChoice: it is not of that form."""
    found: list[int] = []
    for piece in filter(None, (each.strip() for each in text.split(","))):
        first, dash, last = (each.strip() for each in piece.partition("-"))
        if not _number(first) or (dash and not _number(last)):
            raise UnfitChoice(f"{piece} names no films; name them as 1,3-5")
        end = int(last) if dash else int(first)
        if end < int(first):
            raise UnfitChoice(f"{piece} names no films; name them as 1,3-5")
        if end - int(first) >= MOST_FILMS:
            raise UnfitChoice(f"{piece} names too many films")
        found += range(int(first), end + 1)
    return tuple(dict.fromkeys(found))


MOST_FILMS = 10_000
"""Of one range."""


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6
