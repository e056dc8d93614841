"""The Print SCP against a model of it: any sequence of requests, right and wrong ones.

`BROKER_MODEL_EXAMPLES=5000 pytest tests/dicom/test_print_scp_model.py` searches for longer and at
random; what it finds it prints with a line to put above `machine`, which repeats it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    initialize,
    invariant,
    run_state_machine_as_test,
)
from pydicom.dataset import Dataset

from broker.dicom.sop_classes import FILM_BOX as FILM_BOX_CLASS
from broker.dicom.sop_classes import (
    FILM_SESSION,
    GRAYSCALE_IMAGE_BOX,
    GRAYSCALE_META,
    PRESENTATION_LUT,
    PRINTER,
)
from broker.dicom.transport.message import Command
from broker.dicom.transport.requestor import Answer
from broker.model.film import Film, ImageBox, PresentationLut
from tests.dicom.conftest import Desk
from tests.peers import print_model
from tests.peers.print_model import (
    FILM_BOX,
    IMAGE_BOX,
    LUT,
    SESSION,
    Asked,
    Place,
    Printed,
    PrintModel,
    Sheet,
)
from tests.peers.print_requests import (
    ABSENT,
    ALL,
    BEGINNING_FILMS,
    BEGINNING_LUTS,
    FILM_CHANGES,
    FILMS,
    IMAGES,
    LAYOUTS,
    LUTS,
    LUTS_THERE,
    NEW,
    PICTURES,
    POSITIONS,
    SEQUENCES,
    SESSION_REFERENCES,
    SESSIONS,
    SHAPES,
    SYNTAXES,
    TABLES,
    UNKNOWN,
    WELL_MEANT,
    Elements,
    Who,
    dataset_of,
    filled,
    references_of,
    tag_of,
    who,
)
from tests.peers.print_values import Lut, Picture
from tests.peers.searching import PATIENCE_S, Search, searching, step
from tests.peers.speaker import Speaker

CLASSES = {
    SESSION: FILM_SESSION,
    FILM_BOX: FILM_BOX_CLASS,
    IMAGE_BOX: GRAYSCALE_IMAGE_BOX,
    LUT: PRESENTATION_LUT,
    print_model.PRINTER: PRINTER,
}
CONTEXTS = {"print": GRAYSCALE_META, "lut": PRESENTATION_LUT}
COMMANDS = {
    "create": Command.N_CREATE,
    "set": Command.N_SET,
    "get": Command.N_GET,
    "action": Command.N_ACTION,
    "delete": Command.N_DELETE,
}


class Conversation(Search):
    """A modality that says anything, and the model that knows what it must hear."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.model = PrintModel()
        self.gone: list[tuple[str, str]] = []
        self.uids: set[str] = set()
        self.numbered = 0
        self.films: dict[int, Printed] = {}
        self.keys: dict[tuple[int, int], str] = {}
        self.associations = 0
        newest = desk.jobs.list(limit=1, newest_first=True)
        self.newest = newest[0].id if newest else 0

    @initialize(syntax=SYNTAXES, shapes=BEGINNING_LUTS, layouts=BEGINNING_FILMS)
    def associate(self, syntax: str, shapes: list[str], layouts: list[str]) -> None:
        """A new association knows nothing of the ones before it; it may begin with some films."""
        self.associations += 1
        self.calling_ae = f"CT{self.associations}"
        self.speaker = Speaker(
            self.desk.port, calling_ae=self.calling_ae, transfer_syntaxes=(syntax,)
        )
        self.model = PrintModel()
        self.gone, self.uids = [], set()
        for shape in shapes:
            self.ask("create", LUT, "", {"PresentationLUTShape": shape}, context="lut")
        for number, layout in enumerate(layouts):
            self.compose(layout, SHAPES[0], number, full=False, shifted=False)

    @step(
        3,
        when=lambda self: not self.model.session,
        uid=NEW,
        elements=SESSIONS,
        lut=LUTS,
        context=st.sampled_from(["print"] * 15 + ["lut"]),
    )
    def create_session(self, uid: str, elements: Elements, lut: str, context: str) -> None:
        """N-CREATE of a film session."""
        self.ask(
            "create", SESSION, self.new_uid(uid, SESSION), elements | self.lut(lut), context=context
        )

    @step(when=lambda self: self.model.session, uid=NEW, elements=SESSIONS)
    def create_second_session(self, uid: str, elements: Elements) -> None:
        """N-CREATE of a film session beside another."""
        self.ask("create", SESSION, self.new_uid(uid, SESSION), elements)

    @step(
        2,
        when=lambda self: self.model.session,
        who=who(SESSION, FILM_BOX),
        elements=SESSIONS,
        lut=LUTS,
    )
    def set_session(self, who: Who, elements: Elements, lut: str) -> None:
        """N-SET of a film session."""
        self.ask("set", SESSION, self.uid(who), elements | self.lut(lut))

    @step(
        4,
        uid=NEW,
        layout=st.sampled_from(LAYOUTS),
        elements=FILMS,
        reference=SESSION_REFERENCES,
        lut=LUTS,
    )
    def create_film(
        self, uid: str, layout: str, elements: Elements, reference: str, lut: str
    ) -> None:
        """N-CREATE of a film box."""
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
        self.ask("create", FILM_BOX, self.new_uid(uid, FILM_BOX), said)

    @step(
        4,
        layout=st.sampled_from(LAYOUTS),
        shape=st.sampled_from(SHAPES),
        first=st.integers(0, 5),
        full=st.booleans(),
        shifted=st.booleans(),
        elements=WELL_MEANT,
        luts=st.tuples(LUTS_THERE, LUTS_THERE),
    )
    def compose(
        self,
        layout: str,
        shape: Elements,
        first: int,
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

    @step(
        4,
        when=lambda self: self.model.session,
        who=who(FILM_BOX, SESSION, IMAGE_BOX),
        elements=FILM_CHANGES,
        lut=LUTS,
    )
    def set_film(self, who: Who, elements: Elements, lut: str) -> None:
        """N-SET of a film box."""
        self.ask("set", FILM_BOX, self.uid(who), elements | self.lut(lut))

    @step(
        8,
        when=lambda self: self.model.session,
        who=who(IMAGE_BOX, FILM_BOX, SESSION),
        position=POSITIONS,
        sequence=SEQUENCES,
        picture=PICTURES,
        elements=IMAGES,
        lut=LUTS,
    )
    def set_image(
        self,
        who: Who,
        position: Any,
        sequence: str,
        picture: Elements,
        elements: Elements,
        lut: str,
    ) -> None:
        """N-SET of an image box."""
        uid = self.uid(who)
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

    @step(
        2,
        when=lambda self: self.model.pictures(),
        back=st.integers(0, 3),
        pictures=st.tuples(PICTURES, PICTURES),
        elements=st.tuples(IMAGES, IMAGES),
        luts=st.tuples(LUTS_THERE, LUTS_THERE),
    )
    def set_image_again(
        self,
        back: int,
        pictures: tuple[Elements, Elements],
        elements: tuple[Elements, Elements],
        luts: tuple[str, str],
    ) -> None:
        """A second N-SET of an image box leaves nothing of the first."""
        uid = self.uid((IMAGE_BOX, back))
        for picture, more, lut in zip(pictures, elements, luts, strict=True):
            said = {
                "ImageBoxPosition": self.model.box(uid)[1].position,
                "BasicGrayscaleImageSequence": [picture],
                **more,
                **self.lut(lut),
            }
            self.ask("set", IMAGE_BOX, uid, said)

    @step(2, uid=NEW, elements=TABLES)
    def create_lut(self, uid: str, elements: Elements) -> None:
        """N-CREATE of a Presentation LUT."""
        self.ask("create", LUT, self.new_uid(uid, LUT), elements, context="lut")

    @step(2, who=who(SESSION, FILM_BOX), action=st.sampled_from([1] * 15 + [2, None]))
    def print_session(self, who: Who, action: int | None) -> None:
        """N-ACTION on a film session."""
        self.ask("action", SESSION, self.uid(who), action=action)

    @step(
        3,
        who=who(FILM_BOX, SESSION, IMAGE_BOX, LUT, print_model.PRINTER),
        action=st.sampled_from([1] * 15 + [2, None]),
    )
    def print_film(self, who: Who, action: int | None) -> None:
        """N-ACTION on a film box."""
        self.ask("action", FILM_BOX, self.uid(who), action=action)

    @step(who=who(FILM_BOX, *ALL))
    def delete_film(self, who: Who) -> None:
        """N-DELETE of a film box."""
        self.ask("delete", FILM_BOX, self.uid(who))

    @step(who=who(SESSION, *ALL))
    def delete_session(self, who: Who) -> None:
        """N-DELETE of a film session."""
        self.ask("delete", SESSION, self.uid(who))

    @step(3, when=lambda self: self.model.session, whole=st.booleans())
    def print_well(self, whole: bool) -> None:
        """N-ACTION as a well-meaning modality sends it."""
        kind = SESSION if whole else FILM_BOX
        self.ask("action", kind, self.uid((kind, 0)))

    @step(when=lambda self: self.model.session, layout=st.sampled_from(LAYOUTS))
    def begin_again(self, layout: str) -> None:
        """The next film session has the UID of the last, as some modalities count from 1 again."""
        uid = self.model.session.uid if self.model.session is not None else ""
        self.ask("action", SESSION, uid)
        self.ask("delete", SESSION, uid)
        self.ask("create", SESSION, uid, {})
        self.compose(layout, SHAPES[0], 0, full=True, shifted=False)
        self.ask("action", SESSION, uid)

    @step(when=lambda self: self.model.luts, who=who(LUT, *ALL))
    def delete_lut(self, who: Who) -> None:
        """N-DELETE of a Presentation LUT."""
        uid = self.uid(who)
        self.ask("delete", LUT, uid, context="lut")
        if self.model.session is not None:
            named = {"ReferencedPresentationLUTSequence": references_of([uid])}
            self.ask("set", SESSION, "", named)

    @step(
        operation=st.sampled_from(list(COMMANDS)),
        sop_class=st.sampled_from(ALL),
        context=st.sampled_from(["print", "lut"]),
        who=who(SESSION, *ALL),
    )
    def misplace(self, operation: str, sop_class: str, context: str, who: Who) -> None:
        """An operation that the class does not have, or that came on another class's context."""
        member = sop_class in print_model.MEMBERS[context]
        if not member or operation not in print_model.SERVICES[sop_class]:
            self.ask(operation, sop_class, self.uid(who), context=context)

    @step(
        who=who(print_model.PRINTER, SESSION),
        tags=st.lists(
            st.sampled_from(["PrinterStatus", "PrinterName", UNKNOWN]),
            unique=True,
        ),
    )
    def get_printer(self, who: Who, tags: list[str]) -> None:
        """N-GET of the Printer tells what it knows, and lists what it does not."""
        unknown = [tag_of(each) for each in tags if each == UNKNOWN]
        listed = {"AttributeIdentifierList": [tag_of(each) for each in tags]} if tags else {}
        asked = Asked("get", print_model.PRINTER, self.uid(who))
        expected = self.model.expect(asked)
        answer = self.say(asked, None, **listed)
        if expected.statuses != {0x0000}:
            assert answer.status in expected.statuses
            return
        assert answer.status == (0x0107 if unknown else 0x0000)
        told = _text_of(answer.dataset)
        assert set(tags) - {UNKNOWN} == set(told) if tags else told["PrinterName"] == "BROKER"
        assert answer.command.get("AttributeIdentifierList", []) in (unknown, *unknown)

    @step(
        how=st.sampled_from([Speaker.release, Speaker.abort]),
        syntax=SYNTAXES,
        shapes=BEGINNING_LUTS,
        layouts=BEGINNING_FILMS,
    )
    def leave(
        self,
        how: Callable[[Speaker], None],
        syntax: str,
        shapes: list[str],
        layouts: list[str],
    ) -> None:
        """The association ends, however it does, and another begins."""
        self.end(how)
        self.associate(syntax, shapes, layouts)

    @invariant()
    def nothing_is_left_over(self) -> None:
        """As many pictures wait as may still be asked for."""
        assert len(self.desk.arriving()) == self.model.pictures()

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
        ended = len(self.desk.endings)
        how(self.speaker)
        self.desk.wait_for_endings(ended + 1)
        assert self.desk.arriving() == []

    def uid(self, who: Who) -> str:
        """The UID that is meant; one that nobody has where there is no such object."""
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

    def say(self, asked: Asked, dataset: Dataset | None, **more: object) -> Answer:
        """Send a request as it is."""
        whose = "Affected" if asked.operation == "create" else "Requested"
        command = {f"{whose}SOPClassUID": CLASSES[asked.sop_class], **more}
        if asked.uid:
            command[f"{whose}SOPInstanceUID"] = asked.uid
        return self.speaker.say(
            COMMANDS[asked.operation], dataset, on=CONTEXTS[asked.context], **command
        )

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
        sent = _said(elements or {})
        asked = Asked(operation, sop_class, uid, context, sent, action)
        expected = self.model.expect(asked)
        typed = {"ActionTypeID": action} if operation == "action" and action is not None else {}
        before = dict(self.model.objects())
        accepted = len(self.model.printed)

        answer = self.say(asked, dataset_of(sent) if elements else None, **typed)

        allowed = sorted(f"0x{status:04X}" for status in expected.statuses)
        assert f"0x{answer.status:04X}" in allowed, f"{asked}: {allowed}"
        named = str(answer.command.get("AffectedSOPInstanceUID", ""))
        if answer.status == 0 or answer.status & 0xF000 == 0xB000:
            assert named == expected.uid if expected.uid else named not in self.uids | {""}
        if answer.status == 0:
            image_boxes = _image_boxes(answer)
            assert len(set(image_boxes)) == expected.image_boxes
            assert not set(image_boxes) & (self.uids | before.keys())
            if expected.reply is not None:
                assert _text_of(answer.dataset) == {
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
        return max((job.id for job in self.desk.jobs.list(limit=1, newest_first=True)), default=0)

    def check_key(self, job: int, printed: Printed) -> None:
        """Films of one film session are known as such, and those of two are told apart."""
        request = self.desk.jobs.request(job)
        key = self.keys.setdefault((self.associations, printed.film_session), request.film_session)
        assert request.film_session == key
        assert len(set(self.keys.values())) == len(self.keys)
        assert request.calling_ae == self.calling_ae

    def check_job(self, job: int, printed: Printed) -> None:
        """The frozen copy holds what the modality had set when it asked, and nothing else."""
        request = self.desk.jobs.request(job)
        recorded = Printed(
            film_session=printed.film_session,
            level=str(request.level),
            session=dict(request.session),
            copies=request.copies,
            priority=str(request.priority),
            sheets=tuple(self.sheet(film) for film in request.films),
        )
        assert recorded == printed

    def sheet(self, film: Film) -> Sheet:
        """A film as it was recorded, in the model's words."""
        return Sheet(
            attributes=dict(film.attributes),
            lut=_lut(film.lut),
            places=tuple(
                Place(box.position, dict(box.attributes), self.picture(box), _lut(box.lut))
                for box in film.image_boxes
            ),
        )

    def picture(self, box: ImageBox) -> Picture | None:
        """The image as it was recorded, with its pixels."""
        image = box.image
        if image is None:
            return None
        content = self.desk.spool.read(image.pixels)
        assert image.length == len(content)
        return Picture(
            rows=image.rows,
            columns=image.columns,
            bits=(image.bits_allocated, image.bits_stored),
            photometric=image.photometric,
            aspect=image.aspect_ratio,
            content=content,
        )


@pytest.mark.timeout(PATIENCE_S)
def test_every_conversation_goes_as_the_model_says(desk: Desk) -> None:
    """Whatever is asked, in whatever order: status, reply and frozen copies are the model's."""

    def machine() -> Conversation:
        return Conversation(desk)

    run_state_machine_as_test(machine, settings=searching(examples=60, steps=30))


def _said(elements: Elements) -> Elements:
    """What is sent of it, also within its items."""
    return {
        keyword: [_said(each) for each in value] if _is_sequence(value) else value
        for keyword, value in elements.items()
        if value is not ABSENT
    }


def _is_sequence(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _image_boxes(answer: Answer) -> list[str]:
    """The image boxes that were created, in the order of their positions."""
    found = [] if answer.dataset is None else answer.dataset.get("ReferencedImageBoxSequence", [])
    assert {str(each.ReferencedSOPClassUID) for each in found} <= {GRAYSCALE_IMAGE_BOX}
    return [str(each.ReferencedSOPInstanceUID) for each in found]


def _text_of(dataset: Dataset | None) -> dict[str, str]:
    """The attributes of a reply as text, without its sequences."""
    found = {}
    for element in dataset or ():
        if element.VR != "SQ":
            values = [element.value] if element.VM == 1 else element.value
            found[element.keyword] = "\\".join(map(str, values))
    return found


def _lut(lut: PresentationLut | None) -> Lut | None:
    return None if lut is None else (lut.shape, lut.descriptor or (), lut.table)
