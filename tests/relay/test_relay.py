"""A modality prints on the broker, a printer makes the film."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker.dicom.sop_classes import FILM_BOX, FILM_SESSION, PRESENTATION_LUT
from broker.model.film import Film
from broker.model.job import FilmState, Level, Outcome, PrintRequest, State
from broker.model.printer import Duty, Health
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference
from tests.relay.conftest import Relay

MakeRelay = Callable[..., Relay]


def session_of(ct: Speaker, *sizes: str) -> Speaker:
    """A film session with a film box for each size, each with its own picture."""
    for number, size in enumerate(sizes):
        ct.open_film_box(FilmSizeID=size)
        ct.set_image(1, image_box(1, picture(PixelData=bytes([number] * 16))))
    return ct


def test_a_film_comes_out_as_it_was_sent(relay: MakeRelay) -> None:
    """Layout, size, orientation, pixels, polarity and copies reach the paper."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session(NumberOfCopies=2, MediumType="PAPER")
    ct.open_film_box(r"ROW\1,2", FilmSizeID="A3", FilmOrientation="LANDSCAPE")
    ct.set_image(2, image_box(2, picture(PixelData=bytes(16)), Polarity="REVERSE"))
    assert ct.action(FILM_BOX, ct.film_box).status == 0x0000
    ct.release()

    (job,) = room.wait_until(State.SENT, 1)

    (sheet,) = room.printers["oki-1"].sheets
    assert (sheet.calling_ae, sheet.copies) == ("BROKER", 2)
    assert (sheet.display_format, sheet.film_size) == (r"ROW\1,2", "A3")
    assert sheet.orientation == "LANDSCAPE"
    (image,) = sheet.images
    assert (image.position, image.attributes) == (2, {"Polarity": ["REVERSE"]})
    assert (job.films, job.films_accepted, job.printer) == (1, 1, "oki-1")


def test_equal_printers_share_twelve_films_evenly(relay: MakeRelay) -> None:
    """Twelve single-film sessions on three printers of one speed are four for each."""
    room = relay(3, seconds=0.2)
    room.print_films(12)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 4, "oki-2": 4, "oki-3": 4}


def test_films_follow_the_weights(relay: MakeRelay) -> None:
    """Weights 100, 100, 50: ten films are 4, 4 and 2."""
    room = relay(3, seconds=0.2, weights={"oki-3": 50})
    room.print_films(10)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 4, "oki-2": 4, "oki-3": 2}


def test_a_drained_printer_finishes_what_it_has_and_gets_no_more(relay: MakeRelay) -> None:
    """Drain: the film in hand comes out there, all others elsewhere; ready takes it back."""
    room = relay(2, seconds=0.5)
    room.print_films(1)
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    drained = room.jobs()[0].printer
    other = next(name for name in room.printers if name != drained)
    room.service.printers.set_duty(drained, Duty.DRAIN, "toner")
    room.print_films(3)
    room.wait_until(State.SENT)
    assert room.sheets() == {drained: 1, other: 3}

    room.service.printers.set_duty(drained, Duty.READY)
    room.print_films(2)
    room.wait_until(State.SENT)
    assert room.sheets()[drained] >= 2


def test_a_printer_that_dies_in_mid_job_costs_no_film(relay: MakeRelay) -> None:
    """The films that are left come out on another printer: each once, in order (promise 8)."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("dies-in-set:3")
    room.wait_until_up()
    ct = room.speaker()
    ct.open_session()
    session_of(ct, "A4", "A3", "8INX10IN", "14INX17IN")
    assert ct.action(FILM_SESSION, ct.session).status == 0x0000
    ct.release()
    room.wait_for(lambda: any(not each.alive for each in room.printers.values()))
    first = next(each for each in room.printers.values() if not each.alive)
    second = next(each for each in room.printers.values() if each is not first)
    second.set_scenario("ok")

    room.wait_until(State.SENT, 1)

    assert [sheet.film_size for sheet in first.sheets] == ["A4", "A3"]
    assert [sheet.film_size for sheet in second.sheets] == ["8INX10IN", "14INX17IN"]


def test_a_black_hole_swallows_nothing(relay: MakeRelay) -> None:
    """A printer that answers C-ECHO and refuses N-ACTION delays its films, and is degraded."""
    room = relay(3, seconds=0.05)
    room.printers["oki-1"].set_scenario("refuse-action:0x0110")
    room.print_films(12)

    room.wait_until(State.SENT)

    sheets = room.sheets()
    assert sheets["oki-1"] == 0
    assert sheets["oki-2"] + sheets["oki-3"] == 12
    assert room.service.printers.get("oki-1").failures >= 1


@pytest.mark.parametrize("status", ["0xC602", "0x0106", "0x0213", "0xB603"])
def test_whatever_a_printer_refuses_with_another_one_prints(relay: MakeRelay, status: str) -> None:
    """No job is held while another printer would take it, whatever the status."""
    room = relay(2)
    room.printers["oki-1"].set_scenario(f"refuse-action:{status}")
    room.print_films(4)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 4}


def test_a_film_size_that_one_printer_lacks_goes_to_the_other(relay: MakeRelay) -> None:
    """A permanent refusal sends that job elsewhere, and harms neither printer nor other jobs."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("refuse-size:14INX17IN")
    for size in ("14INX17IN", "A4", "14INX17IN", "A4"):
        ct = room.speaker()
        ct.open_session()
        session_of(ct, size)
        ct.action(FILM_BOX, ct.film_box)
        ct.release()
    room.wait_until(State.SENT)
    assert {sheet.film_size for sheet in room.printers["oki-1"].sheets} <= {"A4"}
    assert room.service.printers.get("oki-1").health is Health.UP


def test_refused_by_all_is_held_with_the_printers_words(relay: MakeRelay) -> None:
    """When nobody takes a film, a person finds it held, and why; release tries again."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("refuse-size:A4")
    ct = room.speaker()
    ct.open_session()
    session_of(ct, "A4")
    ct.action(FILM_BOX, ct.film_box)
    ct.release()

    (job,) = room.wait_until(State.HELD, 1)
    assert "every printer refused it" in job.reason
    assert "0x0106" in job.reason
    assert {attempt.printer for attempt in room.service.jobs.attempts(1)} == {"oki-1", "oki-2"}

    room.printers["oki-2"].set_scenario("ok")
    room.service.jobs.release(1)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 0, "oki-2": 1}


def test_an_unanswered_film_is_held_and_not_printed_again(relay: MakeRelay) -> None:
    """A printer that printed and died before answering: one sheet, and a person decides."""
    room = relay(2)
    for printer in room.printers.values():
        printer.set_scenario("prints-and-dies")
    room.print_films(1)

    (job,) = room.wait_until(State.HELD, 1)

    assert "uncertain" in job.reason
    assert sum(room.sheets().values()) == 1
    (film,) = room.service.jobs.films(1)
    assert film.state is FilmState.UNCERTAIN
    assert [each.outcome for each in room.service.jobs.attempts(1)] == [Outcome.UNCERTAIN]

    room.service.jobs.release(1, printed=True)
    (job,) = room.wait_until(State.SENT, 1)
    assert sum(room.sheets().values()) == 1


def test_an_unanswered_film_is_printed_again_where_the_site_says_so(relay: MakeRelay) -> None:
    """on_uncertain = "reprint" prints the film once more, on a printer that lives."""
    room = relay(2, on_uncertain='"reprint"')
    room.printers["oki-1"].set_scenario("prints-and-dies")
    room.service.printers.set_duty("oki-2", Duty.DRAIN)
    room.print_films(1)
    room.wait_for(lambda: not room.printers["oki-1"].alive)
    room.service.printers.set_duty("oki-2", Duty.READY)
    room.wait_until(State.SENT, 1)
    assert room.sheets() == {"oki-1": 1, "oki-2": 1}


def test_films_wait_while_every_printer_is_down(relay: MakeRelay) -> None:
    """The modality prints on while all printers are off; the films come out when one is back."""
    room = relay(2)
    for printer in room.printers.values():
        printer.kill()
    room.print_films(3)
    assert {job.state for job in room.jobs()} <= {State.QUEUED, State.PRINTING}
    room.printers["oki-2"].revive()
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 3}


def test_a_film_session_comes_out_collated(relay: MakeRelay) -> None:
    """Three copies of a film session of two films are 1 2, 1 2, 1 2 (PS3.4 H.4.1.2.4)."""
    room = relay(1)
    ct = room.speaker()
    ct.open_session(NumberOfCopies=3)
    session_of(ct, "A4", "A3")
    ct.action(FILM_SESSION, ct.session)
    ct.release()
    (job,) = room.wait_until(State.SENT, 1)
    sheets = room.printers["oki-1"].sheets
    assert [(sheet.film_size, sheet.copies) for sheet in sheets] == [("A4", 1), ("A3", 1)] * 3
    assert (job.films, job.films_accepted, job.copies) == (2, 2, 3)


def test_films_of_one_film_session_stay_in_order_on_one_printer(relay: MakeRelay) -> None:
    """Eight film boxes printed one by one come out in that order, all on one printer."""
    room = relay(3, seconds=0.05)
    ct = room.speaker()
    ct.open_session()
    sizes = ["A4", "A3", "8INX10IN", "10INX12IN", "11INX14IN", "14INX14IN", "14INX17IN", "A4"]
    for size in sizes:
        session_of(ct, size)
        ct.action(FILM_BOX, ct.film_box)
        ct.delete(FILM_BOX, ct.film_box)
    ct.release()
    room.wait_until(State.SENT)
    (used,) = [printer for printer in room.printers.values() if printer.sheets]
    assert [sheet.film_size for sheet in used.sheets] == sizes


def test_a_film_with_a_lut_goes_where_luts_are_taken(relay: MakeRelay) -> None:
    """A printer that refuses the context never gets the film; the other one gets the LUT."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("no-lut")
    room.wait_until_up()
    for _ in range(3):
        ct = room.speaker()
        lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="IDENTITY"))
        named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
        ct.open_session()
        ct.open_film_box(ReferencedPresentationLUTSequence=[named], Illumination=2000)
        ct.set_image()
        assert ct.action(FILM_BOX, ct.film_box).status == 0x0000
        ct.release()
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 3}
    assert [sheet.images[0].lut for sheet in room.printers["oki-2"].sheets] == ["IDENTITY"] * 3


def test_a_lut_does_not_stay_for_the_next_film(relay: MakeRelay) -> None:
    """On a printer that wants it in the film session, a film without LUT gets none."""
    room = relay(1, lut_level="film session")
    ct = room.speaker()
    lut = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
    named = reference(PRESENTATION_LUT, str(lut.command.AffectedSOPInstanceUID))
    ct.open_session(NumberOfCopies=1, MediumType="PAPER")
    for chosen in ([named], [named], [], [named]):
        more = {"ReferencedPresentationLUTSequence": chosen} if chosen else {}
        ct.open_film_box(**more)
        ct.set_image()
    assert ct.action(FILM_SESSION, ct.session).status == 0x0000
    ct.release()
    room.wait_until(State.SENT, 1)
    sheets = room.printers["oki-1"].sheets
    assert [sheet.images[0].lut for sheet in sheets] == ["LIN OD", "LIN OD", "", "LIN OD"]
    assert {sheet.session["MediumType"] for sheet in sheets} == {"PAPER"}


def test_luts_are_not_taken_while_no_printer_takes_them(relay: MakeRelay) -> None:
    """The context is rejected, so that the modality renders its LUT itself."""
    room = relay(1)
    room.printers["oki-1"].set_scenario("no-lut")
    room.wait_for(lambda: room.service.printers.get("oki-1").supports_lut is False)
    assert room.speaker().wire.context(PRESENTATION_LUT) is None
    room.printers["oki-1"].set_scenario("ok")
    room.wait_for(lambda: room.service.printers.get("oki-1").supports_lut is True)
    assert room.speaker().wire.context(PRESENTATION_LUT) is not None


def test_a_film_that_cannot_be_sent_is_held_and_harms_nobody(relay: MakeRelay) -> None:
    """A value that no message can carry: that job is held, the next film prints."""
    room = relay(1)
    endless = Film({"ImageDisplayFormat": (r"STANDARD\1,1",), "Trim": ("Y" * 70_000,)}, ())
    room.service.jobs.add(
        PrintRequest("CT1", "BROKER", "127.0.0.1:1", "x", Level.FILM_BOX, {}, (endless,))
    )
    (job,) = room.wait_until(State.HELD, 1)
    assert "cannot be sent" in job.reason
    room.print_films(1)
    room.wait_until(State.SENT, 2)


def test_a_busy_printer_is_not_broken(relay: MakeRelay) -> None:
    """A transient reject delays the film and never holds it; health stays up."""
    room = relay(1)
    room.printers["oki-1"].set_scenario("busy")
    room.print_films(1)
    room.wait_for(lambda: room.jobs()[0].attempts >= 5)
    assert room.jobs()[0].state in (State.QUEUED, State.PRINTING)
    room.printers["oki-1"].set_scenario("ok")
    room.wait_until(State.SENT, 1)


def test_a_jammed_printer_is_passed_over_until_it_is_cleared(relay: MakeRelay) -> None:
    """Printer Status FAILURE takes it out at once; it comes back by itself (promise 7)."""
    room = relay(2)
    room.printers["oki-1"].set_scenario("jam")
    room.wait_for(lambda: room.service.printers.get("oki-1").health is Health.DOWN)
    assert "FILM JAM" in room.service.printers.get("oki-1").reason
    room.print_films(2)
    room.wait_until(State.SENT)
    assert room.sheets() == {"oki-1": 0, "oki-2": 2}
    room.printers["oki-1"].set_scenario("ok")
    room.wait_until_up("oki-1")


def test_operator_verbs_reach_the_running_broker(relay: MakeRelay) -> None:
    """Hold, move and release are rows; the broker obeys them without being told."""
    room = relay(2, seconds=0.3)
    for name in room.printers:
        room.service.printers.set_duty(name, Duty.DRAIN)
    room.print_films(2)
    room.service.jobs.hold(1)
    room.service.jobs.move(2, "oki-2")
    for name in room.printers:
        room.service.printers.set_duty(name, Duty.READY)
    room.wait_until(State.SENT, 2)
    assert room.jobs(1)[0].state is State.HELD
    assert room.sheets() == {"oki-1": 0, "oki-2": 1}
    room.service.jobs.release(1)
    room.wait_until(State.SENT, 1)


def test_a_job_can_be_held_between_two_of_its_films(relay: MakeRelay) -> None:
    """Hold while printing ends the attempt after the film in hand; release goes on from there."""
    room = relay(1, seconds=0.5)
    ct = room.speaker()
    ct.open_session()
    session_of(ct, "A4", "A3", "8INX10IN")
    ct.action(FILM_SESSION, ct.session)
    ct.release()
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    room.service.jobs.hold(1)
    room.wait_until(State.HELD, 1)
    before = len(room.printers["oki-1"].sheets)
    assert before < 3
    room.service.jobs.release(1)
    room.wait_until(State.SENT, 1)
    sizes = [sheet.film_size for sheet in room.printers["oki-1"].sheets]
    assert sizes == ["A4", "A3", "8INX10IN"]


def test_a_stopped_broker_goes_on_where_it_was(relay: MakeRelay) -> None:
    """Stop hands a job back between two films; the next start prints the rest, once."""
    room = relay(1, seconds=0.3)
    ct = room.speaker()
    ct.open_session()
    session_of(ct, "A4", "A3", "8INX10IN", "14INX17IN")
    ct.action(FILM_SESSION, ct.session)
    ct.release()
    room.wait_for(lambda: room.jobs()[0].state is State.PRINTING)
    room.service.stop()
    assert len(room.printers["oki-1"].sheets) < 4
    room.begin()
    room.wait_until(State.SENT, 1)
    sizes = [sheet.film_size for sheet in room.printers["oki-1"].sheets]
    assert sizes == ["A4", "A3", "8INX10IN", "14INX17IN"]
