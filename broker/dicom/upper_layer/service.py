"""What stands behind an accepted association, and what is agreed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from broker.dicom.upper_layer.message import Request, Response
from broker.model.refusal import Refusal

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


class AssociationService(Protocol):
    """What answers the requests of one association, always on that association's thread.

    A Service may have attributes that other threads read. `disposable`: whether nothing would be
    lost if the association ended now; without it, nothing is known to be disposable. `unfinished`:
    whether the peer is in the middle of something; without it, it is not. `between`: whether it has
    begun something in which more may follow; without it, it has not. `unprinted`: how many
    images the peer has sent and not asked to print; without it, none.
    """

    def answer(self, request: Request, /) -> Response | None:
        """The response; None sends none.

        It reads the data set as it comes, or leaves it; the rest is skipped before the response
        leaves. C-ECHO comes here too. Requests on a context that was not accepted, and commands
        that no print or verification class has, are answered without asking. If this raises, the
        peer is told 0x0110 and the association lives on.
        """

    def closed(self, how: Ending, /) -> None:
        """Called exactly once, whatever happened. No answer is asked for afterwards."""


class Closing(Exception):
    """The association has ended, in the way that `how` says; `kind`, where we refused to go on."""

    def __init__(
        self, how: Ending, words: str, kind: Refusal | None = None, *, by_peer: bool = False
    ) -> None:
        super().__init__(words)
        self.by_peer = by_peer
        self.how = how
        self.words = words
        self.kind = kind


@dataclass(frozen=True)
class AssociationLimits:
    """What one association may take, in seconds and bytes."""

    max_pdu: int
    idle_timeout_s: float
    message_timeout_s: float
    """The patience of a message's Pace."""
    max_dataset: int
    """Of a data set, as `message.MAX_DATASET` is."""
