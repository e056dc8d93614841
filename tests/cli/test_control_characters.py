"""What peers once said is in the database; no control character of it reaches a terminal."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.cli.conftest import Site

EVIL = "X\x1b]0;gone\x07\x9b2J\x7f\u202egnp\u2028\u0085\u200fY"
COLUMNS = {
    "jobs": ("reason", "calling_ae", "called_ae", "peer", "duplicate_reason"),
    "films": ("reason", "remarks"),
    "attempts": ("reason",),
    "printers": ("reason", "duty_reason", "ae_title", "host"),
}
COMMANDS = (
    ("jobs", "--all"),
    ("jobs", "--all", "--json"),
    ("jobs", "show", "1"),
    ("jobs", "explain", "1"),
    ("jobs", "show", "1", "--json"),
    ("jobs", "hold", "1"),
    ("jobs", "release", "1"),
    ("jobs", "cancel", "1"),
    ("jobs", "cancel", "1"),
    ("jobs", "reprint", "1"),
    ("printers",),
    ("printers", "--json"),
    ("printers", "drain", "oki-1", "-r", EVIL),
    ("printers", "ready", "oki-1"),
    ("refusals",),
    ("check",),
    ("user", "list"),
)


@pytest.fixture
def spoiled(site: Site) -> Site:
    """A site whose rows hold control characters wherever text stands."""
    site.uncertain(2)
    with site.database.write() as connection:
        for table, columns in COLUMNS.items():
            there = {row[1] for row in connection.execute(text(f"PRAGMA table_info({table})"))}
            for column in there.intersection(columns):
                connection.execute(text(f"UPDATE {table} SET {column} = :evil"), {"evil": EVIL})
        connection.execute(
            text(
                "INSERT INTO refusals (kind, number, first_at, last_at, last_peer, last_address, "
                "last_called_ae) VALUES (:evil, 1, 1, 1, :evil, :evil, :evil)"
            ),
            {"evil": EVIL},
        )
    return site


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_control_character_reaches_a_terminal(spoiled: Site, command: tuple[str, ...]) -> None:
    """Tables, sentences and errors show a question mark in its place."""
    ended = spoiled.broker(*command)

    said = (ended.out + ended.err).replace("\n", "")
    assert said
    assert said.isprintable()
