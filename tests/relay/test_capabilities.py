"""What is learned of printers: what they refuse is not asked for again, and what no printer takes
is refused at the console."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    BasicFilmBox,
    BasicFilmSession,
    BasicGrayscaleImageBox,
)

from broker.dicom import statuses
from broker.dicom.uids import FILM_BOX, FILM_SESSION, PRESENTATION_LUT
from broker.dicom.upper_layer.message import Response
from broker.model.films.capabilities import Lesson
from broker.model.jobs.job import State
from broker.model.peers.refusal import Refusal
from broker.model.printers.printer import Duty, Health
from tests.peers.choosy_printer import ChoosyPrinter, running
from tests.peers.speaker import Speaker, dataset, image_box, picture, reference
from tests.relay.conftest import PATIENCE_S, Relay


@pytest.fixture
def three(tmp_path: Path) -> Iterator[tuple[Relay, list[ChoosyPrinter]]]:
    """A broker with three printers, of which the first takes no A3."""
    with ExitStack() as stack:
        printers = [
            stack.enter_context(running(ChoosyPrinter(name)))
            for name in ("oki-1", "oki-2", "oki-3")
        ]
        printers[0].refuses["FilmSizeID"] = "A3"
        relay = Relay(tmp_path, [each.address for each in printers])
        stack.callback(lambda: relay.close())
        relay.wait_until_up()
        yield relay, printers


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[Relay, ChoosyPrinter]]:
    """A broker with one printer, which takes no A3."""
    with running(ChoosyPrinter("oki-1", refuses={"FilmSizeID": "A3"})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            yield relay, printer
        finally:
            relay.close()


def ask(relay: Relay, ct: Speaker | None = None, **attributes: object) -> list[int]:
    """Ask for a film with these attributes of the film box; the statuses, up to a failure."""
    own = ct or relay.speaker()
    if ct is None:
        own.open_session()
    answered = [own.open_film_box(**attributes).status]
    if not answered[-1]:
        answered.append(own.set_image().status)
        answered.append(own.action(FILM_BOX, own.film_box).status)
    if ct is None:
        own.release()
    return answered


def ask_until_taken(relay: Relay, **attributes: object) -> None:
    """Ask again as long as the broker has not seen what another process has forgotten."""
    deadline = time.monotonic() + PATIENCE_S
    while (answered := ask(relay, **attributes)) != [0, 0, 0]:
        assert time.monotonic() < deadline, answered


def ended(relay: Relay, number: int) -> State:
    """The state of a job, once it is sent or held."""
    ends = (State.SENT, State.HELD)
    relay.wait_for(lambda: relay.jobs(number)[0].state in ends, f"job {number} has no end")
    return relay.jobs(number)[0].state


def test_a_refuser_is_asked_once(three: tuple[Relay, list[ChoosyPrinter]]) -> None:
    """Of twenty films of a size that one of three printers refuses, one knocks there at most; all
    come out; and it is well, and gets what it can print."""
    relay, printers = three
    for number in range(1, 21):
        assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
        assert ended(relay, number) is State.SENT

    knocked = [each for each in printers[0].asked(BasicFilmBox) if each.get("FilmSizeID") == "A3"]
    assert len(knocked) <= 2, "of one film, and once more to be sure"
    assert len(printers[1].printed) + len(printers[2].printed) == 20
    shown = relay.service.printers.get("oki-1")
    assert (shown.health, shown.failures_in_row) == (Health.UP, 0)
    for number in range(21, 30):
        assert ask(relay, FilmSizeID="A4") == [0, 0, 0]
        assert ended(relay, number) is State.SENT
    assert len(printers[0].printed) >= 3


def test_what_no_printer_takes_is_refused_from_the_second_time_on(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """With the printer's own status; the first one is held with what the printer refuses; other
    films print."""
    relay, printer = alone
    assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
    assert ended(relay, 1) is State.HELD
    assert "it refuses FilmSizeID A3" in relay.jobs(1)[0].reason

    assert ask(relay, FilmSizeID="A3") == [statuses.INVALID_ATTRIBUTE_VALUE]
    why = [facts["why"] for event, facts in relay.notes if event == "request refused"]
    assert why == ["no printer takes FilmSizeID A3"]
    assert ask(relay, FilmSizeID="A4") == [0, 0, 0]
    assert ended(relay, 2) is State.SENT
    assert len(printer.printed) == 1


def test_what_was_learned_survives_a_restart_and_is_forgotten_on_command(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """And by `ready`; a printer that was mended meanwhile prints."""
    relay, printer = alone
    ask(relay, FilmSizeID="A3")
    assert ended(relay, 1) is State.HELD
    relay.restart()
    assert ask(relay, FilmSizeID="A3") == [statuses.INVALID_ATTRIBUTE_VALUE]

    printer.refuses.clear()
    assert relay.service.printers.forget("oki-1") == 1
    ask_until_taken(relay, FilmSizeID="A3")
    assert ended(relay, 2) is State.SENT


def test_a_person_who_releases_a_job_has_it_tried(alone: tuple[Relay, ChoosyPrinter]) -> None:
    """Whatever was learned; the printer has been changed."""
    relay, printer = alone
    ask(relay, FilmSizeID="A3")
    assert ended(relay, 1) is State.HELD
    printer.refuses.clear()
    relay.service.jobs.commands.release(1)
    relay.wait_until(State.SENT, 1)


@pytest.mark.parametrize("days", ["0.00001", "30"])
def test_what_was_learned_is_forgotten_after_its_time(tmp_path: Path, days: str) -> None:
    """retry.learned_days: then a printer that was mended is used again without any command."""
    with running(ChoosyPrinter("oki-1", refuses={"FilmSizeID": "A3"})) as printer:
        relay = Relay(tmp_path, [printer.address], learned_days=days)
        try:
            relay.wait_until_up()
            ask(relay, FilmSizeID="A3")
            assert ended(relay, 1) is State.HELD
            printer.refuses.clear()
            if days == "30":
                assert ask(relay, FilmSizeID="A3") == [statuses.INVALID_ATTRIBUTE_VALUE]
                return
            relay.wait_for(
                lambda: any(event == "capabilities forgotten" for event, _ in relay.notes)
            )
            assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
            assert ended(relay, 2) is State.SENT
        finally:
            relay.close()


@pytest.mark.parametrize(
    ("refused", "film"),
    [
        ({"FilmSizeID": "A3"}, {"FilmSizeID": "A3"}),
        ({"FilmOrientation": "LANDSCAPE"}, {"FilmOrientation": "LANDSCAPE"}),
        ({"ImageDisplayFormat": r"STANDARD\2,3"}, {"display_format": r"STANDARD\2,3"}),
    ],
)
def test_a_printer_that_was_changed_is_used_after_one_refusal(
    tmp_path: Path, refused: dict[str, object], film: dict[str, str]
) -> None:
    """Without a person's word: what is refused at the console is asked of the printers again."""
    with running(ChoosyPrinter("oki-1", refuses=refused)) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            assert ask(relay, **film) == [0, 0, 0]
            assert ended(relay, 1) is State.HELD
            printer.refuses.clear()
            assert ask(relay, **film) == [statuses.INVALID_ATTRIBUTE_VALUE]
            relay.wait_for(
                lambda: any(event == "capabilities forgotten" for event, _ in relay.notes)
            )
            assert ask(relay, **film) == [0, 0, 0]
            assert ended(relay, 2) is State.SENT
        finally:
            relay.close()
    assert len(printer.printed) == 1, "asking prints nothing"


def test_a_site_may_keep_such_films(tmp_path: Path) -> None:
    """retry.on_impossible = "hold": taken, and held at once, without asking the printer again."""
    with running(ChoosyPrinter("oki-1", refuses={"FilmSizeID": "A3"})) as printer:
        relay = Relay(tmp_path, [printer.address], on_impossible='"hold"')
        try:
            relay.wait_until_up()
            ask(relay, FilmSizeID="A3")
            assert ended(relay, 1) is State.HELD
            asked = len(printer.requests)
            assert ask(relay, FilmSizeID="A3") == [0, 0, 0]
            assert ended(relay, 2) is State.HELD
            assert "no printer takes it: oki-1 refuses FilmSizeID A3" in relay.jobs(2)[0].reason
            assert len(printer.requests) == asked
        finally:
            relay.close()


def test_an_unknown_is_never_refused(three: tuple[Relay, list[ChoosyPrinter]]) -> None:
    """As long as one printer may take it, also one that is in maintenance."""
    relay, printers = three
    for each in printers[1:]:
        each.refuses["FilmSizeID"] = "A3"
    ask(relay, FilmSizeID="A3")
    assert ended(relay, 1) is State.HELD
    printers[2].refuses.clear()
    relay.service.printers.forget("oki-3")
    ask_until_taken(relay, FilmSizeID="A3")
    assert ended(relay, 2) is State.SENT
    assert len(printers[2].printed) == 1


def print_deep(relay: Relay, bits: int) -> int:
    """Print a film of 256 rows and columns in that depth; what its N-SET was answered."""
    deep = picture(
        Rows=256,
        Columns=256,
        BitsAllocated=16,
        BitsStored=bits,
        HighBit=bits - 1,
        PixelData=bytes(2 << 16),
    )
    ct = relay.speaker()
    ct.open_session()
    ct.open_film_box()
    status: int = ct.set_image(made=image_box(1, deep)).status
    if not status:
        ct.action(FILM_BOX, ct.film_box)
    ct.release()
    return status


@pytest.mark.parametrize("bits", [12, 16])
def test_a_depth_that_no_printer_takes_is_refused_with_its_pixels(
    tmp_path: Path, bits: int
) -> None:
    """N-SET is answered with the printer's status; images of 8 bits print."""
    with running(ChoosyPrinter("oki-1", refuses={"BitsStored": bits})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            assert print_deep(relay, bits) == 0
            assert ended(relay, 1) is State.HELD
            assert f"Bits Stored {bits} in 16" in relay.jobs(1)[0].reason
            whole = [
                each
                for each in printer.asked(BasicGrayscaleImageBox)
                if each.BasicGrayscaleImageSequence[0].Rows == 256
            ]
            assert len(whole) == 2, "with the Presentation LUT class, and without it"
            assert print_deep(relay, bits) == statuses.INVALID_ATTRIBUTE_VALUE
            assert ask(relay) == [0, 0, 0]
            assert ended(relay, 2) is State.SENT
        finally:
            relay.close()


def test_an_image_whose_content_is_refused_teaches_nothing(tmp_path: Path) -> None:
    """A printer that refuses one image for its number of rows takes other ones."""
    with running(ChoosyPrinter("oki-1", refuses={"Rows": 256})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            ct = relay.speaker()
            ct.open_session()
            ct.open_film_box()
            large = picture(Rows=256, Columns=256, PixelData=bytes(1 << 16))
            ct.set_image(made=image_box(1, large))
            ct.action(FILM_BOX, ct.film_box)
            ct.release()
            assert ended(relay, 1) is State.HELD
            assert relay.service.capabilities.of("oki-1") == ()
            assert ask(relay) == [0, 0, 0]
            assert ended(relay, 2) is State.SENT
        finally:
            relay.close()


def test_only_what_is_refused_is_left_out_and_that_is_remembered(tmp_path: Path) -> None:
    """Of several optional attributes those that the printer takes go there; the second film is sent
    right the first time, also after a restart."""
    refuses: dict[str, object] = {"Trim": None, "SmoothingType": "WILD"}
    with running(ChoosyPrinter("oki-1", refuses=refuses)) as printer:
        relay = Relay(tmp_path, [printer.address])
        wish = {"Trim": "YES", "SmoothingType": "WILD", "BorderDensity": "150", "MaxDensity": 300}
        try:
            relay.wait_until_up()
            assert ask(relay, **wish) == [0, 0, 0]
            assert ended(relay, 1) is State.SENT
            relay.restart()
            before = len(printer.asked(BasicFilmBox))
            assert ask(relay, **wish) == [0, 0, 0]
            assert ended(relay, 2) is State.SENT
            assert len(printer.asked(BasicFilmBox)) == before + 1
        finally:
            relay.close()
    for _, box, _ in printer.printed:
        assert (box.BorderDensity, box.MaxDensity) == ("150", 300)
        assert "Trim" not in box
        assert "SmoothingType" not in box
    (film,) = relay.service.jobs.queries.films(2)
    assert film.words == "without SmoothingType, Trim: oki-1 does not take it"


@pytest.mark.parametrize(
    ("adapt", "state"), [('["film-size"]', State.SENT), ('["no-trim"]', State.HELD)]
)
def test_a_site_allows_and_forbids_adaptations_by_name(
    tmp_path: Path, adapt: str, state: State
) -> None:
    """`film-size` lets a film of another size print; `no-trim` holds one whose Trim is refused."""
    keyword, value = ("FilmSizeID", "A3") if state is State.SENT else ("Trim", "YES")
    with running(ChoosyPrinter("oki-1", refuses={keyword: value})) as printer:
        relay = Relay(tmp_path, [printer.address], more=f"adapt = {adapt}\n")
        try:
            relay.wait_until_up()
            assert ask(relay, **{keyword: value}) == [0, 0, 0]
            assert ended(relay, 1) is state
            assert len(printer.printed) == (state is State.SENT)
        finally:
            relay.close()


def test_what_the_site_omits_is_never_asked_for(tmp_path: Path) -> None:
    """And the film says so."""
    with running(ChoosyPrinter("oki-1")) as printer:
        relay = Relay(tmp_path, [printer.address], more='omit = ["Trim"]\n')
        try:
            relay.wait_until_up()
            assert ask(relay, Trim="YES", BorderDensity="20") == [0, 0, 0]
            assert ended(relay, 1) is State.SENT
        finally:
            relay.close()
    ((_, box, _),) = printer.printed
    assert "Trim" not in box
    assert box.BorderDensity == "20"


def test_twelve_bits_are_printed_in_eight_where_the_site_allows_it(tmp_path: Path) -> None:
    """Each pixel keeps its highest eight bits, and the film says so."""
    with running(ChoosyPrinter("oki-1", refuses={"BitsStored": 12})) as printer:
        relay = Relay(tmp_path, [printer.address], more='adapt = ["12-to-8-bit"]\n')
        try:
            relay.wait_until_up()
            ct = relay.speaker()
            ct.open_session()
            ct.open_film_box()
            pixels = b"".join((each * 16 + 7).to_bytes(2, "little") for each in range(256))
            deep = picture(
                Rows=16, Columns=16, BitsAllocated=16, BitsStored=12, HighBit=11, PixelData=pixels
            )
            assert ct.set_image(made=image_box(1, deep)).status == 0
            ct.action(FILM_BOX, ct.film_box)
            ct.release()
            assert ended(relay, 1) is State.SENT
            (film,) = relay.service.jobs.queries.films(1)
        finally:
            relay.close()
    ((_, _, image),) = printer.printed
    item = image.BasicGrayscaleImageSequence[0]
    assert (item.BitsAllocated, item.BitsStored, item.HighBit) == (8, 8, 7)
    assert item.PixelData == bytes(range(256))
    assert film.words == "without more than 8 bits: oki-1 does not take it"


@pytest.mark.parametrize("implicit_only", [False, True])
def test_a_printer_that_fails_on_explicit_vr_gets_implicit(
    tmp_path: Path, implicit_only: bool
) -> None:
    """Found out with the first film, or set by the site; remembered."""
    with running(ChoosyPrinter("oki-1", fails_explicit=True)) as printer:
        more = "implicit_only = true\n" if implicit_only else ""
        relay = Relay(tmp_path, [printer.address], more=more)
        try:
            relay.wait_until_up()
            for number in (1, 2):
                assert ask(relay) == [0, 0, 0]
                assert ended(relay, number) is State.SENT
            learned = [each.lesson for each in relay.service.capabilities.of("oki-1")]
        finally:
            relay.close()
    assert printer.associations == (2 if implicit_only else 3)
    assert learned == ([] if implicit_only else [Lesson.IMPLICIT])


def _lut(relay: Relay, shape: str) -> Response:
    """Ask for a film with a Presentation LUT of that shape."""
    ct = relay.speaker()
    made = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape=shape))
    ct.open_session()
    named = reference(PRESENTATION_LUT, str(made.command.AffectedSOPInstanceUID))
    ct.open_film_box(ReferencedPresentationLUTSequence=[named], Illumination=2000)
    ct.set_image()
    answer: Response = ct.action(FILM_BOX, ct.film_box)
    ct.release()
    return answer


@pytest.mark.parametrize(("shape", "state"), [("IDENTITY", State.SENT), ("LIN OD", State.HELD)])
def test_a_lut_that_was_promised_before_the_printer_was_known(
    tmp_path: Path, shape: str, state: State
) -> None:
    """The printer was off when the film came, and has no Presentation LUT: one that changes nothing
    is left out, and said; a film that needs another one is held with what can be done."""
    printer = ChoosyPrinter("oki-1", lut=False)
    with running(printer):
        address = printer.address
    relay = Relay(tmp_path, [address])
    try:
        relay.wait_for(lambda: relay.service.printers.get("oki-1").health is Health.DOWN)
        assert _lut(relay, shape).status == 0
        with running(printer):
            assert ended(relay, 1) is state
        (film,) = relay.service.jobs.queries.films(1)
        reason = relay.jobs(1)[0].reason
    finally:
        relay.close()
    if state is State.SENT:
        assert film.words == "without Presentation LUT IDENTITY: oki-1 does not take it"
    else:
        assert "does not support Presentation LUT" in reason
        assert "print it again at the modality" in reason


@pytest.mark.parametrize("text", ["SLIDE", "SUPERSLIDE", r"CUSTOM\3"])
def test_a_printers_own_format_has_as_many_image_boxes_as_it_makes(
    tmp_path: Path, text: str
) -> None:
    """It is asked once, at N-CREATE; the film prints with an image in each box; while the printer
    is off, the number is known."""
    printer = ChoosyPrinter("oki-1", boxes={text: 12})
    with running(printer):
        relay = Relay(tmp_path, [printer.address])
        relay.wait_until_up()
        _print_own_format(relay, text)
        assert ended(relay, 1) is State.SENT
        _print_own_format(relay, text)
        assert ended(relay, 2) is State.SENT
        assert printer.associations == 3
        assert [len(film) for film in printer.printed] == [14, 14]
    try:
        relay.wait_for(lambda: relay.service.printers.get("oki-1").health is Health.DOWN)
        _print_own_format(relay, text)
    finally:
        relay.close()


def _print_own_format(relay: Relay, text: str) -> None:
    ct = relay.speaker()
    ct.open_session()
    assert ct.open_film_box(text).status == 0
    assert len(ct.boxes) == 12
    for position in range(1, 13):
        assert ct.set_image(position).status == 0
    assert ct.action(FILM_BOX, ct.film_box).status == 0
    ct.release()


def test_a_printers_own_format_that_no_printer_has_is_refused(
    alone: tuple[Relay, ChoosyPrinter],
) -> None:
    """With the printers' answer while they answer; 0x0110 while none does, which may pass."""
    relay, printer = alone
    printer.refuses["ImageDisplayFormat"] = "SLIDE"
    ct = relay.speaker()
    ct.open_session()
    assert ct.open_film_box("SLIDE").status == statuses.INVALID_ATTRIBUTE_VALUE
    relay.service.printers.set_duty("oki-1", Duty.MAINT)
    relay.service.printers.forget("oki-1")
    assert ct.open_film_box("SUPERSLIDE").status == statuses.PROCESSING_FAILURE
    assert ct.open_film_box().status == 0
    told = [facts for event, facts in relay.notes if event == "request refused"]
    assert [each["kind"] for each in told] == [Refusal.NO_PRINTER, Refusal.NOT_ASKED]
    assert {each["attribute"] for each in told} == {"ImageDisplayFormat"}


def test_a_printer_that_takes_more_bits_now_is_used_after_one_refusal(tmp_path: Path) -> None:
    """Asked with a small image, of which nothing is printed."""
    with running(ChoosyPrinter("oki-1", refuses={"BitsStored": 12})) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            assert print_deep(relay, 12) == 0
            assert ended(relay, 1) is State.HELD
            printer.refuses.clear()
            assert print_deep(relay, 12) == statuses.INVALID_ATTRIBUTE_VALUE
            relay.wait_for(
                lambda: any(event == "capabilities forgotten" for event, _ in relay.notes)
            )
            assert print_deep(relay, 12) == 0
            assert ended(relay, 2) is State.SENT
        finally:
            relay.close()
    assert len(printer.printed) == 1


def test_a_printer_that_wants_luts_where_it_has_the_class_gets_films_without_it(
    tmp_path: Path,
) -> None:
    """A modality that has the Presentation LUT class and gives a film none: as it would do itself
    first, then without the class, which is remembered."""
    with running(ChoosyPrinter("oki-1", wants_luts=True)) as printer:
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            for number in (1, 2):
                assert ask(relay) == [0, 0, 0]
                assert ended(relay, number) is State.SENT
            assert [each.lesson for each in relay.service.capabilities.of("oki-1")] == [
                Lesson.LUT_WHERE_USED
            ]
            assert relay.service.printers.get("oki-1").failures == 0
        finally:
            relay.close()
    assert printer.associations == 3
    assert len(printer.printed) == 2


@pytest.mark.parametrize("takes", ["film session", "film box"])
def test_a_luts_own_level_comes_first(tmp_path: Path, takes: str) -> None:
    """A LUT of the film session is given to the printer's film session; to one that does not take
    it there, in the film box, which is said and remembered."""
    printer = ChoosyPrinter("oki-1", lut_level=takes, status=statuses.NO_SUCH_ATTRIBUTE)
    with running(printer):
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            for number in (1, 2):
                ct = relay.speaker()
                made = ct.create(PRESENTATION_LUT, dataset(PresentationLUTShape="LIN OD"))
                named = reference(PRESENTATION_LUT, str(made.command.AffectedSOPInstanceUID))
                ct.open_session()
                asked = dataset(ReferencedPresentationLUTSequence=[named], Illumination=2000)
                ct.set(FILM_SESSION, ct.session, asked)
                ct.open_film_box()
                ct.set_image()
                assert ct.action(FILM_BOX, ct.film_box).status == 0
                ct.release()
                assert ended(relay, number) is State.SENT
            said = [relay.service.jobs.queries.films(number)[0].words for number in (1, 2)]
            learned = [each.lesson for each in relay.service.capabilities.of("oki-1")]
        finally:
            relay.close()
    keyword = "ReferencedPresentationLUTSequence"
    for session, box, _ in printer.printed:
        assert (keyword in session, keyword in box) == (takes != "film box", takes == "film box")
    if takes == "film box":
        assert said == ["Presentation LUT in the film box: oki-1 takes it there"] * 2
        assert learned == [Lesson.LUT_IN_BOX]
        looks = [each for each in printer.asked(BasicFilmSession) if keyword in each]
        assert len(looks) == 4, "with lighting and without, twice, for the first film"
    else:
        assert (said, learned) == (["", ""], [])


def test_a_printer_is_not_asked_again_for_each_refusal(alone: tuple[Relay, ChoosyPrinter]) -> None:
    """A modality that tries again and again costs the printer one question every REST_S."""
    relay, printer = alone
    ask(relay, FilmSizeID="A3")
    assert ended(relay, 1) is State.HELD
    before = printer.associations
    for _ in range(8):
        assert ask(relay, FilmSizeID="A3") == [statuses.INVALID_ATTRIBUTE_VALUE]
    relay.wait_for(lambda: printer.associations > before)
    assert ask(relay) == [0, 0, 0]
    assert ended(relay, 2) is State.SENT
    assert printer.associations == before + 2, "one question, and one film"


def test_a_printer_that_makes_another_number_of_image_boxes_now_is_said(tmp_path: Path) -> None:
    """The film is held with what can be done; at the modality the next one has the new number."""
    printer = ChoosyPrinter("oki-1", boxes={"SLIDE": 12})
    with running(printer):
        relay = Relay(tmp_path, [printer.address])
        try:
            relay.wait_until_up()
            _print_own_format(relay, "SLIDE")
            assert ended(relay, 1) is State.SENT
            printer.boxes = {"SLIDE": 6}
            _print_own_format(relay, "SLIDE")
            assert ended(relay, 2) is State.HELD
            reason = relay.jobs(2)[0].reason
            assert "move it to a printer that makes 12, or print it again at the modality" in reason
            ct = relay.speaker()
            ct.open_session()
            ct.open_film_box("SLIDE")
            assert len(ct.boxes) == 6
        finally:
            relay.close()
