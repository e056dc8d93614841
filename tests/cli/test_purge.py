"""`broker purge` lets finished jobs go, and nothing else; tables show what is left."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from broker.spool.files import Spool
from broker.store.occupancy import Occupancy
from broker.store.queue.retention import Removal, Retention, Terms
from tests.cli.conftest import FILM, Site

PIXELS = b"\0" * (3 << 20)


@pytest.fixture
def spool(site: Site) -> Spool:
    """The site's spool, with a file under the name that its films refer to."""
    made = Spool(site.folder / "broker-data" / "spool")
    path = _file(site)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(PIXELS)
    return made


def _file(site: Site) -> Path:
    (name,) = FILM.spooled
    return site.folder / "broker-data" / "spool" / name[:2] / name


def test_a_dry_run_says_what_would_go(site: Site, spool: Spool) -> None:
    """How many jobs, how much disk; and nothing is removed."""
    site.sent()

    ended = site.broker("purge", "--dry-run", "--pixels-hours", "0", "--rows-days", "30")

    assert (ended.code, ended.err) == (0, "")
    assert ended.out == (
        "pixels of 1 job, ended more than 0 h ago: would be removed, 3.0 MB\n"
        "rows of 0 jobs, ended more than 30 days ago: would be removed\n"
        "1 job could not be printed again from here: `broker jobs reprint` refuses\n"
    )
    assert list(spool.names()) == list(FILM.spooled)
    assert site.jobs.queries.get(1).pixels_removed_at is None


def test_pixels_go_and_the_row_says_so(site: Site, spool: Spool) -> None:
    """The disk is free at once when no broker runs; show, list, explain and reprint say it."""
    site.sent()

    ended = site.broker("purge", "--pixels-hours", "0")

    assert "pixels of 1 job, ended more than 0 h ago: removed, 3.0 MB" in ended.out
    assert list(spool.names()) == []
    listed = site.broker("jobs", "--all").out
    assert listed.splitlines()[-2].split()[-3:-1] == ["KEPT", "ARRIVED"]
    assert listed.splitlines()[-1].split()[-2] == "row"
    said = " ".join(site.broker("jobs", "show", "1").out.split())
    assert "it cannot be printed again" in said
    assert "print at the modality" in site.broker("jobs", "explain", "1").out
    assert json.loads(site.broker("jobs", "show", "1", "--json").out)["pixels_removed_at"]
    again = site.broker("jobs", "reprint", "1")
    assert (again.code, again.err) == (
        1,
        "job 1 is sent: its pixels have been removed since; print it at the modality\n",
    )


def test_beside_a_running_broker(site: Site, spool: Spool) -> None:
    """The files go at once, too: what a broker is about to keep is safe from it by a lock."""
    site.sent()
    occupancy = Occupancy.take(site.folder / "broker-data")

    site.broker("purge", "--pixels-hours", "0")
    occupancy.close()

    assert site.jobs.queries.get(1).pixels_removed_at is not None
    assert list(spool.names()) == []


@pytest.mark.usefixtures("spool")
def test_what_waits_prints_or_is_held_stays(site: Site) -> None:
    """However short the times are."""
    site.job()
    site.printing()
    site.jobs.commands.hold(site.job())

    ended = site.broker("purge", "--pixels-hours", "0", "--rows-days", "0", "--json")

    assert json.loads(ended.out) == {"removed": True, "pixels_of": 0, "bytes": 0, "rows_of": 0}
    assert [job.pixels_removed_at for job in site.jobs.queries.list()] == [None] * 3
    assert _file(site).exists()


def test_rows_go_with_their_time(site: Site, spool: Spool) -> None:
    """With both times over nothing is left of a job."""
    site.sent()

    ended = site.broker("purge", "--pixels-hours", "0", "--rows-days", "0")

    assert "rows of 1 job, ended more than 0 days ago: removed" in ended.out
    assert site.jobs.queries.list() == []
    assert list(spool.names()) == []


def test_what_was_really_removed_is_said(
    site: Site, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what was counted before: the broker's own retention may come first, and a new job may
    have come to need the same pixels."""
    site.sent()
    due = Retention.due

    def meanwhile(retention: Retention, terms: Terms) -> Removal:
        found = due(retention, terms)
        retention.remove(terms)
        site.job()
        return found

    monkeypatch.setattr(Retention, "due", meanwhile)
    ended = site.broker("purge", "--pixels-hours", "0", "--json")
    said = json.loads(ended.out)
    assert said == {"removed": True, "pixels_of": 0, "bytes": 0, "rows_of": 0}
    assert list(spool.names()) == list(FILM.spooled)


@pytest.mark.parametrize(
    ("options", "answer", "code", "left"),
    [
        (["--pixels-hours", "0"], b"n\n", 1, 1),
        (["--pixels-hours", "0"], b"y\n", 0, 0),
        (["--pixels-hours", "0", "--yes"], b"", 0, 0),
        (["--pixels-hours", "24"], b"", 0, 1),
    ],
)
def test_a_person_is_asked_before_reprints_are_lost(
    site: Site, spool: Spool, options: list[str], answer: bytes, code: int, left: int
) -> None:
    """On a terminal, when more goes than retention would remove; no script is kept waiting."""
    site.sent()
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "broker.cli.main", "purge", *options, "-c", str(site.file)],
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"COLUMNS": "80"},
    )
    os.close(child)
    os.write(main, answer)
    _, said = process.communicate(timeout=60)
    os.close(main)

    question = b"1 finished job cannot be printed again then. Go on?"
    assert (process.returncode, question in said) == (code, bool(answer))
    assert (b"nothing was removed" in said) == (code == 1)
    assert len(list(spool.names())) == left


def test_a_disk_that_is_nearly_full_stands_above_the_tables(site: Site) -> None:
    """Before anybody wonders why the modalities cannot print."""
    site.file.write_text(site.file.read_text() + "[retention]\nfloor_mb = 10000000\n")
    site.job()

    for command in ("jobs", "printers"):
        said = " ".join(site.broker(command).out.split())
        folder = re.escape(str(site.folder / "broker-data"))
        found = re.search(
            r"The disk is nearly full: [\d.]+ [MG]B free, less than the 10000.0 GB of "
            rf"retention.floor_mb. Make room in the file system of {folder}",
            said,
        )
        assert found
        assert "less is free than retention.floor_mb" in said
        assert "`broker purge --pixels-hours 1 --dry-run` says what" in said
    site.jobs.commands.cancel(1)
    assert "The disk is nearly full:" in site.broker("jobs", "--state", "held").out


def test_pixels_that_are_not_there_stand_above_the_tables(site: Site) -> None:
    """Before their films are held one by one: somebody may only have to mount a file system."""
    site.job()
    folder = site.folder / "broker-data" / "spool"
    assert "PIXELS ARE MISSING" not in site.broker("jobs").out
    (folder / "ab").rename(site.folder / "elsewhere")
    for command in ("jobs", "printers"):
        said = " ".join(site.broker(command).out.split())
        assert "PIXELS ARE MISSING: 1 of 1 images of jobs that are not finished are not in" in said
        assert "do not replace it, films taken since are in it" in said
    site.jobs.commands.cancel(1)
    assert "PIXELS ARE MISSING" not in site.broker("jobs").out


def test_a_job_says_that_its_pixels_went_for_room(site: Site, spool: Spool) -> None:
    """`broker jobs show`, `explain`, `reprint` and the JSON say so, and that it cannot be printed
    again."""
    del spool
    site.sent()
    Retention(site.database, time.time).shed([1], "room")

    shown = " ".join(site.broker("jobs", "show", "1").out.split())
    assert "before their time, as room on the disk was needed for new films: it cannot be" in shown
    explained = " ".join(site.broker("jobs", "explain", "1").out.split())
    assert "as room on the disk was needed for new films: to have it again, print at" in explained
    again = site.broker("jobs", "reprint", "1")
    assert (again.code, again.err) == (
        1,
        "job 1 is sent: its pixels have been removed since, as room was needed for new films; "
        "print it at the modality\n",
    )
    document = json.loads(site.broker("jobs", "show", "1", "--json").out)
    assert document["pixels_removed_why"] == "room"
