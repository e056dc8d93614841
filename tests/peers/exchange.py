"""What a modality and the broker say to each other, compared with the model at every word."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis.stateful import invariant

from broker.dicom import statuses
from tests.dicom.conftest import ScpSite
from tests.peers import print_model
from tests.peers.print_model import FILM_BOX, IMAGE_BOX, LUT, SESSION, Asked, Printed, PrintModel
from tests.peers.print_requests import (
    ABSENT,
    UNKNOWN,
    Elements,
    Who,
    dataset_of,
    filled,
    references_of,
    tag_of,
)
from tests.peers.print_words import image_boxes_of, printed_of, said, say, text_of
from tests.peers.searching import Search
from tests.peers.speaker import Speaker


class Exchange(Search):
    """One modality, a broker, and the model that knows what each must hear.

    A class that derives from it says which steps there are.
    """

    def __init__(self, site: ScpSite) -> None:
        super().__init__()
        self.site = site
        self.model = PrintModel()
        self.gone: list[tuple[str, str]] = []
        self.uids: set[str] = set()
        self.numbered = 0
        self.films: dict[int, Printed] = {}
        self.keys: dict[tuple[int, int], str] = {}
        self.associations = 0
        newest = site.jobs.queries.list(limit=1, newest_first=True)
        self.newest = newest[0].id if newest else 0

    @invariant()
    def nothing_is_left_over(self) -> None:
        """As many pictures wait as may still be asked for."""
        assert len(self.site.unkept()) == self.model.pictures()

    def teardown(self) -> None:
        """All that lies ready is as the model says; what was accepted is as it was."""
        if self.associations:
            if self.model.session is not None:
                self.ask("action", SESSION, self.model.session.uid)
            self.end(Speaker.release)
        for job, printed in self.films.items():
            self.check_job(job, printed)
        assert self.newest_job() == self.newest

    def end(self, how: Callable[[Speaker], None]) -> None:
        """End the association; what was not actioned is forgotten."""
        ended = len(self.site.endings)
        how(self.speaker)
        self.site.wait_for_endings(ended + 1)
        assert self.site.unkept() == []

    def uid(self, who: Who) -> str:
        """The UID that is meant; one of no object where there is none."""
        kind, back = who
        if kind == "none":
            return ""
        here = {uid for uid, _ in self.model.objects()}
        of_kind = [uid for uid, each in self.model.objects() if each == kind]
        if kind == "gone":
            of_kind = [uid for uid, _ in self.gone if uid not in here]
        return of_kind[-1 - back % len(of_kind)] if of_kind else "1.2.3.4"

    def new_uid(self, kind: str, sop_class: str) -> str:
        """The UID to create something with; one that is gone is mostly of the same class."""
        if kind in ("none", "malformed", "long"):
            return {"none": "", "malformed": "1.2.x", "long": "1.2" * 22}[kind]
        found = self.uid((kind, 0))
        here = {each for each, _ in self.model.objects()}
        for uid, gone in self.gone if kind == "gone" else []:
            found = uid if gone == sop_class and uid not in here else found
        if kind != "new" and found != "1.2.3.4":
            return found
        self.numbered += 1
        return f"1.2.276.{self.associations}.{self.numbered}"

    def lut(self, kind: str, back: int = 0) -> Elements:
        """A reference to a Presentation LUT."""
        if kind == "no" or (kind == "there" and not self.model.luts):
            return {}
        uid = self.uid((LUT, back))
        named = {
            LUT: [uid],
            "there": [uid],
            "gone": [self.uid(("gone", 0))],
            "foreign": ["1.2.3.4"],
            "two": [uid, uid],
            "empty": [],
        }[kind]
        return {"ReferencedPresentationLUTSequence": references_of(named)}

    def new_film(self, uid: str, layout: str, elements: Elements, reference: str, lut: str) -> None:
        """N-CREATE of a film box, with such a reference to the film session."""
        right = self.uid((SESSION, 0))
        references = {
            "right": [right],
            "foreign": ["1.2.3.4"],
            "two": [right, right],
            "empty": [],
            "absent": ABSENT,
        }[reference]
        said = {
            "ImageDisplayFormat": layout,
            "ReferencedFilmSessionSequence": references_of(references),
            **elements,
            **self.lut(lut),
        }
        self.ask("create", FILM_BOX, uid, said)

    def make_film(
        self,
        layout: str,
        shape: Elements,
        first: int,
        *,
        full: bool,
        shifted: bool,
        elements: tuple[Elements, Elements] = ({}, {}),
        luts: tuple[str, str] = ("no", "no"),
    ) -> None:
        """A film as a well-meaning modality makes it: one image or all, from the front or back."""
        if self.model.session is None:
            self.ask("create", SESSION, "", elements[0] | self.lut(luts[0], back=1))
        assert self.model.session is not None
        references = references_of([self.model.session.uid])
        said = {
            "ImageDisplayFormat": layout,
            "ReferencedFilmSessionSequence": references,
            **elements[1],
            **self.lut(luts[1]),
        }
        self.ask("create", FILM_BOX, "", said)
        boxes = self.model.session.films[-1].boxes
        for at, box in enumerate(boxes if full else boxes[:1]):
            said = {
                "ImageBoxPosition": len(boxes) - at if shifted else at + 1,
                "BasicGrayscaleImageSequence": [filled(shape, first + at, {})],
            }
            self.ask("set", IMAGE_BOX, box.uid, said)

    def fill(
        self,
        uid: str,
        position: object,
        sequence: str,
        picture: Elements,
        elements: Elements,
        lut: str,
    ) -> None:
        """N-SET of an image box with no, one or two pictures; its position may be relative."""
        if position in ("own", "next"):
            boxes = [each for each, kind in self.model.objects() if kind == IMAGE_BOX]
            own = self.model.box(uid)[1].position if uid in boxes else 1
            position = own + (position == "next")
        pictures = {"one": [picture], "none": [], "two": [picture, picture], "absent": ABSENT}
        said = {
            "ImageBoxPosition": position,
            "BasicGrayscaleImageSequence": pictures[sequence],
            **elements,
            **self.lut(lut),
        }
        self.ask("set", IMAGE_BOX, uid, said)

    def look_at_printer(self, uid: str, tags: list[str]) -> None:
        """N-GET of the Printer tells what it knows, and lists what it does not."""
        unknown = [tag_of(each) for each in tags if each == UNKNOWN]
        listed = {"AttributeIdentifierList": [tag_of(each) for each in tags]} if tags else {}
        asked = Asked("get", print_model.PRINTER, uid)
        expected = self.model.expect(asked)
        answer = say(self.speaker, asked, None, **listed)
        if expected.statuses != {statuses.SUCCESS}:
            assert answer.status in expected.statuses
            return
        assert answer.status == (statuses.ATTRIBUTE_LIST_ERROR if unknown else statuses.SUCCESS)
        told = text_of(answer.dataset)
        assert set(tags) - {UNKNOWN} == set(told) if tags else told["PrinterName"] == "BROKER"
        assert answer.command.get("AttributeIdentifierList", []) in (unknown, *unknown)

    def ask(
        self,
        operation: str,
        sop_class: str,
        uid: str,
        elements: Elements | None = None,
        *,
        context: str = "print",
        action: int | None = 1,
    ) -> None:
        """Say it, and compare everything that follows from it with the model."""
        sent = said(elements or {})
        asked = Asked(operation, sop_class, uid, context, sent, action)
        expected = self.model.expect(asked)
        typed = {"ActionTypeID": action} if operation == "action" and action is not None else {}
        before = dict(self.model.objects())
        accepted = len(self.model.printed)

        answer = say(self.speaker, asked, dataset_of(sent) if elements else None, **typed)

        allowed = sorted(f"0x{status:04X}" for status in expected.statuses)
        assert f"0x{answer.status:04X}" in allowed, f"{asked}: {allowed}"
        named = str(answer.command.get("AffectedSOPInstanceUID", ""))
        if answer.status == 0 or answer.status & 0xF000 == 0xB000:
            assert named == expected.uid if expected.uid else named not in self.uids | {""}
        if answer.status == 0:
            image_boxes = image_boxes_of(answer)
            assert len(set(image_boxes)) == expected.image_boxes
            assert not set(image_boxes) & (self.uids | before.keys())
            if expected.reply is not None:
                assert text_of(answer.dataset) == {
                    keyword: "\\".join(values) for keyword, values in expected.reply.items()
                }
            expected.then(named, image_boxes)
            self.uids |= {named, *image_boxes}
        here = dict(self.model.objects())
        self.gone += [each for each in before.items() if each[0] not in here]
        if len(self.model.printed) > accepted:
            self.newest += 1
            self.films[self.newest] = self.model.printed[-1]
            self.check_job(self.newest, self.model.printed[-1])
            self.check_key(self.newest, self.model.printed[-1])
        if operation == "action":
            assert self.newest_job() == self.newest

    def newest_job(self) -> int:
        """The number of the job that was recorded last; 0 when there is none."""
        return max(
            (job.id for job in self.site.jobs.queries.list(limit=1, newest_first=True)), default=0
        )

    def check_key(self, job: int, printed: Printed) -> None:
        """Films of one film session are known as such, and those of two are told apart."""
        request = self.site.jobs.queries.request(job)
        key = self.keys.setdefault((self.associations, printed.film_session), request.film_session)
        assert request.film_session == key
        assert len(set(self.keys.values())) == len(self.keys)
        assert request.calling_ae == self.calling_ae

    def check_job(self, job: int, printed: Printed) -> None:
        """The frozen copy holds what the modality had set when it asked, and nothing else."""
        request = self.site.jobs.queries.request(job)
        assert printed_of(request, printed.film_session, self.site.spool.read) == printed
