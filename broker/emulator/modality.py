"""An emulated modality: prints films on a Print SCP, as consoles do, and says how it went."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from broker.dicom import attributes, luts, pixels
from broker.dicom.printer_events import status_of
from broker.dicom.scu.print_scu import PrintScu, PrintTimeouts, ScuAnswer, associate
from broker.dicom.statuses import Meaning, meaning
from broker.dicom.uids import (
    COLOR_META,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    fresh_uid,
)
from broker.dicom.upper_layer.requestor import EventReport
from broker.model.films.film import Attributes, Film, ImageBox, PresentationLut
from broker.model.jobs.job import Level, Priority
from broker.model.printers.printer import Address, PoolStatus
from broker.model.printers.trouble import Refused

Read = Callable[[str], bytes]


@dataclass(frozen=True)
class PrintAnswer:
    """What one print request came to."""

    films: int
    """Asked for by this request."""
    status: int
    """Of N-ACTION, or of the step before it that was answered with a failure."""
    step: str
    """What was answered so: `N-ACTION`, `N-CREATE film box`, …"""
    seconds: float
    """From N-ACTION, or that step, to its answer: how long a radiographer waits."""

    @property
    def printed(self) -> bool:
        """Whether the films were taken."""
        return self.step == "N-ACTION" and meaning(self.status) in (Meaning.DONE, Meaning.ALTERED)


class Modality:
    """Prints with one association and one film session for each call, as many consoles do.

    It is as strict as they are: the first failure ends the film session, and what is left of the
    films is not sent (PS3.2 B.4.2.3.3). `on_status` hears what it is told of the printer while it
    prints (PS3.4 H.4.6.2.1).
    """

    def __init__(
        self,
        ae_title: str,
        *,
        timeouts: PrintTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
        on_status: Callable[[PoolStatus], None] = lambda _status: None,
    ) -> None:
        self.ae_title = ae_title
        self._tls = tls
        self._timeouts = timeouts or PrintTimeouts()
        self._clock = clock
        self._on_status = on_status

    def print(
        self,
        host: str,
        port: int,
        called_ae: str,
        films: Sequence[Film],
        read: Read,
        *,
        level: Level = Level.FILM_BOX,
        copies: int = 1,
        priority: Priority = Priority.MED,
        session: Attributes | None = None,
    ) -> list[PrintAnswer]:
        """Print films in order; what each request was answered with.

        At film box level every film is a request, at film session level there is one for all.
        `session` are further attributes of the film session, such as MediumType.

        Raises:
            Unavailable: when there is no association, or it ends.
            Uncertain: when it ends during N-ACTION.
            Refused: when the peer does not support what the films need.
        """
        color = any(_colored(film) for film in films)
        scu = self._associate(
            Address(called_ae, called_ae, host, port),
            COLOR_META if color else GRAYSCALE_META,
            lut=any(film.luts for film in films),
        )
        console = _Console(scu, read, self._clock)
        asked = {
            "NumberOfCopies": (str(copies),),
            "PrintPriority": (str(priority),),
            **(session or {}),
        }
        try:
            console.open_session(asked)
            if level is Level.FILM_SESSION:
                for film in films:
                    console.fill(film)
                console.ask(FILM_SESSION, console.session, len(films))
            else:
                for film in films:
                    film_box = console.fill(film)
                    console.ask(FILM_BOX, film_box, 1)
                    scu.delete(FILM_BOX, film_box)
            scu.delete(FILM_SESSION, console.session)
            scu.close()
        except _Failed:
            scu.abort()
        except BaseException:
            scu.abort()
            raise
        return console.answered

    def _associate(self, address: Address, meta: str, *, lut: bool) -> PrintScu:
        wanted = [meta, *([PRESENTATION_LUT] if lut else [])]
        requestor = associate(
            address,
            wanted,
            calling_ae=self.ae_title,
            timeouts=self._timeouts.association,
            tls=self._tls,
            on_event_report=self._hear,
        )
        meta_context = requestor.context(meta)
        lut_context = requestor.context(PRESENTATION_LUT)
        if meta_context is None or (lut and lut_context is None):
            requestor.release()
            missing = "the films' Print Meta class" if meta_context is None else "Presentation LUT"
            raise Refused(f"{address.ae_title} does not take {missing}", permanent=True)
        return PrintScu(requestor, address.name, meta_context, lut_context, self._timeouts)

    def _hear(self, report: EventReport) -> None:
        if (status := status_of(report)) is not None:
            self._on_status(status)


class _Failed(Exception):
    """A step was answered with a failure; it is written down."""


@dataclass
class _Console:
    """One film session as the modality drives it."""

    scu: PrintScu
    read: Read
    clock: Callable[[], float]
    session: str = ""
    answered: list[PrintAnswer] = field(default_factory=list)
    luts: dict[PresentationLut, str] = field(default_factory=dict)

    def open_session(self, asked: Attributes) -> None:
        """N-CREATE of the film session."""
        dataset = Dataset()
        attributes.write(asked, dataset)
        self.session = self._create("film session", FILM_SESSION, dataset).instance_uid

    def fill(self, film: Film) -> str:
        """N-CREATE of a film box and N-SET of its image boxes; its UID."""
        dataset = Dataset()
        attributes.write(film.attributes, dataset, attributes.FILM_BOX)
        attributes.put_items(
            dataset,
            "ReferencedFilmSessionSequence",
            [attributes.reference(FILM_SESSION, self.session)],
        )
        self._refer(film.lut, dataset)
        created = self._create("film box", FILM_BOX, dataset)
        assert created.dataset is not None
        offered = created.dataset.ReferencedImageBoxSequence
        for box, item in zip(film.image_boxes, offered, strict=True):
            if box.image is not None:
                self._set(box, str(item.ReferencedSOPClassUID), str(item.ReferencedSOPInstanceUID))
        return created.instance_uid

    def ask(self, sop_class: str, uid: str, films: int) -> None:
        """N-ACTION."""
        began = self.clock()
        answer = self.scu.action(sop_class, uid)
        found = PrintAnswer(films, answer.status, "N-ACTION", self.clock() - began)
        self.answered.append(found)
        if not found.printed:
            raise _Failed

    def _set(self, box: ImageBox, sop_class: str, uid: str) -> None:
        assert box.image is not None
        dataset = Dataset()
        attributes.put(dataset, "ImageBoxPosition", (str(box.position),))
        attributes.write(box.attributes, dataset, attributes.IMAGE_BOX)
        self._refer(box.lut, dataset)
        gray = box.image.samples == 1
        attributes.put_items(
            dataset,
            "BasicGrayscaleImageSequence" if gray else "BasicColorImageSequence",
            [pixels.write(box.image, self.read(box.image.pixels))],
        )
        began = self.clock()
        self._check("N-SET image box", self.scu.set(sop_class, uid, dataset), began)

    def _refer(self, lut: PresentationLut | None, dataset: Dataset) -> None:
        if lut is None:
            return
        if lut not in self.luts:
            created = self._create("Presentation LUT", PRESENTATION_LUT, luts.write(lut))
            self.luts[lut] = created.instance_uid
        item = attributes.reference(PRESENTATION_LUT, self.luts[lut])
        attributes.put_items(dataset, "ReferencedPresentationLUTSequence", [item])

    def _create(self, what: str, sop_class: str, dataset: Dataset) -> ScuAnswer:
        began = self.clock()
        answer = self.scu.create(sop_class, dataset, fresh_uid())
        return self._check(f"N-CREATE {what}", answer, began)

    def _check(self, step: str, answer: ScuAnswer, began: float) -> ScuAnswer:
        if meaning(answer.status) not in (Meaning.DONE, Meaning.ALTERED):
            self.answered.append(PrintAnswer(0, answer.status, step, self.clock() - began))
            raise _Failed
        return answer


def _colored(film: Film) -> bool:
    return any(box.image is not None and box.image.samples == 3 for box in film.image_boxes)
