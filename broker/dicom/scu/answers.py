"""What a printer's answers say of a film: go on, say so beside the film, or raise it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable

from pydicom.multival import MultiValue

from broker.dicom.scu.print_scu import ScuAnswer
from broker.dicom.statuses import (
    ATTRIBUTE_LIST_ERROR,
    ATTRIBUTE_VALUE_OUT_OF_RANGE,
    OPTIONAL_ATTRIBUTES_UNSUPPORTED,
    UNWELCOME,
    Meaning,
    meaning,
    words,
)
from broker.model.films.film import Attributes
from broker.model.printers.trouble import AS_CHOSEN, Refused, Unavailable

TOLERANCE = 0.002
"""Of a scale, as a part of it: printers round."""
_STRICT = frozenset(
    {"NumberOfCopies", "Polarity", "RequestedImageSize", "RequestedDecimateCropBehavior"}
)
_OF_NAMED = frozenset(
    {OPTIONAL_ATTRIBUTES_UNSUPPORTED, ATTRIBUTE_LIST_ERROR, ATTRIBUTE_VALUE_OUT_OF_RANGE}
)
"""Warnings about the attributes that they name; where they name none, about any."""
DECIMATED = ("RequestedDecimateCropBehavior", "DECIMATE")
"""What lets the printer scale."""
_PRIVATE = frozenset({"FilmSessionLabel", "OwnerID", "SpecificCharacterSet"})
"""Never told: they may name a patient, or say how that is written (promise 10)."""


def judge(printer: str, step: str, answer: ScuAnswer, remarks: list[str]) -> None:
    """Go on, add to the remarks, or raise what the status means.

    Raises: Refused, Unavailable.
    """
    said = f"{printer}: {step} answered {told(answer)}"
    match meaning(answer.status):
        case Meaning.DONE:
            return
        case Meaning.ALTERED | Meaning.EMPTY:
            remarks.append(f"{step}: {told(answer)}")
        case Meaning.PASSING:
            raise Unavailable(said, full=True)
        case Meaning.PERMANENT:
            raise Refused(said, permanent=True)
        case Meaning.UNCLEAR:
            raise Refused(said, permanent=False)


def judge_session(printer: str, answer: ScuAnswer, remarks: list[str]) -> None:
    """As `judge`, for N-CREATE of the film session: some statuses are about us, as if it had
    rejected the association; no film of any job has a part in it."""
    step = "N-CREATE of the film session"
    if answer.status in UNWELCOME:
        raise Unavailable(f"{printer}: {step} answered {told(answer)}")
    judge(printer, step, answer, remarks)


def compare(
    printer: str,
    answer: ScuAnswer,
    asked: Attributes,
    keywords: Iterable[str],
    remarks: list[str],
    allowed: Collection[str] = (),
    chosen: Collection[str] = (),
) -> None:
    """Remark what the printer made of attributes, where its answer tells (PS3.7 10.1.5.1.5).

    Raises: Refused: for another number of copies, which would be counted as printed as asked for;
    for another polarity or scale, or a warning that names these, unless the site has `allowed` it:
    the film would be read, or measured on, as what it is not; and for what a person has `chosen`,
    also where a warning names nothing, and nothing says that this was taken.
    """
    strict = _STRICT.difference(allowed).union(chosen)
    if meaning(answer.status) is Meaning.ALTERED:
        for keyword in sorted(strict.intersection(answer.attributes, asked)):
            words_ = f"{printer} answered {told(answer)} to {keyword} {_text(asked[keyword])!r}"
            raise _refused(words_, by_person=keyword in chosen)
    if answer.status in _OF_NAMED and not answer.attributes:
        for keyword in sorted(asked.keys() & set(chosen)):
            if answer.dataset is None or answer.dataset.get(keyword) in (None, ""):
                said = f"{printer} answered {told(answer)}, which may be about {keyword}"
                raise _refused(said, by_person=True)
    for keyword in keywords:
        found = answer.dataset.get(keyword) if answer.dataset is not None else None
        wanted = asked.get(keyword, ())
        if found in (None, "") or not wanted or keyword in _PRIVATE:
            continue
        if _same(keyword, found, wanted):
            continue
        said = f"{printer} made {keyword} {_text(found)[:16]!r} of {_text(wanted)!r}"
        if keyword in strict and (keyword, *wanted) != DECIMATED:
            raise _refused(said, by_person=keyword in chosen)
        remarks.append(said)


def _refused(said: str, *, by_person: bool) -> Refused:
    """What a person chose is no failure of the printer: it would print the film otherwise."""
    return Refused(f"{said}{AS_CHOSEN if by_person else ''}", permanent=True, learned=by_person)


def told(answer: ScuAnswer) -> str:
    """A status, and the attributes that it is about."""
    named = ": " + ", ".join(answer.attributes[:4]) if answer.attributes else ""
    return words(answer.status) + named


def is_refused(status: int) -> bool:
    """Whether it says that the request was not done, for whatever reason."""
    return meaning(status) in (Meaning.PASSING, Meaning.PERMANENT, Meaning.UNCLEAR)


def is_failure(status: int) -> bool:
    """Whether the status says that nothing was done (PS3.7 C.1): 01xx, 02xx, Axxx, Cxxx."""
    return status >> 8 in (0x01, 0x02) or status >> 12 in (0xA, 0xC)


def _same(keyword: str, found: object, wanted: tuple[str, ...]) -> bool:
    """Whether both mean the same: a number may have leading zeros and a sign (PS3.5 6.2, IS), and
    what is no number says nothing of how many."""
    said = _text(found)
    if said.upper() == _text(wanted).upper():
        return True
    try:
        return math.isclose(float(said), float(_text(wanted)), rel_tol=TOLERANCE)
    except ValueError:
        return keyword == "NumberOfCopies"


def _text(value: object) -> str:
    """One or more values, as they are written."""
    several = isinstance(value, tuple | list | MultiValue)
    return "\\".join(str(each).strip() for each in (value if several else (value,)))  # type: ignore[attr-defined]
