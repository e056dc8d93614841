"""The schema: from nothing to the newest version, and no further than what is known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from broker.store import schema
from broker.store.database import Database
from broker.store.tables import metadata
from tests.peers.other_process import OtherProcess

OLD_PRINTER = """
    INSERT INTO printers (name, position, ae_title, host, port, weight, associations, lut_level,
    duty, duty_reason, duty_since, health, health_since, reason, good_checks, bad_checks,
    failures_in_row, paused_until, films_accepted, failures) VALUES ('oki-1', 0, 'OKI1',
    '10.0.0.1', 104, 100, 1, 'film box', 'maint', 'drum', 1.0, 'up', 1.0, '', 2, 0, 0, 0.0, 7, 1)
"""
UPGRADES = """
    import sys
    from broker.store import schema
    from broker.store.database import Database
    database = Database.open(sys.argv[1])
    print("ready")
    sys.stdin.readline()
    schema.upgrade(database)
    print(schema.current(database))
"""

OLD_JOB = """
    INSERT INTO jobs VALUES (1, 'held', 'why', 'CT1', 'BROKER', '10.0.0.9:4000', 's', 'film box',
    '{}', 1, 1, 'MED', 1, 0, '', '', 0, 0, 0.0, '', '', NULL, 1.0, 2.0, NULL)
"""


@pytest.fixture
def empty(url: str) -> Iterator[Database]:
    """A database without any table."""
    opened = Database.open(url)
    yield opened
    opened.close()


def _set_version(database: Database, version: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": version})


def test_an_empty_database_gets_every_step(empty: Database) -> None:
    """From nothing to the newest version, each step told; then there is nothing left to do."""
    steps: list[str] = []
    assert schema.current(empty) is None

    schema.upgrade(empty, steps.append)

    assert schema.current(empty) == schema.head()
    assert [step.split(":")[0] for step in steps] == [
        "0001",
        "0002",
        "0003",
        "0004",
        "0005",
        "0006",
        "0007",
        "0008",
        "0009",
        "0010",
        "0011",
        "0012",
        "0013",
        "0014",
        "0015",
        "0016",
        "0017",
    ]
    schema.upgrade(empty, steps.append)
    assert len(steps) == 17
    schema.check(empty)


def test_what_an_upgrade_will_do_is_known_before(empty: Database) -> None:
    """In the words and the order in which it reports; nothing once it is done."""
    wanted = schema.steps(empty)
    done: list[str] = []
    schema.upgrade(empty, done.append)
    assert wanted == done
    assert schema.steps(empty) == []


def test_an_older_database_keeps_its_rows(empty: Database) -> None:
    """Jobs, films and all that belongs to them are there after the upgrade, as they were."""
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(text(OLD_JOB))
        connection.execute(text("INSERT INTO films VALUES (1, 1, '{}')"))

    schema.upgrade(empty)

    with empty.read() as connection:
        (job,) = connection.execute(text("SELECT * FROM jobs")).mappings()
        (film,) = connection.execute(text("SELECT * FROM films")).mappings()
    assert (job["state"], job["reason"], job["remark"]) == ("held", "why", "")
    assert (job["duplicate_of"], job["pixels_removed_at"]) == (None, None)
    assert (film["job_id"], film["content"], film["digest"]) == (1, "{}", "")


def test_refusals_counted_before_stay(empty: Database) -> None:
    """Nothing is known of where they came from."""
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text("INSERT INTO refusals VALUES ('silent', 3, 1.0, 2.0, 'CT1')"))

    schema.upgrade(empty)

    with empty.read() as connection:
        (row,) = connection.execute(text("SELECT * FROM refusals")).mappings()
    assert (row["number"], row["last_peer"], row["last_address"]) == (3, "CT1", "")


def test_printers_of_before_are_in_the_configuration(empty: Database) -> None:
    """None of them has left it, and their duty stays."""
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
        connection.execute(text(OLD_PRINTER))

    schema.upgrade(empty)

    with empty.read() as connection:
        (row,) = connection.execute(text("SELECT * FROM printers")).mappings()
    assert (row["name"], row["duty"], row["removed_at"]) == ("oki-1", "maint", None)


def test_the_migrations_make_the_tables(database: Database) -> None:
    """What the migrations leave is exactly what the store writes its queries for."""
    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []


def test_two_processes_upgrade_at_once(url: str) -> None:
    """Both succeed: the second finds the work done."""
    with OtherProcess(UPGRADES, url) as one, OtherProcess(UPGRADES, url) as other:
        assert (one.hear(), other.hear()) == ("ready", "ready")
        one.tell()
        other.tell()

        assert (one.hear(), other.hear()) == (schema.head(), schema.head())


def test_a_database_of_a_later_version_is_left_alone(database: Database) -> None:
    """A version that this broker does not know is refused, and the words name the remedy."""
    _set_version(database, "9999")

    for refuses in (schema.check, schema.upgrade):
        with pytest.raises(schema.SchemaTooNew, match=r"version 9999 .* install the version"):
            refuses(database)
    assert schema.current(database) == "9999"


def test_a_database_without_tables_asks_for_upgrade(empty: Database) -> None:
    """The words name the command that makes the tables."""
    with pytest.raises(schema.SchemaTooOld, match="run `broker db upgrade`"):
        schema.check(empty)


def test_a_database_that_is_behind_asks_for_upgrade(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words name both versions and the command."""
    newest = schema.head()
    monkeypatch.setattr(schema, "head", lambda: "9999")

    words = rf"{newest} .* needs 9999: .*`broker db upgrade`"
    with pytest.raises(schema.SchemaTooOld, match=words):
        schema.check(database)


def test_who_has_printed_is_known_from_the_jobs(empty: Database) -> None:
    """By AE title and address, the last time of each; a reprint and a test film are of no one."""
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number, peer, reprint, at in (
            (1, "10.0.0.9:4000", "NULL", 1.0),
            (2, "[::ffff:10.0.0.9]:4001", "NULL", 3.0),
            (3, "[fe80::1]:4001", "NULL", 2.0),
            (4, "", "NULL", 4.0),
            (5, "10.0.0.9:4000", "1", 5.0),
        ):
            row = OLD_JOB.replace("(1, 'held'", f"({number}, 'held'")
            row = row.replace("'10.0.0.9:4000'", f"'{peer}'")
            connection.exec_driver_sql(row.replace("NULL, 1.0", f"{reprint}, {at}"))

    schema.upgrade(empty)

    with empty.read() as connection:
        rows = connection.execute(text("SELECT * FROM printed_callers ORDER BY last_at")).all()
    assert rows == [("CT1", "fe80::1", 2.0), ("CT1", "10.0.0.9", 3.0)]


@pytest.mark.parametrize(
    "damage",
    ["created_at = 'x'", "created_at = X'00ff'", "peer = X'00ff'", "calling_ae = X'4354ff'"],
)
def test_a_damaged_row_stops_no_upgrade(empty: Database, damage: str) -> None:
    """Whatever stands in it, it stays, and what the sound rows say of their callers is kept."""
    with empty.write() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for number in (1, 2):
            connection.exec_driver_sql(OLD_JOB.replace("(1, 'held'", f"({number}, 'held'"))
        connection.exec_driver_sql(f"UPDATE jobs SET {damage} WHERE id = 2")

    schema.upgrade(empty)

    with empty.read() as connection:
        rows = connection.execute(text("SELECT * FROM printed_callers")).all()
        kept = connection.execute(text("SELECT count(*) FROM jobs")).scalar_one()
    assert (rows, kept) == ([("CT1", "10.0.0.9", 1.0)], 2)
