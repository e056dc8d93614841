"""Finding jobs by the command line."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable

import pytest

from broker.cli import job_list
from broker.model.films.film import Film
from broker.model.jobs.job import Level, PrintRequest
from broker.operations.jobs.csv_lines import COLUMNS
from broker.store.queue.jobs import Jobs
from tests.cli.conftest import DAY_S, FILM, PATIENT, Site

Add = Callable[..., int]


@pytest.fixture
def add(site: Site) -> Add:
    """A job from that modality, so many seconds ago."""

    def added(calling_ae: str, ago_s: float = 0.0, film: Film = FILM) -> int:
        request = PrintRequest(
            calling_ae=calling_ae,
            called_ae="BROKER",
            peer="10.0.0.9:4000",
            film_session=f"session-{time.monotonic_ns()}",
            level=Level.FILM_BOX,
            session={"FilmSessionLabel": (PATIENT,)},
            films=(film,),
        )
        return Jobs(site.database, lambda: time.time() - ago_s).submission.add(request)

    return added


def found(site: Site, *arguments: str) -> list[int]:
    """Numbers of the jobs that are listed; the same by table, JSON and CSV."""
    listed = site.broker("jobs", *arguments, "--json")
    assert listed.code == 0, listed.err
    numbers = [each["id"] for each in json.loads(listed.out)]
    rows = list(csv.DictReader(io.StringIO(site.broker("jobs", *arguments, "--csv").out)))
    assert [int(each["id"]) for each in rows] == numbers
    assert rows_of(site.broker("jobs", "list", *arguments).out) == numbers
    return numbers


def rows_of(table: str) -> list[int]:
    """The numbers of the jobs of a table."""
    return [int(number) for number in re.findall(r"^ ?(\d+)  ?[a-z]+ ", table, re.MULTILINE)]


def test_jobs_are_found_by_what_is_known_of_them(site: Site, add: Add) -> None:
    """Modality, printer, state, time, text, and how many; all that is given must hold, in every
    state and of any age."""
    add("CT1", 3 * DAY_S)
    add("MR1", 3 * 3600)
    add("CT1", 600)
    site.sent()
    site.jobs.commands.move(2, "oki-2")
    site.jobs.commands.hold(3, "wrong size")
    site.jobs.commands.cancel(1)
    with site.database.write() as connection:
        connection.exec_driver_sql("UPDATE jobs SET updated_at = 1 WHERE id = 1")

    assert found(site) == [2, 3, 4]
    assert found(site, "--all") == [1, 2, 3, 4]
    assert found(site, "--modality", "CT1") == [1, 3, 4]
    assert found(site, "--modality", "ct1", "--since", "2h") == [3, 4]
    assert found(site, "--since", "4d", "--until", "2h") == [1, 2]
    assert found(site, "--printer", "oki-2") == [2]
    assert found(site, "--printer", "oki-1", "--state", "sent") == [4]
    assert found(site, "--text", "wrong") == found(site, "--text", "3") == [3]
    assert found(site, "--limit", "2") == found(site, "--all", "--limit", "2") == [3, 4]
    assert found(site, "--state", "held", "--state", "cancelled") == [1, 3]
    assert found(site, "--text", PATIENT) == []


def test_nothing_found_says_what_was_looked_for(site: Site, add: Add) -> None:
    """And of a name that nothing has, which there are."""
    add("CT1")
    said = " ".join(site.broker("jobs", "--modality", "XA9", "--state", "held").out.split())
    assert "No jobs in state held from modality XA9. Modalities that printed lately: CT1." in said
    said = " ".join(site.broker("jobs", "--printer", "oki-9", "--text", "jam").out.split())
    assert 'No jobs on printer oki-9 with "jam". Printers: oki-1, oki-2.' in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "soon"), "since: soon is not a time; use 30m, 2h or 2d"),
        (("--until", "31.01.2026"), "until: 31.01.2026 is not a time"),
        (("--text", "x" * 65), "text is longer than 64 characters"),
        (("--modality", "C\x1b[2J"), "modality has a control character"),
        (("--limit", "0"), "0 is too small; the least is 1"),
        (("--state", "lost"), "lost is not one of queued"),
        (("--json", "--csv"), "--json and --csv: choose one"),
        (("--watch", "--csv"), "--watch draws a table"),
    ],
)
def test_what_is_no_condition_is_said(site: Site, arguments: tuple[str, ...], words: str) -> None:
    """With what is wrong and what may be given, exit code 2, and nothing on stdout."""
    ended = site.broker("jobs", *arguments)
    assert ended.code == 2
    assert words in " ".join(ended.err.replace("│", " ").split())
    assert ended.out == ""
    assert "\x1b" not in ended.err


def test_a_long_list_is_bounded_or_comes_in_pieces(
    site: Site, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table shows the newest and says so; programs get all, and `--limit` as many as it says."""
    monkeypatch.setattr(job_list, "TABLE", 3)
    monkeypatch.setattr(job_list, "PIECE", 2)
    for _ in range(5):
        add("CT1")
    table = site.broker("jobs", "--all").out
    assert rows_of(table) == [3, 4, 5]
    assert "These are the newest 3. `--limit N` shows the newest N" in table
    assert found(site, "--limit", "4") == [2, 3, 4, 5]
    listed = site.broker("jobs", "--all", "--json").out
    assert [each["id"] for each in json.loads(listed)] == [1, 2, 3, 4, 5]
    assert listed == f"{json.dumps(json.loads(listed), indent=2)}\n"
    assert len(site.broker("jobs", "--all", "--csv").out.splitlines()) == 6
    assert site.broker("jobs", "--state", "sent", "--json").out == "[]\n"


def test_csv_has_the_values_of_the_json(site: Site, add: Add) -> None:
    """Nothing of a patient is in it, and no text that a spreadsheet takes for a formula."""
    add("CT1")
    site.jobs.commands.hold(1, 'no "blue" film, yet')
    add("=1+1")
    listed = json.loads(site.broker("jobs", "--json").out)
    rows = list(csv.DictReader(io.StringIO(site.broker("jobs", "--csv").out)))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == {
        name: "" if listed[0][name] is None else str(listed[0][name]) for name in COLUMNS
    }
    assert rows[1]["calling_ae"] == "'=1+1"
    assert PATIENT not in site.broker("jobs", "--csv").out
