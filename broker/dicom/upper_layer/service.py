"""What stands behind an accepted association, and what is agreed with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from broker.dicom.upper_layer.dataset_stream import Sink
from broker.dicom.upper_layer.message import Request, Response
from broker.model.refusal import Refusal
from broker.model.room import MB

EventSink = Callable[[str, Mapping[str, object]], None]
"""Told of what happened: an event's name and its facts. Called from several threads; must not
raise."""


MAX_FRAME = MB
"""Bytes of a data set without the pixels of an image box, and without long values that nobody
reads: print needs 10 KB, with a LUT."""


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

        C-ECHO comes here too. Requests on a context that was not accepted, and commands that no
        print or verification class has, are answered without asking. If this raises, the peer is
        told 0x0110 and the association lives on.
        """

    def closed(self, how: Ending, /) -> None:
        """Called exactly once, whatever happened. No answer is asked for afterwards."""


@runtime_checkable
class TakesPixels(Protocol):
    """A Service that wants the pixels of image boxes; for any other, they are dropped."""

    def sink(self, request: Request, size: int, /) -> Sink | None:
        """Where the pixels shall go that begin to come with this request, `size` bytes of them.

        They may come in slowly, or not to the end. None drops them. The request has no data set
        yet; `answer` gets it again with its data set and this sink. Requests before it were
        answered.
        """


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
    max_frame: int
    """Of a data set, as MAX_FRAME is."""
