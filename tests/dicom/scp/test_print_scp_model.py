"""The Print SCP against a model of it: any sequence of requests, right and wrong ones.

`BROKER_MODEL_EXAMPLES=5000 pytest tests/dicom/scp/test_print_scp_model.py` searches for longer and
at random; what it finds it prints with a line to put above `machine`, which repeats it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from tests.dicom.conftest import ScpSite
from tests.peers import print_model
from tests.peers.exchange import Exchange
from tests.peers.print_model import FILM_BOX, IMAGE_BOX, LUT, SESSION, PrintModel
from tests.peers.print_requests import (
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
    references_of,
    who,
)
from tests.peers.print_words import COMMANDS
from tests.peers.searching import PATIENCE_S, searching, step
from tests.peers.speaker import Speaker


class Conversation(Exchange):
    """A modality that says anything."""

    @initialize(syntax=SYNTAXES, shapes=BEGINNING_LUTS, layouts=BEGINNING_FILMS)
    def associate(self, syntax: str, shapes: list[str], layouts: list[str]) -> None:
        """A new association knows nothing of the ones before it; it may begin with some films."""
        self.associations += 1
        self.calling_ae = f"CT{self.associations}"
        self.speaker = Speaker(
            self.site.port, calling_ae=self.calling_ae, transfer_syntaxes=(syntax,)
        )
        self.model = PrintModel()
        self.gone, self.uids = [], set()
        for shape in shapes:
            self.ask("create", LUT, "", {"PresentationLUTShape": shape}, context="lut")
        for number, layout in enumerate(layouts):
            self.make_film(layout, SHAPES[0], number, full=False, shifted=False)

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
    def create_film(self, uid: str, **given: Any) -> None:
        """N-CREATE of a film box."""
        self.new_film(self.new_uid(uid, FILM_BOX), **given)

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
    def compose(self, **given: Any) -> None:
        """A film as a well-meaning modality makes it."""
        self.make_film(**given)

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
    def set_image(self, who: Who, **given: Any) -> None:
        """N-SET of an image box."""
        self.fill(self.uid(who), **given)

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
            self.fill(uid, "own", "one", picture, more, lut)

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
        self.make_film(layout, SHAPES[0], 0, full=True, shifted=False)
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
        """N-GET of the Printer."""
        self.look_at_printer(self.uid(who), tags)

    @step(
        how=st.sampled_from([Speaker.release, Speaker.abort]),
        syntax=SYNTAXES,
        shapes=BEGINNING_LUTS,
        layouts=BEGINNING_FILMS,
    )
    def leave(self, how: Callable[[Speaker], None], **beginning: Any) -> None:
        """The association ends, however it does, and another begins."""
        self.end(how)
        self.associate(**beginning)


@pytest.mark.timeout(PATIENCE_S)
def test_every_conversation_goes_as_the_model_says(site: ScpSite) -> None:
    """For any requests in any order: status, reply and frozen copies are the model's."""

    def machine() -> Conversation:
        return Conversation(site)

    run_state_machine_as_test(machine, settings=searching(examples=60, steps=30))
