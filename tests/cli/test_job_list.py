"""Long lists of jobs on a terminal, and watched ones."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from broker.cli.output import queue_tables
from broker.model.jobs.job import Outcome, State
from broker.model.printers.retry import Settlement
from broker.operations.jobs.job_status import JobStatus
from tests.cli.conftest import Site, table


@pytest.mark.usefixtures("running")
def test_one_reason_of_many_jobs_stands_once(site: Site) -> None:
    """Below the last of a run; JSON has it for each."""
    for _ in range(2):
        site.job()
    site.uncertain()
    for _ in range(30):
        site.job()
    why = "no printer can take it now: oki-1 not checked yet; oki-2 not checked yet"
    lines = site.broker("jobs").out.splitlines()
    said = [" ".join(line.split()) for line in lines if line.startswith(" " * 8)]
    assert " ".join(said).count("no printer can take it") == 2
    assert " ".join(said[:2]) == f"each of jobs 1 and 2: {why}"
    assert " ".join(said[-2:]) == f"each of jobs 4 to 33: {why}"
    assert sum(line.startswith("Job 3 (uncertain): Look first whether") for line in lines) == 1
    assert lines[lines.index(f"{' ' * 8}{said[-2]}") - 1].startswith("33  queued")
    assert max(map(len, lines)) <= 80
    reasons = [job["reason"] for job in json.loads(site.broker("jobs", "--json").out)]
    assert reasons.count(why) == 32


@pytest.mark.usefixtures("running")
def test_a_sentence_of_many_jobs_means_no_other_between_them(site: Site) -> None:
    """One that was sent meanwhile is not counted."""
    for _ in range(2):
        site.job()
    site.sent()
    for _ in range(2):
        site.job()
    said = " ".join(site.broker("jobs", "--state", "queued").out.split())
    assert "each of the 4 jobs from 1 to 5: no printer can take it now" in said


@pytest.mark.usefixtures("running")
def test_a_held_job_says_who_goes_on_without_it(site: Site) -> None:
    """Later ones of its film session come out before it, and one has its film: in the table and
    in JSON, before anybody releases it."""
    site.job(session="one")
    site.jobs.commands.hold(1)
    site.job(session="one")
    said = " ".join(site.broker("jobs").out.split())
    assert "1 later job of its film session goes on without it: 2" in said
    assert "possible duplicate of job 2, which came since: released, it prints as well" in said
    job = json.loads(site.broker("jobs", "--json").out)[0]
    assert (job["came_again_as"], job["overtaken_by"]) == (2, [2])
    assert "It is flagged: 1 later job of its" in site.broker("jobs", "explain", "1").out


@pytest.mark.usefixtures("running")
def test_show_says_why_a_queued_job_waits(site: Site) -> None:
    """As the table does."""
    site.job()
    assert "no printer can take it now: oki-1 not" in site.broker("jobs", "show", "1").out


@pytest.mark.usefixtures("running")
def test_what_jobs_have_of_their_own_stands_with_each(site: Site) -> None:
    """Only the sentence that they have in common is said once for all."""
    for word in ("one", "two", "three"):
        claim = site.jobs.claims.claim(site.job(), "oki-1")
        assert claim is not None
        settlement = Settlement(State.QUEUED, word)
        site.jobs.claims.finish(claim, Outcome.UNAVAILABLE, word, settlement=settlement)
    lines = table(site.broker("jobs").out)
    assert [line.split()[0] for line in lines[1:8]] == [
        "1",
        "one",
        "2",
        "two",
        "3",
        "three",
        "each",
    ]
    assert " ".join(" ".join(lines[7:]).split()) == (
        "each of jobs 1 to 3: no printer can take it now: oki-1 not checked yet; "
        "oki-2 not checked yet"
    )
    explained = site.broker("jobs", "explain", "2").out
    assert "Its row says: two." in explained


def test_a_watched_list_says_it_below_the_first(site: Site) -> None:
    """What does not fit on the screen is left out at its end."""
    for _ in range(3):
        site.job()
    found = [JobStatus(job, why="no printers are configured") for job in site.jobs.queries.list()]
    lines = queue_tables.jobs(found, 0.0, 80, runs_begin=True)
    assert [line.plain.split()[0] for line in lines] == ["ID", "1", "each", "2", "3"]
    assert lines[2].plain.strip() == "each of jobs 1 to 3: no printers are configured"


def test_a_job_behind_one_that_was_cut_off_says_so(site: Site) -> None:
    """Nothing prints before it, though the earlier one's state is `printing`."""
    first = site.job(session="one")
    site.job(session="one")
    assert site.jobs.claims.claim(first, "oki-1") is not None
    said = " ".join(site.broker("jobs", "explain", "2").out.split())
    assert "of the same film session, which is printing, and was cut off: films" in said


def test_a_banner_stays_in_sight_below_a_long_table(site: Site) -> None:
    """Above and below a table that is longer than the screen; once with a short one."""
    site.job()
    assert site.broker("jobs").out.count("NO BROKER IS RUNNING") == 1
    for _ in range(30):
        site.job()
    lines = site.broker("jobs").out.splitlines()
    assert lines[-2:] == lines[:2]
    assert lines[0].startswith("NO BROKER IS RUNNING")


def test_what_a_printer_says_cannot_move_the_cursor(site: Site) -> None:
    """A peer's words are shown without control characters."""
    job_id = site.job()
    claim = site.jobs.claims.claim(job_id, "oki-1")
    assert claim is not None
    words = "jam\x1b[2J in\ntray\x07"
    settlement = Settlement(State.HELD, words)
    site.jobs.claims.finish(claim, Outcome.REFUSED, words, settlement=settlement)
    for command in (["jobs"], ["jobs", "show", "1"], ["jobs", "explain", "1"]):
        out = site.broker(*command).out
        assert "jam?[2J in tray?" in out
        assert "\x1b" not in out


def test_watch_needs_a_terminal(site: Site) -> None:
    """In a pipe it would never end; JSON cannot be drawn again."""
    assert site.broker("jobs", "--watch").code == 2
    assert site.broker("jobs", "--watch", "--json").code == 2


def _heed_ctrl_c() -> None:
    """Tests that run in the background of a script would hand down that SIGINT is ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_watch_draws_the_table_and_ctrl_c_ends_it_with_0(site: Site) -> None:
    """On a terminal the table is drawn at once; Ctrl-C is how to leave it."""
    site.job()
    main, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "broker.cli.main", "jobs", "--watch", "-c", str(site.file)],
        stdin=child,
        stdout=child,
        stderr=child,
        env=os.environ | {"COLUMNS": "80", "LINES": "24", "TERM": "xterm"},
        preexec_fn=_heed_ctrl_c,
    )
    os.close(child)
    drawn = ""
    try:
        while "queued" not in drawn:
            drawn += os.read(main, 4096).decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        os.close(main)
    assert "Traceback" not in drawn


def test_a_long_list_shows_some_of_each_kind(site: Site) -> None:
    """Those that print next, with what all of them wait for said once, and how many more there are;
    a state that is asked for is listed whole."""
    for _ in range(60):
        site.job()
    site.uncertain()
    lines = site.broker("jobs").out.splitlines()
    assert len(lines) < 80
    shown = [line for line in lines if " queued " in line and "CT1" in line]
    assert len(shown) == 39
    assert shown[0].split()[0] == "1"
    text = " ".join(" ".join(lines).split())
    assert "and 21 more jobs queued" in text
    assert "1 job held" in text
    assert "60 jobs queued" in text
    assert "`broker jobs --state STATE` lists all of one." in text
    assert (
        sum("CT1" in line for line in site.broker("jobs", "--state", "queued").out.splitlines())
        == 60
    )
