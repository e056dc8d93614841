"""A printer of another make (pynetdicom) that does not take everything, and keeps what it was
asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
    BasicGrayscalePrintManagementMeta,
    PresentationLUT,
    Verification,
)

from broker.model.printers.printer import Address

Takes = Callable[[Dataset], bool]
BOTH = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]


@dataclass
class ChoosyPrinter:
    """What it takes, and what it was asked.

    `refuses` has, by keyword, what of its values is refused: None is every value. It is looked for
    in every data set and in the items of image sequences.
    """

    name: str
    refuses: dict[str, object] = field(default_factory=dict)
    refuses_together: list[dict[str, object]] = field(default_factory=list)
    """Values that it refuses beside each other, of film session and film box."""
    passing_refusals: int = 0
    """How many film boxes it refuses before it takes the same."""
    answers: dict[str, object] = field(default_factory=dict)
    """What it says that it made of attributes, where these were sent."""
    warns: int = 0
    """The status by which it takes a film box, where that is a warning; it names no attribute."""
    keeps_attributes: bool = False
    """Whether an N-SET leaves what it does not name (PS3.7 10.1.3)."""
    at_once: int = 10
    """Associations that it takes."""
    status: int = 0x0106
    lut: bool = True
    fails_explicit: bool = False
    lut_level: str = ""
    """Where alone it takes a reference to a LUT: film session or film box; empty: in both."""
    wants_luts: bool = False
    """Refuses an image of a film without a LUT on an association that has the class."""
    boxes: Mapping[str, int] = field(default_factory=dict)
    """Image boxes of formats that are none of the standard's three."""
    requests: list[tuple[str, Dataset]] = field(default_factory=list)
    """SOP class and data set of each N-CREATE and N-SET, in their order."""
    printed: list[list[Dataset]] = field(default_factory=list)
    """Film session, film box, and the image boxes of each film."""
    associations: int = 0
    port: int = 0

    @property
    def address(self) -> Address:
        """How the broker reaches it."""
        return Address(self.name, self.name.upper(), "127.0.0.1", self.port)

    def asked(self, sop_class: UID) -> list[Dataset]:
        """The data sets of that class that it was asked to take."""
        return [dataset for named, dataset in self.requests if named == sop_class]

    def refuses_any(self, dataset: Dataset) -> bool:
        """Whether something of this is refused."""
        for element in dataset:
            if element.VR == "SQ" and any(self.refuses_any(item) for item in element.value):
                return True
            if element.keyword in self.refuses:
                wanted = self.refuses[element.keyword]
                if wanted is None or element.value == wanted or str(element.value) == str(wanted):
                    return True
        return False


class _Films:
    """The film session of one association."""

    def __init__(self, printer: ChoosyPrinter) -> None:
        self.printer = printer
        self.session = Dataset()
        self.boxes: dict[str, tuple[Dataset, dict[str, Dataset]]] = {}

    def create(self, event: Event, sop_class: UID) -> tuple[int, Dataset | None]:
        """N-CREATE."""
        asked = event.attribute_list
        self.printer.requests.append((sop_class, asked))
        if self.printer.fails_explicit and not event.context.transfer_syntax.is_implicit_VR:
            return 0x0110, None
        if self.printer.refuses_any(asked) or self._misplaces_lut(sop_class, asked):
            return self.printer.status, None
        if sop_class == BasicFilmBox and self._refuses_together(asked):
            return self.printer.status, None
        if sop_class == BasicFilmBox and self.printer.passing_refusals:
            self.printer.passing_refusals -= 1
            return self.printer.status, None
        reply = self._reply(asked)
        if sop_class == BasicFilmSession:
            self.session = asked
        elif sop_class == BasicFilmBox:
            images = [str(generate_uid()) for _ in range(self._number(asked.ImageDisplayFormat))]
            uid = str(event.request.AffectedSOPInstanceUID)
            self.boxes[uid] = asked, {each: Dataset() for each in images}
            reply.ReferencedImageBoxSequence = [_reference(each) for each in images]
            return self.printer.warns, reply
        return 0x0000, reply

    def set(self, event: Event, sop_class: UID) -> tuple[int, Dataset | None]:
        """N-SET."""
        asked = event.attribute_list
        self.printer.requests.append((sop_class, asked))
        minds = self._misses_lut(event) or self._misplaces_lut(sop_class, asked)
        if self.printer.refuses_any(asked) or minds:
            return self.printer.status, None
        if sop_class == BasicFilmSession:
            self.session.update(asked)
        for _, images in self.boxes.values():
            if (uid := str(event.request.RequestedSOPInstanceUID)) in images:
                before = images[uid] if self.printer.keeps_attributes else Dataset()
                before.update(asked)
                images[uid] = before
        return 0x0000, self._reply(asked)

    def _refuses_together(self, film_box: Dataset) -> bool:
        asked = Dataset()
        asked.update(self.session)
        asked.update(film_box)
        return any(
            all(str(asked.get(keyword, "")) == value for keyword, value in each.items())
            for each in self.printer.refuses_together
        )

    def _reply(self, asked: Dataset) -> Dataset:
        reply = Dataset()
        for keyword, value in self.printer.answers.items():
            if keyword in asked:
                setattr(reply, keyword, value)
        return reply

    def _misplaces_lut(self, sop_class: UID, asked: Dataset) -> bool:
        level = {BasicFilmSession: "film session", BasicFilmBox: "film box"}.get(sop_class, "")
        there = "ReferencedPresentationLUTSequence" in asked
        return bool(level and self.printer.lut_level not in ("", level) and there)

    def _misses_lut(self, event: Event) -> bool:
        had = {context.abstract_syntax for context in event.assoc.accepted_contexts}
        if event.request.RequestedSOPClassUID != BasicGrayscaleImageBox:
            return False
        used = any("ReferencedPresentationLUTSequence" in box for box, _ in self.boxes.values())
        return self.printer.wants_luts and PresentationLUT in had and not used

    def action(self, event: Event) -> tuple[int, None]:
        """N-ACTION."""
        box, images = self.boxes[str(event.request.RequestedSOPInstanceUID)]
        self.printer.printed.append([self.session, box, *images.values()])
        return 0x0000, None

    def delete(self, event: Event) -> int:
        """N-DELETE."""
        self.boxes.pop(str(event.request.RequestedSOPInstanceUID), None)
        return 0x0000

    def _number(self, text: str | list[str]) -> int:
        whole = text if isinstance(text, str) else "\\".join(text)
        kind, _, numbers = whole.partition("\\")
        if kind in ("STANDARD", "ROW", "COL"):
            counts = [int(each) for each in numbers.split(",")]
            return counts[0] * counts[1] if kind == "STANDARD" else sum(counts)
        return self.printer.boxes[whole]


def _reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = BasicGrayscaleImageBox
    item.ReferencedSOPInstanceUID = uid
    return item


@contextmanager
def running(printer: ChoosyPrinter) -> Iterator[ChoosyPrinter]:
    """The printer, listening; the second time where it did the first."""
    ae = AE(ae_title=printer.name.upper())
    ae.maximum_associations = printer.at_once
    ae.add_supported_context(Verification)
    ae.add_supported_context(BasicGrayscalePrintManagementMeta, BOTH)
    if printer.lut:
        ae.add_supported_context(PresentationLUT, BOTH)
    open_films: dict[object, _Films] = {}
    lock = threading.Lock()

    def films(event: Event) -> _Films:
        with lock:
            if event.assoc not in open_films:
                open_films[event.assoc] = _Films(printer)
                printer.associations += 1
            return open_films[event.assoc]

    def printer_status(_event: Event) -> tuple[int, Dataset]:
        said = Dataset()
        said.PrinterStatus = said.PrinterStatusInfo = "NORMAL"
        return 0x0000, said

    handlers = [
        (
            evt.EVT_N_CREATE,
            lambda event: films(event).create(event, event.request.AffectedSOPClassUID),
        ),
        (evt.EVT_N_SET, lambda event: films(event).set(event, event.request.RequestedSOPClassUID)),
        (evt.EVT_N_ACTION, lambda event: films(event).action(event)),
        (evt.EVT_N_DELETE, lambda event: films(event).delete(event)),
        (evt.EVT_N_GET, printer_status),
    ]
    server = ae.start_server(("127.0.0.1", printer.port), block=False, evt_handlers=handlers)  # type: ignore[arg-type]
    assert server is not None
    printer.port = server.socket.getsockname()[1]
    try:
        yield printer
    finally:
        server.shutdown()
