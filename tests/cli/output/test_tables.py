"""Tables keep to their width, cut no cell, and count in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from broker.cli.output import queue_tables
from broker.cli.output.tables import Column, Row, fact, folded, lay_out
from broker.model.printable import one_line
from broker.operations.words.text import age, count, moment

COLUMNS = (Column("NAME"), Column("PLACE", below=True), Column("LOAD", right=True))


def lines(rows: list[Row], width: int) -> list[str]:
    """The table as plain text."""
    return [line.plain for line in lay_out(COLUMNS, rows, width)]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    """Words to the left, numbers to the right, two spaces between."""
    assert lines([Row(("a", "here", "1")), Row(("bcdef", "there", "100000"))], 80) == [
        "NAME   PLACE    LOAD",
        "a      here        1",
        "bcdef  there  100000",
    ]


def test_a_narrow_line_first_loses_its_gaps_then_a_column() -> None:
    """Nothing is cut: the column goes below the row."""
    rows = [Row(("a", "somewhere", "1"), ("why",))]
    assert lines(rows, 20) == ["NAME PLACE     LOAD", "a    somewhere    1", "        why"]
    assert lines(rows, 18) == ["NAME  LOAD", "a        1", "        somewhere", "        why"]


def test_a_sentence_is_folded_between_words() -> None:
    """No word is broken, however long."""
    word = "x" * 90
    sentence = f"a printer said {word} and more"
    assert [line.plain for line in folded(sentence, 80, 8)] == [
        "        a printer said",
        f"        {word}",
        "        and more",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0s"), (0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (7200, "2h"), (86400, "1d")],
)
def test_an_age_is_in_the_largest_unit_that_fits(seconds: float, text: str) -> None:
    """A clock that was set back makes nothing negative."""
    assert age(seconds) == text


def test_words_for_people() -> None:
    """Times are UTC to the second; one is singular; control characters are question marks."""
    assert moment(0.0) == "1970-01-01 00:00:00"
    assert moment(None) == "-"
    assert (count(1, "film"), count(2, "film")) == ("1 film", "2 films")
    assert one_line("a\tb \x1b[31mred\u202e\n") == "a b ?[31mred?"


def test_a_command_in_a_sentence_is_not_folded() -> None:
    """A person copies it from one line, also where that is longer than the others."""
    command = "`broker jobs release 4711 --printed -c /etc/broker/broker.toml`"
    lines = [
        line.plain for line in folded(f"Look in the tray first, then type {command} there", 60)
    ]
    assert lines == ["Look in the tray first, then type", command, "there"]


def test_a_fact_is_folded_below_its_own_words() -> None:
    """Its name before it, and each further line where the words began."""
    words = "oki-1 and oki-2 and oki-3, and then many other printers"
    assert [line.plain for line in fact("printer", words, 60, 14)] == [
        "  printer     oki-1 and oki-2 and oki-3, and then many other",
        "              printers",
    ]
    assert [line.plain for line in fact("printer", "", 60, 14)] == ["  printer     "]


TIMES = ("ASKED", "ACCEPTED", "BEGAN", "ENDED")


@pytest.mark.parametrize("columns", [queue_tables.FILM_COLUMNS, queue_tables.ATTEMPTS])
def test_times_have_room_with_their_day_and_zone(columns: tuple[Column, ...]) -> None:
    """The widest usual cells of a job's tables fit into 80 columns."""
    widest = {
        "STATE": "uncertain",
        "SIZE": "14INX17IN",
        "FORMAT": "STANDARD\\2,3",
        "PRINTER": "oki-room2",
        "ASKED": "2026-11-30 12:34",
        "ACCEPTED": "2026-11-30 12:34",
        "BEGAN": "2026-11-30 12:34",
        "ENDED": "2026-11-30 12:34",
        "OUTCOME": "unavailable",
    }
    row = Row(tuple(widest.get(each.heading, "99") for each in columns))
    zoned = [
        replace(each, heading=f"{each.heading} CEST") if each.heading in TIMES else each
        for each in columns
    ]
    drawn = [line.plain for line in lay_out(zoned, [row], 80)]
    assert max(map(len, drawn)) <= 80
