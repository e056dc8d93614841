"""A request to a printer, sent again without what it does not take; before the line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from broker.dicom.scu.adaptation import (
    NOTHING,
    REFUSALS,
    Adaptations,
    Asked,
    LeftOut,
    named,
    search,
)
from broker.dicom.scu.answers import is_refused, judge, told
from broker.dicom.scu.print_scu import ScuAnswer
from broker.dicom.statuses import Meaning, meaning
from broker.model.films.capabilities import DEPTH, LUT
from broker.model.films.film import Attributes
from broker.model.printers.trouble import Refused

Send = Callable[[LeftOut], ScuAnswer]
"""Sends the request without these."""


class LearnedAnew(Exception):
    """It was found out by experiments what the printer takes an image box without; what they have
    set stays in it (PS3.7 10.1.3), so the film is laid anew, in another film box."""


_WORDS = {LUT: "Presentation LUT", DEPTH: "more than 8 bits"}


@dataclass(frozen=True)
class PrinterRequest:
    """One request, and how it is tried."""

    printer: str
    step: str
    """The request, for a person."""
    asked: Asked
    send: Send
    undo: Callable[[ScuAnswer], None]
    """Takes back what a request that was answered with success has made."""
    names_essential: bool = True
    """Whether it is found out, too, what it refuses that cannot be left out."""
    experiment: Send | None = None
    """Sends a smaller one in its place, to find out what it is that the printer refuses."""


def adapted(
    request: PrinterRequest,
    adaptations: Adaptations,
    remarks: list[str],
    first: ScuAnswer | None = None,
) -> ScuAnswer:
    """The answer to a request, sent without what this printer does not take; where it refuses it in
    every form, and nothing says why, the first answer. `first` is that one, where it is known.

    Raises:
        LearnedAnew: when it is to be made once more, from the film box on.
        Refused: when it is found out what the printer refuses, and that cannot be left out.
        Unavailable, Refused: when it gives another answer meanwhile.
    """
    attributes = request.asked.attributes
    left_out = adaptations.left_out(request.asked)
    last = first = first or request.send(left_out)
    tried = left_out
    while last.status in REFUSALS:
        sent = _without(attributes, tried)
        optional = adaptations.optional(request.asked.level, sent)
        minded = frozenset(optional) & frozenset(named(last.attributes, sent))
        if not minded:
            break
        tried |= minded
        last = request.send(tried)
    proves = tried != left_out and request.experiment is None
    if proves and not is_refused(last.status):
        # What it has named is proved: the whole request once more.
        request.undo(last)
        whole = request.send(left_out)
        if is_refused(whole.status):
            last = request.send(tried)
        else:
            tried, last = left_out, whole
    if last.status in REFUSALS:
        tried, last = _searched(request, adaptations, tried, last)
    if last.status in REFUSALS:
        return first
    if tried != left_out and not is_refused(last.status):
        adaptations.leave_out(request.asked, tried - left_out)
    for keywords, why in (
        (adaptations.omitted(attributes), f"printers.omit of {request.printer} says so"),
        (tried - adaptations.omitted(attributes), f"{request.printer} does not take it"),
    ):
        if gone := sorted(_WORDS.get(each, each) for each in keywords & attributes.keys()):
            remarks.append(f"without {', '.join(gone)}: {why}")
    return last


def _searched(
    request: PrinterRequest, adaptations: Adaptations, tried: LeftOut, refusal: ScuAnswer
) -> tuple[LeftOut, ScuAnswer]:
    """What was left out at last, and the answer to that; the refusal, where nothing was found.

    Raises: Refused: as `adapted`.
    """
    level = request.asked.level
    sent = _without(request.asked.attributes, tried)
    optional = adaptations.optional(level, sent)
    essential = adaptations.essential(level, sent) if request.names_essential else []
    if minded := frozenset(essential) & frozenset(named(refusal.attributes, sent)):
        again = request.send(tried)
        if again.status not in REFUSALS:
            return tried, again
        raise _refused(request, adaptations, minded, refusal)
    send = request.experiment or request.send
    made: list[tuple[LeftOut, ScuAnswer]] = []

    def undo() -> None:
        while made:
            request.undo(made.pop()[1])

    def takes(more: LeftOut) -> bool:
        undo()
        answer = send(tried | more)
        if answer.status in REFUSALS or meaning(answer.status) is Meaning.PERMANENT:
            return False
        judge(request.printer, request.step, answer, [])
        made.append((more, answer))
        return True

    if request.experiment is not None and takes(NOTHING):
        # It is the content that it refuses, or the refusal has passed: nothing can be learned.
        return tried, request.send(tried)
    found = search(takes, optional, essential)
    if found.left_out is None:
        undo()
        if found.refused:
            raise _refused(request, adaptations, found.refused, refusal)
        return tried, refusal
    if request.experiment is not None:
        omitted = adaptations.omitted(request.asked.attributes)
        adaptations.leave_out(request.asked, (tried | found.left_out) - omitted)
        raise LearnedAnew
    if made and made[0][0] == found.left_out:
        return tried | found.left_out, made[0][1]
    undo()
    return tried | found.left_out, request.send(tried | found.left_out)


def _refused(
    request: PrinterRequest, adaptations: Adaptations, keywords: LeftOut, refusal: ScuAnswer
) -> Refused:
    """What is raised once it is known what the printer refuses; that is remembered."""
    what = adaptations.refuse(request.asked, keywords, refusal.status)
    said = f"{request.printer}: {request.step} answered {told(refusal)}"
    return Refused(f"{said}; it refuses {what}", permanent=True, learned=True)


def _without(asked: Attributes, left_out: LeftOut) -> Attributes:
    return {each: asked[each] for each in asked if each not in left_out}
