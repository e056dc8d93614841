"""Film sessions that linger at a real printer, which takes one association at a time or two."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.dicom.scu.adaptation import Adaptations
from broker.dicom.scu.print_scu import PrintScu
from broker.dicom.scu.print_session import PrintSession
from broker.emulator.printer import EmulatedPrinter
from broker.model.films.capabilities import Capability, Lesson, PrintObject, Trait
from broker.model.films.film import Attributes
from broker.model.printers.printer import Address
from broker.model.printers.trouble import Unavailable
from broker.relay.lingering import BegunWith
from broker.relay.open_sessions import OpenSessions, SessionInUse
from tests.peers.certificates import Authority

PATIENCE_S = 20.0
AUTHORITY = Authority()
LONG_S = 60.0
"""No test waits for that."""


class Site:
    """A printer, and the film sessions of a broker there."""

    def __init__(
        self, stack: ExitStack, folder: Path, *, associations: int = 1, tls: bool = False
    ) -> None:
        self._stack = stack
        self.linger_s = LONG_S
        self.known: list[Capability] = []
        """What is known of the printer."""
        self.opened: list[PrintSession] = []
        self._over = threading.Condition()
        self._associations = 0
        self.rejected = 0
        server = AUTHORITY.server()
        self._tls = AUTHORITY.client() if tls else None
        self.printer = EmulatedPrinter(
            "oki-1",
            "OKI1",
            folder,
            associations=associations,
            tls=(lambda: server) if tls else None,
            note=self._note,
        )
        self.printer.start()
        stack.callback(self.printer.kill)
        self.address = replace(self.printer.address, associations=associations)
        self.notes: list[tuple[str, Mapping[str, object]]] = []
        self.sessions = OpenSessions(
            self._open,
            lambda: self.linger_s,
            lambda event, facts: self.notes.append((event, facts)),
            lessons_hold=lambda _printer, session: session.lessons_hold(self.known),
        )
        stack.callback(self.sessions.stop)

    def _open(
        self,
        address: Address,
        session: Attributes,
        copies: int,
        *,
        lut: bool,
        lut_class: bool,
        more: bytes,
        chosen: frozenset[str],
    ) -> PrintSession:
        assert not chosen
        scu = PrintScu.open(address, calling_ae="BROKER", lut=lut or lut_class, tls=self._tls)
        try:
            learned = Adaptations(self.known)
            self.opened.append(PrintSession.begin(scu, address, session, copies, learned, more))
        except BaseException:
            scu.abort()
            raise
        return self.opened[-1]

    def _note(self, event: str, _facts: Mapping[str, object]) -> None:
        self.rejected += event == "association rejected"
        change = {"association accepted": 1, "association released": -1, "association aborted": -1}
        with self._over:
            self._associations += change.get(event, 0)
            self._over.notify_all()

    def wait_until_open(self, number: int) -> None:
        """Return when the printer has that many associations open."""
        with self._over:
            assert self._over.wait_for(lambda: self._associations == number, PATIENCE_S)

    def wanted(self, film_session: str, **changed: object) -> BegunWith:
        """What a job of that film session wants."""
        usual = BegunWith(
            film_session, self.address, {"MediumType": ("PAPER",)}, 1, False, False, b""
        )
        return replace(usual, **changed)  # type: ignore[arg-type]

    def begin(self, film_session: str, **changed: object) -> SessionInUse:
        """One for a job; it is ended with the test."""
        use = self.sessions.begin(self.wanted(film_session, **changed))
        self._stack.callback(use.end)
        return use


MakeSite = Callable[..., Site]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MakeSite]:
    """Makes a site, which must have nothing to complain of."""
    with ExitStack() as stack:
        made: list[Site] = []

        def make(**options: Any) -> Site:
            made.append(Site(stack, tmp_path, **options))
            return made[-1]

        yield make
        for each in made:
            assert each.notes == []


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_next_job_of_the_film_session_has_it(site: MakeSite, tls: bool) -> None:
    """The same association and film session; nothing is opened for it."""
    made = site(tls=tls)
    first = made.begin("one")
    first.keep()
    assert made.sessions.lingering == {"oki-1"}
    second = made.begin("one")
    assert (second.session, second.inherited) == (first.session, True)
    assert made.sessions.lingering == set()
    second.end()
    made.wait_until_open(0)
    assert len(made.opened) == 1


def test_what_was_forgotten_meanwhile_is_not_believed_once_more(site: MakeSite) -> None:
    """A lingering film session has a lesson that a person has had forgotten: the next job gets a
    new one, which asks again. A further lesson ends none."""
    made = site()
    lesson = Capability(Lesson.WITHOUT, Trait(PrintObject.FILM_BOX, "Trim", "YES"))
    made.known = [lesson]
    first = made.begin("one")
    first.keep()
    made.known = [lesson, Capability(Lesson.WITHOUT, Trait(PrintObject.FILM_BOX, "Trim", "NO"))]
    second = made.begin("one")
    assert second.session is first.session
    second.keep()
    made.known = []
    third = made.begin("one")
    assert (third.session is first.session, third.inherited) == (False, False)
    made.wait_until_open(1)
    assert len(made.opened) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"session": {"MediumType": ("BLUE FILM",)}},
        {"session": {}},
        {"copies": 2},
        {"lut": True},
        {"more": b"\x09\x00\x10\x00LO\x04\x00ACME"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_one_that_was_begun_with_something_else_ends_first(
    site: MakeSite, changed: dict[str, object]
) -> None:
    """The printer takes one association at a time, and the job another film session."""
    made = site()
    made.begin("one").keep()
    second = made.begin("one", **changed)
    assert (second.inherited, len(made.opened)) == (False, 2)
    made.wait_until_open(1)
    second.end()


def test_an_earlier_one_of_the_film_session_ends_in_any_case(site: MakeSite) -> None:
    """No job will want it any more, also where the printer takes more."""
    made = site(associations=2)
    made.begin("one").keep()
    made.begin("one", copies=2)
    made.wait_until_open(1)


def test_one_of_another_address_is_not_used(site: MakeSite) -> None:
    """What the site says of the printer was changed meanwhile."""
    made = site()
    made.begin("one").keep()
    second = made.begin("one", address=replace(made.address, weight=50))
    assert not second.inherited
    second.end()


def test_a_film_session_with_luts_serves_one_without(site: MakeSite) -> None:
    """Not the other way round."""
    made = site()
    made.begin("one", lut=True).keep()
    second = made.begin("one")
    assert second.inherited
    second.keep()
    third = made.begin("one", lut=True)
    assert third.inherited
    third.end()


def test_it_gives_way_where_the_printer_takes_no_more(site: MakeSite) -> None:
    """The job of another film session finds the printer free."""
    made = site()
    made.begin("one").keep()
    made.begin("two").keep()
    made.wait_until_open(1)
    assert made.begin("two").inherited


def test_it_lingers_beside_others_where_the_printer_takes_more(site: MakeSite) -> None:
    """Of two that linger, the one that has for longer gives way to a third."""
    made = site(associations=2)
    for each in ("one", "two", "three"):
        made.begin(each).keep()
    made.wait_until_open(2)
    for each in ("two", "three"):
        use = made.begin(each)
        assert use.inherited
        use.keep()
    use = made.begin("one")
    assert not use.inherited
    use.end()


def test_one_in_use_does_not_give_way(site: MakeSite) -> None:
    """The printer itself says that it takes no more: the dispatcher claims none then."""
    made = site()
    use = made.begin("one")
    made.wait_until_open(1)
    for _ in range(2):
        with pytest.raises(Unavailable, match="busy"):
            made.begin("two")
    assert made.rejected == 2
    use.keep()
    made.begin("two").end()


def test_it_begins_anew_in_the_place_of_one_that_it_has(site: MakeSite) -> None:
    """The inherited one is released before."""
    made = site()
    made.begin("one").keep()
    use = made.begin("one")
    use.begin_anew()
    assert (use.inherited, len(made.opened)) == (False, 2)
    use.keep()
    assert made.begin("one").session is made.opened[1]


def test_its_time_is_bounded(site: MakeSite) -> None:
    """It is released after the time that the site wants."""
    made = site()
    made.linger_s = 0.05
    made.begin("one").keep()
    made.wait_until_open(0)
    assert not made.begin("one").inherited


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_printer_that_dies_meanwhile_takes_it_away(site: MakeSite, tls: bool) -> None:
    """At once: the next job asks the printer itself."""
    made = site(tls=tls)
    made.begin("one").keep()
    made.printer.kill()
    made.printer.revive()
    use = made.begin("one")
    if use.inherited:
        use.begin_anew()  # the thread that watches has not run yet
    use.end()
    assert len(made.opened) == 2


def test_one_that_no_more_film_can_follow_lingers_for_what_is_queued(site: MakeSite) -> None:
    """Its modality has ended the film session, before or meanwhile."""
    made = site()
    made.sessions.modality_ended("one")
    made.begin("one").keep()
    made.wait_until_open(0)
    made.begin("two").keep()
    made.sessions.modality_ended("three")
    made.sessions.modality_ended("two")
    made.wait_until_open(0)


def test_its_thread_sleeps(site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often its time is cut, it looks once for each time."""
    looks: list[float] = []
    attend = PrintSession.attend

    def counted(session: PrintSession, patience_s: float) -> bool:
        looks.append(patience_s)
        return attend(session, patience_s)

    made = site()
    made.begin("one").keep()
    monkeypatch.setattr(PrintSession, "attend", counted)
    for _ in range(3):
        made.sessions.modality_ended("one")
    made.wait_until_open(0)
    assert len(looks) <= 3


def test_a_new_configuration_ends_all(site: MakeSite) -> None:
    """Also those that are in use then, when their attempt is over."""
    made = site(associations=2)
    made.begin("one").keep()
    use = made.begin("two")
    made.sessions.renew()
    made.wait_until_open(1)
    use.keep()
    made.wait_until_open(0)
    made.begin("one").keep()
    assert made.begin("one").inherited


def test_only_printers_that_get_films_are_kept(site: MakeSite) -> None:
    """Those of others end."""
    made = site()
    made.begin("one").keep()
    made.sessions.only_at(["oki-2", "oki-1"])
    use = made.begin("one")
    assert use.inherited
    use.keep()
    made.sessions.only_at(["oki-2"])
    made.wait_until_open(0)


def test_after_a_stop_none_lingers(site: MakeSite) -> None:
    """What lingers is released before the stop returns; what is in use when it is over."""
    made = site(associations=2)
    made.begin("one").keep()
    use = made.begin("two")
    made.sessions.stop()
    made.wait_until_open(1)
    use.keep()
    made.wait_until_open(0)


@pytest.mark.parametrize("missing", ["thread", "file"])
def test_without_room_for_its_thread_it_ends(
    site: MakeSite, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """The system has no thread or no file more: the job is over all the same."""
    made = site()
    use = made.begin("one")

    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError

    def no_file(*_: int) -> int:
        raise OSError

    with monkeypatch.context() as patch:
        if missing == "thread":
            patch.setattr(threading.Thread, "start", no_thread)
        else:
            patch.setattr(os, "eventfd", no_file)
        use.keep()
    made.wait_until_open(0)
    assert made.sessions.lingering == set()


@pytest.mark.parametrize("associations", [1, 2])
def test_many_jobs_at_once(site: MakeSite, associations: int) -> None:
    """Of more film sessions than the printer takes associations, as many at once as it takes, as
    the dispatcher claims them: no job finds it busy."""
    made = site(associations=associations)
    claimed = threading.BoundedSemaphore(associations)
    failures: list[BaseException] = []

    def print_all(film_session: str) -> None:
        try:
            for _ in range(30):
                with claimed:
                    made.begin(film_session).keep()
        except BaseException as error:  # noqa: BLE001 - raised where the test sees it
            failures.append(error)

    names = ("one", "two", "three")[: associations + 1]
    threads = [threading.Thread(target=print_all, args=(each,)) for each in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert failures == []


def test_a_question_that_no_film_needs_is_not_asked_beside_one(site: MakeSite) -> None:
    """Not while an attempt has an association there, nor while one lingers; then it is."""
    made = site()

    def ask() -> str | None:
        return made.sessions.aside(made.address, lambda: "told")

    assert ask() == "told"
    used = made.begin("one")
    assert ask() is None
    used.keep()
    assert ask() is None
    made.begin("one").end()
    made.wait_until_open(0)
    assert ask() == "told"
    made.sessions.stop()
    assert ask() is None


def test_a_film_waits_for_the_end_of_such_a_question(site: MakeSite) -> None:
    """The printer takes one association at a time, and rejects none; the question fails after it
    was answered, and is over all the same."""
    made = site()
    begun: list[SessionInUse] = []
    film = threading.Thread(target=lambda: begun.append(made.begin("one")))

    def question() -> str:
        scu = PrintScu.open(made.address, calling_ae="BROKER")
        film.start()
        assert made.sessions.aside(made.address, lambda: "a second one") is None
        while not made.sessions._in_use["oki-1"]:
            threading.Event().wait(0.001)
        assert made.opened == []
        scu.close()
        raise LookupError

    with pytest.raises(LookupError):
        made.sessions.aside(made.address, question)
    film.join(PATIENCE_S)
    assert len(begun) == len(made.opened) == 1
    assert made.rejected == 0


def test_such_a_question_is_asked_again_of_a_printer_that_frees_its_association_late(
    site: MakeSite,
) -> None:
    """It has just answered a check, and may reject what follows for a moment; not for longer."""
    made = site()
    answers: list[str | None] = [None, None, "told"]

    def question() -> str:
        if (answer := answers.pop(0)) is None:
            raise Unavailable("busy: oki-1 rejected the association", busy=True)
        return answer

    assert made.sessions.aside(made.address, question) == "told"

    def rejected() -> str:
        raise Unavailable("busy: oki-1 rejected the association", busy=True)

    with pytest.raises(Unavailable):
        made.sessions.aside(made.address, rejected)
    assert made.sessions.aside(made.address, lambda: "told") == "told"
