"""A queue with the finished jobs of months: rows of several modalities, printers, states, times."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from tests.bench.crowd import crowd

MODALITIES, PRINTERS = 12, 4
STEP_S = 20.0
"""Between two arrivals."""
STRUCK = 50
"""Every such job was refused by another printer before."""
RARE = 10_000
"""Every such job was cancelled."""
WHY = "oki-1 answered 0xC605: the image does not fit on the film"


def many_jobs(folder: Path, number: int, waiting: int = 0) -> Path:
    """Fill the data directory of a broker that does not run; the database's file."""
    file = crowd(folder, number, waiting)
    first = time.time() - number * STEP_S
    connection = sqlite3.connect(file)
    with connection:
        connection.execute(
            "UPDATE jobs SET calling_ae = 'MOD' || (id % ?), created_at = ? + id * ?,"
            " updated_at = ? + id * ? + 9",
            (MODALITIES, first, STEP_S, first, STEP_S),
        )
        connection.execute(
            "UPDATE jobs SET printer = 'oki-' || (1 + id % ?), attempts = 1 WHERE state = 'sent'",
            (PRINTERS,),
        )
        connection.execute(
            "UPDATE jobs SET attempts = 2, remark = ? WHERE state = 'sent' AND id % ? = 0",
            (WHY, STRUCK),
        )
        connection.execute(
            "UPDATE jobs SET state = 'cancelled' WHERE state = 'sent' AND id % ? = 0", (RARE,)
        )
        connection.execute(
            "INSERT INTO attempts (job_id, printer, began_at, ended_at, outcome, words, permanent,"
            " strike) SELECT id, printer, created_at, updated_at, 'accepted', '', 0, 0 FROM jobs"
            " WHERE attempts > 0"
        )
        connection.execute(
            "INSERT INTO attempts (job_id, printer, began_at, ended_at, outcome, words, permanent,"
            " strike) SELECT id, 'oki-1', created_at, created_at + 1, 'refused', ?, 1, 0 FROM jobs"
            " WHERE attempts > 1",
            (WHY,),
        )
    connection.close()
    return file
