"""Who a printer says it is, and when it is asked."""

from __future__ import annotations

from broker.model.printers.printer_identity import (
    AFTER_SILENCE_S,
    AGAIN_S,
    IS_BUSY,
    LONGEST_OF_SEVERAL,
    NOT_TOLD,
    Identification,
    IdentityAnswer,
    IdentityReply,
    PrinterIdentity,
    told_text,
)

OKI = PrinterIdentity("OKI DATA CORP", "C650", "AK12", "1.2, 3.4", "RADIOLOGY")
TOLD = IdentityReply(IdentityAnswer.TOLD, OKI)
REFUSED = IdentityReply(IdentityAnswer.REFUSED, words="refused")
SILENT = IdentityReply(IdentityAnswer.SILENT, words="aborted")
NOW = 1000.0


def test_a_printer_that_was_never_asked_is_asked() -> None:
    """Whether it has come back or was there all the time."""
    assert Identification().due(NOW, came_back=False)


def test_a_printer_is_asked_again_after_a_day() -> None:
    """Not before, unless the clock was set back."""
    known = Identification().after(TOLD, NOW)

    assert not known.due(NOW + AGAIN_S - 1, came_back=False)
    assert known.due(NOW + AGAIN_S, came_back=False)
    assert known.due(NOW - 1, came_back=False)


def test_a_printer_that_comes_back_is_asked_again() -> None:
    """It may be another machine at the same address."""
    assert Identification().after(TOLD, NOW).due(NOW + 1, came_back=True)


def test_a_printer_that_refuses_is_left_alone_for_a_day() -> None:
    """Also when it comes back: the question itself may have taken it down."""
    known = Identification().after(REFUSED, NOW)

    assert known.untold
    assert not known.due(NOW + AGAIN_S - 1, came_back=True)
    assert known.due(NOW + AGAIN_S, came_back=False)


def test_a_printer_that_did_not_answer_is_left_alone_for_a_month() -> None:
    """It may suffer from the question; also when it comes back."""
    known = Identification().after(TOLD, NOW - AGAIN_S).after(SILENT, NOW)

    assert AFTER_SILENCE_S == 30 * AGAIN_S
    assert not known.due(NOW + AFTER_SILENCE_S - 1, came_back=True)
    assert known.due(NOW + AFTER_SILENCE_S, came_back=False)
    assert (known.identity, known.answer) == (OKI, IdentityAnswer.SILENT)


def test_a_busy_printer_was_not_asked() -> None:
    """It is as due as before; that it was busy is known."""
    known = Identification().after(IS_BUSY, NOW)
    assert (known.asked_at, known.untold, known.answer) == (None, False, IdentityAnswer.BUSY)
    assert known.due(NOW + 1, came_back=False)

    later = Identification().after(TOLD, NOW).after(IS_BUSY, NOW + AGAIN_S)
    assert (later.identity, later.asked_at, later.told_at) == (OKI, NOW, NOW)


def test_what_was_told_stays_where_nothing_is_told() -> None:
    """With the time at which it was told."""
    known = Identification().after(TOLD, NOW).after(REFUSED, NOW + AGAIN_S)

    assert (known.identity, known.told_at, known.untold) == (OKI, NOW, True)


def test_what_a_printer_tells_can_be_shown_anywhere() -> None:
    """No control characters, nothing around it, and not without end."""
    assert told_text([" C650\x1b[2J\r\n", "", "x"]) == "C650?[2J, x"
    assert told_text(["C" * 100]) == "C" * 64
    assert len(told_text(["C" * 64] * 90)) == LONGEST_OF_SEVERAL


def test_maker_model_and_serial_number_are_told_as_far_as_they_are_known() -> None:
    """Without gaps for what is not."""
    assert OKI.words == "OKI DATA CORP C650, serial number AK12"
    assert PrinterIdentity(model="C650").words == "C650"
    assert PrinterIdentity(printer_name="RADIOLOGY").words == ""
    assert not NOT_TOLD
