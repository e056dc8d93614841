"""Film sessions on printers: how an attempt opens one, with what is known of the printer."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

from broker.config.schema import Config
from broker.dicom.scu.adaptation import Adaptations, of_association
from broker.dicom.scu.adapted_request import LearnedAnew
from broker.dicom.scu.boxed_image import Blank
from broker.dicom.scu.identity import ask_identity
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.scu.print_session import PrintSession
from broker.dicom.upper_layer.requestor import EventReport
from broker.events import Event, Note
from broker.model.films.adaptations import IMPLICIT
from broker.model.films.capabilities import Capability, Combination, Lesson
from broker.model.films.film import Attributes
from broker.model.films.trial import trial
from broker.model.printers.printer import Address
from broker.model.printers.printer_identity import IdentityReply
from broker.model.printers.trouble import AS_CHOSEN, Refused
from broker.service import settings
from broker.store.capabilities import Capabilities
from broker.store.database import FAILURES, in_words


class PrintSessions:
    """Opens associations to printers, and film sessions on them. For any thread."""

    def __init__(
        self,
        capabilities: Capabilities,
        config: Callable[[], Config],
        tls: Callable[[str], ssl.SSLContext | None],
        note: Note,
        *,
        heard: Callable[[str, EventReport], None],
        before_release: Callable[[str, PrintScu], None],
    ) -> None:
        """`tls` is what a printer of that name is spoken to with; None: without. `heard` gets what
        a printer reports by itself, `before_release` an association that is about to end."""
        self._capabilities = capabilities
        self._config = config
        self._tls = tls
        self._note = note
        self._heard = heard
        self._before_release = before_release

    def __call__(
        self,
        address: Address,
        session: Attributes,
        copies: int,
        *,
        lut: bool,
        lut_class: bool = False,
        more: bytes,
        chosen: frozenset[str] = frozenset(),
    ) -> PrintSession:
        """A film session on the printer, with the Presentation LUT class where films have a `lut`;
        where only their modality had the `lut_class`, unless the printer minds that. What of
        `chosen` it does not take, it is refused for.

        One that accepts Explicit VR and then fails on it is spoken to in Implicit VR, on another
        association, and so from then on.

        Raises: Unavailable, Refused: when there is none.
        """
        if withheld := chosen.intersection(address.omit):
            named = ", ".join(sorted(withheld))
            said = f"{address.name} is never asked for {named} (printers.omit){AS_CHOSEN}"
            raise Refused(said, permanent=True, learned=True)
        known = self._capabilities.of(address.name)
        adaptations = Adaptations(
            known,
            self._learn(address.name),
            adapt=address.adapt,
            omit=address.omit,
            chosen=chosen,
        )
        lessons = {each.lesson for each in known}
        only = address.implicit_only or Lesson.IMPLICIT in lessons
        lut = lut or (lut_class and Lesson.LUT_WHERE_USED not in lessons)

        def begin(scu: PrintScu) -> PrintSession:
            try:
                return PrintSession.begin(scu, address, session, copies, adaptations, more)
            except BaseException:
                scu.abort()
                raise

        first = self._open(address, lut=lut, only_implicit=only)
        try:
            return begin(first)
        except Refused as refused:
            if refused.permanent or not first.explicit or not adaptations.may(IMPLICIT):
                raise
            try:
                begun = begin(self._open(address, lut=lut, only_implicit=True))
            except Exception as error:
                raise refused from error
        adaptations.remember(of_association(Lesson.IMPLICIT))
        return begun

    def lessons_hold(self, printer: str, session: PrintSession) -> bool:
        """Whether a film session may go on with what it believes of its printer."""
        return session.lessons_hold(self._capabilities.of(printer))

    def image_boxes(self, address: Address, session: Attributes, film_box: Attributes) -> int:
        """How many image boxes the printer makes for such a film box; nothing is printed.

        Raises: Unavailable, Refused: when that cannot be found out.
        """
        opened = self(address, session, 1, lut=False, more=b"")
        try:
            number = opened.image_boxes(film_box)
        except BaseException:
            opened.abandon()
            raise
        opened.end()
        return number

    def takes(self, address: Address, asked: Combination) -> bool:
        """Whether the printer takes what it was seen to refuse, now. Nothing is printed.

        Raises: Unavailable: when it does not answer.
        """
        film = trial(asked)
        try:
            opened = self(address, film.session, 1, lut=bool(film.film.luts), more=b"")
        except Refused:
            return False
        try:
            opened.takes(film.film, lambda _, length: nullcontext(Blank(length)))
        except (Refused, LearnedAnew):
            return False
        finally:
            opened.end()
        return True

    def identity(self, address: Address) -> IdentityReply:
        """Who the printer says it is.

        Raises: Unavailable: when it takes no association.
        """
        return ask_identity(
            address,
            calling_ae=self._config().broker.ae_title,
            tls=self._tls(address.name),
            on_event_report=partial(self._heard, address.name),
        )

    def _open(self, address: Address, *, lut: bool, only_implicit: bool) -> PrintScu:
        config = self._config()
        return PrintScu.open(
            address,
            calling_ae=config.broker.ae_title,
            lut=lut,
            only_implicit=only_implicit,
            timeouts=settings.timeouts(config),
            tls=self._tls(address.name),
            on_event_report=partial(self._heard, address.name),
            before_release=partial(self._before_release, address.name),
        )

    def _learn(self, printer: str) -> Callable[[Capability], None]:
        def learn(capability: Capability) -> None:
            try:
                new = self._capabilities.learn(printer, capability)
            except FAILURES as error:  # it is learned again with the next film
                self._note(Event.STORAGE_FAILED, {"why": in_words(error)})
                return
            if new:
                facts = {"printer": printer, "what": capability.words}
                self._note(Event.CAPABILITY_LEARNED, facts)

        return learn
