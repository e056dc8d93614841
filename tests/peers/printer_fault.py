"""What a printer can do wrong, and at which step of a film's sending.

A fault is a step and an act; an act has the whole connection in its hands (see Turn). The words of
a fault are its name in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from pydicom.dataset import Dataset

from broker.dicom import statuses
from broker.dicom.statuses import Meaning, meaning
from broker.dicom.upper_layer.command_set import RESPONSE, Command
from broker.dicom.upper_layer.message import Request
from broker.dicom.upper_layer.negotiation import Rejection


class Step(StrEnum):
    """What the broker asks of a printer, in this order."""

    ASSOCIATION = "association"
    SESSION = "film session N-CREATE"
    LUT = "Presentation LUT N-CREATE"
    FILM_BOX = "film box N-CREATE"
    IMAGE = "image box N-SET"
    ACTION = "film box N-ACTION"
    CLEAR = "film box N-DELETE"
    END = "film session N-DELETE"
    RELEASE = "release"


class Turn(Protocol):
    """One request that the printer has heard, and all that it may do about it."""

    step: Step
    request: Request | None
    """None at the association and at the release."""
    earlier_id: int
    """Message ID of the request before this one; 0 where there was none."""

    def usual(self, status: int = 0, **fields: Any) -> None:
        """Do what was asked, and answer it; `fields` change elements of the response."""

    def answer(self, status: int, dataset: Dataset | None = None, **fields: Any) -> None:
        """Do nothing, and answer."""

    def reject(self, why: Rejection) -> None:
        """Answer A-ASSOCIATE-RJ."""

    def accept(self, *without: str) -> None:
        """Answer A-ASSOCIATE-AC, but reject the contexts of these abstract syntaxes."""

    def print_film(self) -> None:
        """Put the film on paper, and say nothing."""

    def report(self, number: int) -> None:
        """Send `number` N-EVENT-REPORTs of the Printer."""

    def pause(self, seconds: float) -> None:
        """Let the broker wait."""

    def fall_silent(self) -> None:
        """Neither answer nor hang up, until the broker does."""

    def abort(self) -> None:
        """A-ABORT."""

    def close(self) -> None:
        """End the connection without a word."""

    def answer_and_abort(self) -> None:
        """Answer as usual and A-ABORT, both in one packet."""

    def answer_and_release(self) -> None:
        """Answer as usual and A-RELEASE-RQ, both in one packet."""


Act = Callable[[Turn], None]


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong."""

    step: Step
    act: Act
    nth: int = 1
    """The time in one association that this step is reached, from 1; 0 is each time."""


def aborts(turn: Turn) -> None:
    """A-ABORT instead of an answer."""
    turn.abort()


def closes(turn: Turn) -> None:
    """The connection ends instead of an answer."""
    turn.close()


def falls_silent(turn: Turn) -> None:
    """No answer, and no end either."""
    turn.fall_silent()


def answers_then_aborts(turn: Turn) -> None:
    """The right answer, and an A-ABORT with it: a peer that reads on finds the association gone."""
    turn.answer_and_abort()


def answers_then_releases(turn: Turn) -> None:
    """The right answer, and an A-RELEASE-RQ with it."""
    turn.answer_and_release()


def answers_then_reports(turn: Turn) -> None:
    """The right answer, then three N-EVENT-REPORTs."""
    turn.usual()
    turn.report(3)


def prints_and_dies(turn: Turn) -> None:
    """The film is on paper, and the printer does not say so."""
    turn.print_film()
    turn.close()


def prints_and_aborts(turn: Turn) -> None:
    """Likewise, with an A-ABORT."""
    turn.print_film()
    turn.abort()


def answers_too_late(turn: Turn) -> None:
    """The film is on paper at once, the answer comes when the broker has hung up."""
    turn.print_film()
    turn.pause(2.0)
    turn.answer(statuses.SUCCESS)


def answers_without_data(turn: Turn) -> None:
    """Success, and no data set."""
    turn.answer(statuses.SUCCESS)


def answers_another_message(turn: Turn) -> None:
    """The right answer under a message id of no request."""
    assert turn.request is not None
    turn.usual(MessageIDBeingRespondedTo=turn.request.message_id + 1000)


def answers_the_earlier_message(turn: Turn) -> None:
    """The request before is answered once more; this one never is."""
    turn.answer(statuses.SUCCESS, MessageIDBeingRespondedTo=turn.earlier_id)
    turn.fall_silent()


def answers_another_kind(turn: Turn) -> None:
    """Success, as the response to another kind of request."""
    turn.answer(statuses.SUCCESS, CommandField=Command.N_GET | RESPONSE)


def reports_events(turn: Turn) -> None:
    """Three N-EVENT-REPORTs, then the right answer."""
    turn.report(3)
    turn.usual()


def rejects(why: Rejection) -> Act:
    """The association is rejected."""
    return lambda turn: turn.reject(why)


def takes_no(*abstract_syntaxes: str) -> Act:
    """The association stands, its contexts for these classes do not."""
    return lambda turn: turn.accept(*abstract_syntaxes)


def is_slow(seconds: float) -> Act:
    """The right answer, later."""

    def act(turn: Turn) -> None:
        turn.pause(seconds)
        turn.usual()

    return act


def says(status: int) -> Act:
    """This status; what a failure was for is not done, what a warning was for is."""

    def act(turn: Turn) -> None:
        told = meaning(status)
        nothing_printed = turn.step is Step.ACTION and told is Meaning.EMPTY
        if told in (Meaning.DONE, Meaning.ALTERED, Meaning.EMPTY) and not nothing_printed:
            turn.usual(status)
        else:
            turn.answer(status)

    return act


def offers_boxes(number: int) -> Act:
    """A film box with `number` image boxes, whatever its layout."""

    def act(turn: Turn) -> None:
        items = []
        for each in range(number):
            item = Dataset()
            item.ReferencedSOPClassUID = "1.2.840.10008.5.1.1.4"
            item.ReferencedSOPInstanceUID = f"1.2.{each + 1}"
            items.append(item)
        reply = Dataset()
        reply.ReferencedImageBoxSequence = items
        turn.answer(statuses.SUCCESS, reply)

    return act


def names_it(uid: str) -> Act:
    """The right answer, with this as the instance's UID."""
    return lambda turn: turn.usual(AffectedSOPInstanceUID=uid)
