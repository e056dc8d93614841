"""The check of a queue: what is in order is not reported, and each kind of damage is found."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from broker.backup.checking import Interrupted, check
from broker.model.jobs.job import Level, Outcome, PrintRequest, State
from broker.model.printers.retry import Settlement
from broker.model.storage.finding import REMEDIES, Finding, Kind
from broker.store.queue.retention import Retention, Terms
from tests.peers.filled_site import FilledSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[FilledSite]:
    """A job in every state, as the store itself writes them: queued with one and two films, sent,
    printing with a film asked for, held as uncertain, cancelled, let print again, reprinted, and
    one that retention has removed."""
    with FilledSite(tmp_path / "site") as made:
        made.job("a")
        made.job("b", "c")
        made.send(made.job("d"))
        made.send(made.job("e", "f"), films=1)
        _asked(made, 4)
        uncertain = made.job("g")
        _uncertain(made, uncertain)
        made.jobs.commands.cancel(made.job("h"))
        again = made.job("i")
        _uncertain(made, again)
        made.jobs.commands.release(again)
        made.jobs.commands.reprint(3)
        made.jobs.submission.add(
            PrintRequest(
                "CT1",
                "BROKER",
                "10.0.0.9:4000",
                "whole",
                Level.FILM_SESSION,
                {},
                (made.film("j"), made.film("k")),
                copies=3,
            )
        )
        made.send(made.job("l"))
        Retention(made.database, lambda: time.time() + 10).remove(Terms(0, 0))
        yield made


def _asked(site: FilledSite, job_id: int) -> None:
    """The second film of a job that prints is asked for."""
    with site.database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE sendings SET state = 'asked', asked_at = 1.0, printer = 'oki-1' "
            "WHERE job_id = ? AND number = 2",
            (job_id,),
        )


def _uncertain(site: FilledSite, job_id: int) -> None:
    claim = site.jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    film = site.jobs.queries.films(job_id)[0]
    site.jobs.claims.asked(claim, film.id)
    site.jobs.claims.uncertain(claim, film.id, "no answer")
    settlement = Settlement(State.HELD, "film 1: uncertain, no answer")
    site.jobs.claims.finish(claim, Outcome.UNCERTAIN, "no answer", settlement=settlement)


def _found(site: FilledSite, *, full: bool = False) -> tuple[Finding, ...]:
    return check(site.file, site.data_dir / "spool", full=full).findings


def _damage(site: FilledSite, *statements: str) -> None:
    """Change rows as no broker does, with references unchecked."""
    with closing(sqlite3.connect(site.file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_what_the_store_writes_is_in_order(site: FilledSite) -> None:
    """Jobs in every state, with every check on: nothing is found."""
    found = check(site.file, site.data_dir / "spool", full=True)

    assert found.findings == ()
    assert (found.jobs, found.films, found.files) == (10, 13, 12)


def test_retention_leaves_everything_in_order(site: FilledSite) -> None:
    """Jobs without pixels are no damage."""
    Retention(site.database, time.time).remove(Terms(time.time() + 10, 0))
    site.spool.sweep(site.jobs.references, now=time.time(), keep_s=60.0)

    assert _found(site, full=True) == ()


@pytest.mark.parametrize(
    ("statement", "kind", "words", "jobs"),
    [
        ("UPDATE jobs SET state = 'quened' WHERE id = 1", Kind.VALUES, "state is 'quened'", (1,)),
        ("UPDATE jobs SET level = 'film' WHERE id = 1", Kind.VALUES, "level is 'film'", (1,)),
        ("UPDATE jobs SET priority = '' WHERE id = 2", Kind.VALUES, "priority is ''", (2,)),
        ("UPDATE jobs SET priority_rank = 7 WHERE id = 2", Kind.VALUES, "priority_rank", (2,)),
        ("UPDATE jobs SET wish = 'go' WHERE id = 2", Kind.VALUES, "wish is 'go'", (2,)),
        ("UPDATE jobs SET copies = 0 WHERE id = 1", Kind.VALUES, "copies is '0'", (1,)),
        ("UPDATE jobs SET created_at = 'x' WHERE id = 1", Kind.VALUES, "created_at", (1,)),
        ("UPDATE jobs SET updated_at = 9e999 WHERE id = 1", Kind.VALUES, "updated_at", (1,)),
        ("UPDATE jobs SET session = '{' WHERE id = 1", Kind.CONTENT, "attributes", (1,)),
        ("UPDATE sendings SET state = 'W' WHERE job_id = 1", Kind.VALUES, "film 1: state", (1,)),
        ("UPDATE attempts SET outcome = 'no' WHERE job_id = 3", Kind.VALUES, "outcome", (3,)),
        ("UPDATE printers SET duty = 'no'", Kind.VALUES, "printer 'oki-1'", ()),
        ("UPDATE jobs SET films = 2 WHERE id = 1", Kind.COUNTS, "as many films", (1,)),
        ("DELETE FROM films WHERE job_id = 1", Kind.COUNTS, "as many films", (1,)),
        ("DELETE FROM sendings WHERE job_id = 2 AND number = 2", Kind.COUNTS, "sendings", (2,)),
        (
            "DELETE FROM sendings WHERE job_id = 9 AND pass_number = 3",
            Kind.COUNTS,
            "sendings",
            (9,),
        ),
        ("DELETE FROM spooled WHERE job_id = 1", Kind.COUNTS, "may be removed", (1,)),
        (
            f"INSERT INTO spooled (name, job_id) VALUES ('{'0' * 64}', 1)",
            Kind.COUNTS,
            "no film",
            (1,),
        ),
        (
            "UPDATE films SET content = replace(content, '14INX17', '14INX14') WHERE job_id = 1",
            Kind.CONTENT,
            "film 1 is not the one that was accepted",
            (1,),
        ),
        (
            "UPDATE jobs SET session = replace(session, 'BLUE', 'CLEAR') WHERE id = 1",
            Kind.CONTENT,
            "are not what was accepted",
            (1,),
        ),
        ("UPDATE films SET content = '[]' WHERE job_id = 1", Kind.CONTENT, "cannot be read", (1,)),
        ("UPDATE jobs SET token = 'x' WHERE id = 1", Kind.STATES, "claim", (1,)),
        ("UPDATE jobs SET state = 'sent' WHERE id = 1", Kind.STATES, "a film of it is not", (1,)),
        ("UPDATE jobs SET state = 'queued' WHERE id = 3", Kind.STATES, "nothing of it", (3,)),
        ("UPDATE sendings SET state = 'asked' WHERE job_id = 1", Kind.STATES, "asked for", (1,)),
        ("UPDATE attempts SET ended_at = 1 WHERE job_id = 4", Kind.STATES, "attempt", (4,)),
        ("UPDATE jobs SET pixels_removed_at = 1 WHERE id = 1", Kind.STATES, "are removed", (1,)),
        ("DELETE FROM jobs WHERE id = 2", Kind.REFERENCES, "refers to a row of jobs", ()),
        ("UPDATE alembic_version SET version_num = '0001'", Kind.TABLES, "version 0001", ()),
    ],
)
def test_a_row_that_no_broker_writes_is_found(
    site: FilledSite, statement: str, kind: Kind, words: str, jobs: tuple[int, ...]
) -> None:
    """Each with its kind, its job, and a remedy."""
    _damage(site, statement)

    found = [each for each in _found(site) if each.kind is kind and words in each.words]

    assert found, _found(site)
    assert found[0].jobs == jobs
    assert REMEDIES[kind]


@pytest.mark.parametrize(
    ("hurt", "words", "full"),
    [
        (Path.unlink, "is missing", False),
        (lambda file: file.write_bytes(b""), "has 0 bytes instead of 512", False),
        (lambda file: file.write_bytes(b"x" * 513), "has 513 bytes instead of 512", False),
        (lambda file: file.write_bytes(b"x" * 512), "is not what its name says", True),
    ],
)
def test_damage_of_the_spool_is_found(
    site: FilledSite, hurt: Callable[[Path], object], words: str, full: bool
) -> None:
    """Pixels of unfinished jobs are of one kind, those kept for reprints of another."""
    for job_id in (1, 6):
        hurt(site.place(site.names(job_id)[0]))

    found = _found(site, full=full)

    assert [(each.kind, each.jobs) for each in found] == [
        (Kind.PIXELS, (1,)),
        (Kind.REPRINTS, (6,)),
    ]
    assert all(words in each.words for each in found)
    if full:
        assert _found(site) == (), "its length is right"


def test_damaged_pages_are_found_and_what_can_be_read_is_checked(site: FilledSite) -> None:
    """A page of one table is gone: the check says so and does not break."""
    site.database.close()
    with closing(sqlite3.connect(site.file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'films'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with site.file.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    kinds = {each.kind for each in _found(site)}

    assert Kind.PAGES in kinds


def test_a_check_can_be_broken_off(site: FilledSite) -> None:
    """At once, wherever it is."""
    with pytest.raises(Interrupted):
        check(site.file, site.data_dir / "spool", stop=lambda: True)


def test_nothing_of_a_patient_is_said(site: FilledSite) -> None:
    """Damage to attributes quotes none of them (promise 10)."""
    _damage(site, """UPDATE jobs SET session = '{"FilmSessionLabel": ["Doe^John"' WHERE id = 1""")

    said = json.dumps([each.sentence for each in _found(site)])

    assert "attributes" in said
    assert "Doe" not in said
