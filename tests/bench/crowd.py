"""A queue as large as a hospital's: rows of finished and waiting jobs, made by copying two."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from broker.model.jobs.job import Level, PrintRequest, State
from broker.spool.files import Spool
from broker.store import schema
from broker.store.database import Database
from broker.store.queue.jobs import Jobs
from tests.bench.film_times import picture

TABLES = ("films", "sendings", "spooled")
"""Rows that belong to a job, beside its own."""


def crowd(folder: Path, finished: int, waiting: int) -> Path:
    """Fill the data directory of a broker that does not run; the database's file."""
    data = folder / "broker-data"
    data.mkdir(mode=0o700)
    file = data / "broker.db"
    database = Database.open(f"sqlite:///{file}")
    schema.upgrade(database)
    film, content = picture(256, 0)
    spool = Spool(data / "spool")
    received = [spool.receive([content])]
    spool.keep(received)
    spool.drop(received)
    jobs = Jobs(database, time.time)
    for name in ("sent", "queued"):
        request = PrintRequest(
            calling_ae="CT1",
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=name,
            level=Level.FILM_BOX,
            session={},
            films=(film,),
        )
        jobs.submission.add(request)
    database.close()
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(
            "UPDATE jobs SET state = ?, printer = 'oki-1' WHERE id = 1", (State.SENT,)
        )
        connection.execute(
            "UPDATE sendings SET state = 'accepted', printer = 'oki-1', asked_at = 1,"
            " accepted_at = 2 WHERE job_id = 1"
        )
        _copy(connection, 1, range(3, finished + 2))
        _copy(connection, 2, range(finished + 2, finished + waiting + 1))
    connection.close()
    return file


def _copy(connection: sqlite3.Connection, original: int, numbers: range) -> None:
    """The job and what belongs to it, under each of the numbers; a film session of its own."""
    for table in ("jobs", *TABLES):
        key = "id" if table == "jobs" else "job_id"
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        kept = [each for each in columns if each != key and (table == "jobs" or each != "id")]
        values = ["film_session || ?" if each == "film_session" else each for each in kept]
        statement = (
            f"INSERT INTO {table} ({key}, {', '.join(kept)})"
            f" SELECT ?, {', '.join(values)} FROM {table} WHERE {key} = ?"
        )
        rows = ((n, *((n,) if table == "jobs" else ()), original) for n in numbers)
        connection.executemany(statement, rows)
