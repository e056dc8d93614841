"""The Print Jobs of emulated printers, as the association that made them sees them."""

from __future__ import annotations

from collections.abc import Sequence

from broker.dicom import statuses
from broker.dicom.uids import (
    EXPLICIT_LITTLE,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    IMPLICIT_LITTLE,
    PRINT_JOB,
)
from broker.dicom.upper_layer.command_set import Command
from broker.dicom.upper_layer.negotiation import Offer
from broker.dicom.upper_layer.requestor import Answer, EventReport, Requestor
from broker.emulator.print_jobs import Execution
from broker.emulator.printer import EmulatedPrinter
from tests.emulator.conftest import NewPrinter
from tests.peers.speaker import dataset, image_box, reference

SYNTAXES = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)
PATIENCE_S = 10.0


class Watcher:
    """A modality that follows its Print Jobs."""

    def __init__(
        self, printer: EmulatedPrinter, *, classes: Sequence[str] = (GRAYSCALE_META, PRINT_JOB)
    ) -> None:
        self.events: list[EventReport] = []
        self.requestor = Requestor.open(
            printer.host,
            printer.port,
            calling_ae="CT1",
            called_ae="OKI1",
            proposals=[Offer(each, SYNTAXES) for each in classes],
            on_event_report=self._hear,
        )
        self._meta = self.requestor.context(GRAYSCALE_META)
        self._job = self.requestor.context(PRINT_JOB)

    def _hear(self, report: EventReport) -> None:
        if report.class_uid == PRINT_JOB:
            self.events.append(report)

    def ask(self, field: Command, sop_class: str, uid: str, **more: object) -> Answer:
        """A request on the Meta context."""
        assert self._meta is not None
        kind = "Affected" if field == Command.N_CREATE else "Requested"
        command = {"CommandField": field, f"{kind}SOPClassUID": sop_class}
        if uid:
            command[f"{kind}SOPInstanceUID"] = uid
        data = more.pop("data", None)
        return self.requestor.request(
            self._meta,
            {**command, **more},
            data,  # type: ignore[arg-type]
            timeout_s=PATIENCE_S,
        )

    def act(self) -> Answer:
        """A whole film; the answer to its N-ACTION."""
        session = str(self.ask(Command.N_CREATE, FILM_SESSION, "").command.AffectedSOPInstanceUID)
        wanted = dataset(ImageDisplayFormat=r"STANDARD\1,1")
        wanted.ReferencedFilmSessionSequence = [reference(FILM_SESSION, session)]
        created = self.ask(Command.N_CREATE, FILM_BOX, "", data=wanted)
        assert created.dataset is not None
        image = str(created.dataset.ReferencedImageBoxSequence[0].ReferencedSOPInstanceUID)
        self.ask(Command.N_SET, GRAYSCALE_IMAGE_BOX, image, data=image_box())
        film_box = str(created.command.AffectedSOPInstanceUID)
        acted = self.ask(Command.N_ACTION, FILM_BOX, film_box, ActionTypeID=1)
        assert (acted.status, acted.command.AffectedSOPInstanceUID) == (0, film_box)
        return acted

    def print(self) -> str:
        """A whole film; the UID of its Print Job."""
        acted = self.act()
        assert (acted.command.ActionTypeID, acted.dataset is not None) == (1, True)
        (item,) = acted.dataset[0x2100, 0x0500].value
        assert item.ReferencedSOPClassUID == PRINT_JOB
        return str(item.ReferencedSOPInstanceUID)

    def get(self, uid: str, tags: list[int] | None = None) -> Answer:
        """N-GET of a Print Job, on its own context."""
        assert self._job is not None
        command: dict[str, object] = {
            "CommandField": Command.N_GET,
            "RequestedSOPClassUID": PRINT_JOB,
            "RequestedSOPInstanceUID": uid,
        }
        if tags:
            command["AttributeIdentifierList"] = tags
        return self.requestor.request(self._job, command, timeout_s=PATIENCE_S)

    def state(self, uid: str) -> tuple[str, str]:
        """Execution Status and its info."""
        answer = self.get(uid)
        assert answer.dataset is not None
        return answer.dataset.ExecutionStatus, answer.dataset.ExecutionStatusInfo


def test_a_print_job_is_named_followed_and_told_of(new_printer: NewPrinter) -> None:
    """The Action Reply names it; events say Pending, Printing, Done; N-GET says DONE."""
    printer = new_printer()
    watcher = Watcher(printer)
    job = watcher.print()
    assert watcher.state(job) == ("DONE", "NORMAL")
    assert [(event.instance_uid, event.event_type) for event in watcher.events] == [
        (job, 1),
        (job, 2),
        (job, 3),
    ]
    last = watcher.events[-1].dataset
    assert last is not None
    assert (last.ExecutionStatusInfo, last.PrinterName) == ("NORMAL", "oki-1")
    watcher.requestor.release()


def test_a_print_job_outlives_its_association(new_printer: NewPrinter) -> None:
    """A later association can ask for it (PS3.4 H.5), by attribute too."""
    printer = new_printer()
    first = Watcher(printer)
    job = first.print()
    first.requestor.release()
    later = Watcher(printer)
    whole = later.get(job).dataset
    assert whole is not None
    assert (whole.Originator, whole.PrintPriority) == ("CT1", "MED")
    assert (whole.CreationDate, whole.CreationTime) == ("20300101", "120000")
    chosen = later.get(job, [0x21000020, 0x21000010])
    assert (chosen.status, chosen.command.AttributeIdentifierList) == (
        statuses.ATTRIBUTE_LIST_ERROR,
        0x21000010,
    )
    assert chosen.dataset is not None
    assert [element.keyword for element in chosen.dataset] == ["ExecutionStatus"]
    assert later.get("1.2.3").status == statuses.NO_SUCH_SOP_INSTANCE
    later.requestor.release()


def test_a_print_job_waits_for_the_jam_to_be_cleared(new_printer: NewPrinter) -> None:
    """PENDING with FILM JAM; once cleared, the association that asked is told of the rest."""
    printer = new_printer("jam")
    watcher = Watcher(printer)
    job = watcher.print()
    assert watcher.state(job) == ("PENDING", "FILM JAM")
    printer.set_scenario("ok")
    printer.print_jobs.wait_for(job, Execution.DONE)
    assert watcher.state(job) == ("DONE", "NORMAL")
    assert [event.event_type for event in watcher.events] == [1, 2, 3]
    watcher.requestor.release()


def test_a_jam_cleared_after_the_association_is_not_told(new_printer: NewPrinter) -> None:
    """The film comes out although the one who asked for it has left."""
    printer = new_printer("jam")
    watcher = Watcher(printer)
    job = watcher.print()
    watcher.requestor.abort()
    printer.set_scenario("ok")
    printer.print_jobs.wait_for(job, Execution.DONE)
    assert len(printer.sheets) == 1


def test_without_print_job_there_is_no_action_reply(new_printer: NewPrinter) -> None:
    """Where the class was not accepted, N-ACTION is answered without a data set (H.4.2.2.4.1)."""
    watcher = Watcher(new_printer(), classes=(GRAYSCALE_META,))
    acted = watcher.act()
    assert (acted.status, acted.dataset) == (0, None)
    watcher.requestor.release()
    assert watcher.events == []


def test_a_film_that_was_lost_is_a_failure(new_printer: NewPrinter) -> None:
    """Accepted during a jam, lost on the paper path: the Print Job alone can say so."""
    printer = new_printer("jam")
    watcher = Watcher(printer)
    job = watcher.print()
    (printer.tray.directory / ".0001.png.part").mkdir()
    printer.set_scenario("ok")
    printer.print_jobs.wait_for(job, Execution.FAILURE)
    assert watcher.state(job) == ("FAILURE", "RECEIVER FULL")
    assert [event.event_type for event in watcher.events] == [1, 2, 4]
    watcher.requestor.release()
