"""What answers on an accepted association: where it fails, the peer gets an answer all the same."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pydicom.dataset import Dataset

from broker.dicom.upper_layer.command_set import (
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    SOP_CLASS_NOT_SUPPORTED,
    UNRECOGNIZED_OPERATION,
    Command,
)
from broker.dicom.upper_layer.dataset_reader import DatasetTooLarge
from broker.dicom.upper_layer.message import Context, Request, Response
from broker.dicom.upper_layer.wire import WireBroken
from broker.model.peers.refusal import Refusal

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


@dataclass(frozen=True)
class ServiceReport:
    """An N-EVENT-REPORT that a service wants to be sent (PS3.7 10.1.1)."""

    context: Context
    class_uid: str
    instance_uid: str
    event_type: int
    dataset: Dataset | None = None


RefusedUnasked = Callable[[Request, int, str, Refusal | None], None]
"""Told of a request to which the service gave no answer: its status, why, and what it counts as,
where the request is not what is wrong."""


class AssociationService(Protocol):
    """What answers the requests of one association, always on that association's thread.

    A service may have attributes that other threads read. `disposable`: whether nothing would be
    lost if the association ended now; without it, nothing is known to be disposable. `unfinished`:
    whether the peer is in the middle of something; without it, it is not. `between`: whether it has
    begun something in which more may follow; without it, it has not. `unprinted`: how many
    images the peer has sent and not asked to print; without it, none. `to_report`: asked now and
    then, on the association's thread, while nothing is in hand; what it returns is sent. Without
    it, or where it is None, nothing is reported. `refused`: told of each request that is answered
    in its place, as RefusedUnasked says; without it, that is not told.
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


ANSWERED = frozenset(
    {
        Command.C_ECHO,
        Command.N_EVENT_REPORT,
        Command.N_GET,
        Command.N_SET,
        Command.N_ACTION,
        Command.N_CREATE,
        Command.N_DELETE,
    }
)
"""Requests that are passed to a service."""

CONTEXT_NOT_ACCEPTED = "its presentation context was not accepted"
NO_OPERATION = "not an operation of print management"
FAULT_OF_OURS = "the broker failed while it answered"
"""Why a request is refused that no service is asked for."""

Tell = Callable[[str, Mapping[str, object]], None]
"""Told of an event, with those facts that do not say whose association it is."""


class GuardedService:
    """Asks a service what it is to be asked, and answers for it when it fails."""

    def __init__(self, service: AssociationService, tell: Tell) -> None:
        self._service = service
        self._tell = tell

    @property
    def disposable(self) -> bool:
        """Whether nothing would be lost if the association ended now."""
        return bool(getattr(self._service, "disposable", False))

    @property
    def unfinished(self) -> bool:
        """Whether the peer is in the middle of something."""
        return bool(getattr(self._service, "unfinished", False))

    @property
    def between(self) -> bool:
        """Whether the peer has begun something that may go on."""
        return bool(getattr(self._service, "between", False))

    @property
    def unprinted(self) -> int:
        """How many images the peer has sent and not asked to print."""
        return int(getattr(self._service, "unprinted", 0))

    @property
    def reports(self) -> bool:
        """Whether there may be something to report, now or later."""
        return getattr(self._service, "to_report", None) is not None

    def report(self) -> ServiceReport | None:
        """What to report now, if anything."""
        to_report = getattr(self._service, "to_report", None)
        try:
            return None if to_report is None else to_report()
        except Exception:  # noqa: BLE001 - what is not reported must not end the association
            self.fault("reporting")
            return None

    def answer(self, request: Request) -> Response | None:
        """The response to a request; None sends none.

        Raises: Closing, WireBroken: when the association has ended.
        """
        if request.context is None:
            return self.refused(request, SOP_CLASS_NOT_SUPPORTED, CONTEXT_NOT_ACCEPTED)
        if request.field not in ANSWERED:
            return self.refused(request, UNRECOGNIZED_OPERATION, NO_OPERATION)
        try:
            return self._service.answer(request)
        except (Closing, WireBroken):
            raise
        except DatasetTooLarge as error:
            words, kind = f"a data set of {error}", Refusal.DATA_SET_TOO_LARGE
            return self.refused(request, RESOURCE_LIMITATION, words, kind)
        except Exception:  # noqa: BLE001 - a fault in one answer must not end the association
            self.fault("answering")
            return self.failed(request)

    def failed(self, request: Request) -> Response:
        """The response to a request that cannot be answered through a fault of ours."""
        return self.refused(request, PROCESSING_FAILURE, FAULT_OF_OURS, Refusal.FAULT)

    def refused(
        self, request: Request, status: int, why: str, kind: Refusal | None = None
    ) -> Response:
        """The response to a request that is refused without the service, which is told of it."""
        tell: RefusedUnasked | None = getattr(self._service, "refused", None)
        if tell is not None:
            tell(request, status, why, kind)
        return Response(status)

    def closed(self, how: Ending) -> None:
        """The association has ended."""
        try:
            self._service.closed(how)
        except Exception:  # noqa: BLE001 - nothing above this thread would report it
            self.fault("closing")

    def fault(self, doing: str) -> None:
        """Tell of the exception that is being handled."""
        facts = {"doing": doing, "traceback": traceback.format_exc()}
        self._tell("fault", {**facts, "service": type(self._service).__name__})
