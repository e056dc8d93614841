"""Commands tell times as this machine's clock shows them; programs get UTC."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from broker.cli.output import queue_tables
from broker.cli.output.local_time import time_column, told
from broker.cli.top.rows import all_of_job, job_line
from broker.config.file import load
from broker.operations.commands.recorded import JobCommands
from broker.operations.jobs.job_status import JobStatus, job_statuses
from broker.operations.opened import store_of
from tests.cli.conftest import Site

WINTER = datetime(2026, 1, 31, 7, 15, 2, tzinfo=UTC).timestamp()
CHANGE = datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()


@pytest.fixture
def in_vienna(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This machine stands there."""
    monkeypatch.setenv("TZ", "Europe/Vienna")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def broker(site: Site, zone: str, *arguments: str) -> str:
    """What a command says, in a process of that zone."""
    done = subprocess.run(
        [sys.executable, "-m", "broker.cli.main", *arguments, "-c", str(site.file)],
        env=os.environ | {"TZ": zone, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return " ".join(done.stdout.split())


def at(site: Site, seconds: float) -> None:
    """All that has happened to jobs was then."""
    with site.database.write() as connection:
        for statement in (
            "UPDATE jobs SET created_at = ?, updated_at = ?",
            "UPDATE sendings SET asked_at = ?, accepted_at = ? WHERE asked_at IS NOT NULL",
            "UPDATE attempts SET began_at = ?, ended_at = ?",
        ):
            connection.exec_driver_sql(statement.replace("?", repr(seconds)))


def test_a_process_tells_the_time_of_its_zone(site: Site) -> None:
    """In tables and sentences, with the day where it is not today; JSON and CSV stay in UTC."""
    site.uncertain()
    at(site, WINTER)

    listed = broker(site, "Europe/Vienna", "jobs", "--all")
    assert "ARRIVED CET" in listed
    assert "2026-01-31 08:15" in listed
    assert "asked of oki-1 at 2026-01-31 08:15 CET" in listed
    shown = broker(site, "Asia/Kathmandu", "jobs", "show", "1")
    assert "created 2026-01-31 13:00 +0545" in shown
    assert "BEGAN +0545" in shown
    assert "ACCEPTED +0545" in shown
    explained = broker(site, "Europe/Vienna", "jobs", "explain", "1")
    assert "Film 1 was asked of oki-1 at 2026-01-31 08:15 CET" in explained
    assert " UTC" not in listed + shown + explained
    told = json.loads(broker(site, "Europe/Vienna", "jobs", "explain", "1", "--json"))
    assert told["created_at"] == "2026-01-31T07:15:02.000Z"
    assert "at 2026-01-31 07:15:02 UTC" in " ".join(told["sentences"])
    assert "2026-01-31T07:15:02.000Z" in broker(site, "Europe/Vienna", "jobs", "--all", "--csv")


def test_times_of_today_have_their_seconds(site: Site) -> None:
    """And need no day."""
    site.uncertain()
    said = broker(site, "Europe/Vienna", "jobs")
    assert re.search(r"asked of oki-1 at \d\d:\d\d:\d\d CES?T", said)
    assert re.search(r"ARRIVED CES?T 1 held CT1 0/1 1 oki-1 1 \d+s \d\d:\d\d:\d\d ", said)


def test_a_search_takes_local_times(site: Site) -> None:
    """`--since 08:00` of a day in winter is 07:00 UTC."""
    site.job()
    at(site, WINTER)

    def found(zone: str, since: str, until: str) -> int:
        options = ("--since", since, "--until", until, "--json")
        return len(json.loads(broker(site, zone, "jobs", *options)))

    assert found("Europe/Vienna", "2026-01-31T08:00", "2026-01-31T08:15") == 1
    assert found("Europe/Vienna", "2026-01-31T08:00", "2026-01-31T08:14") == 0
    assert found("UTC", "2026-01-31T08:00", "2026-01-31T08:15") == 0
    assert found("Asia/Kathmandu", "2026-01-31", "2026-01-31T07:15Z") == 1


@pytest.mark.usefixtures("in_vienna")
def test_a_table_across_a_change_of_clocks_names_the_zone_of_each_row(site: Site) -> None:
    """Where all rows are of one zone, it stands in the heading."""
    two = time_column("BEGAN", [CHANGE - 1, None, CHANGE], CHANGE + 86400)
    assert two == ("BEGAN", ["2026-03-29 01:59 CET", "-", "2026-03-29 03:00 CEST"])
    one = time_column("BEGAN", [CHANGE, None], CHANGE + 60)
    assert one == ("BEGAN CEST", ["03:00:00", "-"])
    assert time_column("BEGAN", [], WINTER) == ("BEGAN CET", [])
    assert time_column("BEGAN", [1e300], WINTER) == ("BEGAN CET", ["-"])
    for _ in range(2):
        site.job()
    found = [
        JobStatus(replace(job, created_at=at))
        for job, at in zip(site.jobs.queries.list(), (CHANGE - 1, CHANGE), strict=True)
    ]
    lines = [line.plain for line in queue_tables.jobs(found, CHANGE + 86400, 80)]
    assert lines[0].endswith("ARRIVED")
    assert [line[-16:].split()[-1] for line in lines[1:]] == ["CET", "CEST"]
    assert max(map(len, lines)) <= 80


@pytest.mark.usefixtures("in_vienna")
def test_a_sentence_has_no_control_characters() -> None:
    """Whatever stands beside its times."""
    said = told("jam\x1b[2J since 2026-01-31 07:15:02 UTC")
    assert said == "jam?[2J since 2026-01-31 08:15 CET"


@pytest.mark.usefixtures("in_vienna")
def test_the_screen_tells_local_times(site: Site) -> None:
    """`broker top`: the rows, all of a job, and who gave which command when."""
    site.uncertain()
    at(site, WINTER)
    site.jobs.commands.cancel(1)
    with store_of(load(site.file)) as store:
        command = JobCommands(store, "ruth")
        command.reprint(1)
        with site.database.write() as connection:
            connection.exec_driver_sql("UPDATE orders SET at = ?", (WINTER,))
        said = all_of_job(store, 1)
        (found,) = job_statuses(store, [store.jobs.get(1)])
        line = job_line(found, CHANGE)
    assert "2026-01-31 08:15 CET, ruth, reprint: " in said
    assert "BEGAN CET" in said
    assert " UTC" not in said
    assert line.cells[-1] == "2026-01-31 08:15"
