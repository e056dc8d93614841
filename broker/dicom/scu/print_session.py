"""One film session on a printer: films go through it one by one, each its own checkpoint.

    begin -> (prepare -> ask -> clear)* -> end

Until `ask`, the printer forgets everything when the association ends (PS3.4 H.5), so any trouble
may be repeated anywhere. `ask` is the line: whatever breaks after it is Uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence

from broker.dicom import attributes, luts, pixels
from broker.dicom.other_elements import relay
from broker.dicom.scu.adaptation import OTHERS, REFUSALS, Adaptations, LeftOut, PrintObject, tries
from broker.dicom.scu.print_scu import PrintScu, ScuAnswer
from broker.dicom.statuses import NO_SUCH_ATTRIBUTE, UNWELCOME, Meaning, meaning, words
from broker.dicom.uids import (
    COLOR_IMAGE_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    PRESENTATION_LUT,
    fresh_uid,
)
from broker.dicom.upper_layer.dataset import Pieces
from broker.model.film import Attributes, Film, ImageBox, PresentationLut, first
from broker.model.job import Priority
from broker.model.printer import Address
from broker.model.trouble import Refused, Unavailable, Uncertain


class Content(Protocol):
    """Pixels in pieces, open as long as they are sent."""

    length: int
    """In bytes."""

    def __iter__(self) -> Iterator[bytes]:
        """Raises: SpoolDamaged: before the last piece, when they are not what they were."""


class OpenPixels(Protocol):
    """Opens pixels."""

    def __call__(self, name: str, length: int) -> AbstractContextManager[Content]:
        """The pixels of that spool name.

        Raises: SpoolDamaged: when they have not that length, in bytes.
        """


class PrintSession:
    """A film session at a printer, over an open association."""

    def __init__(self, scu: PrintScu, address: Address, adaptations: Adaptations) -> None:
        self._scu = scu
        self._address = address
        self._adaptations = adaptations
        self._session = ""
        self._film_box = ""
        self._luts: dict[PresentationLut, tuple[str, list[str]]] = {}
        """UID of each LUT on this association, and what the printer did differently with it."""
        self._asked: Attributes = {}
        self._more = b""
        self._look: tuple[PresentationLut | None, Attributes] = (None, {})
        """LUT and lighting of the film session, where the printer wants them there."""
        self._lut_moved = False
        """Whether they are tried there now."""
        self._of_session: list[str] = []
        self._of_film: list[str] = []

    @property
    def remarks(self) -> list[str]:
        """What the printer did differently with the film in hand, for a person.

        What it did differently with the film session holds for every film of it.
        """
        return [*self._of_session, *self._of_film]

    @classmethod
    def begin(
        cls,
        scu: PrintScu,
        address: Address,
        session: Attributes,
        copies: int,
        adaptations: Adaptations | None = None,
        more: bytes = b"",
    ) -> PrintSession:
        """Create the film session; `copies` is what it asks for, whatever `session` says; `more`
        are elements that print does not name.

        Copies and priority are sent always: the modality was told what they are, and some printers
        take no film session without a data set.
        """
        self = cls(scu, address, adaptations or Adaptations())
        self._more = more
        copied = {"NumberOfCopies": (str(copies),)}
        self._asked = {"PrintPriority": (str(Priority.MED),), **session, **copied}
        self._open_session()
        return self

    def _open_session(self) -> None:
        self._of_session = []

        def create(left_out: LeftOut) -> ScuAnswer:
            dataset = Dataset()
            keywords = [each for each in attributes.FILM_SESSION if each not in left_out]
            attributes.write(self._asked, dataset, keywords)
            relay(b"" if OTHERS in left_out else self._more, dataset)
            return self._scu.create(FILM_SESSION, dataset, fresh_uid())

        asked = _with_others(self._asked, self._more)
        answer = self._adapted(PrintObject.SESSION, asked, create, self._of_session)
        self._judge_created("film session", FILM_SESSION, answer, self._of_session)
        self._compare(answer, self._asked, attributes.FILM_SESSION, self._of_session)
        self._session = answer.instance_uid
        self._look = (None, {})

    def prepare(self, film: Film, read: OpenPixels) -> None:
        """Create the film box and fill its image boxes; nothing is printed yet."""
        self._of_film = []
        answer = self._create_film_box(film)
        self._judge_created("film box", FILM_BOX, answer, self._of_film)
        self._film_box = answer.instance_uid
        self._compare(answer, film.attributes, attributes.FILM_BOX, self._of_film)
        for box, (sop_class, uid) in zip(
            film.image_boxes, self._offered(film, answer), strict=True
        ):
            if box.image is not None:
                self._fill(film, box, sop_class, uid, read)

    def _create_film_box(self, film: Film) -> ScuAnswer:
        """The last answer to N-CREATE of the film box.

        A LUT stands where printers look for it today, unless this one looks in the film session.
        """

        def create(left_out: LeftOut) -> ScuAnswer:
            dataset = Dataset()
            keywords = (*attributes.FILM_BOX_CREATE_ONLY, *self._settable(film))
            attributes.write(
                film.attributes, dataset, [each for each in keywords if each not in left_out]
            )
            attributes.put_items(
                dataset,
                "ReferencedFilmSessionSequence",
                [attributes.reference(FILM_SESSION, self._session)],
            )
            relay(b"" if OTHERS in left_out else film.more, dataset)
            if film.lut is not None and not self._lut_in_session:
                self._refer(film.lut, dataset, self._of_film)
            return self._scu.create(FILM_BOX, dataset, fresh_uid())

        asked = _with_others(film.attributes, film.more)

        if self._lut_in_session:
            self._look_like(film)
        elif film.lut is not None:
            answer = create(self._adaptations.left_out(self._name, PrintObject.FILM_BOX, asked))
            if answer.status != NO_SUCH_ATTRIBUTE:
                return self._adapted(PrintObject.FILM_BOX, asked, create, self._of_film, answer)
            moved = self._with_lut_in_session(film, asked, create)
            if moved is not None:
                return moved
        return self._adapted(PrintObject.FILM_BOX, asked, create, self._of_film)

    def _with_lut_in_session(
        self, film: Film, asked: Attributes, create: Callable[[LeftOut], ScuAnswer]
    ) -> ScuAnswer | None:
        """The answer where the printer takes the film with its LUT in the film session; else None,
        and all is as it was."""
        self._lut_moved = True
        try:
            self._look_like(film)
            answer = create(self._adaptations.left_out(self._name, PrintObject.FILM_BOX, asked))
        except Refused:
            answer = None
        if answer is None or answer.status in REFUSALS:
            self._lut_moved = False
            self._scu.delete(FILM_SESSION, self._session)
            self._open_session()
            return None
        self._adaptations.move_lut(self._name)
        self._of_film.append(f"Presentation LUT in the film session: {self._name} takes it there")
        return answer

    @property
    def _lut_in_session(self) -> bool:
        """Whether the printer looks for LUT and lighting in the film session."""
        return (
            self._address.lut_level == "film session"
            or self._lut_moved
            or self._adaptations.lut_in_session(self._name)
        )

    def _adapted(
        self,
        level: PrintObject,
        asked: Attributes,
        send: Callable[[LeftOut], ScuAnswer],
        remarks: list[str],
        answer: ScuAnswer | None = None,
    ) -> ScuAnswer:
        """The answer to a request, sent without what this printer does not take; where it still
        refuses it, the first answer. `answer` is that one, where it is known already."""
        left_out = self._adaptations.left_out(self._name, level, asked)
        first = answer or send(left_out)
        last, tried = first, left_out
        while last.status in REFUSALS:
            sent = {each: asked[each] for each in asked if each not in tried}
            for more in tries(level, last.attributes, sent):
                last = send(tried | more)
                if last.status not in REFUSALS or last.attributes:
                    tried |= more
                    break
            else:
                return first
        if tried != left_out:
            self._adaptations.leave_out(self._name, level, tried - left_out, asked)
        if gone := sorted(tried & asked.keys()):
            remarks.append(f"without {', '.join(gone)}: {self._name} does not take it")
        return last

    def ask(self) -> None:
        """Ask for the film on paper: N-ACTION on the film box.

        Returns when the printer accepted it.

        Raises:
            Refused, Unavailable: when it answered that the film will not be printed.
            Uncertain: when no answer came, or one that says neither.
        """
        answer = self._scu.action(FILM_BOX, self._film_box)
        if meaning(answer.status) is Meaning.EMPTY:
            # Some printers answer so for a film that is not empty, and accept it the next time.
            raise Refused(f"{self._name} printed nothing: {words(answer.status)}", permanent=False)
        if meaning(answer.status) is Meaning.UNCLEAR and not _is_failure(answer.status):
            said = f"{self._name}: N-ACTION answered {words(answer.status)}"
            raise Uncertain(f"{said}, which is neither yes nor no")
        self._judge("N-ACTION", answer, self._of_film)

    def clear(self) -> None:
        """Delete the printed film box, so that printers which keep one at a time have room."""
        self._scu.delete(FILM_BOX, self._film_box)
        self._film_box = ""

    def end(self, release_s: float = math.inf) -> None:
        """Delete the film session and release the association, which may take `release_s` at
        most."""
        self._scu.delete(FILM_SESSION, self._session)
        self._scu.close(release_s)

    def leave(self, release_s: float) -> None:
        """Release the association in `release_s` at most, and the film session with it."""
        self._scu.close(release_s)

    def abandon(self) -> None:
        """Abort the association: the printer forgets what was not asked for (PS3.4 H.5)."""
        self._scu.abort()

    def fileno(self) -> int:
        """For a selector, between two films: see `Requestor.fileno`."""
        return self._scu.fileno()

    def attend(self, patience_s: float) -> bool:
        """Deal with what the printer said unasked, between two films, in `patience_s` at most.
        Whether the association goes on."""
        return self._scu.attend(patience_s)

    @property
    def _name(self) -> str:
        return self._address.name

    def _settable(self, film: Film) -> list[str]:
        """Lighting belongs to Presentation LUT: printers without it refuse it (PS3.4 H.4.9)."""
        lit = film.needs_lut and not self._lut_in_session
        return [each for each in attributes.FILM_BOX_SET if lit or each not in attributes.LIGHTING]

    def _refer(self, lut: PresentationLut, dataset: Dataset, remarks: list[str]) -> None:
        uid, said = self._lut(lut)
        remarks += [each for each in said if each not in remarks]
        item = attributes.reference(PRESENTATION_LUT, uid)
        attributes.put_items(dataset, "ReferencedPresentationLUTSequence", [item])

    def _look_like(self, film: Film) -> None:
        """Give the film session the film's LUT and lighting, where this printer looks for them.

        CP 173 moved the place. A film session cannot be rid of a LUT by N-SET, so a film with
        another look gets a film session of its own: gray levels must not change in silence.
        """
        lighting = {
            key: film.attributes[key] for key in attributes.LIGHTING if key in film.attributes
        }
        look = (film.lut, lighting if film.lut is not None else {})
        if look == self._look:
            return
        if self._look != (None, {}):
            self._scu.delete(FILM_SESSION, self._session)
            self._open_session()
        if film.lut is None:
            return
        dataset = Dataset()
        self._refer(film.lut, dataset, self._of_session)
        attributes.write(lighting, dataset)
        answer = self._scu.set(FILM_SESSION, self._session, dataset)
        self._judge("N-SET of the film session", answer, self._of_session)
        self._look = look

    def _lut(self, lut: PresentationLut) -> tuple[str, list[str]]:
        """The UID of a LUT, and the remarks on it; it is created the first time it is needed."""
        if not self._scu.lut:
            raise Refused(f"{self._name} does not support Presentation LUT", permanent=True)
        if lut not in self._luts:
            remarks: list[str] = []
            answer = self._scu.create(PRESENTATION_LUT, luts.write(lut), fresh_uid())
            self._judge_created("Presentation LUT", PRESENTATION_LUT, answer, remarks)
            self._luts[lut] = answer.instance_uid, remarks
        return self._luts[lut]

    def _offered(self, film: Film, answer: ScuAnswer) -> list[tuple[str, str]]:
        """Class and UID of the printer's image boxes, in the order of their positions.

        The class is the film's, whatever the items say: some name another one, and then refuse it.
        """
        keyword = "ReferencedImageBoxSequence"
        items = answer.dataset.get(keyword) if answer.dataset is not None else None
        if not isinstance(items, Sequence):
            items = ()
        found = [str(item.get("ReferencedSOPInstanceUID") or "") for item in items]
        distinct = set(filter(None, found))
        if len(found) != len(film.image_boxes) or len(distinct) != len(found):
            raise Refused(
                f"{self._name} made {len(distinct)} image boxes for {film.display_format}, "
                f"not {len(film.image_boxes)}",
                permanent=True,
            )
        color = any(box.image is not None and box.image.samples > 1 for box in film.image_boxes)
        return [(COLOR_IMAGE_BOX if color else GRAYSCALE_IMAGE_BOX, uid) for uid in found]

    def _fill(self, film: Film, box: ImageBox, sop_class: str, uid: str, read: OpenPixels) -> None:
        assert box.image is not None
        image = box.image
        keyword = "BasicColorImageSequence" if image.samples == 3 else "BasicGrayscaleImageSequence"

        def fill(left_out: LeftOut) -> ScuAnswer:
            dataset = Dataset()
            attributes.put(dataset, "ImageBoxPosition", (str(box.position),))
            keywords = [each for each in attributes.IMAGE_BOX if each not in left_out]
            attributes.write(box.attributes, dataset, keywords)
            relay(b"" if OTHERS in left_out else box.more, dataset)
            if box.lut is not None:
                self._refer(box.lut, dataset, self._of_film)
            # Another length than the image has is no image: found before the first byte is sent.
            with read(image.pixels, image.length) as content:
                item = pixels.write(image, Pieces(content.length, content))
                relay(b"" if OTHERS in left_out else box.image_more, item)
                attributes.put_items(dataset, keyword, [item])
                return self._scu.set(sop_class, uid, dataset)

        asked = _with_others(box.attributes, box.more + box.image_more)
        answer = self._adapted(PrintObject.IMAGE_BOX, asked, fill, self._of_film)
        step = f"N-SET of image {box.position}"
        if meaning(answer.status) is Meaning.ALTERED and _is_true_size(film, box):
            # A true-size film is measured on: better no film than one at another scale.
            said = f"{self._name}: {step} answered {words(answer.status)}"
            raise Refused(f"{said}, and the image asks for its true size", permanent=True)
        self._judge(step, answer, self._of_film)

    def _judge_created(
        self, what: str, sop_class: str, answer: ScuAnswer, remarks: list[str]
    ) -> None:
        if sop_class == FILM_SESSION and answer.status in UNWELCOME:
            # As if it had rejected the association: no film of any job has a part in it.
            raise Unavailable(f"{self._name}: N-CREATE of the {what} answered {_told(answer)}")
        self._judge(f"N-CREATE of the {what}", answer, remarks)

    def _compare(
        self, answer: ScuAnswer, asked: Attributes, keywords: Iterable[str], remarks: list[str]
    ) -> None:
        """What the printer made of attributes, where its answer tells (PS3.7 10.1.5.1.5).

        Another number of copies is Refused: they would be counted as printed as asked for.
        """
        for keyword in keywords:
            told = answer.dataset.get(keyword) if answer.dataset is not None else None
            wanted = asked.get(keyword, ())
            if told in (None, "") or not wanted or keyword in _PRIVATE:
                continue
            if _same(keyword, told, wanted):
                continue
            said = f"{self._name} made {keyword} {_text(told)[:16]!r} of {_text(wanted)!r}"
            if keyword == "NumberOfCopies":
                raise Refused(said, permanent=True)
            remarks.append(said)

    def _judge(self, step: str, answer: ScuAnswer, remarks: list[str]) -> None:
        """Go on, add to the remarks, or raise what the status means."""
        said = f"{self._name}: {step} answered {_told(answer)}"
        match meaning(answer.status):
            case Meaning.DONE:
                return
            case Meaning.ALTERED | Meaning.EMPTY:
                remarks.append(f"{step}: {_told(answer)}")
            case Meaning.PASSING:
                raise Unavailable(said, full=True)
            case Meaning.PERMANENT:
                raise Refused(said, permanent=True)
            case Meaning.UNCLEAR:
                raise Refused(said, permanent=False)


def _with_others(asked: Attributes, more: bytes) -> Attributes:
    """Attributes, and one that stands for all elements that print does not name: a printer that
    does not take them takes none of them, whatever their values."""
    return {OTHERS: ("",), **asked} if more else asked


_PRIVATE = frozenset({"FilmSessionLabel", "OwnerID", "SpecificCharacterSet"})
"""Never told: they may name a patient, or say how that is written (promise 10)."""


def _same(keyword: str, told: object, wanted: tuple[str, ...]) -> bool:
    """Whether both mean the same: a number may have leading zeros and a sign (PS3.5 6.2, IS), and
    what is no number says nothing of how many."""
    said = _text(told)
    if said.upper() == _text(wanted).upper():
        return True
    try:
        return int(said) == int(_text(wanted))
    except ValueError:
        return keyword == "NumberOfCopies"


def _text(value: object) -> str:
    """One or more values, as they are written."""
    several = isinstance(value, tuple | list | MultiValue)
    return "\\".join(str(each).strip() for each in (value if several else (value,)))  # type: ignore[attr-defined]


def _is_true_size(film: Film, box: ImageBox) -> bool:
    """Whether the image must come out at its own scale, or not at all (PS3.3 C.13.5)."""
    asked = {**film.attributes, **box.attributes}
    behavior = first(asked, "RequestedDecimateCropBehavior")
    return "RequestedImageSize" in asked or behavior == "FAIL"


def _told(answer: ScuAnswer) -> str:
    """A status, and the attributes that it is about."""
    named = ": " + ", ".join(answer.attributes[:4]) if answer.attributes else ""
    return words(answer.status) + named


def _is_failure(status: int) -> bool:
    """Whether the status says that nothing was done (PS3.7 C.1): 01xx, 02xx, Axxx, Cxxx."""
    return status >> 8 in (0x01, 0x02) or status >> 12 in (0xA, 0xC)
