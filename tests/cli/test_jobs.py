"""`broker jobs` lists, shows and explains, at 80 columns, and names no patient."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime

import pytest

from broker.model.jobs.job import Level
from broker.store.queue.jobs import Jobs
from tests.cli.conftest import PATIENT, Site


def test_an_empty_queue_says_so(site: Site) -> None:
    """No table without rows; JSON is an empty list."""
    said = site.broker("jobs").out.splitlines()
    assert said[0].startswith("NO BROKER IS RUNNING on this data directory")
    assert said[2:] == ["No jobs; `broker jobs --all` lists finished ones too."]
    assert site.broker("jobs", "--state", "held").out.endswith("\nNo jobs in state held.\n")
    assert json.loads(site.broker("jobs", "--json").out) == []


def test_the_list_has_a_row_for_each_job_the_newest_last(site: Site) -> None:
    """One row a job, numbers to the right, reasons below the row, all within 80 columns."""
    site.sent(films=12)
    site.uncertain(films=3)
    site.job(copies=2)
    out = site.broker("jobs").out
    out = re.sub(r" +\d+s  \d\d:\d\d:\d\d$", "   0s  <when>", out, flags=re.MULTILINE)
    assert re.sub(r"\d\d:\d\d:\d\d UTC", "<when> UTC", out).splitlines() == [
        "NO BROKER IS RUNNING on this data directory: modalities cannot print, nothing",
        "comes out. What waits is safe. `broker serve`, or your service, starts it.",
        "ID  STATE   MODALITY  FILMS  COPIES  PRINTER  TRIES  AGE  ARRIVED UTC",
        " 1  sent    CT1       12/12       1  oki-1        1   0s  <when>",
        " 2  held    CT1         0/3       1  oki-1        1   0s  <when>",
        "        film 1: uncertain, no answer",
        "        possible duplicate of job 3, which came since: released, it prints as",
        "        well",
        "        film 1 was asked of oki-1 at <when> UTC",
        " 3  queued  CT1         0/1       2               0   0s  <when>",
        "        no printer can take it now: oki-1 not checked yet; oki-2 not checked yet",
        "Job 2 (uncertain): Look first whether job 3 has printed the same: then",
        "`broker jobs cancel 2`. Else: Look in the tray of oki-1. If the film is there:",
        "`broker jobs release 2 --printed`. If it is not: `broker jobs release 2` prints",
        "it again.",
    ]
    assert PATIENT not in out


def test_the_json_has_the_promised_keys(site: Site) -> None:
    """Scripts rely on these keys; times are ISO 8601, UTC."""
    site.uncertain(films=3)
    (job,) = json.loads(site.broker("jobs", "--json").out)
    promised = (
        "id state reason calling_ae called_ae films films_accepted copies priority printer "
        "attempts created_at updated_at"
    )
    assert set(promised.split()) <= set(job)
    assert (job["id"], job["state"], job["films"], job["attempts"]) == (1, "held", 3, 1)
    assert job["created_at"].endswith("Z")
    assert datetime.fromisoformat(job["created_at"]).utcoffset() is not None
    assert PATIENT not in json.dumps(job)


def test_states_choose_jobs_and_all_lists_old_ones(site: Site) -> None:
    """Without an option finished jobs are listed for an hour; --state may be given again."""

    def listed(*options: str) -> list[int]:
        return [job["id"] for job in json.loads(site.broker("jobs", *options, "--json").out)]

    long_ago = replace(site, jobs=Jobs(site.database, lambda: 1000.0))
    long_ago.sent()
    long_ago.job()
    site.sent()
    site.uncertain()
    assert listed() == [2, 3, 4]
    assert listed("--all") == [1, 2, 3, 4]
    assert listed("--state", "sent") == [1, 3]
    assert listed("--state", "sent", "--state", "held") == [1, 3, 4]
    assert json.loads(site.broker("jobs", "list", "--json").out)[0]["id"] == 2


def test_a_state_that_does_not_exist_is_wrong_usage(site: Site) -> None:
    """Exit 2, and the states that there are."""
    ended = site.broker("jobs", "--state", "lost")
    assert ended.code == 2
    assert "uncertain" not in ended.err
    assert "held" in ended.err


def test_show_names_who_ordered_what(site: Site) -> None:
    """Of a job that a person holds, and of a printer that a person took out; each leads there."""
    job_id = str(site.job())
    site.broker("jobs", "hold", job_id, "-r", "wrong film size")
    site.broker("printers", "drain", "oki-1", "-r", "new drum")
    told = " ".join(site.broker("jobs", "explain", job_id).out.split())
    assert f"Job {job_id} is held by the operator: wrong film size." in told
    assert f"`broker jobs show {job_id}` names them." in told
    for command, order in (("jobs", "hold"), ("printers", "drain")):
        out = site.broker(command, "show", job_id if command == "jobs" else "oki-1").out
        assert re.search(rf"\nCommands:\n  \d\d:\d\d:\d\d UTC, \S+, {order}: ", out)


def test_show_has_films_and_attempts(site: Site) -> None:
    """One job in full, within 80 columns, without a patient's data."""
    job_id = site.uncertain(films=2)
    out = site.broker("jobs", "show", str(job_id)).out
    assert out.startswith("Job 1: held\n  film 1: uncertain, no answer\n")
    assert "  modality    CT1 at 10.0.0.9:4000, called BROKER\n" in out
    assert "2 films, 1 copy, priority MED, as one film box" in out
    assert re.search(r"film 1 was asked of oki-1 at \d\d:\d\d:\d\d UTC\n", out)
    assert "uncertain 14INX17IN STANDARD\\2,3 " in out
    assert "no answer within 60 s" in out
    assert max(map(len, out.splitlines())) <= 80
    assert PATIENT not in out


def test_show_as_json_adds_films_and_attempts(site: Site) -> None:
    """The keys that DESIGN promises, and the counts beside the lists."""
    job_id = site.uncertain(films=2)
    job = json.loads(site.broker("jobs", "show", str(job_id), "--json").out)
    film, second = job["films"]
    assert {
        key: film[key] for key in ("number", "state", "printer", "film_size", "display_format")
    } == {
        "number": 1,
        "state": "uncertain",
        "printer": "oki-1",
        "film_size": "14INX17IN",
        "display_format": "STANDARD\\2,3",
    }
    assert film["asked_at"].endswith("Z")
    assert film["accepted_at"] is None
    assert second["state"] == "waiting"
    (attempt,) = job["attempts"]
    assert (attempt["printer"], attempt["outcome"], attempt["words"]) == (
        "oki-1",
        "uncertain",
        "no answer within 60 s",
    )
    assert attempt["began_at"].endswith("Z")
    assert attempt["ended_at"].endswith("Z")
    assert (job["film_count"], job["attempt_count"]) == (2, 1)
    assert PATIENT not in json.dumps(job)


def test_collated_copies_are_passes(site: Site) -> None:
    """A film session for two copies shows every sending."""
    site.job(films=2, copies=2, level=Level.FILM_SESSION)
    out = site.broker("jobs", "show", "1").out
    assert [line.split()[:2] for line in out.splitlines() if "waiting" in line] == [
        ["1", "1/2"],
        ["2", "1/2"],
        ["1", "2/2"],
        ["2", "2/2"],
    ]


@pytest.mark.parametrize(
    "command", ["show", "explain", "hold", "release", "cancel", "reprint", "move", "priority"]
)
def test_an_unknown_job_is_one_line_and_exit_1(site: Site, command: str) -> None:
    """Stderr names what exists; nothing else is said."""
    more = {"move": ["oki-1"], "priority": ["HIGH"]}.get(command, [])
    ended = site.broker("jobs", command, "99", *more)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == "there is no job 99; `broker jobs --all` lists those that there are\n"


@pytest.mark.parametrize("number", ["0", str(2**63), "9" * 30])
def test_a_number_that_no_job_can_have_is_no_fault(site: Site, number: str) -> None:
    """Whatever the verb: there is no such job, and that is said."""
    for verb in ("show", "explain", "hold", "release", "cancel", "reprint"):
        ended = site.broker("jobs", verb, number)
        assert ended.code == 1, verb
        assert f"there is no job {number}" in ended.err
        assert "Traceback" not in ended.err
