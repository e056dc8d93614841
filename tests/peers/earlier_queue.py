"""A queue as the build with schema 0009 has left it: rows and mark were written by that build.

Film 1 waits as one job, films 2 and 3 as another, whose film session is printed as a whole.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.bench.damage_site import name_of_film, pixels_of

FILMS = (1, 2, 3)
ROWS = Path(__file__).with_name("queue_0009")


def put_earlier_queue(data_dir: Path) -> None:
    """Make the data directory, with database and spool."""
    spool = data_dir / "spool"
    (spool / "incoming").mkdir(parents=True, mode=0o700)
    with closing(sqlite3.connect(data_dir / "broker.db")) as connection:
        connection.executescript((ROWS / "queue.sql").read_text(encoding="utf-8"))
    for film in FILMS:
        file = spool / name_of_film(film)[:2] / name_of_film(film)
        file.parent.mkdir(mode=0o700)
        file.write_bytes(pixels_of(film))
    (spool / "keepers.lock").touch(mode=0o600)
    (spool / "identity").write_bytes((ROWS / "identity").read_bytes())
