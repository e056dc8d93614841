"""What stands behind an accepted association, and what is agreed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from broker.dicom.transport.message import Request, Response

EventSink = Callable[[str, Mapping[str, object]], None]
"""Told of what happened: an event's name and its facts. Called from several threads; must not
raise."""


class Ending(StrEnum):
    """How an association ended."""

    RELEASED = "released"
    ABORTED = "aborted"
    """By the peer or by us."""
    LOST = "lost"
    """The connection broke."""


class Service(Protocol):
    """What answers the requests of one association, always on that association's thread."""

    def answer(self, request: Request, /) -> Response | None:
        """The response; None sends none.

        C-ECHO comes here too. Requests on a context that was not accepted, and commands that no
        print or verification class has, are answered without asking. If this raises, the peer is
        told 0x0110 and the association lives on.
        """

    def closed(self, how: Ending, /) -> None:
        """Called exactly once, whatever happened. No answer is asked for afterwards."""


class Closing(Exception):
    """The association has ended, in the way that `how` says."""

    def __init__(self, how: Ending, words: str) -> None:
        super().__init__(words)
        self.how = how
        self.words = words


@dataclass(frozen=True)
class Limits:
    """What one association may take, in seconds and bytes."""

    max_pdu: int
    idle_timeout_s: float
    message_timeout_s: float
    max_dataset: int
