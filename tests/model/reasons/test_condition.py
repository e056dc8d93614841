"""The state of the whole: one sentence, the worst that holds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.model.printers.health import FAILS_FILMS
from broker.model.printers.printer import Address, Duty, Health, Printer
from broker.model.reasons.condition import STUCK_S, Condition, Overall, WholeView, overall, without
from tests.model.conftest import MakePrinter

NOW = 10_000.0


def said(view: WholeView) -> str:
    """The sentence, with times as seconds."""
    return overall(view, NOW).sentence(lambda at: f"{NOW - at:.0f} s", lambda at: f"T{at:.0f}")


def test_each_state_of_the_whole(make_printer: MakePrinter) -> None:
    """Printing, slower, kept, refused and stopped, each with its numbers."""
    up, down = make_printer(), make_printer("oki-2", health=Health.DOWN, health_since=9000.0)
    printing = WholeView(True, (up, replace(up, address=down.address)))
    assert said(printing) == "Printing: all 2 printers take films."
    assert said(replace(printing, waiting=2, oldest_at=9990.0)) == (
        "Printing: all 2 printers take films. 2 jobs wait, the oldest for 10 s."
    )
    slower = WholeView(True, (up, down))
    assert said(slower) == "Printing slower: 1 of 2 printers takes films; oki-2 is down."
    kept = WholeView(True, (down,), waiting=1, oldest_at=9500.0, accepted_at=8000.0)
    assert said(kept) == (
        "NOTHING PRINTS since T9000: oki-2 is down; films are kept. 1 job waits for 500 s."
    )
    refused = WholeView(True, (up,), refused=("the disk is nearly full",))
    assert said(refused) == (
        "FILMS ARE REFUSED: the disk is nearly full; what was accepted prints on."
    )
    assert said(replace(refused, prints_on=False)) == "FILMS ARE REFUSED: the disk is nearly full."
    both = overall(replace(refused, printers=(down,)), NOW)
    assert (both.condition, both.since) == (Condition.REFUSED, 9000.0)
    assert both.words.endswith("and nothing prints")
    stopped = WholeView(False, (up,), waiting=3)
    assert overall(stopped, NOW).condition is Condition.STOPPED


def test_three_printers_down_and_the_fourth_refuses_everything(make_printer: MakePrinter) -> None:
    """Nothing prints: that the fourth passes its checks does not count."""
    down = [make_printer(f"oki-{n}", health=Health.DOWN, health_since=100.0 * n) for n in (1, 2, 3)]
    fourth = make_printer("oki-4", refusing="refuses every film", accepted_at=9_900.0)
    found = overall(WholeView(True, (*down, fourth), waiting=5, oldest_at=9000.0), NOW)
    assert found.condition is Condition.KEPT
    assert found.since == 9_900.0
    assert (
        found.words == "oki-1, oki-2 and oki-3 are down, oki-4 refuses every film; films are kept"
    )


def test_a_word_that_it_is_mended_does_not_hide_since_when(make_printer: MakePrinter) -> None:
    """A printer that fails again after it counts anew; what waits has waited since before."""
    failing = make_printer(
        health=Health.DEGRADED,
        health_since=9_900.0,
        failures_in_row=3,
        reason=f"{FAILS_FILMS}: 0xC000",
    )
    view = WholeView(True, (failing,), waiting=1, oldest_at=9_500.0, unbound_at=9_500.0)
    assert overall(view, NOW).since == 9_500.0
    assert overall(replace(view, accepted_at=9_600.0), NOW).since == 9_600.0


def test_since_when_nothing_prints_is_when_the_last_printer_stopped(
    make_printer: MakePrinter,
) -> None:
    """Down before it was taken out counts from then; a film accepted since then counts more."""
    first = make_printer(health=Health.DOWN, health_since=100.0, duty=Duty.MAINT, duty_since=9000.0)
    last = make_printer("oki-2", duty=Duty.DRAIN, duty_since=5000.0)
    view = WholeView(True, (first, last))
    assert overall(view, NOW).since == 5000.0
    assert overall(replace(view, accepted_at=5600.0), NOW).since == 5600.0


def test_films_that_wait_for_long_although_printers_are_well(make_printer: MakePrinter) -> None:
    """After ten minutes without an accepted film nothing prints; not for a job that is bound to a
    printer, and not before."""
    long_ago = NOW - STUCK_S - 1
    view = WholeView(True, (make_printer(),), waiting=1, oldest_at=long_ago, unbound_at=long_ago)
    assert overall(view, NOW).condition is Condition.KEPT
    assert overall(view, NOW).since == long_ago
    assert overall(replace(view, unbound_at=None), NOW).condition is Condition.PRINTING
    assert overall(replace(view, accepted_at=NOW - 5), NOW).condition is Condition.PRINTING
    assert overall(replace(view, unbound_at=NOW - 5), NOW).condition is Condition.PRINTING


def test_a_printer_that_is_jammed_and_takes_films_is_not_all_well(
    make_printer: MakePrinter,
) -> None:
    """It needs a person; that it accepted a film since says that films go on, and no more."""
    jammed = make_printer(health=Health.DEGRADED, health_since=9000.0, reason="WARNING: FILM JAM")
    assert said(WholeView(True, (jammed,))).startswith("NOTHING PRINTS since T9000: oki-1 needs a")
    took = replace(jammed, accepted_at=9900.0)
    assert said(WholeView(True, (took,))) == (
        "Printing slower: the printer takes films; oki-1 needs a person."
    )


def test_printers_that_are_not_checked_yet_are_no_alarm(make_printer: MakePrinter) -> None:
    """A start is no trouble; a check that failed is."""
    fresh = make_printer(health=Health.UNKNOWN)
    assert overall(WholeView(True, (fresh,)), NOW).condition is Condition.SLOWER
    missed = replace(fresh, bad_checks=1)
    assert overall(WholeView(True, (missed,)), NOW).condition is Condition.KEPT


def test_without_printers_nothing_prints() -> None:
    """It says that none is configured."""
    assert said(WholeView(True, ())).startswith("NOTHING PRINTS: no printers are")


def test_many_printers_are_counted(make_printer: MakePrinter) -> None:
    """Forty names are no sentence."""
    pool = [make_printer(f"oki-{n}", health=Health.DOWN) for n in range(40)]
    assert "40 printers are down" in said(WholeView(True, pool))


def test_taking_the_last_printer_out_is_said_before(make_printer: MakePrinter) -> None:
    """Of the last one that takes films alone, for drain and maint alike, with how the others are;
    not when another takes films, nor when it takes none itself."""
    up, down = make_printer(), make_printer("oki-2", health=Health.DOWN)
    words = without((up, down), ["oki-1"], Duty.DRAIN)
    assert words.startswith("oki-1 is the last printer that takes films (oki-2 is down)")
    assert "NOTHING PRINTS" in words
    assert without((up, down), ["oki-1"], Duty.MAINT) == words
    assert not without((up, down), ["oki-1"], Duty.READY)
    assert not without((up, down), ["oki-2"], Duty.DRAIN)
    assert not without((up, make_printer("oki-3")), ["oki-1"], Duty.DRAIN)
    both = without((up, make_printer("oki-3"), down), ["oki-1", "oki-3"], Duty.DRAIN)
    assert both.startswith("oki-1 and oki-3 are the last that take films (oki-2 is down)")
    assert "NOTHING PRINTS" in without((up,), ["oki-1"], Duty.DRAIN)


def _printer(health: Health, duty: Duty, since: float) -> Printer:
    return Printer(
        Address("oki", "OKI", "h", 1), duty, "", since, health, since,
        "", 0, 0, None, 0, 0, None, 0, 0, 0, 0, 0,
    )  # fmt: skip


@given(
    st.lists(
        st.builds(
            _printer,
            st.sampled_from(Health),
            st.sampled_from(Duty),
            st.floats(0, NOW + 100),
        ),
        max_size=4,
    ),
    st.booleans(),
    st.booleans(),
    st.one_of(st.none(), st.floats(0, NOW)),
)
def test_there_is_always_one_state_and_one_sentence(
    printers: list[Printer], running: bool, refused: bool, at: float | None
) -> None:
    """Whatever is seen: one line, no more printers than there are, and nothing from the future."""
    view = WholeView(running, tuple(printers), ("full",) if refused else (), True, 1, at, at, at)
    found: Overall = overall(view, NOW)
    assert found.taking <= found.printers == len(printers)
    assert found.since is None or found.since <= NOW
    assert "\n" not in said(view)
    if found.condition is Condition.PRINTING:
        assert found.taking == found.printers


@pytest.mark.parametrize("condition", list(Condition))
def test_a_person_is_alarmed_where_films_do_not_go_on(condition: Condition) -> None:
    """Not by a printer of several that is out."""
    assert condition.alarming is (condition not in (Condition.PRINTING, Condition.SLOWER))
