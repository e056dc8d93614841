"""Film boxes of one film session that a modality prints one by one: one association and one film
session at the printer, as long as they keep coming."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRESENTATION_LUT
from broker.model.jobs.job import Outcome, State
from broker.model.printers.printer import Duty, Health
from broker.relay import open_sessions
from tests.peers.broker_process import BrokerProcess, command
from tests.peers.printer_fault import (
    Act,
    Fault,
    Step,
    Turn,
    aborts,
    answers_then_aborts,
    answers_then_releases,
    answers_then_reports,
    closes,
    falls_silent,
    prints_and_dies,
    says,
)
from tests.peers.scripted_printer import ScriptedPrinter
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference
from tests.relay.conftest import PATIENCE_S, Relay

FOR_LONG = "[printing]\nlinger_s = 60\n"
"""No test waits for that: what happens within its patience does not wait for a linger."""


@contextmanager
def printing_on(
    folder: Path, printer: ScriptedPrinter, *others: ScriptedPrinter, more: str = FOR_LONG
) -> Iterator[Relay]:
    """A broker with scripted printers, which are up."""
    with ExitStack() as last:
        for each in (printer, *others):
            last.callback(each.close)
        addresses = [each.address for each in (printer, *others)]
        relay = Relay(folder, addresses, more=more)
        last.callback(relay.close)
        relay.wait_until_up()
        yield relay
        assert relay.broken == []


def lay_out(ct: Speaker, number: int, **attributes: object) -> None:
    """A film box with a picture that has the film's number."""
    ct.open_film_box(**attributes)
    made = picture(PixelData=bytes([number]) * 16)
    assert ct.set_image(1, image_box(1, made)).status == statuses.SUCCESS


def print_film(ct: Speaker, number: int, **attributes: object) -> None:
    """One film box of the film session that is open, on its own N-ACTION, and away with it."""
    lay_out(ct, number, **attributes)
    assert ct.action(FILM_BOX, ct.film_box).status == statuses.SUCCESS
    ct.delete(FILM_BOX, ct.film_box)


def printed(printer: ScriptedPrinter) -> list[tuple[int, int]]:
    """Of each film that came out: its number, and in which association."""
    return [(paper.pixels[0][0], paper.association) for paper in printer.films]


def told(relay: Relay, event: str) -> int:
    """How often that was noted."""
    return sum(each == event for each, _ in relay.notes)


def costs_nothing(relay: Relay, *jobs: int, said: str = "") -> None:
    """Each of the jobs took one attempt, which went well; nothing is said of the printer, but for
    what it may have `said` itself."""
    for job in jobs:
        outcomes = [each.outcome for each in relay.service.jobs.queries.attempts(job)]
        assert outcomes == [Outcome.ACCEPTED]
    (row,) = relay.service.printers.list()
    assert (row.failures, row.failures_in_row, row.paused_until) == (0, 0, 0.0)
    assert row.health is Health.UP
    assert row.reason in ("", said)
    assert told(relay, "attempt failed") == 0


def test_thirty_films_go_by_one_association(tmp_path: Path) -> None:
    """In their order, each with its own job and attempt; some wait in the queue, for some the
    association waits."""
    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session(NumberOfCopies=1)
        for number in range(1, 31):
            print_film(ct, number)
            if number % 10 == 0:
                relay.wait_until(State.SENT)
        costs_nothing(relay, *range(1, 31))
        rows = [relay.service.jobs.queries.films(job)[0] for job in range(1, 31)]

    assert printed(printer) == [(number, 1) for number in range(1, 31)]
    asked = [row.asked_at for row in rows]
    assert None not in asked
    assert all(row.accepted_at is not None for row in rows)
    assert len(set(asked)) == 30


def test_another_film_session_does_not_wait(tmp_path: Path) -> None:
    """The association gives way at once to its film, and a later film of the first one begins
    another."""
    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer) as relay:
        ct, mr = relay.speaker(), relay.speaker(calling_ae="MR1")
        ct.open_session()
        mr.open_session()
        for number, modality in enumerate((ct, ct, mr, ct, ct), start=1):
            print_film(modality, number)
            relay.wait_until(State.SENT, number)
        costs_nothing(relay, *range(1, 6))

    assert printed(printer) == [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3)]


def test_an_end_that_is_not_answered_keeps_no_job_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A printer that says nothing to N-DELETE of the film session has another one meanwhile."""
    monkeypatch.setattr(open_sessions, "ENDING_S", 0.2)
    printer = ScriptedPrinter("oki-1", Fault(Step.END, falls_silent))
    with printing_on(tmp_path, printer) as relay:
        ct, mr = relay.speaker(), relay.speaker(calling_ae="MR1")
        for number, modality in enumerate((ct, mr), start=1):
            modality.open_session()
            print_film(modality, number)
            relay.wait_until(State.SENT, number)
        costs_nothing(relay, 1, 2)

    assert printed(printer) == [(1, 1), (2, 2)]


def test_other_copies_begin_another_film_session(relay: Callable[..., Relay]) -> None:
    """Copies changed by N-SET between two films hold for the films after it, and no other."""
    room = relay(1, more=FOR_LONG)
    ct = room.speaker()
    ct.open_session(NumberOfCopies=1)
    print_film(ct, 1)
    room.wait_until(State.SENT, 1)
    ct.set(FILM_SESSION, ct.session, dataset(NumberOfCopies=2))
    print_film(ct, 2)
    print_film(ct, 3)
    room.wait_until(State.SENT)

    assert [sheet.copies for sheet in room.printers["oki-1"].sheets] == [1, 2, 2]


def test_a_lut_is_negotiated_where_it_is_needed(tmp_path: Path) -> None:
    """As the modality has the class: films with and without a LUT go through one association."""
    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="IDENTITY"))
        named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
        ct.open_session()
        print_film(ct, 1)
        relay.wait_until(State.SENT)
        print_film(ct, 2, ReferencedPresentationLUTSequence=[named])
        print_film(ct, 3)
        relay.wait_until(State.SENT)

    assert printed(printer) == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("act", [answers_then_aborts, closes, answers_then_releases])
def test_a_printer_that_leaves_meanwhile_costs_nothing(tmp_path: Path, act: Act) -> None:
    """It aborts, closes or releases after its film: the next one begins another association."""
    printer = ScriptedPrinter("oki-1", Fault(Step.CLEAR, act))
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        for number in (1, 2):
            print_film(ct, number)
            relay.wait_until(State.SENT, number)
        costs_nothing(relay, 1, 2)

    assert printed(printer) == [(1, 1), (2, 2)]


def test_events_of_the_printer_are_answered_meanwhile(tmp_path: Path) -> None:
    """The association goes on after N-EVENT-REPORTs between two films."""
    printer = ScriptedPrinter("oki-1", Fault(Step.CLEAR, answers_then_reports))
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        for number in (1, 2, 3):
            print_film(ct, number)
            relay.wait_until(State.SENT, number)
        costs_nothing(relay, 1, 2, 3, said="WARNING: SUPPLY LOW")

    assert printed(printer) == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize(
    ("step", "act"),
    [
        (Step.FILM_BOX, aborts),
        (Step.FILM_BOX, closes),
        (Step.FILM_BOX, says(statuses.RESOURCE_LIMITATION)),
        (Step.IMAGE, aborts),
        (Step.IMAGE, answers_then_aborts),
        (Step.IMAGE, says(statuses.PROCESSING_FAILURE)),
        (Step.ACTION, says(statuses.PROCESSING_FAILURE)),
    ],
)
def test_what_goes_wrong_through_an_earlier_association_costs_nothing(
    tmp_path: Path, step: Step, act: Act
) -> None:
    """As long as the film is known not to be printed: it goes by a new one at once."""
    printer = ScriptedPrinter("oki-1", Fault(step, act, nth=2))
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        for number in (1, 2, 3):
            print_film(ct, number)
            relay.wait_until(State.SENT, number)
        costs_nothing(relay, 1, 2, 3)

    assert printed(printer) == [(1, 1), (2, 2), (3, 2)]


@pytest.mark.parametrize("act", [aborts, prints_and_dies])
def test_the_line_is_the_same_on_an_earlier_association(tmp_path: Path, act: Act) -> None:
    """A film that was asked for and not answered is uncertain, and not sent again."""
    printer = ScriptedPrinter("oki-1", Fault(Step.ACTION, act, nth=2))
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        print_film(ct, 1)
        relay.wait_until(State.SENT, 1)
        print_film(ct, 2)
        (job,) = relay.wait_until(State.HELD, 2)

    assert job.reason.startswith("uncertain: film 1 may be on paper: ")
    assert printed(printer) == [(1, 1), (2, 1)][: 1 + (act is prints_and_dies)]


def test_what_goes_wrong_later_counts(tmp_path: Path) -> None:
    """Once a film of the job was accepted through it, an earlier association is as any other."""
    printer = ScriptedPrinter("oki-1", Fault(Step.FILM_BOX, aborts, nth=3))
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        print_film(ct, 1)
        relay.wait_until(State.SENT, 1)
        for number in (2, 3):
            lay_out(ct, number)
        assert ct.action(FILM_SESSION, ct.session).status == statuses.SUCCESS
        relay.wait_until(State.SENT)
        outcomes = [each.outcome for each in relay.service.jobs.queries.attempts(2)]

    assert outcomes == [Outcome.UNAVAILABLE, Outcome.ACCEPTED]
    assert printed(printer) == [(1, 1), (2, 1), (3, 2)]


@pytest.mark.parametrize("leave", ["delete", "release", "abort"])
def test_it_ends_soon_after_the_modality(tmp_path: Path, leave: str) -> None:
    """When the modality has deleted its film session, or has left, no more film can follow."""
    with released_soon(tmp_path) as (_, ct):
        match leave:
            case "delete":
                ct.delete(FILM_SESSION, ct.session)
            case "release":
                ct.release()
            case _:
                ct.abort()


def test_films_of_a_modality_that_has_left_go_by_one_association(tmp_path: Path) -> None:
    """They are in the queue already."""
    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer) as relay:
        relay.service.printers.set_duty("oki-1", Duty.DRAIN, "later")
        ct = relay.speaker()
        ct.open_session()
        for number in range(1, 11):
            print_film(ct, number)
        ct.release()
        relay.service.printers.set_duty("oki-1", Duty.READY, "")
        relay.wait_until(State.SENT)
        costs_nothing(relay, *range(1, 11))

    assert printed(printer) == [(number, 1) for number in range(1, 11)]


@contextmanager
def released_soon(folder: Path, more: str = FOR_LONG) -> Iterator[tuple[Relay, Speaker]]:
    """A broker whose modality has printed a film, and whose printer's association has been released
    when the test has done its part."""
    released = threading.Event()

    def notes(turn: Turn) -> None:
        released.set()
        turn.usual()

    printer = ScriptedPrinter("oki-1", Fault(Step.RELEASE, notes))
    with printing_on(folder, printer, more=more) as relay:
        ct = relay.speaker()
        ct.open_session()
        print_film(ct, 1)
        relay.wait_until(State.SENT, 1)
        assert not released.is_set()
        yield relay, ct
        assert released.wait(PATIENCE_S)


@pytest.mark.parametrize("duty", [Duty.DRAIN, Duty.MAINT])
def test_it_ends_with_the_printers_duty(tmp_path: Path, duty: Duty) -> None:
    """A printer that a person takes out of service is released."""
    with released_soon(tmp_path) as (relay, _):
        relay.service.printers.set_duty("oki-1", duty, "new drum")


def test_it_ends_when_the_printer_is_taken_out(tmp_path: Path) -> None:
    """A printer that is in the configuration no more is released."""
    with released_soon(tmp_path) as (relay, _):
        relay.addresses = ()
        relay.service.reload(relay.config().model_copy(update={"printers": ()}))


def test_it_ends_with_a_new_configuration(tmp_path: Path) -> None:
    """What it was opened with may be another now."""
    with released_soon(tmp_path) as (relay, _):
        config = relay.config()
        printing = config.printing.model_copy(update={"create_s": 20.0})
        relay.service.reload(config.model_copy(update={"printing": printing}))


def test_it_ends_by_itself(tmp_path: Path) -> None:
    """After the time that the site has set."""
    with released_soon(tmp_path, "[printing]\nlinger_s = 0.3\n"):
        pass


def test_none_lingers_where_the_site_wants_none(tmp_path: Path) -> None:
    """With 0 each job has its own association, which is over before the job is."""
    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer, more="[printing]\nlinger_s = 0\n") as relay:
        ct = relay.speaker()
        ct.open_session()
        for number in (1, 2):
            print_film(ct, number)
        relay.wait_until(State.SENT)
        costs_nothing(relay, 1, 2)

    assert printed(printer) == [(1, 1), (2, 2)]


@pytest.mark.parametrize("act", [closes, falls_silent])
def test_checks_that_meet_it_prove_nothing(tmp_path: Path, act: Act) -> None:
    """A printer that takes one association at a time does not go down for ours."""
    enough = threading.Event()
    checks: list[int] = []

    def counted(turn: Turn) -> None:
        checks.append(len(checks))
        if len(checks) > 3:
            enough.set()
        act(turn)

    printer = ScriptedPrinter("oki-1")
    with printing_on(tmp_path, printer) as relay:
        ct = relay.speaker()
        ct.open_session()
        print_film(ct, 1)
        relay.wait_until(State.SENT)
        printer.check = counted
        assert enough.wait(PATIENCE_S)
        (row,) = relay.service.printers.list()
        printer.check = None
        assert (row.health, row.bad_checks) == (Health.UP, 0)
        print_film(ct, 2)
        relay.wait_until(State.SENT)

    assert printed(printer) == [(1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("step", "silent", "comes"),
    [(Step.END, False, False), (Step.RELEASE, False, True), (Step.RELEASE, True, True)],
)
def test_a_stop_does_not_wait_for_it(tmp_path: Path, step: Step, silent: bool, comes: bool) -> None:
    """SIGTERM while it lingers: it is released, and no more, and the broker ends at once, whether
    or not the printer answers."""
    came = threading.Event()

    def notes(turn: Turn) -> None:
        came.set()
        if silent:
            turn.fall_silent()
        else:
            turn.usual()

    with ExitStack() as stack:
        printer = ScriptedPrinter("oki-1", Fault(step, notes))
        stack.callback(printer.close)
        address = printer.address
        config = tmp_path / "broker.toml"
        config.write_text(
            '[broker]\nhost = "127.0.0.1"\nport = 0\ngrace_s = 100\n[health]\ninterval_s = 0.2\n'
            f'{FOR_LONG}[[printers]]\nname = "oki-1"\nae_title = "{address.ae_title}"\n'
            f'host = "127.0.0.1"\nport = {address.port}\n'
        )
        broker = stack.enter_context(BrokerProcess(config))
        ct = Speaker(broker.port)
        ct.open_session()
        print_film(ct, 1)
        broker.wait_for("job sent")
        broker.send(signal.SIGTERM)
        broker.wait_for("broker stops")
        began = time.monotonic()
        ct.release()
        assert broker.wait() == 0
        assert time.monotonic() - began < 4
        (job,) = json.loads(command("jobs", "--all", "--json", config=config).stdout)
        assert job["state"] == "sent"
    assert came.is_set() is comes
