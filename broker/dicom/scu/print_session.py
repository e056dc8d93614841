"""One film session on a printer: films go through it one by one, each its own checkpoint.

    begin -> (prepare -> ask -> clear)* -> end

Until `ask`, the printer forgets everything when the association ends (PS3.4 H.5), so any trouble
may be repeated anywhere. `ask` is the line: whatever breaks after it is Uncertain.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from broker.dicom import attributes
from broker.dicom.other_elements import relay
from broker.dicom.scu.adaptation import REFUSALS, Adaptations, Asked, LeftOut, of_association
from broker.dicom.scu.adapted_request import LearnedAnew, PrinterRequest, adapted
from broker.dicom.scu.answers import compare, is_failure, is_refused, judge, judge_session
from broker.dicom.scu.boxed_image import BoxedImage, OpenPixels, is_true_size, with_others
from broker.dicom.scu.print_scu import PrintScu, ScuAnswer
from broker.dicom.scu.printer_luts import PrinterLuts
from broker.dicom.statuses import NO_SUCH_ATTRIBUTE, Meaning, meaning, words
from broker.dicom.uids import (
    COLOR_IMAGE_BOX,
    FILM_BOX,
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    fresh_uid,
)
from broker.model.films.adaptations import LUT_LEVEL, OTHERS
from broker.model.films.capabilities import (
    LUT,
    SIMPLEST,
    Capability,
    Combination,
    Lesson,
    PrintObject,
    form,
    traits,
    traits_of_film_box,
)
from broker.model.films.film import Attributes, Film, Image, ImageBox, PresentationLut
from broker.model.films.printers_own import is_printers_own, makes
from broker.model.jobs.job import Priority
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Refused, Unavailable, Uncertain

NO_LOOK: tuple[PresentationLut | None, Attributes] = (None, {})
"""That of a film session without LUT and lighting."""
ANEW = 5
"""How often a film is laid while it is found out what the printer takes of its images."""


class PrintSession:
    """A film session at a printer, over an open association."""

    def __init__(self, scu: PrintScu, address: Address, adaptations: Adaptations) -> None:
        self._scu = scu
        self._address = address
        self._adaptations = adaptations
        self._session = ""
        self._film_box = ""
        self._luts = PrinterLuts(scu, address.name, adaptations)
        self._asked: Attributes = {}
        self._more = b""
        self._look = NO_LOOK
        """LUT and lighting of the film session, where the printer wants them there."""
        self._lut_in_session = False
        """Whether those of the film in hand stand there."""
        self._of_session: list[str] = []
        self._of_film: list[str] = []

    def lessons_hold(self, known: Iterable[Capability]) -> bool:
        """Whether what it believes of the printer is among what is known now: a person may have
        had it forgotten meanwhile."""
        return self._adaptations.hold(known)

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
        self._adaptations.learns_refusals = copies == 1
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

        asked = with_others(self._asked, self._more)
        request = PrinterRequest(
            self._name,
            "N-CREATE of the film session",
            Asked(PrintObject.SESSION, asked, self._among),
            create,
            lambda answer: self._delete(FILM_SESSION, answer),
        )
        answer = adapted(request, self._adaptations, self._of_session)
        judge_session(self._name, answer, self._of_session)
        self._compare(answer, self._asked, attributes.FILM_SESSION, self._of_session)
        self._session = answer.instance_uid
        self._look = NO_LOOK

    @property
    def _among(self) -> Combination:
        """What matters of the film session."""
        return traits(PrintObject.SESSION, self._asked)

    def prepare(self, film: Film, read: OpenPixels) -> None:
        """Create the film box and fill its image boxes; nothing is printed yet."""
        for _ in range(ANEW):
            try:
                return self._prepare(film, read)
            except LearnedAnew:
                self.clear()
        raise Refused(f"{self._name} refuses an image, and then takes it", permanent=False)

    def _prepare(self, film: Film, read: OpenPixels) -> None:
        self._of_film = []
        answer = self._create_film_box(film)
        judge(self._name, "N-CREATE of the film box", answer, self._of_film)
        self._film_box = answer.instance_uid
        self._compare(answer, film.attributes, attributes.FILM_BOX, self._of_film)
        if meaning(answer.status) is Meaning.ALTERED and is_true_size(film.attributes):
            raise Refused(
                f"{self._name}: N-CREATE of the film box answered {words(answer.status)}, and the "
                "film asks for its true size",
                permanent=True,
            )
        anew = False
        for box, (sop_class, uid) in zip(
            film.image_boxes, self._offered(film, answer), strict=True
        ):
            if box.image is not None:
                try:
                    self._fill(film, box, box.image, sop_class, uid, read)
                except LearnedAnew:
                    anew = True  # the other images may teach more
        if anew:
            raise LearnedAnew

    def takes(self, film: Film, read: OpenPixels) -> None:
        """Lay a film whose first image alone is of interest; nothing is printed.

        Raises: Refused, Unavailable: when the printer does not take it.
        """
        answer = self._create_film_box(film)
        judge(self._name, "N-CREATE of the film box", answer, [])
        self._film_box = answer.instance_uid
        made, (box, *_) = _image_boxes(answer), film.image_boxes or (ImageBox(1),)
        if box.image is None:
            return
        if not made:
            raise Unavailable(f"{self._name} made a film box without image boxes")
        self._fill(film, box, box.image, GRAYSCALE_IMAGE_BOX, made[0], read)

    def image_boxes(self, film_box: Attributes) -> int:
        """How many image boxes the printer makes for such a film box.

        Raises: Refused, Unavailable: when it makes none.
        """
        answer = self._create_film_box(Film(film_box, ()))
        judge(self._name, "N-CREATE of the film box", answer, [])
        if not (found := _image_boxes(answer)):
            raise Refused(f"{self._name} made a film box without image boxes", permanent=False)
        return len(found)

    def _create_film_box(self, film: Film) -> ScuAnswer:
        """The last answer to N-CREATE of the film box.

        A LUT stands where its modality had it, unless the printer looks for it elsewhere.
        """

        among = self._among | traits_of_film_box(film.attributes, film.lut)

        def create(left_out: LeftOut) -> ScuAnswer:
            dataset = Dataset()
            # Lighting belongs to Presentation LUT (PS3.4 H.4.9), and stands where that does.
            elsewhere = attributes.LIGHTING if self._look != NO_LOOK else ()
            keywords = [
                each
                for each in (*attributes.FILM_BOX_CREATE_ONLY, *attributes.FILM_BOX_SET)
                if each not in left_out and each not in elsewhere
            ]
            attributes.write(film.attributes, dataset, keywords)
            if "ImageDisplayFormat" in left_out:
                attributes.put(dataset, "ImageDisplayFormat", SIMPLEST)
            attributes.put_items(
                dataset,
                "ReferencedFilmSessionSequence",
                [attributes.reference(FILM_SESSION, self._session)],
            )
            relay(b"" if OTHERS in left_out else film.more, dataset)
            if film.lut is not None and lut_here() and LUT not in left_out:
                self._luts.refer(film.lut, among, dataset, self._of_film)
            return self._scu.create(FILM_BOX, dataset, fresh_uid())

        def lut_here() -> bool:
            return not self._lut_in_session

        def request(*, whole: bool = True) -> PrinterRequest:
            """`whole`: its LUT may be the reason, too, and what cannot be left out."""
            asked = with_others(film.attributes, film.more)
            if film.lut is not None:
                asked |= _lit_by_lut(asked)
            if whole and film.lut is not None and not self._lut_in_session:
                asked = {**asked, LUT: (form(film.lut),)}
            return PrinterRequest(
                self._name,
                "N-CREATE of the film box",
                Asked(PrintObject.FILM_BOX, asked, among),
                create,
                lambda answer: self._delete(FILM_BOX, answer),
                names_essential=whole,
            )

        in_box = self._place_lut(film)
        if self._lut_in_session or film.lut is None:
            return adapted(request(), self._adaptations, self._of_film)
        left_out = self._adaptations.left_out(request().asked)
        answer = create(left_out)
        if in_box and not is_refused(answer.status):
            self._adaptations.remember(of_association(Lesson.LUT_IN_BOX, among))
        if answer.status in REFUSALS:
            answer = create(left_out)  # a refusal that passes teaches nothing
        if answer.status in REFUSALS and not in_box and self._adaptations.may(LUT_LEVEL):
            if answer.status != NO_SUCH_ATTRIBUTE:
                last = adapted(request(whole=False), self._adaptations, self._of_film, answer)
                if last.status not in REFUSALS:
                    return last
            moved = self._with_lut_in_session(film, request)
            if moved is not None:
                return moved
        return adapted(request(), self._adaptations, self._of_film, answer)

    def _place_lut(self, film: Film) -> bool:
        """Give the film session the film's LUT, where that is its place; else see that it has none.
        Whether it goes to the film box because the printer did not take it in the film session.

        Raises: Refused: when the printer does not take it.
        """
        site = self._address.lut_level == "film session"
        moves = self._adaptations.may(LUT_LEVEL)
        among = self._among | traits_of_film_box(film.attributes, film.lut)
        known = self._adaptations.knows(Lesson.LUT_IN_SESSION, among)
        in_box = moves and self._adaptations.knows(Lesson.LUT_IN_BOX, among)
        self._lut_in_session = site or known or (film.lut_of_session and not in_box)
        answer = self._look_like(film)
        if answer is not None and answer.status in REFUSALS:
            answer = self._look_like(film)  # a refusal that passes teaches nothing
        refused = answer is not None and answer.status in REFUSALS
        if answer is not None and (site or not moves or not refused):
            judge(self._name, "N-SET of the film session", answer, self._of_session)
        elif refused:
            self._begin_anew()
            self._lut_in_session = False
        if film.lut is not None and not site and self._lut_in_session != film.lut_of_session:
            self._of_film.append(self._moved_words)
        return refused

    def _begin_anew(self) -> None:
        self._scu.delete(FILM_SESSION, self._session)
        self._open_session()

    def _with_lut_in_session(
        self, film: Film, request: Callable[[], PrinterRequest]
    ) -> ScuAnswer | None:
        """The answer where the printer takes the film with its LUT in the film session; else None,
        and all is as it was.

        Raises: Refused: when the film box is refused for another reason, which was found out.
        """
        self._lut_in_session = True
        said = len(self._of_film)
        answer = None
        try:
            set_look = self._look_like(film)
            if set_look is None or meaning(set_look.status) is Meaning.DONE:
                answer = adapted(request(), self._adaptations, self._of_film)
        except Refused as refused:
            if refused.learned:
                raise
        if answer is None or answer.status in REFUSALS:
            self._lut_in_session = False
            del self._of_film[said:]
            self._begin_anew()
            return None
        among = self._among | traits_of_film_box(film.attributes, film.lut)
        self._adaptations.remember(of_association(Lesson.LUT_IN_SESSION, among))
        self._of_film.append(self._moved_words)
        return answer

    @property
    def _moved_words(self) -> str:
        place = "session" if self._lut_in_session else "box"
        return f"Presentation LUT in the film {place}: {self._name} takes it there"

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
        if meaning(answer.status) is Meaning.UNCLEAR and not is_failure(answer.status):
            said = f"{self._name}: N-ACTION answered {words(answer.status)}"
            raise Uncertain(f"{said}, which is neither yes nor no")
        judge(self._name, "N-ACTION", answer, self._of_film)

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

    @property
    def lut_class(self) -> bool:
        """Whether its association has Presentation LUT."""
        return self._scu.lut

    def took_without_lut_class(self) -> None:
        """It took a film without a LUT here, and not on an association with that class."""
        self._adaptations.remember(of_association(Lesson.LUT_WHERE_USED))

    def _delete(self, sop_class: str, answer: ScuAnswer) -> None:
        self._scu.delete(sop_class, answer.instance_uid)

    def _look_like(self, film: Film) -> ScuAnswer | None:
        """Give the film session the film's LUT and lighting, where that is their place; what the
        printer answered to that, if it was to be done.

        CP 173 moved the place. A film session cannot be rid of a LUT by N-SET, so a film with
        another look gets a film session of its own: gray levels must not change in silence.
        """
        lit = {key: film.attributes[key] for key in attributes.LIGHTING if key in film.attributes}
        lut = film.lut if self._lut_in_session else None
        look = (lut, lit) if lut is not None else NO_LOOK
        if look == self._look:
            return None
        if self._look != NO_LOOK:
            self._begin_anew()
        if lut is None:
            return None
        among = self._among | traits_of_film_box(film.attributes, film.lut)
        reference = Dataset()
        if not self._luts.refer(lut, among, reference, self._of_session):
            return None

        def set_look(left_out: LeftOut) -> ScuAnswer:
            dataset = Dataset()
            dataset.update(reference)
            attributes.write({each: lit[each] for each in lit if each not in left_out}, dataset)
            return self._scu.set(FILM_SESSION, self._session, dataset)

        request = PrinterRequest(
            self._name,
            "N-SET of the film session",
            Asked(PrintObject.SESSION, _lit_by_lut(lit), among),
            set_look,
            lambda _: None,
            names_essential=False,
        )
        answer = adapted(request, self._adaptations, self._of_session)
        if not is_refused(answer.status):
            self._look = look
        return answer

    def _offered(self, film: Film, answer: ScuAnswer) -> list[tuple[str, str]]:
        """Class and UID of the printer's image boxes, in the order of their positions.

        The class is the film's, whatever the items say: some name another one, and then refuse it.
        """
        found = _image_boxes(answer)
        distinct = set(filter(None, found))
        if len(found) != len(film.image_boxes) or len(distinct) != len(found):
            wanted, made = len(film.image_boxes), len(distinct)
            own = is_printers_own(film.display_format) and 0 < made == len(found)
            said = f"{self._name} made {made} image boxes for {film.display_format}, "
            said += f"not {wanted}"
            if own:
                said += f"; move it to a printer that makes {wanted}, or print it again at the "
                said += "modality, as this is known now"
                self._adaptations.correct(makes(self._asked, film.attributes, made))
            raise Refused(said, permanent=True, learned=own)
        color = any(box.image is not None and box.image.samples > 1 for box in film.image_boxes)
        return [(COLOR_IMAGE_BOX if color else GRAYSCALE_IMAGE_BOX, uid) for uid in found]

    def _fill(
        self,
        film: Film,
        box: ImageBox,
        image: Image,
        sop_class: str,
        uid: str,
        read: OpenPixels,
    ) -> None:
        boxed = BoxedImage(film, box, image, self._among)
        request = boxed.request(
            self._name,
            self._scu,
            lambda dataset: self._scu.set(sop_class, uid, dataset),
            lambda lut, dataset: self._luts.refer(lut, boxed.among, dataset, self._of_film),
            read,
        )
        answer = adapted(request, self._adaptations, self._of_film)
        if meaning(answer.status) is Meaning.ALTERED and boxed.is_true_size:
            # A true-size film is measured on: better no film than one at another scale.
            said = f"{self._name}: {request.step} answered {words(answer.status)}"
            raise Refused(f"{said}, and the image asks for its true size", permanent=True)
        judge(self._name, request.step, answer, self._of_film)
        self._compare(answer, box.attributes, attributes.IMAGE_BOX, self._of_film)

    def _compare(
        self, answer: ScuAnswer, asked: Attributes, keywords: Iterable[str], remarks: list[str]
    ) -> None:
        allowed, chosen = self._adaptations.allowed, self._adaptations.chosen
        compare(self._name, answer, asked, keywords, remarks, allowed, chosen)


def _image_boxes(answer: ScuAnswer) -> list[str]:
    """UIDs of the image boxes that an answer names; empty for one that it does not name."""
    items = answer.dataset.get("ReferencedImageBoxSequence") if answer.dataset is not None else None
    if not isinstance(items, Sequence):
        items = ()
    return [str(item.get("ReferencedSOPInstanceUID") or "") for item in items]


def _lit_by_lut(asked: Attributes) -> dict[str, tuple[str, ...]]:
    """Lighting, told apart from that of a film without a LUT: printers refuse that."""
    found = {each: asked[each] for each in attributes.LIGHTING if each in asked}
    return {each: (*values, "with a Presentation LUT") for each, values in found.items()}
