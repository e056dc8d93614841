"""What a person may choose for a reprint: where, how many, on what, which films."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from broker.model.films.film import MILLIMETRES, Film, first
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
        said = []
        if self.films:
            numbers = ", ".join(map(str, self.films))
            said.append(f"film {numbers} alone" if len(self.films) == 1 else f"films {numbers}")
        if self.copies is not None:
            said.append(f"{self.copies} copies" if self.copies != 1 else "1 copy")
        said += filter(None, (self.film_size, self.medium))
        return ", ".join(said)


def altered(request: PrintRequest, choice: ReprintChoice) -> PrintRequest:
    """The request, printed as the person chose. All else is as the modality asked.

    Raises: UnfitChoice: a film that there is not, copies out of 1 to COPIES, a film size or medium
        that cannot be one.
    """
    films = request.films
    if wrong := [each for each in choice.films if not 1 <= each <= len(films)]:
        raise UnfitChoice(f"there is no film {wrong[0]}; it has films 1 to {len(films)}")
    if choice.films:
        films = tuple(films[number - 1] for number in sorted(set(choice.films)))
    if choice.copies is not None and not 1 <= choice.copies <= COPIES:
        raise UnfitChoice(f"{choice.copies} is not a number of copies; use 1 to {COPIES}")
    if choice.film_size:
        asked = {size for film in films for size in film.attributes.get("FilmSizeID", ())}
        known = dict.fromkeys([*sorted(asked), *MILLIMETRES])
        if choice.film_size not in known:
            raise UnfitChoice(f"{choice.film_size} is not a film size; use {', '.join(known)}")
        for number, film in enumerate(request.films, start=1):
            if choice.has(number) and _true_size(film) and size_of(film) != choice.film_size:
                raise UnfitChoice(
                    f"film {number} has an image of a requested size in mm, which would come out "
                    f"at another scale on {choice.film_size}; print it on its own film size"
                )
        size = {"FilmSizeID": (choice.film_size,)}
        films = tuple(replace(film, attributes={**film.attributes, **size}) for film in films)
    session = request.session
    if choice.medium:
        own = choice.medium in request.session.get("MediumType", ())
        medium = choice.medium if own else _code(choice.medium)
        session = {**session, "MediumType": (medium,)}
    copies = request.copies if choice.copies is None else choice.copies
    return replace(request, films=films, session=session, copies=copies)


def size_of(film: Film) -> str:
    """Its Film Size ID; empty where the modality named none."""
    return first(film.attributes, "FilmSizeID", "")


def _true_size(film: Film) -> bool:
    """Whether an image of it has a Requested Image Size (PS3.3 C.13.5): the width in mm that it is
    to have on the sheet."""
    boxes = [film.attributes, *(each.attributes for each in film.image_boxes if each.image)]
    return any(first(each, "RequestedImageSize", "") for each in boxes)


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
