"""The Print SCP: one object per association answers its DIMSE requests (PS3.4 H.4)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

from pydicom.dataset import Dataset

from broker.dicom import attributes, statuses
from broker.dicom.scp import attribute_list, film_objects
from broker.dicom.scp.allowance import Allowance, Holdings, Share, Turns
from broker.dicom.scp.film_objects import FilmTree
from broker.dicom.scp.open_film import OpenFilmBox, OpenFilmSession, OpenImageBox
from broker.dicom.scp.received_dataset import FilmIntake, ReceivedDataset, TakesPixels
from broker.dicom.scp.status_reports import StatusReports
from broker.dicom.statuses import Fault
from broker.dicom.tolerance import Tolerated
from broker.dicom.uids import (
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    META_MEMBERS,
    PRESENTATION_LUT,
    PRINTER,
    PRINTER_INSTANCE,
)
from broker.dicom.upper_layer.association import AcceptedAssociation
from broker.dicom.upper_layer.association_service import Ending
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.message import Request, Response
from broker.events import Event, Note
from broker.model.films.capabilities import Combination, Impossible, traits_of_image
from broker.model.films.film import Attributes
from broker.model.jobs.job import Level
from broker.model.peers.caller import Caller
from broker.model.peers.refusal import Refusal
from broker.model.printers.printer import FULL, NORMAL, PoolStatus
from broker.model.printers.trouble import (
    CannotStore,
    DiskFull,
    NoPrinters,
    PixelsGone,
    QueueFull,
    Refused,
    Unavailable,
)

Asked = Callable[[], Collection[Combination]]
"""What a request asks of a printer, where that matters."""
PRINT_ACTION = 1
"""The only Action Type ID of print management (PS3.4 H.4.1.2.4)."""


UNKNOWN = (
    "DeviceSerialNumber",
    "DateOfLastCalibration",
    "TimeOfLastCalibration",
    "InstitutionName",
    "InstitutionAddress",
    "StationName",
    "InstitutionalDepartmentName",
    "SpatialResolution",
)
"""Of the Printer and General Equipment modules (PS3.3 C.13.9, C.7.5.1), without a value here."""


class PrintScp:
    """Answers one association. Every request is answered with a status.

    Film boxes that are not the last one may still be set, printed and deleted: the standard lets
    an SCP refuse that (PS3.4 H.4.2.2.2), but a radiographer gains nothing from it.
    """

    def __init__(
        self,
        association: AcceptedAssociation,
        intake: FilmIntake[Any],
        note: Note,
        *,
        version: str = "",
        allowance: Allowance | None = None,
        holdings: Holdings | None = None,
        turns: Turns | None = None,
        strict: bool = False,
        impossible: Callable[[Asked], Impossible | None] = lambda _: None,
        image_boxes: Callable[[Attributes, Attributes], int] | None = None,
        pool: Callable[[], PoolStatus] | None = None,
        session_over: Callable[[str], None] = lambda _key: None,
    ) -> None:
        """`holdings` and `turns` are those of all associations; with `strict` nothing is taken that
        the standard does not allow; `impossible` tells what no printer takes of what is asked,
        `image_boxes` how many a film box has whose format is the printer's own affair. With `pool`
        the modality is told as that status changes. `session_over` is told the key of each film
        session in which no film can follow any more."""
        self.association = association
        self.intake = intake
        self.note = note
        self.version = version
        self.allowance = allowance or Allowance()
        self.tree = FilmTree(self.allowance.film_boxes)
        self._turns = turns or Turns()
        self._strict = strict
        self._impossible = impossible
        self._image_boxes = image_boxes
        self._made = 0
        """Image boxes of the film box in hand, where its format is the printer's own affair."""
        self._session_over = session_over
        self._share = Share(
            holdings or Holdings(), Caller.of(association.calling_ae, association.peer)
        )
        self.to_report = (
            StatusReports(association, lambda: self._as_seen(pool()), note).to_report
            if pool is not None
            else None
        )

    def answer(self, request: Request) -> Response:
        """The response to one request; never raises for anything that a peer can send."""
        try:
            if request.field == Command.C_ECHO:
                return Response(statuses.SUCCESS)
            try:
                return self._answer_when_received(request)
            finally:
                self._share.become(self.tree.unprinted_bytes)
        except Fault as fault:
            self._refuse(request, fault)
            return Response(fault.status, None, fault.fields)

    def refused(self, request: Request, status: int, why: str, kind: Refusal | None) -> None:
        """A request was answered with this status before `answer` was asked, or where it failed."""
        self._refuse(request, Fault(status, why, kind=kind))

    def _refuse(self, request: Request, fault: Fault) -> None:
        self.note(
            Event.REQUEST_REFUSED,
            {
                "calling_ae": self.association.calling_ae,
                "called_ae": self.association.called_ae,
                "peer": self.association.peer,
                "operation": request.operation,
                "status": statuses.words(fault.status),
                **({"attribute": fault.attribute} if fault.tags else {}),
                "why": fault.comment,
                "kind": str(fault.kind or _wrong(request)),
            },
        )

    @property
    def disposable(self) -> bool:
        """Whether nothing would be lost if the association ended now: a job has a copy of all that
        it has sent."""
        return not self.unfinished

    @property
    def unfinished(self) -> bool:
        """Whether there is a film that no print request has asked for yet. Any thread may ask."""
        return self.tree.unfinished

    @property
    def between(self) -> bool:
        """Whether a film session is open, in which films may follow. Any thread may ask."""
        return self.tree.session is not None

    @property
    def unprinted(self) -> int:
        """How many images have come that no print request has asked for yet."""
        return self.tree.unprinted_images

    def closed(self, how: Ending) -> None:  # noqa: ARG002 - however it ended, it is forgotten
        """Remove all that no print request asked for (PS3.4 H.5)."""
        self.intake.forget(self.tree.received())
        if self.tree.session is not None:
            self._session_over(self.tree.session.key)
        self.tree = FilmTree(self.allowance.film_boxes)
        self._share.become(0)

    def _tolerate(self, rule: Tolerated, fault: Fault) -> None:
        """Take what breaks the standard harmlessly, and tell it. Raises: Fault: of the strict."""
        if self._strict:
            raise fault
        self.note(
            Event.REQUEST_TOLERATED,
            {
                "calling_ae": self.association.calling_ae,
                "called_ae": self.association.called_ae,
                "peer": self.association.peer,
                "why": fault.comment,
                "kind": str(rule),
            },
        )

    def _answer_when_received(self, request: Request) -> Response:
        """Read all of it first: a peer that sends slowly keeps no turn."""
        self._check_class(request, request.class_uid)
        box = self._image_box(request)
        begin = None if box is None else partial(self.begin_upload, box)
        received = ReceivedDataset[Any](request, begin)
        try:
            self._made = self._asked_of_printers(request, received)
            with self._turns.take():
                return self._answer(request, received)
        except Fault as fault:
            if box is not None:
                # The modality may print the film all the same: then it is said beside the film.
                box.refused = statuses.words(fault.status)
            raise
        finally:
            received.discard()

    def _asked_of_printers(self, request: Request, received: ReceivedDataset[Any]) -> int:
        """How many image boxes the printers make for a film box whose format is their own affair;
        0 for any other request. Before a turn is taken, as they may take their time.

        Raises: Fault: 0x0106 when they take no such film box, 0x0110 when none says it now,
        as where all are busy.
        """
        film_box = request.field == Command.N_CREATE and request.class_uid == FILM_BOX
        session = self.tree.session
        if not film_box or self._image_boxes is None or session is None:
            return 0
        asked = film_objects.printers_own(received.dataset())
        if asked is None:
            return 0
        tags = [attributes.tag("ImageDisplayFormat")]
        try:
            return self._image_boxes(session.attributes, asked)
        except Refused as error:
            status, kind = statuses.INVALID_ATTRIBUTE_VALUE, Refusal.NO_PRINTER
            words = "ImageDisplayFormat is taken by no printer"
            raise Fault(status, words, tags, kind=kind) from error
        except Unavailable as error:
            status, kind = statuses.PROCESSING_FAILURE, Refusal.NOT_ASKED
            words = "no printer could be asked for the image boxes of its own format"
            if error.busy:
                kind = Refusal.PRINTERS_BUSY
                words = "the printers are busy, and were not asked for its image boxes"
            raise Fault(status, words, tags, kind=kind) from error

    def _image_box(self, request: Request) -> OpenImageBox | None:
        """The image box of ours that a request sets, if it does: of others, pixels are skipped."""
        if request.field != Command.N_SET:
            return None
        try:
            node = self.tree.find(request.instance_uid, request.class_uid)
        except Fault:
            return None  # the answer will say so
        return node if isinstance(node, OpenImageBox) else None

    def begin_upload(self, box: OpenImageBox, size: int) -> TakesPixels[Any]:
        """What takes the `size` bytes of pixels that begin to come for an image box.

        Raises: Fault, CannotStore: 0xC605, when they are not accepted.
        """
        self.allowance.check_image(size, box.unprinted_bytes, self._share)
        upload = self.intake.receive(size, self.association.calling_ae, self.association.peer)
        # What is coming counts, too: images of many associations may come at once.
        self._share.become(self.tree.unprinted_bytes + size)
        return upload

    def _answer(self, request: Request, received: ReceivedDataset[Any]) -> Response:
        sop_class, uid = request.class_uid, request.instance_uid
        match request.field:
            case Command.N_CREATE:
                return self._create(request, received, sop_class, uid)
            case Command.N_SET:
                return self._set(received, sop_class, uid)
            case Command.N_GET:
                return self._get(request, sop_class, uid)
            case Command.N_ACTION:
                return self._action(request, sop_class, uid)
            case Command.N_DELETE:
                return self._delete(sop_class, uid)
        raise Fault(statuses.UNRECOGNIZED_OPERATION, "not an operation of print management")

    def _check_class(self, request: Request, sop_class: str) -> None:
        """Every class comes on its own context, or on that of its Meta class (PS3.4 H.3.2.2)."""
        if request.context is None:
            raise Fault(statuses.SOP_CLASS_NOT_SUPPORTED, "the presentation context was rejected")
        abstract = request.context.abstract_syntax
        if sop_class not in META_MEMBERS.get(abstract, frozenset({abstract})):
            raise Fault(statuses.NO_SUCH_SOP_CLASS, "no such class on this presentation context")

    def _create(
        self, request: Request, received: ReceivedDataset[Any], sop_class: str, asked: str
    ) -> Response:
        if sop_class not in (FILM_SESSION, FILM_BOX, PRESENTATION_LUT):
            raise Fault(statuses.NO_SUCH_SOP_CLASS, "instances of this class are not created")
        self.tree.check_room(sop_class)
        uid = self.tree.new_uid(asked)
        dataset = received.dataset()
        if sop_class == FILM_SESSION:
            reply = self._create_session(uid, dataset)
        elif sop_class == FILM_BOX:
            reply = self._create_film_box(request, uid, dataset)
        else:
            node = film_objects.lut(uid, dataset, self._tolerate)
            self.tree.add(node)
            reply = film_objects.lut_reply(node)
        return Response(statuses.SUCCESS, reply, {"AffectedSOPInstanceUID": uid})

    def _create_session(self, uid: str, dataset: Dataset) -> Dataset:
        if self.tree.session is not None:
            raise Fault(
                statuses.DUPLICATE_SOP_INSTANCE, "the association has a film session (H.4.1.2.1.3)"
            )
        try:
            self.intake.check_room(self.association.calling_ae, self.association.peer)
        except CannotStore as error:
            match error:
                case NoPrinters():
                    kind, words = Refusal.NONE_CONFIGURED, str(error)
                case QueueFull():
                    kind, words = Refusal.QUEUE_FULL, str(error)
                case DiskFull():
                    kind, words = Refusal.DISK_NEARLY_FULL, "no room for films now"
                case _:
                    kind, words = Refusal.FILM_NOT_STORED, "no film can be stored now"
            raise Fault(statuses.RESOURCE_LIMITATION, words, kind=kind) from error
        session = OpenFilmSession(uid, {})
        film_objects.set_session(session, dataset, self.tree, self._tolerate)
        self._check_possible(lambda: (session.asks,))
        self.tree.add(session)
        return film_objects.session_reply(session)

    def _create_film_box(self, request: Request, uid: str, dataset: Dataset) -> Dataset:
        assert request.context is not None
        color = request.context.abstract_syntax == COLOR_META
        film_box = film_objects.film_box(
            uid, dataset, self.tree, self._tolerate, color=color, made=self._made
        )
        self.allowance.check_image_boxes(len(film_box.image_boxes))
        self.check_film_box(film_box)
        session = self.tree.session
        assert session is not None
        self._check_possible(lambda: (session.asks, film_box.asks(session)))
        self.tree.add(film_box)
        return film_objects.film_box_reply(film_box, session)

    def check_film_box(self, film_box: OpenFilmBox) -> None:
        """Raises: Fault: when such a film cannot be printed. Here, any can."""

    def _check_possible(self, asked: Asked) -> None:
        """Raises: Fault: with the printers' own status, when every one is known to refuse this."""
        found = self._impossible(asked)
        if found is not None:
            refusal = found.first
            raise Fault(
                refusal.answer,
                f"no printer takes {refusal.refused}",
                [attributes.tag(refusal.trait.keyword)],
                kind=Refusal.NO_PRINTER,
            )

    def _set(self, received: ReceivedDataset[Any], sop_class: str, uid: str) -> Response:
        if sop_class in (PRINTER, PRESENTATION_LUT):
            raise Fault(statuses.UNRECOGNIZED_OPERATION, "instances of this class are not set")
        node = self.tree.find(uid, sop_class)
        dataset = received.dataset()
        if isinstance(node, OpenFilmSession):
            film_objects.set_session(node, dataset, self.tree, self._tolerate)
            reply = film_objects.session_reply(node)
        elif isinstance(node, OpenFilmBox):
            film_objects.set_film_box(node, dataset, self.tree, self._tolerate)
            reply = film_objects.settable_reply(node)
        else:
            assert isinstance(node, OpenImageBox)
            self._set_image_box(node, received)
            reply = None
        return Response(statuses.SUCCESS, reply, {"AffectedSOPInstanceUID": node.uid})

    def _set_image_box(self, box: OpenImageBox, received: ReceivedDataset[Any]) -> None:
        change = film_objects.image_change(box, received.dataset(), self.tree, self._tolerate)
        session = self.tree.session
        assert session is not None
        film = self.tree.film_box_of(box)
        lut = film.lut or session.lut

        def asks() -> tuple[Combination, ...]:
            own = traits_of_image(change.attributes, change.image, lut, change.lut)
            return session.asks, film.asks(session), film.asks(session) | own

        self._check_possible(asks)
        earlier, before, pixels = box.received, box.unprinted_bytes, None
        if change.image is not None:
            pixels = received.finish_pixels(change.image.length)
        try:
            self.tree.film_box_of(box).place(box, change.position)
        except Fault:
            if pixels is not None:
                self.intake.forget([pixels])
            raise
        change.apply(box, pixels)
        self.tree.recount(box, before)
        if earlier is not None:
            self.intake.forget([earlier])

    def _get(self, request: Request, sop_class: str, uid: str) -> Response:
        if sop_class != PRINTER:
            raise Fault(statuses.UNRECOGNIZED_OPERATION, "only the Printer can be asked with N-GET")
        if uid and uid != PRINTER_INSTANCE:
            words = "the Printer has one well-known instance"
            fault = Fault(statuses.NO_SUCH_SOP_INSTANCE, words)
            self._tolerate(Tolerated.PRINTER_INSTANCE, fault)
        return attribute_list.answered(request.command, self.printer_attributes(), PRINTER_INSTANCE)

    def printer_attributes(self) -> dict[str, str]:
        """What N-GET of the Printer can tell (PS3.4 H.4.6)."""
        pool = self._as_seen(self.intake.status())
        return {
            "PrinterStatus": pool.status,
            "PrinterStatusInfo": pool.info,
            "PrinterName": self.association.called_ae,
            "Manufacturer": "DICOM print broker",
            "ManufacturerModelName": "DICOM print broker",
            "SoftwareVersions": self.version,
            **dict.fromkeys(UNKNOWN, ""),
        }

    def _as_seen(self, pool: PoolStatus) -> PoolStatus:
        """The pool's status for this modality: the floor is kept for film sessions that are open
        already, so one of them may print on."""
        return NORMAL if pool == FULL and self.tree.session is not None else pool

    def _action(self, request: Request, sop_class: str, uid: str) -> Response:
        if sop_class not in (FILM_SESSION, FILM_BOX):
            raise Fault(statuses.UNRECOGNIZED_OPERATION, "this class has no action")
        node = self.tree.find(uid, sop_class)
        if request.command.get("ActionTypeID") != PRINT_ACTION:
            raise Fault(statuses.NO_SUCH_ACTION, "the only action is 1, print")
        whole = isinstance(node, OpenFilmSession)
        printed = self.tree.to_print(node)
        if not printed:
            status = statuses.EMPTY_FILM_SESSION if whole else statuses.EMPTY_FILM_BOX
            return Response(status, None, {"AffectedSOPInstanceUID": node.uid})
        assert self.tree.session is not None
        self.allowance.check_sheets(len(printed), self.tree.session.copies)
        reply = self._accept(request, printed, whole=whole)
        fields: dict[str, object] = {"AffectedSOPInstanceUID": node.uid}
        if reply is not None:
            fields["ActionTypeID"] = PRINT_ACTION
        return Response(statuses.SUCCESS, reply, fields)

    def _accept(
        self, request: Request, boxes: Sequence[OpenFilmBox], *, whole: bool
    ) -> Dataset | None:
        session = self.tree.session
        assert session is not None
        asked = session.freeze(
            boxes,
            Level.FILM_SESSION if whole else Level.FILM_BOX,
            calling_ae=self.association.calling_ae,
            called_ae=self.association.called_ae,
            peer=self.association.peer,
            lut_class=any(
                each.abstract_syntax == PRESENTATION_LUT for each in self.association.contexts
            ),
        )
        received = [each for box in boxes for each in box.received()]
        try:
            job = self.intake.accept(asked, received, request.came)
        except CannotStore as error:
            full = statuses.SESSION_QUEUE_FULL if whole else statuses.FILM_BOX_QUEUE_FULL
            if isinstance(error, QueueFull):
                raise Fault(full, str(error), kind=Refusal.QUEUE_FULL) from error
            if isinstance(error, NoPrinters):
                raise Fault(full, str(error), kind=Refusal.NONE_CONFIGURED) from error
            words = str(error) if isinstance(error, PixelsGone) else "the film cannot be stored"
            raise Fault(full, words) from error
        self.tree.printed(boxes)
        return self.action_reply(request, job)

    def action_reply(self, request: Request, job: int) -> Dataset | None:  # noqa: ARG002
        """The Action Reply; none, where Print Job was not accepted (PS3.4 H.4.2.2.4.1)."""
        return None

    def _delete(self, sop_class: str, uid: str) -> Response:
        if sop_class not in (FILM_SESSION, FILM_BOX, PRESENTATION_LUT):
            raise Fault(statuses.UNRECOGNIZED_OPERATION, "instances of this class are not deleted")
        node = self.tree.find(uid, sop_class)
        # Films keep their own copy of a LUT: theirs stays as it was (H.4.9.2.2).
        self.intake.forget(self.tree.remove(node))
        if isinstance(node, OpenFilmSession):
            self._session_over(node.key)
        return Response(statuses.SUCCESS, None, {"AffectedSOPInstanceUID": node.uid})


def _wrong(request: Request) -> Refusal:
    """What a request is counted as that is wrong in itself."""
    beside = request.field in (Command.C_ECHO, Command.N_GET, Command.N_DELETE)
    return Refusal.BESIDE_PRINTING if beside else Refusal.WRONG_REQUEST
